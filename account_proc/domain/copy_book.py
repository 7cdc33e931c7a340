"""What copying remembers: a plan for each master order (what was frozen at its first fill, how much was
allotted), the position that copying built in each coin, and what is carried until it is large enough. Pure.

The rules by which it is changed: domain/sizing.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import replace

from krakencopy.account_proc.contract.copied_coins import CoinNames, CopiedCoins, Exchanged, split_pair
from krakencopy.account_proc.domain.copy_plan import (
    OrderPlan,
    PlanStore,
    SettledOrder,
    Slice,
)
from krakencopy.account_proc.domain.quantities import (
    NO_AMOUNT,
    NO_VOLUME,
    BaseVolume,
    QuoteAmount,
    Ratio,
    Side,
)


class _TrialPlans:
    """Plans that are changed here alone."""

    def __init__(self, plans: PlanStore) -> None:
        self._plans = plans
        self._changed: dict[str, OrderPlan] = {}

    def get_plan(self, order_id: str) -> OrderPlan | None:
        plan = self._changed.get(order_id) or self._plans.get_plan(order_id)
        return None if plan is None else replace(plan)

    def put_plan(self, plan: OrderPlan) -> None:
        self._changed[plan.order_id] = plan


#: What the slices of an exit that a flatten has made owed have for their order, with its number behind: so
#: they are told apart from what the master's exits have made owed.
BY_FLATTEN = "flatten "


class CopyBook:
    """The memory of the rules."""

    def __init__(self, plans: PlanStore) -> None:
        self.plans = plans
        self.coins = CopiedCoins()
        self.names = CoinNames()
        self.carried: dict[tuple[str, Side], list[Slice]] = {}
        #: Coins that the master has left, and the pair in which it did: what an exit that was owed meanwhile
        #: brings in of such a coin later is owed there as well.
        self.left: dict[str, str] = {}
        #: Coins that were bought last in another pair than the master's.
        self.mapped: set[str] = set()
        self._changed: set[str] = set()

    def trial(self) -> CopyBook:
        """A book like this one, to see what would follow from something: it changes nothing here."""
        book = CopyBook(_TrialPlans(self.plans))
        book.coins, book.names = deepcopy(self.coins), self.names
        book.carried, book.left = deepcopy(self.carried), dict(self.left)
        book.mapped = set(self.mapped)
        return book

    def held(self, coin: str) -> BaseVolume:
        """What copying bought of a coin and still holds."""
        return BaseVolume(self.coins.volume(coin))

    def carried_volume(self, pair: str, side: Side) -> BaseVolume:
        """What waits for the next fill of this pair and side."""
        return total_volume(self.carried.get((pair, side), ()))

    def count_mapped(self, coin: str, *, is_mapped: bool) -> None:
        """A coin is bought in another pair than the master's, or in the master's."""
        if is_mapped:
            self.mapped.add(coin)
        else:
            self.mapped.discard(coin)

    def owed(self, coin: str) -> BaseVolume:
        """What exits owe of a coin, in all of its pairs."""
        pairs = self.pairs_of(coin, Side.SELL)
        return sum((self.carried_volume(pair, Side.SELL) for pair in pairs), NO_VOLUME)

    def rename(self, old: str, new: str) -> None:
        """A coin has another name from now on: what is held and what waits follows it."""
        self.names.rename(old, new)
        self.coins.rename(old, new)
        self.left = {
            self.names.current(coin): self.names.current_pair(pair) for coin, pair in self.left.items()
        }
        self.mapped = set(map(self.names.current, self.mapped))
        for pair, side in list(self.carried):
            current = self.names.current_pair(pair)
            if current != pair:
                moved = self.carried[pair, side]
                self.put_carried(pair, side, ())
                self.put_carried(current, side, [*self.carried.get((current, side), ()), *moved])

    def take_changed_pairs(self) -> list[str]:
        """Pairs whose carried volume may have changed since the last call."""
        changed = sorted(self._changed)
        self._changed.clear()
        return changed

    def pairs_of(self, coin: str, side: Side) -> list[str]:
        """Pairs with this base in which something of this side waits."""
        return [
            pair
            for pair, of in self.carried
            if of is side and split_pair(pair) == (coin, pair[len(coin) + 1 :])
        ]

    def put_carried(self, pair: str, side: Side, slices: Sequence[Slice]) -> None:
        """Keeps these slices for a pair and side, in place of those that waited there."""
        self._changed.add(pair)
        if slices:
            self.carried[pair, side] = list(slices)
        else:
            self.carried.pop((pair, side), None)

    def carried_entries(self) -> dict[str, list[str]]:
        """By pair, the copies that carry something for entries in it."""
        return {
            pair: list(dict.fromkeys(piece.copy_id for piece in pieces))
            for (pair, side), pieces in self.carried.items()
            if side is Side.BUY
        }

    def give_up_entries(self, pair: str, copy_ids: Collection[str]) -> None:
        """Forgets what these copies carry for entries in a pair."""
        pieces = self.carried.get((pair, Side.BUY), ())
        gone = [piece for piece in pieces if piece.copy_id in copy_ids]
        for piece in gone:
            self.recount(piece.order_id, -piece.cost)
        if gone:
            self.put_carried(pair, Side.BUY, [piece for piece in pieces if piece.copy_id not in copy_ids])

    def recount(self, order_id: str, change: QuoteAmount) -> None:
        """Changes what the plan of a master order counts as its cost."""
        plan = self.plans.get_plan(order_id)
        if plan is not None:
            plan.cost += change
            self.plans.put_plan(plan)

    def carry(self, pair: str, side: Side, slices: Sequence[Slice], copy_id: str) -> None:
        """Keeps slices for the next fill of the pair and side, under the copy that could not send them."""
        pair = self.names.current_pair(pair)
        more = [replace(piece, copy_id=copy_id) for piece in slices]
        self.put_carried(pair, side, [*self.carried.get((pair, side), ()), *more])

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
        for pair in self.pairs_of(coin, Side.SELL):
            pieces = self.carried[pair, Side.SELL]
            kept = [replace(piece, volume=piece.volume * keep) for piece in pieces] if keep else ()
            self.put_carried(pair, Side.SELL, kept)

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
            self._owe_of_left(quote, order.copy_id)
        if order.sweep and order.filled:
            self.coins.keep_at_most(base, max(order.ordered - order.filled, NO_VOLUME).amount)
        unfilled = order.ordered - order.filled
        if unfilled.amount > 0:
            # An exit stays owed until it is done.
            self.carry(pair, side, _unsold(order, unfilled), order.copy_id)

    def owe_by_exit(self, coin: str, share: Ratio) -> None:
        """The master has left this share of a coin: so much of what a flatten has made owed is owed by that,
        and stays so if the flatten is taken back.
        """
        for pair in self.pairs_of(coin, Side.SELL):
            pieces = self.carried[pair, Side.SELL]
            if any(map(is_by_flatten, pieces)):
                self.put_carried(pair, Side.SELL, [part for piece in pieces for part in _parts(piece, share)])

    def take_back_flatten(self) -> list[str]:
        """What is owed by a flatten alone is held again; the copies that owed it."""
        held_again = []
        for (pair, side), pieces in list(self.carried.items()):
            mine = list(filter(is_by_flatten, pieces)) if side is Side.SELL else []
            if mine:
                self.put_carried(pair, side, [piece for piece in pieces if piece not in mine])
                held_again += [piece.copy_id for piece in mine]
        return list(dict.fromkeys(held_again))

    def _owe_of_left(self, coin: str, copy_id: str) -> None:
        """What came in of a coin that the master has left before is owed."""
        more = self.held(coin) - self.owed(coin)
        if coin in self.left and more.amount > 0:
            self.carry(self.left[coin], Side.SELL, [Slice(order_id="", volume=more, cost=NO_AMOUNT)], copy_id)

    def _count_cost(self, order: SettledOrder) -> None:
        """Replaces what the plans had counted at the worst price by what was really paid."""
        whole = total_volume(order.slices)
        for piece in order.slices:
            if whole:
                self.recount(piece.order_id, order.cost * (piece.volume / whole) - piece.cost)


def is_by_flatten(piece: Slice) -> bool:
    """Whether it is owed as somebody had the account flattened, and not as the master has sold."""
    return piece.order_id.startswith(BY_FLATTEN)


def _parts(piece: Slice, share: Ratio) -> list[Slice]:
    """A piece, and what of it the master's exit owes by now."""
    if not is_by_flatten(piece):
        return [piece]
    by_exit = piece.volume * share
    parts = [replace(piece, volume=piece.volume - by_exit), replace(piece, volume=by_exit, order_id="")]
    return [part for part in parts if part.volume]


def _unsold(order: SettledOrder, unfilled: BaseVolume) -> list[Slice]:
    """What an exit owes still: what was sold is what the master's exits have made owed, before what a flatten
    has.
    """
    mine = [piece for piece in order.slices if is_by_flatten(piece)]
    by_exits = unfilled
    if mine:
        by_exits = min(unfilled, max(order.ordered - total_volume(mine) - order.filled, NO_VOLUME))
    parts = [Slice(order_id="", volume=by_exits, cost=NO_AMOUNT)]
    if mine:
        parts.append(Slice(order_id=mine[-1].order_id, volume=unfilled - by_exits, cost=NO_AMOUNT))
    return [part for part in parts if part.volume]


def total_cost(slices: Sequence[Slice]) -> QuoteAmount:
    """What slices are counted as."""
    return sum((piece.cost for piece in slices), NO_AMOUNT)


def total_volume(slices: Sequence[Slice]) -> BaseVolume:
    """What slices come to."""
    return sum((piece.volume for piece in slices), NO_VOLUME)
