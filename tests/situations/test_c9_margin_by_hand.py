"""A margin trade that a user makes by hand moves what it moves, its fee, and no coins."""

from __future__ import annotations

from tests.support.system import Paper, System, wait_for


def test_a_margin_trade_by_hand_moves_no_coins_and_no_cash() -> None:
    """A user buys ten times its money on margin: its cash is what it was, and the next entry is copied in
    full.
    """
    with Paper() as paper, System(paper, {"anna": "1000"}) as system:
        paper.price("XBTUSD", "50000")
        system.start().wait_ready()
        wait_for("anna's feed", lambda: system.accounts()["anna"].feed_connected)
        # The paper exchange has no margin: a row as Kraken documents it comes before anna's next ones.
        row = {
            "order_id": "OMARGN-AAAAA-BBBBBB",
            "exec_id": "TMARGN-AAAAA-BBBBBB",
            "exec_type": "trade",
            "trade_id": 7,
            "symbol": "BTC/USD",
            "side": "buy",
            "last_qty": 0.2,
            "last_price": 50000.0,
            "cost": 10000.0,
            "liquidity_ind": "t",
            "order_type": "market",
            "order_status": "filled",
            "margin_borrow": True,
            "position_status": "opened",
            "fees": [{"asset": "USD", "qty": 2.0}],
            "timestamp": "2026-11-22T10:00:00.000000Z",
        }
        paper.call("POST", "/faults", kind="odd_row", method="executions", account="anna", row=row)
        system.buy("BTC/USD", "0.0005")
        system.settled(1)
        system.buy("BTC/USD", "0.001")
        system.settled(2)
        assert [copy.reason for copy in system.copies("anna")] == ["SCALED", "SCALED"]
        wait_for(
            "what it is worth to be told", lambda: 990 < float(system.accounts()["anna"].equity.amount) < 1001
        )
