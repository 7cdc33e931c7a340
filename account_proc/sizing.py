"""What a user does about fills of the master. Pure: values in, values out; no clock, no files, no exchange.

``CopyBook`` holds what the rules need to remember: a plan for each master order (what was frozen at its first fill, how much
was allotted), the position that copying built in each pair, and what is carried until it is large enough. ``decide`` answers
one run of fills of one pair and side; ``settle`` takes in how the user's order ended.

The rules are those of the README ("How a copy is sized"):

* entries: master volume x user balance / master balance, both before the master's order; the risk cap holds for the whole
  master order and is counted at a price ``max_slippage_bps`` worse than the master's, so that a fill within that bound
  cannot exceed it;
* exits: the fraction of the copied position that the master sold of its own; never capped, never more than copying bought;
* what is below the exchange's minimum is carried for that pair and side, never rounded up; an exit shrinks carried entries
  by the same fraction, because the master has left that much of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from account_proc.copy_state import Reason
from account_proc.pairs import PairRules
from account_proc.plans import (
    Carry,
    Decision,
    Holdings,
    MasterFill,
    Order,
    OrderPlan,
    PlanStore,
    Position,
    SettledOrder,
    Skip,
    Slice,
    Verdict,
)
from account_proc.spec import BalanceBasis, CopyRules, OrderStyle, Sizing
from account_proc.units import NO_AMOUNT, NO_VOLUME, BaseVolume, Price, QuoteAmount, Ratio, Side

#: Share of cash that is kept back for the fee when a buy is cut to what the cash allows.
#: Kraken's highest spot taker fee is 0.80 % (fee schedule of 2026-07); the rest is for the price moving.
FEE_RESERVE = Decimal("0.01")
ONE = Ratio(Decimal(1))


class CopyBook:
    """The memory of the rules. ``decide``, ``carry``, ``owed_exit``, ``write_off`` and ``settle`` change it, and nothing else."""

    def __init__(self, plans: PlanStore) -> None:
        self._plans = plans
        self.positions: dict[str, Position] = {}
        self.carried: dict[tuple[str, Side], list[Slice]] = {}

    def position(self, pair: str) -> Position:
        """The copied position of a pair; empty when there never was one."""
        return self.positions.get(pair) or self.positions.setdefault(pair, Position())

    def carried_volume(self, pair: str, side: Side) -> BaseVolume:
        """What waits for the next fill of this pair and side."""
        return _total(self.carried.get((pair, side), ()))

    def decide(
        self,
        fills: Sequence[MasterFill],
        pair: PairRules,
        rules: CopyRules,
        holdings: Holdings,
        now: float,
    ) -> Verdict:
        """Answers fills of one pair and one side, in order. Each fill ends up in exactly one decision."""
        verdict = Verdict(user_equity=holdings.equity)
        live: list[MasterFill] = []
        for fill in fills:
            refusal = _refusal(fill, rules, holdings, now)
            if refusal is None:
                live.append(fill)
            else:
                verdict.decisions.append(refusal)
        if not live:
            return verdict
        if live[0].side is Side.BUY:
            verdict.decisions.append(self._enter(live, pair, rules, holdings))
        else:
            self._exit(live, pair, holdings, verdict)
        return verdict

    # -- entries ------------------------------------------------------------------------------------------------

    def _enter(
        self, fills: Sequence[MasterFill], pair: PairRules, rules: CopyRules, holdings: Holdings
    ) -> Decision:
        wanted, capped = NO_VOLUME, False
        last = fills[-1]
        # One order buys all of it, what waited included, so all of it counts at that order's worst price.
        worst = last.price.worse(Side.BUY, rules.max_slippage_bps)
        self._reprice_carried(pair, worst)
        fresh: list[Slice] = []
        for fill in fills:
            piece, asked, was_capped = self._entry_slice(fill, worst, pair, rules, holdings)
            wanted += asked
            capped |= was_capped
            if piece.volume:
                fresh.append(piece)
        carried = self.carried.get((pair.symbol, Side.BUY), [])
        slices = (*carried, *fresh)
        volume = _total(slices)
        planned = volume if capped else wanted + _total(carried)
        detail = _entry_detail(fills, volume, self._plans.get_plan(last.order_id), capped=capped)
        affordable = (holdings.cash * Ratio(1 - FEE_RESERVE)) / worst
        ordered = min(volume, affordable).to_lot(pair.lot_decimals)
        short = _below_minimum(ordered, last.price, pair)
        if short is not None and not fresh:
            reason = Reason.CAP_EXHAUSTED if capped else Reason.NOTHING_LEFT_OF_ORDER
            return Skip(fills=tuple(fills), reason=reason, detail=detail)
        if short is not None:
            if _below_minimum(volume, last.price, pair) is None:
                for piece in fresh:
                    self._recount(piece.order_id, -piece.cost)
                detail += f"; cash of {holdings.cash} {pair.quote} does not reach the exchange's minimum"
                return Skip(fills=tuple(fills), reason=Reason.CASH_LIMITED, detail=detail)
            return Carry(
                fills=tuple(fills), reason=short, detail=detail, planned=planned, slices=tuple(fresh)
            )
        self.carried.pop((pair.symbol, Side.BUY), None)
        reason = Reason.CAPPED if capped else Reason.SCALED
        if ordered < volume:
            reason = Reason.CASH_LIMITED
            detail += f"; cut to {ordered} by the cash of {holdings.cash} {pair.quote}"
        limit = None
        if rules.order is OrderStyle.LIMIT_IOC:
            limit = worst.to_tick(pair.tick_size, Side.BUY)
        return Order(
            fills=tuple(fills), reason=reason, detail=detail, planned=planned, volume=ordered, slices=slices,
            limit_price=limit,
        )  # fmt: skip

    def _reprice_carried(self, pair: PairRules, worst: Price) -> None:
        """Counts what waits at the price that it may cost now; what the cap of its order has no room for is given up."""
        pieces = self.carried.get((pair.symbol, Side.BUY), [])
        for piece in pieces:
            self._recount(piece.order_id, -piece.cost)
        for index, piece in enumerate(pieces):
            plan = self._plans.get_plan(piece.order_id)
            assert plan is not None, "a carried entry without a plan"
            room = (_room(plan) / worst).to_lot(pair.lot_decimals)
            volume = min(piece.volume, room)
            pieces[index] = replace(piece, volume=volume, cost=volume * worst)
            self._recount(piece.order_id, pieces[index].cost)

    def _recount(self, order_id: str, change: QuoteAmount) -> None:
        """Changes what a plan counts as its cost."""
        plan = self._plans.get_plan(order_id)
        if plan is not None:
            plan.cost += change
            self._plans.put_plan(plan)

    def _entry_slice(
        self, fill: MasterFill, worst: Price, pair: PairRules, rules: CopyRules, holdings: Holdings
    ) -> tuple[Slice, BaseVolume, bool]:
        """The fill's part of the entry, what was asked for, and whether the cap cut it."""
        plan = self._plans.get_plan(fill.order_id) or _entry_plan(fill, rules, holdings)
        if rules.sizing is Sizing.FIXED_NOTIONAL:
            # The whole notional goes with the order's first fill: how large the master's order becomes does not matter.
            first = not plan.master_volume
            asked = QuoteAmount(rules.notional or Decimal(0)) / fill.price if first else NO_VOLUME
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
        self._plans.put_plan(plan)
        return Slice(order_id=fill.order_id, volume=volume, cost=cost), asked, allowed < asked

    # -- exits --------------------------------------------------------------------------------------------------

    def _exit(
        self, fills: Sequence[MasterFill], pair: PairRules, holdings: Holdings, verdict: Verdict
    ) -> None:
        position = self.position(pair.symbol)
        fresh: list[Slice] = []
        full = False
        exited: list[str] = []
        for fill in fills:
            piece, keep, full = self._exit_slice(fill, pair, _total(fresh))
            exited += self._shrink_carried_entries(pair, keep)
            if piece.volume:
                fresh.append(piece)
        verdict.exited_copies = tuple(dict.fromkeys(exited))
        last = fills[-1]
        carried = self.carried.get((pair.symbol, Side.SELL), [])
        owed = min(_total(carried) + _total(fresh), position.volume)
        owed = position.volume if full else owed
        volume = owed.to_lot(pair.lot_decimals)
        detail = _exit_detail(fills, volume, position.volume, full=full)
        if not position.volume:
            verdict.decisions.append(
                Skip(
                    fills=tuple(fills), reason=Reason.NO_COPIED_POSITION,
                    detail=f"nothing of {pair.symbol} was bought by copying",
                )
            )  # fmt: skip
            return
        short = _below_minimum(volume, last.price, pair)
        if short is not None and full:
            detail += (
                f"; {volume} is below the exchange's minimum and stays, the next full exit takes it along"
            )
            verdict.decisions.append(
                Skip(fills=tuple(fills), reason=Reason.POSITION_BELOW_MINIMUM, detail=detail)
            )
            return
        if short is not None and not fresh:
            verdict.decisions.append(
                Skip(fills=tuple(fills), reason=Reason.NOTHING_LEFT_OF_ORDER, detail=detail)
            )
            return
        if short is not None:
            verdict.decisions.append(
                Carry(fills=tuple(fills), reason=short, detail=detail, planned=owed, slices=tuple(fresh))
            )
            return
        reason = Reason.EXIT_FULL if full else Reason.EXIT_FRACTION
        held = holdings.base.to_lot(pair.lot_decimals)
        ordered = min(volume, held)
        if ordered < volume and _below_minimum(ordered, last.price, pair) is None:
            reason = Reason.HOLDINGS_LIMITED
            detail += f"; only {held} {pair.base} is there"
        else:
            # Too little there to be sold, or the balance is older than the position: the exchange has the last word.
            ordered = volume
        self.carried.pop((pair.symbol, Side.SELL), None)
        verdict.decisions.append(
            Order(
                fills=tuple(fills), reason=reason, detail=detail, planned=owed, volume=ordered,
                slices=(*carried, *fresh), limit_price=None, sweep=full,
            )
        )  # fmt: skip

    def _exit_slice(self, fill: MasterFill, pair: PairRules, asked: BaseVolume) -> tuple[Slice, Ratio, bool]:
        """The fill's part of the exit, the share that it leaves, and whether it is a full exit.

        The fraction is of what both held right before this fill: what either bought since the order began counts as well.
        ``asked`` is what earlier fills of the same run take already.
        """
        plan = self._plans.get_plan(fill.order_id) or OrderPlan(
            order_id=fill.order_id, ratio=Ratio(Decimal(0)), cap=NO_AMOUNT, user_equity=NO_AMOUNT
        )
        full = fill.master_position - fill.volume < BaseVolume(pair.ordermin)
        share = ONE if full else _clamped(fill.volume, fill.master_position)
        spoken_for = self.carried_volume(fill.pair, Side.SELL) + asked + (plan.target - plan.allotted)
        held = max(self.position(fill.pair).volume - spoken_for, NO_VOLUME)
        plan.master_volume += fill.volume
        plan.target += held * share
        volume = plan.target.whole_lots(pair.lot_decimals) - plan.allotted
        plan.allotted += volume
        self._plans.put_plan(plan)
        return Slice(order_id=fill.order_id, volume=volume, cost=NO_AMOUNT), ONE - share, full

    def _shrink_carried_entries(self, pair: PairRules, keep: Ratio) -> list[str]:
        """Carried entries are part of what the master has just (partly) left. Returns the copies that are given up whole."""
        key = (pair.symbol, Side.BUY)
        kept: list[Slice] = []
        gone: list[str] = []
        for piece in self.carried.get(key, []):
            volume = (piece.volume * keep).to_lot(pair.lot_decimals)
            cost = piece.cost * keep if volume else NO_AMOUNT
            self._recount(piece.order_id, cost - piece.cost)
            if volume:
                kept.append(replace(piece, volume=volume, cost=cost))
            else:
                gone.append(piece.copy_id)
        if kept:
            self.carried[key] = kept
        else:
            self.carried.pop(key, None)
        still = {piece.copy_id for piece in kept}
        return [copy_id for copy_id in gone if copy_id not in still]

    # -- what follows -------------------------------------------------------------------------------------------

    def carry(self, pair: str, side: Side, slices: Sequence[Slice], copy_id: str) -> None:
        """Keeps slices for the next fill of the pair and side, under the copy that could not send them."""
        self.carried.setdefault((pair, side), []).extend(replace(piece, copy_id=copy_id) for piece in slices)

    def owed_exit(self, pair: PairRules, price: Price) -> Order | None:
        """What earlier exits could not sell, as an order of its own, once it is large enough; None otherwise.

        Exits always converge: an order that was refused or ended early does not leave the user in a trade that the master
        has left. Entries are never chased.
        """
        carried = self.carried.get((pair.symbol, Side.SELL), [])
        position = self.position(pair.symbol)
        owed = min(_total(carried), position.volume)
        volume = owed.to_lot(pair.lot_decimals)
        if _below_minimum(volume, price, pair) is not None:
            return None
        del self.carried[pair.symbol, Side.SELL]
        return Order(
            fills=(), reason=Reason.EXIT_OWED, detail=f"earlier exits owe {volume} of the {position.volume} that copying holds",
            planned=owed, volume=volume, slices=tuple(carried), limit_price=None, sweep=volume == position.volume.to_lot(pair.lot_decimals),
        )  # fmt: skip

    def write_off(self, pair: str, held: BaseVolume) -> BaseVolume:
        """Forgets copied coins that are not there any more (sold or withdrawn by hand); how much that was."""
        position = self.position(pair)
        missing = position.volume - held
        if missing.amount <= 0:
            return NO_VOLUME
        left = max(held, NO_VOLUME)
        # What is owed of coins that are not there is owed no more, or it would be taken out of the next entry.
        owed = self.carried.pop((pair, Side.SELL), [])
        if left and owed:
            volume = min(_total(owed), left)
            self.carried[pair, Side.SELL] = [replace(owed[0], volume=volume)]
        position.cost = position.cost * (left / position.volume)
        position.volume = left
        return missing

    def settle(self, pair: str, side: Side, order: SettledOrder) -> None:
        """Takes in how the user's order ended: the position, and what the plans count for it."""
        position = self.position(pair)
        if side is Side.BUY:
            position.volume += order.filled - order.fee_base
            position.cost += order.cost
            self._count_cost(order)
            return
        held = position.volume
        left = max(held - order.filled - order.fee_base, NO_VOLUME)
        if order.sweep and order.filled:
            left = min(left, max(order.ordered - order.filled, NO_VOLUME))
        position.cost = position.cost * (left / held) if held else NO_AMOUNT
        position.volume = left
        unfilled = order.ordered - order.filled
        if unfilled.amount > 0:
            # An exit stays owed until it is done.
            self.carry(pair, side, [Slice(order_id="", volume=unfilled, cost=NO_AMOUNT)], order.copy_id)

    def _count_cost(self, order: SettledOrder) -> None:
        """Replaces what the plans had counted at the worst price by what was really paid."""
        whole = _total(order.slices)
        for piece in order.slices:
            if whole:
                self._recount(piece.order_id, order.cost * (piece.volume / whole) - piece.cost)


def _entry_plan(fill: MasterFill, rules: CopyRules, holdings: Holdings) -> OrderPlan:
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
    return OrderPlan(
        order_id=fill.order_id, ratio=ratio, cap=equity * Ratio(rules.max_user_risk), user_equity=equity,
    )  # fmt: skip


def _refusal(fill: MasterFill, rules: CopyRules, holdings: Holdings, now: float) -> Skip | None:
    """Why this fill is not copied at all, if it is not."""
    if fill.margin:
        return Skip(
            fills=(fill,), reason=Reason.MARGIN_TRADE, detail="margin trades are not copied (spot only)"
        )
    if fill.side is Side.SELL:
        return None
    age = now - fill.executed_at
    if age > rules.max_entry_age_s:
        detail = f"the entry is {age:.1f} s old, more than max_entry_age_s = {rules.max_entry_age_s:g}"
        return Skip(fills=(fill,), reason=Reason.STALE_ENTRY, detail=detail)
    if holdings.equity is None or holdings.equity.amount <= 0:
        detail = (
            "the account holds nothing of value"
            if holdings.equity
            else "the account's balances are not known"
        )
        return Skip(fills=(fill,), reason=Reason.NO_EQUITY, detail=detail)
    basis = fill.master_cash if rules.balance is BalanceBasis.CASH else fill.master_equity
    if rules.sizing is Sizing.BALANCE_RATIO and basis.amount <= 0:
        detail = "the master's balance before its order is not known, so there is nothing to scale by"
        return Skip(fills=(fill,), reason=Reason.MASTER_EQUITY_UNKNOWN, detail=detail)
    return None


def _below_minimum(volume: BaseVolume, price: Price, pair: PairRules) -> Reason | None:
    """Which of the exchange's two minima the volume misses (Kraken: ordermin in base, costmin in quote), if any."""
    if volume < BaseVolume(pair.ordermin) or not volume:
        return Reason.BELOW_ORDERMIN
    if volume * price < QuoteAmount(pair.costmin):
        return Reason.BELOW_COSTMIN
    return None


def _clamped(part: BaseVolume, whole: BaseVolume) -> Ratio:
    """part / whole within 0..1. Selling from nothing known counts as leaving: an exit is never blocked."""
    if whole.amount <= 0:
        return ONE
    return min(part / whole, ONE)


def _room(plan: OrderPlan) -> QuoteAmount:
    """What the cap still leaves for this master order."""
    return max(plan.cap - plan.cost, NO_AMOUNT)


def _total(slices: Sequence[Slice]) -> BaseVolume:
    return sum((piece.volume for piece in slices), NO_VOLUME)


def _entry_detail(
    fills: Sequence[MasterFill], volume: BaseVolume, plan: OrderPlan | None, *, capped: bool
) -> str:
    bought = sum((fill.volume for fill in fills), NO_VOLUME)
    last = fills[-1]
    text = f"master bought {bought} at {last.price} with a balance of {last.master_equity}"
    if plan is not None:
        text += f"; yours was {plan.user_equity}, so {volume}"
        if capped:
            text += f" (cut by the cap of {plan.cap} for this order)"
    return text


def _exit_detail(fills: Sequence[MasterFill], volume: BaseVolume, held: BaseVolume, *, full: bool) -> str:
    sold = sum((fill.volume for fill in fills), NO_VOLUME)
    last = fills[-1]
    what = "all" if full else "part"
    return (
        f"master sold {sold} at {last.price}, {what} of the {last.master_position} it held; "
        f"copying holds {held}, so {volume}"
    )
