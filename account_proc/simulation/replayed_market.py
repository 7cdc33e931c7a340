"""How a replayed order ends: as the exchange really ended the order of the same fills, as far as there was
one. Pure.

The market of then is known where a real order met it. Beyond that nothing is known of its depth, and these
assumptions are made, each of them said in docs/simulate.md:

* a real order that was filled says the price, for any volume; one that was filled in part, the volume too;
* one that found nothing up to its bound says that there was nothing: an order with a wider bound pays all of
  that bound;
* one that was refused is refused again, in the same words;
* one in another pair, as it was mapped otherwise, says how far from the master's price the order is filled;
* without a real order all is had at the master's price, for the taker's fee.

No order is filled past its own bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.domain.quantities import Side

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The exchange takes no such order."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakerFees:
    """What a trade that takes costs, as a share, by pair."""

    by_pair: Mapping[str, Decimal] = field(default_factory=dict)
    others: Decimal

    def of(self, pair: str) -> Decimal:
        """In a pair."""
        return self.by_pair.get(pair, self.others)


def was_ordered(copy: CopyRecord) -> bool:
    """Whether an order left for it, or was about to."""
    return bool(copy.cl_ord_id) and copy.state not in {CopyState.SKIPPED, CopyState.RECEIVED}


def ending_of(copy: CopyRecord, real: CopyRecord | None, taker: Decimal) -> Ending | Refusal:
    """The end of a replayed order. ``real``: what was really done about the same fills; ``taker``: the fee's
    share of the cost.
    """
    if real is None or not was_ordered(real):
        return _filled(copy, copy.ordered, copy.master_price, taker)
    if real.filled:
        return _as_filled(copy, real)
    if real.reason == Reason.SLIPPAGE_BOUND:
        bound, met = copy.limit_price, real.limit_price
        if bound is not None and met is not None and bound > met:
            return _filled(copy, copy.ordered, bound, taker)
        return _ended(copy, NOTHING, NOTHING, {})
    return Refusal(real.reason, f"as the order of then: {real.detail}")


def in_pair_of(copy: CopyRecord, real: CopyRecord) -> CopyRecord | None:
    """A real order in another pair than a replayed one, as if it had been in that: as far from the master's
    price as it was. None where nobody knows how far that was.
    """
    if copy.pair == real.pair:
        return real
    if not real.master_price or not copy.master_price:
        return None
    rate = copy.master_price / real.master_price
    quote, real_quote = copy.pair.partition("/")[2], real.pair.partition("/")[2]
    in_quote = real.fee_asset == real_quote
    return replace(
        real, pair=copy.pair, cost=real.cost * rate, master_price=copy.master_price,
        limit_price=None if real.limit_price is None else real.limit_price * rate,
        fee=real.fee * rate if in_quote else real.fee, fee_asset=quote if in_quote else real.fee_asset,
    )  # fmt: skip


def _as_filled(copy: CopyRecord, real: CopyRecord) -> Ending:
    """At the price that was really paid."""
    price = real.cost / real.filled
    if copy.side is Side.BUY and copy.limit_price is not None and price > copy.limit_price:
        return _ended(copy, NOTHING, NOTHING, {})
    is_whole = real.filled >= real.ordered
    filled = copy.ordered if is_whole else min(copy.ordered, real.filled)
    if filled == real.filled:
        return _ended(copy, filled, real.cost, real.fees)
    fees = {asset: fee * filled / real.filled for asset, fee in real.fees.items()}
    return _ended(copy, filled, real.cost * filled / real.filled, fees)


def _filled(copy: CopyRecord, filled: Decimal, price: Decimal, taker: Decimal) -> Ending:
    quote, cost = copy.pair.partition("/")[2], filled * price
    return _ended(copy, filled, cost, {quote: cost * taker})


def _ended(copy: CopyRecord, filled: Decimal, cost: Decimal, fees: dict[str, Decimal]) -> Ending:
    paid = {asset: fee for asset, fee in fees.items() if fee}
    return Ending(order_id=f"replayed-{copy.copy_id}", filled=filled, cost=cost, fees=paid)
