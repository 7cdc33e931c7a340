"""The same trade, as the feed and as the history tell it."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.feed.executions import Incomplete
from krakencopy.account_proc.kraken.rest.messages import TradeRow
from krakencopy.account_proc.master.trade_rows import from_feed, from_history
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import NOW
from tests.support.scripted_kraken import TABLE, execution


def row(pair: str = "XXBTZUSD", fee: str = "2") -> TradeRow:
    return TradeRow(
        txid="T1", ordertxid="O1", pair=pair, side=Side.BUY, price=Decimal(50000), cost=Decimal(500),
        fee=Decimal(fee), vol=Decimal("0.01"), margin=False, time=Decimal(str(NOW)), trade_id=1,
    )  # fmt: skip


def test_only_whole_trades_of_the_feed_are_trades() -> None:
    incomplete = Incomplete(exec_type="trade", order_id="O9", exec_id="T9", missing=("symbol",))
    (trade,) = from_feed([execution("new"), incomplete, execution(qty="0.01", cl_ord_id="c1")])
    assert (trade.exec_id, trade.order_id, trade.pair, trade.cl_ord_id) == ("T1", "O1", "BTC/USD", "c1")
    assert (trade.volume, trade.cost, trade.source) == (Decimal("0.01"), Decimal(500), pb.FILL_SOURCE_FEED)
    assert trade.executed_at == NOW


def test_a_cost_that_the_feed_leaves_out_is_reckoned() -> None:
    (trade,) = from_feed([execution(qty="0.01", price="50000", cost="0")])
    assert trade.cost == 500


def test_the_history_tells_the_same_trade_with_its_fee_in_quote() -> None:
    (told,) = from_feed([execution(qty="0.01", fees=(("USD", "2"),))])
    found = from_history(row(), TABLE)
    assert found.source == pb.FILL_SOURCE_HISTORY
    assert (found.exec_id, found.pair, found.cost, found.fees) == (
        told.exec_id,
        told.pair,
        told.cost,
        told.fees,
    )


def test_of_a_pair_that_is_not_listed_the_fee_has_no_asset() -> None:
    found = from_history(row("NEWUSD"), TABLE)
    assert (found.pair, found.fees) == ("NEWUSD", ())
    assert from_history(row(fee="0"), TABLE).fees == ()
