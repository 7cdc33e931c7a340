"""The values that the sizing rules work with: fills in, decisions out, plans and positions in between. No
rules here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from krakencopy.account_proc.contract.copy_ids import streamed_id
from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.domain.quantities import (
    NO_AMOUNT,
    NO_VOLUME,
    BaseVolume,
    Price,
    QuoteAmount,
    Ratio,
    Side,
)

if TYPE_CHECKING:
    from krakencopy.account_proc.domain.caps import CapState


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterFill:
    """One execution of the master, as the journal has it."""

    seq: int
    order_id: str
    pair: str
    side: Side
    price: Price
    volume: BaseVolume
    master_equity: QuoteAmount
    master_cash: QuoteAmount
    #: What the master held of the base coin by the journal's count (contract/copied_coins.py), right before
    #: this execution and after it.
    position_before: BaseVolume
    position_after: BaseVolume
    #: What the master's wallet had of the base coin right before this execution.
    master_position: BaseVolume
    margin: bool
    #: Unix seconds, exchange clock.
    executed_at: float
    #: The master's process knew no rules of the pair: nothing of it can be copied.
    pair_unknown: bool = False
    #: Why the supervisor says that nobody copies it, as a stable code; empty for most.
    not_copied: str = ""
    #: Somebody has asked for this fill: the id of its copy, and who and when, for people.
    asked_id: str = ""
    asked_words: str = ""
    #: Where copies are traded in another pair than the master's: the master's, and what was done about it,
    #: for people. Everything else here is of the pair in which copies are traded, amounts are in its quote.
    master_pair: str = ""
    mapped_words: str = ""
    #: Nobody knows what the master's quote is worth in that of the copies: amounts are in the master's quote.
    rate_unknown: bool = False
    #: The least volume of the master's pair, where that is another one and known.
    master_ordermin: BaseVolume | None = None

    @property
    def filtered_by(self) -> str:
        """The pair that is included or excluded: the master's."""
        return self.master_pair or self.pair

    @property
    def words(self) -> str:
        """What stands before the reasons of its copy, for people."""
        return "; ".join(filter(None, (self.asked_words, self.mapped_words)))

    @property
    def copy_id(self) -> str:
        """Of a copy whose first fill it is."""
        return self.asked_id or streamed_id(self.seq)


#: The cap of each order of the master that is always there.
USER_RISK = "max_user_risk"


@dataclass(slots=True, kw_only=True)
class OrderPlan:
    """What a user owes one master order, and what it has allotted to it so far."""

    order_id: str
    #: Entries: user volume per master volume (zero for a fixed notional).
    ratio: Ratio
    #: Entries: the most that the whole order's copy may cost.
    cap: QuoteAmount
    user_equity: QuoteAmount
    #: Master volume answered so far.
    master_volume: BaseVolume = NO_VOLUME
    #: Exact volume that the rules allow so far; ``allotted`` is what of it became whole lots.
    target: BaseVolume = NO_VOLUME
    allotted: BaseVolume = NO_VOLUME
    #: Entries: cost so far; at the worst allowed price while an order is on its way, as paid afterwards.
    cost: QuoteAmount = NO_AMOUNT
    #: The key that has set ``cap``.
    cap_key: str = USER_RISK
    #: The whole order's copy is too small to be made (``min_copy_notional``).
    too_small: bool = False
    #: Entries: the pair in which the order is copied; empty in what earlier versions wrote.
    pair: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of an order or of a carry that belongs to one master order."""

    order_id: str
    volume: BaseVolume
    #: What the plan counts for it until it is settled.
    cost: QuoteAmount
    #: The copy in which it was carried; empty while it never was.
    copy_id: str = ""


def nobody_knows(_: str) -> Decimal | None:
    """No asset has a known price."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBalances:
    """What the user has, before anything is done about the fills. ``equity`` is None when it is not known."""

    equity: QuoteAmount | None
    cash: QuoteAmount
    base: BaseVolume
    #: What a notional in another currency is worth in quote; None where its price is not known.
    notional: QuoteAmount | None = None
    #: What a unit of an asset is worth in quote; None where nobody knows.
    rate: Callable[[str], Decimal | None] = nobody_knows
    #: What entries are held against beside the caps of each order; None where nothing is set.
    caps: CapState | None = None

    def worth(self, money: Money) -> QuoteAmount | None:
        """An amount in quote; None where its price is not known."""
        rate = self.rate(money.asset)
        return None if rate is None else QuoteAmount(money.amount * rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Not copied."""

    fills: tuple[MasterFill, ...]
    reason: Reason
    detail: str
    #: The key of the cap that left nothing for it, if that is why.
    cap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Too small alone."""

    fills: tuple[MasterFill, ...]
    reason: Reason
    detail: str
    planned: BaseVolume
    slices: tuple[Slice, ...]
    #: The key of the cap that has cut it, if any.
    cap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """To be ordered."""

    fills: tuple[MasterFill, ...]
    reason: Reason
    detail: str
    #: What the rules asked for, carried volume included, before cash or holdings limited it.
    planned: BaseVolume
    volume: BaseVolume
    slices: tuple[Slice, ...]
    #: None: a market order.
    limit_price: Price | None
    #: A full exit: whatever is not there any more is written off afterwards.
    sweep: bool = False
    #: The key of the cap that has cut it, if any.
    cap: str = ""

    @property
    def carried_in(self) -> tuple[str, ...]:
        """Copies whose carried volume this order takes along, each once."""
        return tuple(dict.fromkeys(piece.copy_id for piece in self.slices if piece.copy_id))


Decision = Skip | Carry | Order


class PlanStore(Protocol):
    """Where plans are kept; there is one for each master order ever seen, so they do not all stay in
    memory.
    """

    def get_plan(self, order_id: str) -> OrderPlan | None:
        """The plan, or None."""
        ...

    def put_plan(self, plan: OrderPlan) -> None:
        """Keeps the plan."""
        ...


@dataclass(slots=True)
class Verdict:
    """What ``decide`` found: decisions, and carried copies that the master's exit has made pointless."""

    decisions: list[Decision] = field(default_factory=list)
    exited_copies: tuple[str, ...] = ()
    #: User equity that the sizing used, in quote, for the record.
    user_equity: QuoteAmount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledOrder:
    """How a user's order ended."""

    copy_id: str
    slices: tuple[Slice, ...]
    ordered: BaseVolume
    filled: BaseVolume
    cost: QuoteAmount
    #: By the coin that they were taken in: a fee in base never reaches the position.
    fees: Mapping[str, Decimal]
    sweep: bool
