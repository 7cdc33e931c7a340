"""The parts of a master's process over a scripted exchange: what the tests of each of them begin with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from krakencopy.account_proc.domain.counted_trades import Trade
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.master.audit import Audit
from krakencopy.account_proc.master.catch_up import CatchUp
from krakencopy.account_proc.master.fill_maker import FillMaker
from krakencopy.account_proc.master.held_trades import HeldTrades
from krakencopy.account_proc.master.master_wallet import MasterWallet
from krakencopy.account_proc.master.trade_history import TradeHistory
from krakencopy.account_proc.master.trade_rows import from_feed
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.portfolio import Portfolio
from tests.support.copying import NOW
from tests.support.scripted_kraken import TABLE, ScriptedKraken, execution

#: How far balances may trail, in seconds.
LAG_S = 60.0


def trade(
    exec_id: str, qty: str = "0.01", at: float = NOW, *, side: Side = Side.BUY, symbol: str = "BTC/USD",
    order_id: str = "O1", margin: bool = False,
) -> Trade:  # fmt: skip
    """A trade at 50000, as the feed tells it."""
    row = execution(order_id=order_id, exec_id=exec_id, qty=qty, side=side, symbol=symbol, margin=margin)
    return replace(from_feed([row])[0], executed_at=at)


def history(*trades: Trade) -> dict[str, Any]:
    """The answer to TradesHistory that has them."""
    rows = {
        one.exec_id: {
            "ordertxid": one.order_id, "pair": "XXBTZUSD" if TABLE.find(one.pair) else one.pair,
            "time": one.executed_at, "type": one.side.value, "ordertype": "market", "price": str(one.price),
            "cost": str(one.cost), "fee": "0", "vol": str(one.volume), "margin": "0", "misc": "",
            "trade_id": number, "maker": False,
        }
        for number, one in enumerate(trades, 1)
    }  # fmt: skip
    return {"trades": rows, "count": len(rows)}


def scripted(usd: str = "1000", *trades: Trade) -> ScriptedKraken:
    """An exchange that tells so much money and these trades."""
    return ScriptedKraken(
        {"Balance": {"ZUSD": usd}, "TradesHistory": history(*trades), "QueryOrders": {}},
    )


@dataclass
class MasterParts:
    """A master that holds what the exchange says, none of it read yet, at NOW."""

    ledger: Ledger
    kraken: ScriptedKraken = field(default_factory=scripted)
    now: float = NOW

    def __post_init__(self) -> None:
        exchange = self.kraken.exchange
        self.portfolio = Portfolio(exchange, lambda: None, lambda: self.now, LAG_S)
        self.portfolio.pairs.latest = TABLE
        self.maker = FillMaker()
        self.held = HeldTrades()
        self.wallet = MasterWallet("master", self.portfolio, self.ledger, lambda: self.now, 300.0)
        self.history = TradeHistory(exchange, self.portfolio, self.maker, self.wallet, self.held)
        self.ours = 0
        self.catch_up = CatchUp(
            account_id="master", exchange=exchange, portfolio=self.portfolio, history=self.history,
            wallet=self.wallet, held=self.held, now=lambda: self.now, is_ours=self._is_ours,
        )  # fmt: skip
        self.audit = Audit(self.history, self.maker, self.wallet, lambda: self.now, 0.01)

    def _is_ours(self) -> None:
        self.ours += 1

    def holds(self, asset: str) -> float:
        return float(self.portfolio.wallet[asset])
