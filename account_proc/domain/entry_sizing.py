"""How much a user buys when the master buys. Pure.

Master volume x user balance / master balance, both before the master's order, bought at most
``max_slippage_bps`` worse than the master's price. The risk cap holds for the whole master order and is
counted at that price, so that it cannot be exceeded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, Sizing
from krakencopy.account_proc.domain.copy_book import CopyBook, total_volume
from krakencopy.account_proc.domain.copy_plan import (
    Carry,
    Decision,
    MasterFill,
    Order,
    OrderPlan,
    Skip,
    Slice,
    UserBalances,
)
from krakencopy.account_proc.domain.eligibility import below_minimum, notional_of
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import (
    NO_AMOUNT,
    NO_VOLUME,
    BaseVolume,
    Price,
    QuoteAmount,
    Ratio,
    Side,
)
from krakencopy.account_proc.domain.sizing_text import entry_detail

#: Share of cash that is kept back for the fee when a buy is cut to what the cash allows.
#: Kraken's highest spot taker fee is 0.80 % (fee schedule of 2026-07); the rest is for the price moving.
FEE_RESERVE = Decimal("0.01")


def size_entry(
    book: CopyBook, fills: Sequence[MasterFill], pair: PairRules, rules: CopyRules, holdings: UserBalances
) -> Decision:
    """Answers fills of one pair that the master bought in, in order."""
    wanted, capped = NO_VOLUME, False
    last = fills[-1]
    # One order buys all of it, what waited included, so all of it counts at that order's worst price.
    worst = copied_at(fills).worse(Side.BUY, rules.max_slippage_bps)
    _reprice_carried(book, pair, worst)
    fresh: list[Slice] = []
    for fill in fills:
        piece, asked, was_capped = _entry_slice(book, fill, worst, pair, rules, holdings)
        wanted += asked
        capped |= was_capped
        if piece.volume:
            fresh.append(piece)
    carried = book.carried.get((pair.name, Side.BUY), [])
    slices = (*carried, *fresh)
    volume = total_volume(slices)
    planned = volume if capped else wanted + total_volume(carried)
    plan = book.plans.get_plan(last.order_id)
    detail = entry_detail(fills, volume, plan, capped=capped, multiplier=rules.multiplier)
    affordable = (holdings.cash * Ratio(1 - FEE_RESERVE)) / worst
    ordered = min(volume, affordable).to_lot(pair.lot_decimals)
    short = below_minimum(ordered, last.price, pair)
    if short is not None and not fresh:
        reason = Reason.CAP_EXHAUSTED if capped else Reason.NOTHING_LEFT_OF_ORDER
        return Skip(fills=tuple(fills), reason=reason, detail=detail)
    if short is not None:
        if below_minimum(volume, last.price, pair) is None:
            for piece in fresh:
                book.recount(piece.order_id, -piece.cost)
            detail += f"; cash of {holdings.cash} {pair.quote} does not reach the exchange's minimum"
            return Skip(fills=tuple(fills), reason=Reason.CASH_LIMITED, detail=detail)
        return Carry(fills=tuple(fills), reason=short, detail=detail, planned=planned, slices=tuple(fresh))
    book.put_carried(pair.name, Side.BUY, ())
    reason = Reason.CAPPED if capped else Reason.SCALED
    if ordered < volume:
        reason = Reason.CASH_LIMITED
        detail += f"; cut to {ordered} by the cash of {holdings.cash} {pair.quote}"
    # Both styles of order: nothing is bought beyond the bound, however the market moves and however late
    # the fill comes.
    return Order(
        fills=tuple(fills), reason=reason, detail=detail, planned=planned, volume=ordered, slices=slices,
        limit_price=bound_of(worst, pair),
    )  # fmt: skip


def _reprice_carried(book: CopyBook, pair: PairRules, worst: Price) -> None:
    """Counts what waits at the price that it may cost now; what the cap of its order has no room for
    is given up.
    """
    pieces = book.carried.get((pair.name, Side.BUY), [])
    for piece in pieces:
        book.recount(piece.order_id, -piece.cost)
    repriced: list[Slice] = []
    for piece in pieces:
        plan = book.plans.get_plan(piece.order_id)
        assert plan is not None, "a carried entry without a plan"
        volume = min(piece.volume, (_room(plan) / worst).to_lot(pair.lot_decimals))
        repriced.append(replace(piece, volume=volume, cost=volume * worst))
        book.recount(piece.order_id, repriced[-1].cost)
    if pieces:
        book.put_carried(pair.name, Side.BUY, repriced)


def _entry_slice(
    book: CopyBook, fill: MasterFill, worst: Price, pair: PairRules, rules: CopyRules, holdings: UserBalances
) -> tuple[Slice, BaseVolume, bool]:
    """The fill's part of the entry, what was asked for, and whether the cap cut it."""
    plan = book.plans.get_plan(fill.order_id) or _entry_plan(fill, rules, holdings)
    if rules.sizing is Sizing.FIXED_NOTIONAL:
        # The whole notional goes with the order's first fill: how large the master's order becomes does
        # not matter.
        first = not plan.master_volume
        notional = (notional_of(rules, holdings) or NO_AMOUNT) * Ratio(rules.multiplier)
        asked = notional / fill.price if first else NO_VOLUME
    else:
        asked = fill.volume * plan.ratio
    room = _room(plan) / worst
    allowed = min(asked, room)
    plan.master_volume += fill.volume
    # A part of a lot was not paid for, so the room still holds it: the target must not count it again.
    plan.target = min(plan.target + allowed, plan.allotted + room)
    volume = plan.target.to_lot(pair.lot_decimals) - plan.allotted
    cost = volume * worst
    plan.allotted += volume
    plan.cost += cost
    book.plans.put_plan(plan)
    return Slice(order_id=fill.order_id, volume=volume, cost=cost), asked, allowed < asked


def copied_at(fills: Sequence[MasterFill]) -> Price:
    """The master's price that a copy of these fills is held to: an entry to the lowest, so that its bound
    is no fill's beyond its own.
    """
    last = fills[-1]
    return min(fill.price for fill in fills) if last.side is Side.BUY else last.price


def bound_of(worst: Price, pair: PairRules) -> Price:
    """The limit of an order to buy: the worst price that it may pay, on the pair's grid and never past it."""
    # On a grid that is coarser than the price there is none; then the exchange says what it thinks of the
    # price itself.
    return worst.to_tick(pair.tick_size, Side.BUY) or worst


def _entry_plan(fill: MasterFill, rules: CopyRules, holdings: UserBalances) -> OrderPlan:
    equity = holdings.equity or NO_AMOUNT
    match rules.sizing:
        case Sizing.BALANCE_RATIO if rules.balance is BalanceBasis.CASH:
            ratio = holdings.cash / fill.master_cash
        case Sizing.BALANCE_RATIO:
            ratio = equity / fill.master_equity
        case Sizing.FIXED_RATIO:
            ratio = Ratio(rules.ratio or Decimal(0))
        case _:
            ratio = Ratio(Decimal(0))  # a fixed notional scales by nothing
    if rules.multiplier != 1:
        ratio = Ratio(ratio.amount * rules.multiplier)
    return OrderPlan(
        order_id=fill.order_id, ratio=ratio, cap=equity * Ratio(rules.max_user_risk), user_equity=equity,
    )  # fmt: skip


def _room(plan: OrderPlan) -> QuoteAmount:
    """What the cap still leaves for this master order."""
    return max(plan.cap - plan.cost, NO_AMOUNT)
