"""How a user would follow the master by the rules and with the balance of now: the last fills through the
same code as a replay, with money to begin with and without coins; and the smallest balance that follows
faithfully.

*Faithfully* means: with that balance, of these fills, no entry is carried, skipped or cut because it is too
small for the exchange or because there is not the money for it, and no exit is carried or left over because
it is too small. What rules leave out (caps, pairs, ages) they leave out with any balance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.wallet import Marks
from krakencopy.account_proc.simulation.replay import Account, Past, Replayed, replay
from krakencopy.account_proc.simulation.replayed_user import CURRENCY
from krakencopy.v1 import types_pb2

NOTHING = Decimal(0)
#: Reasons of copies that a larger balance would not have.
TOO_SMALL = frozenset(
    {
        Reason.BELOW_ORDERMIN, Reason.BELOW_COSTMIN, Reason.NOTHING_LEFT_OF_ORDER, Reason.CASH_LIMITED,
        Reason.POSITION_BELOW_MINIMUM, Reason.CARRY_EXITED, Reason.BELOW_MIN_COPY, Reason.NO_EQUITY,
    }
)  # fmt: skip
#: The smallest balance is searched among these, and is found to this share of itself.
LEAST, MOST, EXACT = Decimal(1), Decimal(10) ** 9, Decimal("0.01")


class Kind(StrEnum):
    """What becomes of a fill."""

    COPIED = "copied"
    #: Copied, with less than its share, because of a cap.
    CAPPED = "capped"
    CARRIED = "carried"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Share:
    """Of all fills, by how many they are and by what they were worth."""

    kind: Kind
    fills: int
    notional: Decimal
    reasons: Mapping[str, int]


def kind_of(copy: CopyRecord) -> Kind:
    """What became of the fills of a copy."""
    if copy.state is CopyState.CARRIED:
        return Kind.CARRIED
    if not copy.filled:
        return Kind.SKIPPED
    return Kind.CAPPED if copy.cap else Kind.COPIED


def is_faithful(copies: Iterable[CopyRecord]) -> bool:
    """Whether none of them is too small, or short of money."""
    return not any(copy.reason in TOO_SMALL for copy in copies)


def shares_of(copies: Iterable[CopyRecord], worth: Mapping[int, Decimal]) -> list[Share]:
    """All kinds, each once. ``worth``: what each fill was worth, by its number."""
    by_kind: dict[Kind, list[CopyRecord]] = {kind: [] for kind in Kind}
    for copy in copies:
        by_kind[kind_of(copy)].append(copy)
    return [
        Share(
            kind, sum(len(copy.fill_seqs) for copy in of),
            sum((worth.get(seq, NOTHING) for copy in of for seq in copy.fill_seqs), NOTHING),
            Counter(copy.cap or copy.reason for copy in of if kind is not Kind.COPIED),
        )
        for kind, of in by_kind.items()
    ]  # fmt: skip


def capped_by(copies: Iterable[CopyRecord]) -> dict[str, list[int]]:
    """The fills that each cap has cut, or left nothing for, by the cap's key."""
    found: dict[str, list[int]] = {}
    for copy in copies:
        if copy.cap:
            found.setdefault(copy.cap, []).extend(copy.fill_seqs)
    return found


def worth_of(fills: Sequence[types_pb2.Fill]) -> dict[int, Decimal]:
    """What each fill was worth in the common currency, by its number, as far as anybody knows."""
    marks, worth = Marks(), {}
    for fill in fills:
        quote = fill.pair.partition("/")[2]
        for asset, price in fill.marks.items():
            marks.set(asset, quote, Decimal(price))
        rate = marks.rate(quote, CURRENCY)
        if rate is not None:
            worth[fill.seq] = Decimal(fill.price) * Decimal(fill.volume) * rate
    return worth


def smallest(is_enough: Callable[[Decimal], bool]) -> Decimal | None:
    """The smallest balance that is enough, to a hundredth of it, found between one that is and one that is
    not; None where none is, and the least where that is.
    """
    if is_enough(LEAST):
        return LEAST
    high = LEAST * 2
    while not is_enough(high):
        high *= 2
        if high > MOST:
            return None
    low = high / 2
    while high - low > high * EXACT:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class Forecaster:
    """One user's."""

    account: Account
    past: Past

    def forecast(self) -> Replayed:
        """With the wallet that the account has."""
        return self._replay(self.account)

    def smallest_balance(self) -> Decimal | None:
        """In the common currency, which then pays for everything; None where none follows faithfully."""
        return smallest(self._is_enough)

    def still_capped(self, balance: Decimal) -> dict[str, list[int]]:
        """What caps cut all the same with that balance, as with every larger one."""
        return capped_by(self._with(balance).copies)

    def _is_enough(self, balance: Decimal) -> bool:
        return is_faithful(self._with(balance).copies)

    def _with(self, balance: Decimal) -> Replayed:
        wallet = {CURRENCY: balance}
        return self._replay(replace(self.account, wallet=wallet, any_money=True))

    def _replay(self, account: Account) -> Replayed:
        return replay(account, self.past)
