"""Whose turn it is: which fill may be answered now, and which fills wait behind it or behind an order.

Fills wait in lanes, one for each base coin, in whatever pair. One order of a coin is on its way at a time: an
exit must know what the entry before it has bought, and what a cross pair has spent. A value without time,
tasks or I/O: copying/copier.py says what comes and what ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf

from krakencopy.account_proc.domain.copy_plan import MasterFill
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, QuoteAmount, Side
from krakencopy.account_proc.domain.sync_sizing import SyncItem

#: Fills that are merged into one order at most.
MERGE_MAX = 1_000
#: What is answered first is less.
Place = tuple[float, int, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A fill that waits for its turn, and when it came (Unix seconds)."""

    fill: MasterFill
    received_at: float
    #: Not a fill of the master's but a coin of a sync, which ``fill`` only gives the pair of.
    sync: SyncItem | None = None

    @property
    def place(self) -> Place:
        """Where it stands: behind the fills up to its own, a sync's coins among each other in their order,
        and behind those of an earlier sync.
        """
        return self.fill.seq, *((0, 0) if self.sync is None else (self.sync.number, self.sync.index))


def coin_of(pair: str) -> str:
    """The base coin, whose lane a fill goes by; of a pair that is not in our spelling, its name."""
    return pair.partition("/")[0]


def quote_of(pair: str) -> str:
    """What the pair is paid in; empty for one that is not in our spelling."""
    return pair.partition("/")[2]


class Turns:
    """The lanes of one user, its orders on their way, and coins that something is looked up for."""

    def __init__(self, max_slippage_bps: Callable[[str], int]) -> None:
        """``max_slippage_bps``: how far an entry's price in a pair may be from the master's, in basis
        points.
        """
        self._max_slippage_bps = max_slippage_bps
        #: By base coin, each in the journal's order.
        self._lanes: dict[str, deque[Waiting]] = {}
        #: Pairs by copy.
        self._on_way: dict[str, str] = {}
        self._looked_up: set[str] = set()

    # -- what comes and what ends ---------------------------------------------------------------------------

    def add_fill(self, fill: MasterFill, received_at: float) -> None:
        """Puts a fill behind the others of its coin."""
        lane = self._lanes.setdefault(coin_of(fill.pair), deque())
        lane.append(Waiting(fill, received_at))

    def add_sync(self, item: SyncItem) -> None:
        """Puts a coin of a sync behind what waits of that coin."""
        lane = self._lanes.setdefault(item.coin, deque())
        lane.append(Waiting(_stand_in(item), item.taken_at, item))

    def begin_order(self, copy_id: str, pair: str) -> None:
        """The order of a copy is on its way; ``pair`` in the names that its coins have now."""
        self._on_way[copy_id] = pair

    def end_order(self, copy_id: str) -> None:
        """The order of a copy is over."""
        self._on_way.pop(copy_id, None)

    def begin_lookup(self, coin: str) -> None:
        """Something has to be known before fills of a coin are answered, and is asked for."""
        self._looked_up.add(coin)

    def end_lookup(self, coin: str) -> None:
        """It is known, or will not be."""
        self._looked_up.discard(coin)

    def rename(self, current_pair: Callable[[str], str]) -> None:
        """Coins have other names from now on; ``current_pair`` gives a pair its name of now."""
        waiting = sorted(
            (each for lane in self._lanes.values() for each in lane), key=lambda each: each.place
        )
        self._lanes.clear()
        for each in waiting:
            pair = current_pair(each.fill.pair)
            item = each.sync and each.sync.renamed(current_pair)
            fill = replace(each.fill, pair=pair, master_pair=current_pair(each.fill.master_pair))
            self._lanes.setdefault(coin_of(pair), deque()).append(replace(each, fill=fill, sync=item))
        self._on_way = {copy_id: current_pair(pair) for copy_id, pair in self._on_way.items()}

    # -- what is there --------------------------------------------------------------------------------------

    @property
    def orders_on_way(self) -> int:
        """Orders whose end is not known."""
        return len(self._on_way)

    @property
    def unfinished(self) -> int:
        """Orders on their way and fills that wait. Asked from another thread as well."""
        return len(self._on_way) + sum(map(len, list(self._lanes.values())))

    def fills_waiting(self, coin: str) -> list[MasterFill]:
        """The fills of a coin that wait, in the journal's order."""
        return [each.fill for each in self._lanes.get(coin, ())]

    def sync_waiting(self, coin: str) -> SyncItem | None:
        """What waits first of a coin, where that is no fill but a coin of a sync."""
        lane = self._lanes.get(coin)
        return lane[0].sync if lane else None

    def first_place(self, coin: str) -> Place:
        """Where the first of a coin stands that waits; before everything where nothing does."""
        lane = self._lanes.get(coin)
        return lane[0].place if lane else (0, 0, 0)

    def coins_waiting(self) -> list[str]:
        """Coins of which fills wait, by the first of each in the journal's order."""
        coins = [coin for coin, lane in self._lanes.items() if lane]
        return sorted(coins, key=lambda coin: self._lanes[coin][0].place)

    def is_occupied(self, coin: str) -> bool:
        """Whether the coin's lane stands still: an order of it is on its way, or something is looked up."""
        return coin in self._looked_up or any(coin_of(pair) == coin for pair in self._on_way.values())

    def is_traded(self, coin: str) -> bool:
        """Whether an order on its way buys, sells or spends a coin, and may change what copying holds."""
        return any(coin in pair.split("/") for pair in self._on_way.values())

    def is_free(self, coin: str, before: float = 0) -> bool:
        """Whether nothing of a coin is on its way, looked up or waiting; ``before``: what waits behind the
        fill of this number does not count.
        """
        if self.is_occupied(coin) or self.is_traded(coin):
            return False
        lane = self._lanes.get(coin)
        return not lane or (before > 0 and lane[0].place > (before, 0, 0))

    def is_waiting(self, coin: str, seq: int) -> bool:
        """Whether a fill of a coin waits for its turn."""
        return any(each.sync is None and each.fill.seq == seq for each in self._lanes.get(coin, ()))

    # -- whose turn it is -----------------------------------------------------------------------------------

    def may_answer(self, coin: str) -> bool:
        """Whether the first fill of a coin's lane may be answered now.

        Not while an order on its way buys, sells or spends the coin, or buys or sells the coin that this
        fill is paid in; nor before earlier fills that do so and wait themselves. Each counts on what the one
        before it leaves.
        """
        lane = self._lanes.get(coin)
        if not lane or coin in self._looked_up:
            return False
        first = lane[0].fill
        quote = quote_of(first.pair)
        for pair in self._on_way.values():
            if coin in pair.split("/") or coin_of(pair) == quote:
                return False
        return lane[0].place < self._first_of_others(coin, quote)

    def may_answer_fill(self, coin: str) -> bool:
        """The same where what waits first is a fill."""
        return self.may_answer(coin) and self.sync_waiting(coin) is None

    def _first_of_others(self, coin: str, quote: str) -> Place:
        """The first fill that waits in another lane and changes a coin that fills of this lane and quote
        count on: those behind it wait.
        """
        others = (
            each.place
            for other, lane in self._lanes.items()
            if other != coin
            for each in lane
            if other == quote or quote_of(each.fill.pair) == coin
        )
        return min(others, default=(inf, 0, 0))

    def take_run(self, coin: str, *, of_one_order: bool = False) -> list[Waiting]:
        """Takes the fills that are merged into the next order out of a coin's lane: the first, and those of
        the same pair and side right behind it. ``of_one_order``: of the same master order, too.

        Behind it in the journal, as far as the coin goes: one that comes after a fill that spends the coin
        counts on what that leaves. Entries as far as one price bounds them all: what one was bought for is no
        reason to pay more for another.
        """
        return list(self._run(self._lanes[coin], of_one_order=of_one_order))

    def _run(self, lane: deque[Waiting], *, of_one_order: bool) -> Iterator[Waiting]:
        first = lane[0].fill
        lowest = highest = first.price
        most_bps = self._max_slippage_bps(first.pair)
        others = self._first_of_others(coin_of(first.pair), quote_of(first.pair))
        is_sync = lane[0].sync is not None
        yield lane.popleft()
        if is_sync:
            return
        for _ in range(MERGE_MAX - 1):
            if not lane or lane[0].place > others or lane[0].sync or not _is_like(lane[0].fill, first):
                return
            fill = lane[0].fill
            if of_one_order and fill.order_id != first.order_id:
                return
            lowest, highest = min(lowest, fill.price), max(highest, fill.price)
            if fill.side is Side.BUY and highest > lowest.worse(Side.BUY, most_bps):
                return
            yield lane.popleft()


def _is_like(fill: MasterFill, first: MasterFill) -> bool:
    """Whether one order may answer both."""
    alike = ("pair", "side", "pair_unknown", "master_pair", "rate_unknown")
    return all(getattr(fill, name) == getattr(first, name) for name in alike)


def _stand_in(item: SyncItem) -> MasterFill:
    """What a coin of a sync waits by."""
    nothing, no_volume = QuoteAmount(Decimal(0)), BaseVolume(Decimal(0))
    return MasterFill(
        seq=item.as_of_seq, order_id=item.order_id, pair=item.pair, side=Side.BUY, price=Price(Decimal(0)),
        volume=no_volume, master_equity=nothing, master_cash=nothing, position_before=no_volume,
        position_after=no_volume, master_position=no_volume, margin=False, executed_at=item.taken_at,
    )  # fmt: skip
