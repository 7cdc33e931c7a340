"""From trades in order to fills, with what was frozen at the first fill of each order. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.proto_time import seconds, timestamp
from krakencopy.account_proc.domain.copy_record import PB_SIDE
from krakencopy.account_proc.domain.counted_trades import Trade, apply
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.wallet import (
    BRIDGES,
    NOTHING_RESERVED,
    Marks,
    Wallet,
)
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb

#: Execution ids and orders that are remembered; Kraken's history pages and snapshots repeat far fewer.
SEEN_MAX = 100_000
#: Orders of which is remembered what was frozen.
FROZEN_MAX = 10_000
#: The trade history is read again from this long before the last fill, in seconds: it may trail behind the
#: feed.
HISTORY_OVERLAP_S = 120.0


@dataclass(slots=True, kw_only=True)
class _Frozen:
    """Before an order's first fill; None is not known."""

    equity: Decimal | None
    cash: Decimal | None
    position: Decimal | None
    filled: Decimal


class FillMaker:
    """Pure: from trades in order to fills. Holds what was frozen at each order's first fill."""

    def __init__(self) -> None:
        #: Order and time (Unix seconds) by execution id.
        self._seen: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._frozen: OrderedDict[str, _Frozen] = OrderedDict()
        #: From when on trades are wanted (Unix seconds, by the exchange's clock).
        self.since = 0.0

    def knows(self, exec_id: str) -> bool:
        """Whether the trade was turned into a fill already, here or in the journal."""
        return exec_id in self._seen

    def lacks(self, trade: Trade) -> bool:
        """Whether a fill is still to be made of a trade that the history tells."""
        return trade.executed_at >= self.since and not self.knows(trade.exec_id)

    def learn_journal(self, request: account_pb.StreamFillsRequest, wanted_since: float) -> None:
        """Takes over what the journal has. A fill that was made and never arrived there is forgotten, to
        be made again. ``wanted_since``: from when on trades are wanted (master/journal_began.py).
        """
        self.since = wanted_since
        since, known = seconds(request.since), set(request.known_exec_ids)
        lost = [exec_id for exec_id, (_, at) in self._seen.items() if at >= since and exec_id not in known]
        for exec_id in lost:
            order_id, _ = self._seen.pop(exec_id)
            self._frozen.pop(order_id, None)
        for exec_id in request.known_exec_ids:
            self._see(exec_id, "", 0.0)
        for order in request.frozen_orders:
            self._frozen[order.order_id] = _Frozen(
                equity=_known(order.master_equity), cash=_known(order.master_cash),
                position=_known(order.master_position_before), filled=Decimal(order.filled_volume or 0),
            )  # fmt: skip

    def _see(self, exec_id: str, order_id: str, at: float) -> None:
        self._seen.setdefault(exec_id, (order_id, at))
        while len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)

    def make_fill(
        self, trade: Trade, wallet: Wallet, marks: Marks, table: PairTable, received_at: float,
        reserve: Mapping[str, Decimal] = NOTHING_RESERVED, *, certain: bool = True,
        equity_known: Callable[[str], bool] = lambda _: True,
    ) -> pb.Fill:  # fmt: skip
        """The fill, and the wallet after it. ``wallet`` is what the master held right before; with
        ``certain`` False it is known to be wrong, so that nobody may be sized by it. ``reserve`` is left out
        of equity and cash. Of a pair that is not listed only the feed tells base and quote (NEW/USD), and its
        wallet is not counted.
        """
        pair = table.find(trade.pair)
        base, _, quote = trade.pair.partition("/") if pair is None else (pair.base, "/", pair.quote)
        self._see(trade.exec_id, trade.order_id, trade.executed_at)
        if quote:
            marks.set(base, quote, trade.price)
        frozen = self._frozen.get(trade.order_id)
        if frozen is None:
            frozen = self._frozen[trade.order_id] = _Frozen(
                equity=wallet.value(quote, marks, reserve)
                if quote and certain and equity_known(quote)
                else None,
                cash=wallet[quote] - reserve.get(quote, Decimal(0)) if quote and certain else None,
                position=wallet[base] if quote else None,
                filled=Decimal(0),
            )
            while len(self._frozen) > FROZEN_MAX:
                self._frozen.popitem(last=False)
        fill = pb.Fill(
            exec_id=trade.exec_id,
            order_id=trade.order_id,
            pair=pair.name if pair else trade.pair,
            side=PB_SIDE[trade.side],
            price=plain(trade.price),
            volume=plain(trade.volume),
            master_equity=_shown(frozen.equity),
            master_cash=_shown(frozen.cash),
            master_position_before=_shown(frozen.position),
            master_position=_shown(wallet[base] if quote else None),
            order_filled_before=plain(frozen.filled),
            margin=trade.margin,
            source=trade.source,
            executed_at=timestamp(trade.executed_at),
            received_at=timestamp(received_at),
            pair_unknown=pair is None,
            cl_ord_id=trade.cl_ord_id,
        )
        if trade.fees:
            fill.fee.asset, fill.fee.amount = trade.fees[0][0], plain(trade.fees[0][1])
        # Of the bridges also where none is held: what users own beside this quote is worth something in it.
        for asset in {*wallet.assets(), *BRIDGES}:
            rate = marks.rate(asset, quote)
            if rate is not None and asset != quote:
                fill.marks[asset] = plain(rate)
        frozen.filled += trade.volume
        self.since = max(self.since, trade.executed_at - HISTORY_OVERLAP_S)
        apply(wallet, trade, table)
        return fill


def _known(amount: str) -> Decimal | None:
    return Decimal(amount) if amount else None


def _shown(amount: Decimal | None) -> str:
    return "" if amount is None else plain(amount)
