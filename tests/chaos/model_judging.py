"""How the model judges one copy: what it says against what the rules say, and only where all is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from tests.chaos.coin_book import LOT, CoinBook
from tests.chaos.model_owed import Checked, Entry, Exit, Piece
from tests.chaos.records import Finding
from tests.chaos.rows import Copy, Fill, UserTerms
from tests.chaos.terms import PairTerms

NAME = "volumes"
#: Decimal has 28 digits: a quotient that should be a whole lot may come out this much below it, in lots.
QUOTIENT = Fraction(1, 10**9)
#: What was paid may be known to the system as the exchange prints it, rounded to its cost decimals: so many
#: of the last digit.
COST_DUST = 10

SHORT = {
    "BELOW_ORDERMIN",
    "BELOW_COSTMIN",
    "CARRY_EXITED",
    "EOrder:Order minimum not met",
    "EOrder:Cost minimum not met",
}


class JudgesCopies:
    """One user in one pair, and what was found of its copies. ``others`` are its models of all pairs, to be
    reached by their symbols.
    """

    def __init__(
        self,
        user: UserTerms,
        pair: PairTerms,
        book: CoinBook,
        others: Mapping[str, JudgesCopies],
        *,
        coins_taken: bool = False,
        minimum_moved: bool = False,
    ) -> None:
        """``coins_taken``: someone took base coins or holds them. ``minimum_moved``: the exchange changed
        its minima meanwhile.
        """
        self._user = user
        self._pair = pair
        self._book = book
        self._others = others
        self._coins_taken = coins_taken
        self._minimum_moved = minimum_moved
        self._entries: dict[str, Entry] = {}
        self._exits: dict[str, Exit] = {}
        self._waiting: list[Piece] = []
        self._cost_dust = COST_DUST * Fraction(1, 10**pair.cost_decimals)
        self.checked = Checked()

    @property
    def _position(self) -> Fraction:
        return self._book.coins.held(self._pair.base)

    @property
    def _known(self) -> bool:
        return self._book.knows(self._pair.base)

    def _forget(self) -> None:
        self._book.forget(self._pair.base)

    def _family(self) -> Iterator[JudgesCopies]:
        """The models of all pairs of the coin."""
        return (other for other in self._others.values() if other._pair.base == self._pair.base)

    def leave_waiting(self, keep: Fraction) -> None:
        """Entries that wait are part of what the master leaves, and keep this share."""
        raise NotImplementedError

    def _is_short(self, volume: Fraction, price: Decimal) -> bool:
        return (
            volume < Fraction(self._pair.ordermin)
            or volume * Fraction(price) < Fraction(self._pair.costmin)
            or not volume
        )

    def _judge_carry(self, copy: Copy, volume: Fraction, last: Fill) -> None:
        if copy.side == "sell" and copy.reason == "UNKNOWN_PAIR":
            # Whether it left the coin was decided without knowing the exchange's minimum.
            self.checked.bounded += 1
            self._forget()
            return
        self._expect(copy, SHORT | ({"FLATTEN"} if copy.side == "buy" else set()))
        if self._minimum_moved:
            self.checked.bounded += 1
            return
        self._judge(
            copy, self._is_short(volume, last.price), f"carried, but {show(volume)} is enough to be ordered"
        )

    def _expect(self, copy: Copy, reasons: set[str]) -> None:
        if copy.reason not in reasons:
            self._find(copy, f"{copy.state} for {copy.reason}, which is no reason for that")

    def _judge(self, copy: Copy, right: bool, words: str, *, exact: bool = True) -> None:
        if not self._known or not exact:
            self.checked.bounded += 1
        else:
            self.checked.exact += 1
        if self._known and not right:
            self._find(copy, words)
            # What follows from a wrong copy would be found wrong again and again.
            self._forget()

    def _find(self, copy: Copy, words: str) -> None:
        text = (
            f"copy {copy.copy_id} of fills {list(copy.seqs)} ({copy.pair} {copy.side}, {copy.state} "
            f"{copy.reason}): {words}"
        )
        self.checked.findings.append(Finding(validator=NAME, account=copy.account, text=text))


def on_edge(volume: Fraction, near: Fraction = QUOTIENT) -> bool:
    """Whether it is so near to a whole lot that a quotient of 28 digits may lie on its other side."""
    part = (volume / LOT) % 1
    return bool(volume) and (part < 2 * near or part > 1 - 2 * near)


def show(volume: Fraction) -> str:
    """For people, in as many digits as matter."""
    return f"{Decimal(volume.numerator) / Decimal(volume.denominator):.10f}".rstrip("0").rstrip(".")
