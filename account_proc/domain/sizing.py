"""What a user does about fills of the master. Pure: values in, values out; no clock, no files, no exchange.

``CopyBook`` holds what the rules need to remember: a plan for each master order (what was frozen at its first
fill, how much was allotted), the position that copying built in each coin, and what is carried until it is
large enough. ``decide`` answers one run of fills of one pair and side; ``settle`` takes in how the user's
order ended.

The rules are those of the README ("How a copy is sized"):

* entries: master volume x user balance / master balance, both before the master's order, bought at most
  ``max_slippage_bps`` worse than the master's price; the risk cap holds for the whole master order and is
  counted at that price, so that it cannot be exceeded;
* exits: the fraction of the copied coins that the master sold of its own, both as contract/copied_coins.py
  counts them; never capped, never more than copying bought of that coin, in whatever pair;
* what is below the exchange's minimum is carried for that pair and side, never rounded up; an exit shrinks
  carried entries by the same fraction, because the master has left that much of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import CoinNames, CopiedCoins, Exchanged, split_pair
from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, Sizing
from krakencopy.account_proc.domain.copy_plan import (
    Carry,
    Decision,
    Holdings,
    MasterFill,
    Order,
    OrderPlan,
    PlanStore,
    SettledOrder,
    Skip,
    Slice,
    Verdict,
)
from krakencopy.account_proc.domain.eligibility import below_minimum, is_full_exit, notional_of, why_refused
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
from krakencopy.account_proc.domain.sizing_text import entry_detail, exit_detail

#: Share of cash that is kept back for the fee when a buy is cut to what the cash allows.
#: Kraken's highest spot taker fee is 0.80 % (fee schedule of 2026-07); the rest is for the price moving.
FEE_RESERVE = Decimal("0.01")
ONE = Ratio(Decimal(1))


class CopyBook:
    """The memory of the rules. ``decide``, ``carry``, ``owed_exit``, ``write_off`` and ``settle`` change
    it, and nothing else.
    """

    def __init__(self, plans: PlanStore) -> None:
        self._plans = plans
        self.coins = CopiedCoins()
        self.names = CoinNames()
        self.carried: dict[tuple[str, Side], list[Slice]] = {}
        self._changed: set[str] = set()

    def held(self, coin: str) -> BaseVolume:
        """What copying bought of a coin and still holds."""
        return BaseVolume(self.coins.volume(coin))

    def carried_volume(self, pair: str, side: Side) -> BaseVolume:
        """What waits for the next fill of this pair and side."""
        return _total(self.carried.get((pair, side), ()))

    def owed(self, coin: str) -> BaseVolume:
        """What exits owe of a coin, in all of its pairs."""
        pairs = self._pairs_of(coin, Side.SELL)
        return sum((self.carried_volume(pair, Side.SELL) for pair in pairs), NO_VOLUME)

    def rename(self, old: str, new: str) -> None:
        """A coin has another name from now on: what is held and what waits follows it."""
        self.names.add(old, new)
        self.coins.rename(old, new)
        for pair, side in list(self.carried):
            current = self.names.current_pair(pair)
            if current != pair:
                moved = self.carried[pair, side]
                self._put_carried(pair, side, ())
                self._put_carried(current, side, [*self.carried.get((current, side), ()), *moved])

    def take_changed(self) -> list[str]:
        """Pairs whose carried volume may have changed since the last call."""
        changed = sorted(self._changed)
        self._changed.clear()
        return changed

    def _pairs_of(self, coin: str, side: Side) -> list[str]:
        """Pairs with this base in which something of this side waits."""
        return [
            pair
            for pair, of in self.carried
            if of is side and split_pair(pair) == (coin, pair[len(coin) + 1 :])
        ]

    def _put_carried(self, pair: str, side: Side, slices: Sequence[Slice]) -> None:
        self._changed.add(pair)
        if slices:
            self.carried[pair, side] = list(slices)
        else:
            self.carried.pop((pair, side), None)

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
            refusal = why_refused(fill, rules, holdings, now)
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

    # -- entries --------------------------------------------------------------------------------------------

    def _enter(
        self, fills: Sequence[MasterFill], pair: PairRules, rules: CopyRules, holdings: Holdings
    ) -> Decision:
        wanted, capped = NO_VOLUME, False
        last = fills[-1]
        # One order buys all of it, what waited included, so all of it counts at that order's worst price.
        worst = copied_at(fills).worse(Side.BUY, rules.max_slippage_bps)
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
        detail = entry_detail(fills, volume, self._plans.get_plan(last.order_id), capped=capped)
        affordable = (holdings.cash * Ratio(1 - FEE_RESERVE)) / worst
        ordered = min(volume, affordable).to_lot(pair.lot_decimals)
        short = below_minimum(ordered, last.price, pair)
        if short is not None and not fresh:
            reason = Reason.CAP_EXHAUSTED if capped else Reason.NOTHING_LEFT_OF_ORDER
            return Skip(fills=tuple(fills), reason=reason, detail=detail)
        if short is not None:
            if below_minimum(volume, last.price, pair) is None:
                for piece in fresh:
                    self._recount(piece.order_id, -piece.cost)
                detail += f"; cash of {holdings.cash} {pair.quote} does not reach the exchange's minimum"
                return Skip(fills=tuple(fills), reason=Reason.CASH_LIMITED, detail=detail)
            return Carry(
                fills=tuple(fills), reason=short, detail=detail, planned=planned, slices=tuple(fresh)
            )
        self._put_carried(pair.symbol, Side.BUY, ())
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

    def _reprice_carried(self, pair: PairRules, worst: Price) -> None:
        """Counts what waits at the price that it may cost now; what the cap of its order has no room for
        is given up.
        """
        pieces = self.carried.get((pair.symbol, Side.BUY), [])
        if pieces:
            self._changed.add(pair.symbol)
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
            # The whole notional goes with the order's first fill: how large the master's order becomes does
            # not matter.
            first = not plan.master_volume
            asked = (notional_of(rules, holdings) or NO_AMOUNT) / fill.price if first else NO_VOLUME
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

    # -- exits ----------------------------------------------------------------------------------------------

    def _exit(
        self, fills: Sequence[MasterFill], pair: PairRules, holdings: Holdings, verdict: Verdict
    ) -> None:
        position = self.held(pair.base)
        fresh: list[Slice] = []
        full = False
        exited: list[str] = []
        for fill in fills:
            piece, keep, full = self._exit_slice(fill, pair, _total(fresh))
            exited += self._shrink_carried_entries(pair.base, keep, pair.lot_decimals)
            if piece.volume:
                fresh.append(piece)
        verdict.exited_copies = tuple(dict.fromkeys(exited))
        last = fills[-1]
        # A full exit sells what earlier ones owe in other pairs of the coin as well.
        joined = self._pairs_of(pair.base, Side.SELL) if full else [pair.symbol]
        carried = [piece for name in joined for piece in self.carried.get((name, Side.SELL), ())]
        owed = position if full else min(_total(carried) + _total(fresh), position)
        volume = owed.to_lot(pair.lot_decimals)
        detail = exit_detail(fills, volume, position, full=full)
        answer = self._small_exit(fills, pair, owed, fresh, detail, full=full)
        if answer is not None:
            verdict.decisions.append(answer)
            return
        reason = Reason.EXIT_FULL if full else Reason.EXIT_FRACTION
        there = holdings.base.to_lot(pair.lot_decimals)
        ordered = min(volume, there)
        if ordered < volume and below_minimum(ordered, last.price, pair) is None:
            reason = Reason.HOLDINGS_LIMITED
            detail += f"; only {there} {pair.base} is there"
        else:
            # Too little there to be sold, or the balance is older than the position: the exchange has the
            # last word.
            ordered = volume
        for name in joined:
            self._put_carried(name, Side.SELL, ())
        verdict.decisions.append(
            Order(
                fills=tuple(fills), reason=reason, detail=detail, planned=owed, volume=ordered,
                slices=(*carried, *fresh), limit_price=None, sweep=full,
            )
        )  # fmt: skip

    def _small_exit(
        self,
        fills: Sequence[MasterFill],
        pair: PairRules,
        owed: BaseVolume,
        fresh: Sequence[Slice],
        detail: str,
        *,
        full: bool,
    ) -> Skip | Carry | None:
        """The answer to an exit that is too small to be ordered; None when it is large enough."""
        if not self.held(pair.base):
            words = f"nothing of {pair.base} was bought by copying"
            return Skip(fills=tuple(fills), reason=Reason.NO_COPIED_POSITION, detail=words)
        volume = owed.to_lot(pair.lot_decimals)
        short = below_minimum(volume, fills[-1].price, pair)
        if short is None:
            return None
        if full:
            detail += (
                f"; {volume} is below the exchange's minimum and stays, the next full exit takes it along"
            )
            return Skip(fills=tuple(fills), reason=Reason.POSITION_BELOW_MINIMUM, detail=detail)
        if not fresh:
            return Skip(fills=tuple(fills), reason=Reason.NOTHING_LEFT_OF_ORDER, detail=detail)
        return Carry(fills=tuple(fills), reason=short, detail=detail, planned=owed, slices=tuple(fresh))

    def _exit_slice(self, fill: MasterFill, pair: PairRules, asked: BaseVolume) -> tuple[Slice, Ratio, bool]:
        """The fill's part of the exit, the share that it leaves, and whether it is a full exit.

        The fraction is of what both held right before this fill: what either bought since the order began
        counts as well. ``asked`` is what earlier fills of the same run take already.
        """
        plan = self._plans.get_plan(fill.order_id) or OrderPlan(
            order_id=fill.order_id, ratio=Ratio(Decimal(0)), cap=NO_AMOUNT, user_equity=NO_AMOUNT
        )
        full = is_full_exit(fill, pair)
        share = ONE if full else _clamped(fill.position_before - fill.position_after, fill.position_before)
        spoken_for = self.owed(pair.base) + asked + (plan.target - plan.allotted)
        held = max(self.held(pair.base) - spoken_for, NO_VOLUME)
        plan.master_volume += fill.volume
        plan.target += held * share
        volume = plan.target.whole_lots(pair.lot_decimals) - plan.allotted
        plan.allotted += volume
        self._plans.put_plan(plan)
        return Slice(order_id=fill.order_id, volume=volume, cost=NO_AMOUNT), ONE - share, full

    def _shrink_carried_entries(self, coin: str, keep: Ratio, lot_decimals: int) -> list[str]:
        """Carried entries are part of what the master has just (partly) left. Returns the copies that are
        given up whole.
        """
        exited: list[str] = []
        for pair in self._pairs_of(coin, Side.BUY):
            kept: list[Slice] = []
            gone: list[str] = []
            for piece in self.carried[pair, Side.BUY]:
                volume = (piece.volume * keep).to_lot(lot_decimals)
                cost = piece.cost * keep if volume else NO_AMOUNT
                self._recount(piece.order_id, cost - piece.cost)
                if volume:
                    kept.append(replace(piece, volume=volume, cost=cost))
                else:
                    gone.append(piece.copy_id)
            self._put_carried(pair, Side.BUY, kept)
            still = {piece.copy_id for piece in kept}
            exited += [copy_id for copy_id in gone if copy_id not in still]
        return exited

    # -- what follows ---------------------------------------------------------------------------------------

    def carry(self, pair: str, side: Side, slices: Sequence[Slice], copy_id: str) -> None:
        """Keeps slices for the next fill of the pair and side, under the copy that could not send them."""
        pair = self.names.current_pair(pair)
        more = [replace(piece, copy_id=copy_id) for piece in slices]
        self._put_carried(pair, side, [*self.carried.get((pair, side), ()), *more])

    def owed_exit(self, pair: PairRules, price: Price) -> Order | None:
        """What earlier exits could not sell, as an order of its own, once it is large enough; None otherwise.

        Exits always converge: an order that was refused or ended early does not leave the user in a trade
        that the master has left. Entries are never chased.
        """
        carried = self.carried.get((pair.symbol, Side.SELL), [])
        position = self.held(pair.base)
        owed = min(_total(carried), position)
        volume = owed.to_lot(pair.lot_decimals)
        if below_minimum(volume, price, pair) is not None:
            return None
        self._put_carried(pair.symbol, Side.SELL, ())
        return Order(
            fills=(),
            reason=Reason.EXIT_OWED,
            detail=f"earlier exits owe {volume} of the {position} that copying holds",
            planned=owed,
            volume=volume,
            slices=tuple(carried),
            limit_price=None,
            sweep=volume == position.to_lot(pair.lot_decimals),
        )

    def write_off(self, coin: str, there: BaseVolume) -> BaseVolume:
        """Forgets copied coins that are not there any more (sold or withdrawn by hand); how much that was."""
        missing = self.coins.keep_at_most(coin, there.amount)
        if missing <= 0:
            return NO_VOLUME
        self._owe_no_more_than_is_held(coin)
        return BaseVolume(missing)

    def _owe_no_more_than_is_held(self, coin: str) -> None:
        """What is owed of coins that are not there is owed no more, or it would be taken out of the next
        entry.
        """
        left, owed = self.held(coin), self.owed(coin)
        if owed <= left:
            return
        keep = left / owed
        for pair in self._pairs_of(coin, Side.SELL):
            pieces = self.carried[pair, Side.SELL]
            kept = [replace(piece, volume=piece.volume * keep) for piece in pieces] if keep else ()
            self._put_carried(pair, Side.SELL, kept)

    def settle(self, pair: str, side: Side, order: SettledOrder) -> None:
        """Takes in how the user's order ended: positions, and what the plans count for it."""
        names = split_pair(self.names.current_pair(pair))
        assert names is not None, f"an order was sent in {pair!r}"
        base, quote = names
        fees = {self.names.current(coin): amount for coin, amount in order.fees.items()}
        trade = Exchanged(
            base=base, quote=quote, volume=order.filled.amount, cost=order.cost.amount, fees=fees
        )
        if side is Side.BUY:
            if order.filled:
                self.coins.bought(trade)
                self._owe_no_more_than_is_held(quote)
            self._count_cost(order)
            return
        if order.filled:
            self.coins.sold(trade)
        if order.sweep and order.filled:
            self.coins.keep_at_most(base, max(order.ordered - order.filled, NO_VOLUME).amount)
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
