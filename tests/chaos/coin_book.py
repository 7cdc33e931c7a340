"""What copying holds of each coin for one user in the model's eyes, what it still owes of it, and whether
the record shows all of that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from tests.chaos.coins import Coins
from tests.chaos.terms import PAIRS, PairTerms

LOT = Fraction(1, 10**8)
#: Coins whose balances have four decimals, and that.
MONEY = frozenset({"USD", "EUR"})
SHOWN = Fraction(1, 10**4)
ONE, NOTHING = Fraction(1), Fraction(0)


def floor_lots(volume: Fraction) -> Fraction:
    """Rounded down to the exchange's volume precision."""
    return (volume / LOT).__floor__() * LOT


@dataclass(kw_only=True)
class Bought:
    """What the exchange booked for a copy's orders."""

    volume: Fraction = NOTHING
    cost: Fraction = NOTHING
    #: By coin, as they were taken.
    fees: dict[str, Fraction] = field(default_factory=dict)
    trades: int = 0


class CoinBook:
    """What copying holds of each coin for one user, what it still owes of it, and whether the record shows
    all of that.
    """

    def __init__(self) -> None:
        self.coins = Coins()
        #: Owed exits by pair, and how far they may be off by the rounding of quotients.
        self.owed: dict[str, Fraction] = defaultdict(Fraction)
        self.owed_edge: dict[str, Fraction] = defaultdict(Fraction)
        #: Coins that the master has left, and in which pair: what owed exits bring in of them is owed there.
        self.left: dict[str, str] = {}
        #: How far a coin that was paid or came in as quote may be off: the exchange rounds each trade's cost
        #: and fee.
        self._dust: dict[str, Fraction] = defaultdict(Fraction)
        self._unknown: set[str] = set()
        #: Coins of which it is not known how much was paid for with own money, and so not what their sale
        #: brings to copying.
        self._mixed: set[str] = set()
        #: What ended copies do to the count, by when they ended, and which coin each is about.
        self._later: list[tuple[float, str, Callable[[], None]]] = []

    def at(self, finished_at: float, coin: str, what: Callable[[], None]) -> None:
        """Counts a copy when it ended: money goes through copies of several coins beside each other, in
        the order of their ends.
        """
        self._later.append((finished_at, coin, what))

    def go_on_to(self, decided_at: float, coins: set[str]) -> None:
        """Counts what had ended before a decision; of the coins that it is about, everything has."""
        self._later.sort(key=lambda item: item[0])
        waiting = []
        for finished_at, coin, what in self._later:
            if finished_at <= decided_at or coin in coins:
                what()
            else:
                waiting.append((finished_at, coin, what))
        self._later = waiting

    def book(self, pair: PairTerms, side: str, booked: Bought) -> None:
        """What the exchange booked for a copy."""
        if not booked.volume:
            return
        self.coins.count(pair.symbol, side, booked.volume, booked.cost, booked.fees)
        untold = self._unknown | self._mixed
        if side == "sell" and pair.base in untold:
            self.forget(pair.quote)
        elif side == "buy" and pair.quote in untold:
            self._mixed.add(pair.base)
        self._dust[pair.quote] += 2 * booked.trades * Fraction(1, 10**pair.cost_decimals)
        more = self.coins.held(pair.quote) - self.owed_of(pair.quote)
        if side == "sell" and pair.quote in self.left and more > 0:
            self.owed[self.left[pair.quote]] += more
        for coin in {pair.quote, *booked.fees}:
            self._owe_no_more_than_held(coin)

    def _owe_no_more_than_held(self, coin: str) -> None:
        """Copied coins that an entry has spent are owed no more, in each pair by the same share."""
        owed, held = self.owed_of(coin), self.coins.held(coin)
        if owed > held:
            for pair in PAIRS.values():
                if pair.base == coin and self.owed[pair.symbol]:
                    self.owed[pair.symbol] *= held / owed
                    # Who counts with fewer digits may end on the other side of a lot's edge.
                    self.owed_edge[pair.symbol] += LOT if held else NOTHING

    def dust_of(self, coin: str) -> Fraction:
        """How far a position may be off; of money a balance shows four decimals, and what is there limits
        what is sold.
        """
        dust = self._dust[coin]
        return -floor_lots(-dust) + (SHOWN if dust and coin in MONEY else NOTHING)

    def knows(self, coin: str) -> bool:
        """False once the record no longer shows what the next decision about a coin depends on."""
        return coin not in self._unknown

    def forget(self, coin: str) -> None:
        """The record does not tell any more."""
        self._unknown.add(coin)

    def owed_of(self, coin: str) -> Fraction:
        """What earlier exits still owe of a coin, in all its pairs."""
        return sum((owed for pair, owed in self.owed.items() if PAIRS[pair].base == coin), NOTHING)

    def forgive(self, coin: str) -> None:
        """A full exit in one pair sweeps what is owed in the others."""
        for pair in PAIRS.values():
            if pair.base == coin:
                self.owed[pair.symbol] = self.owed_edge[pair.symbol] = NOTHING
