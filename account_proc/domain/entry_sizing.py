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
from krakencopy.account_proc.domain.caps import Room, Unpriced, tightest_room
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
    Verdict,
)
from krakencopy.account_proc.domain.eligibility import below_minimum, capital_of, notional_of
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
    book: CopyBook,
    fills: Sequence[MasterFill],
    pair: PairRules,
    rules: CopyRules,
    holdings: UserBalances,
    verdict: Verdict,
) -> None:
    """Answers fills of one pair that the master bought in, in order: adds to the verdict."""
    book.left.pop(pair.base, None)
    # One order buys all of it, what waited included, so all of it counts at that order's worst price.
    worst = copied_at(fills).worse(Side.BUY, rules.max_slippage_bps)
    plans = _plans_of(book, fills, worst, rules, holdings)
    small = [plan for plan in plans.values() if plan.too_small]
    if small:
        for plan in small:
            its_fills = tuple(fill for fill in fills if fill.order_id == plan.order_id)
            verdict.decisions.append(_too_small(book, its_fills, plan, rules))
        fills = [fill for fill in fills if not plans[fill.order_id].too_small]
        if not fills:
            return
        worst = copied_at(fills).worse(Side.BUY, rules.max_slippage_bps)
    room = None if holdings.caps is None else tightest_room(holdings.caps, worst)
    if isinstance(room, Unpriced):
        detail = f"what {room.cap} leaves is not known, as {room.asset} has no known price"
        skip = Skip(fills=tuple(fills), reason=Reason.NO_MARK, detail=detail, cap=room.cap.key)
        verdict.decisions.append(skip)
        return
    verdict.decisions.append(_entry(book, fills, pair, rules, holdings, plans, worst, room))


def _entry(
    book: CopyBook,
    fills: Sequence[MasterFill],
    pair: PairRules,
    rules: CopyRules,
    holdings: UserBalances,
    plans: dict[str, OrderPlan],
    worst: Price,
    room: Room | None,
) -> Decision:
    """The answer to fills of orders that are copied, within what ``room`` leaves."""
    wanted, cap = NO_VOLUME, ""
    last = fills[-1]
    _reprice_carried(book, pair, worst, plans)
    fresh: list[Slice] = []
    for fill in fills:
        piece, asked, was_capped = _entry_slice(
            book, fill, plans[fill.order_id], worst, pair, rules, holdings
        )
        wanted += asked
        cap = plans[fill.order_id].cap_key if was_capped else cap
        if piece.volume:
            fresh.append(piece)
    carried = book.carried.get((pair.name, Side.BUY), [])
    slices = (*carried, *fresh)
    volume = total_volume(slices)
    planned = volume if cap else wanted + total_volume(carried)
    plan = book.plans.get_plan(last.order_id)
    detail = entry_detail(fills, volume, plan, capped=bool(cap), multiplier=rules.multiplier)
    reason = Reason.CAPPED if cap else Reason.SCALED
    is_cut = False
    if room is not None and (allowed := (room.left / worst).to_lot(pair.lot_decimals)) < volume:
        volume, cap, reason, is_cut = allowed, room.cap.key, Reason.CAPPED, True
        detail += f"; cut to {volume} {pair.base} by {room}"
    affordable = (holdings.cash * Ratio(1 - FEE_RESERVE)) / worst
    ordered = min(volume, affordable).to_lot(pair.lot_decimals)
    short = below_minimum(ordered, last.price, pair)
    if short is not None and is_cut and below_minimum(volume, last.price, pair) is not None:
        # What a cap leaves no room for is not carried past it; what waits goes on to wait.
        _take_back(book, fresh)
        return Skip(fills=tuple(fills), reason=Reason.CAP_EXHAUSTED, detail=detail, cap=cap)
    if short is not None and not fresh:
        reason = Reason.CAP_EXHAUSTED if cap else Reason.NOTHING_LEFT_OF_ORDER
        return Skip(fills=tuple(fills), reason=reason, detail=detail, cap=cap)
    if short is not None:
        if below_minimum(volume, last.price, pair) is None:
            _take_back(book, fresh)
            detail += f"; cash of {holdings.cash} {pair.quote} does not reach the exchange's minimum"
            return Skip(fills=tuple(fills), reason=Reason.CASH_LIMITED, detail=detail)
        return Carry(
            fills=tuple(fills), reason=short, detail=detail, planned=planned, slices=tuple(fresh), cap=cap
        )
    book.put_carried(pair.name, Side.BUY, ())
    if is_cut:
        slices = _cut(book, slices, volume, worst)
    if ordered < volume:
        reason = Reason.CASH_LIMITED
        detail += f"; cut to {ordered} by the cash of {holdings.cash} {pair.quote}"
    # Both styles of order: nothing is bought beyond the bound, however the market moves and however late
    # the fill comes.
    return Order(
        fills=tuple(fills), reason=reason, detail=detail, planned=planned, volume=ordered, slices=slices,
        limit_price=bound_of(worst, pair), cap=cap,
    )  # fmt: skip


def _take_back(book: CopyBook, fresh: Sequence[Slice]) -> None:
    """What is not bought takes no room of its order's cap."""
    for piece in fresh:
        book.recount(piece.order_id, -piece.cost)


def _cut(book: CopyBook, slices: Sequence[Slice], volume: BaseVolume, worst: Price) -> tuple[Slice, ...]:
    """The slices as far as they come to a volume, those that waited first. One of which nothing is left
    stays, so that the copy that carried it goes with this order.
    """
    left, kept = volume, []
    for piece in slices:
        part = min(piece.volume, left)
        left -= part
        kept.append(replace(piece, volume=part, cost=part * worst))
        book.recount(piece.order_id, kept[-1].cost - piece.cost)
    return tuple(kept)


def _plans_of(
    book: CopyBook, fills: Sequence[MasterFill], worst: Price, rules: CopyRules, holdings: UserBalances
) -> dict[str, OrderPlan]:
    """The plan of each order that the fills belong to: it is asked for once."""
    plans: dict[str, OrderPlan] = {}
    for fill in fills:
        if fill.order_id in plans:
            continue
        plan = book.plans.get_plan(fill.order_id)
        if plan is None:
            plan = _entry_plan(fill, rules, holdings)
            if rules.min_copy_notional is not None:
                least = holdings.worth(rules.min_copy_notional) or NO_AMOUNT
                whole = sum((each.volume for each in fills if each.order_id == fill.order_id), NO_VOLUME)
                plan.too_small = _asked(whole, plan, fill, rules, holdings) * worst < least
        plans[fill.order_id] = plan
    return plans


def _too_small(book: CopyBook, fills: tuple[MasterFill, ...], plan: OrderPlan, rules: CopyRules) -> Skip:
    """The answer to fills of an order whose copy is not worth being made: it holds for all of its fills."""
    book.plans.put_plan(plan)
    least = rules.min_copy_notional
    words = f"min_copy_notional = {least}" if least is not None else "the min_copy_notional of then"
    detail = f"the copy of the first fills of order {plan.order_id} came to less than {words}"
    return Skip(fills=fills, reason=Reason.BELOW_MIN_COPY, detail=detail, cap="min_copy_notional")


def _reprice_carried(book: CopyBook, pair: PairRules, worst: Price, plans: dict[str, OrderPlan]) -> None:
    """Counts what waits at the price that it may cost now; what the cap of its order has no room for
    is given up. ``plans``: those that are in use beside it.
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
        for order_id in plans.keys() & {piece.order_id for piece in pieces}:
            plans[order_id] = book.plans.get_plan(order_id) or plans[order_id]


def _entry_slice(
    book: CopyBook,
    fill: MasterFill,
    plan: OrderPlan,
    worst: Price,
    pair: PairRules,
    rules: CopyRules,
    holdings: UserBalances,
) -> tuple[Slice, BaseVolume, bool]:
    """The fill's part of the entry, what was asked for, and whether the cap cut it."""
    asked = _asked(fill.volume, plan, fill, rules, holdings)
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


def _asked(
    volume: BaseVolume, plan: OrderPlan, fill: MasterFill, rules: CopyRules, holdings: UserBalances
) -> BaseVolume:
    """What is wanted for so much of the master's order, ``fill`` being the first of it, before all caps."""
    if rules.sizing is not Sizing.FIXED_NOTIONAL:
        return volume * plan.ratio
    # The whole notional goes with the order's first fill: how large the master's order becomes does not
    # matter.
    if plan.master_volume:
        return NO_VOLUME
    notional = notional_of(rules, holdings) or NO_AMOUNT
    return (notional * Ratio(rules.multiplier)) / fill.price


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
    equity = capital_of(rules, holdings) or NO_AMOUNT
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
    plan = OrderPlan(
        order_id=fill.order_id, ratio=ratio, cap=equity * Ratio(rules.max_user_risk), user_equity=equity,
        pair=fill.pair,
    )  # fmt: skip
    if rules.max_order_notional is not None:
        most = holdings.worth(rules.max_order_notional)
        if most is not None and most < plan.cap:
            plan.cap, plan.cap_key = most, "max_order_notional"
    return plan


def _room(plan: OrderPlan) -> QuoteAmount:
    """What the cap still leaves for this master order."""
    return max(plan.cap - plan.cost, NO_AMOUNT)
