"""Which trades the master's wallet holds. Pure: no clock, no exchange, no files.

Balances that the exchange tells may trail behind its engine, so they cannot say what was held right before a
trade. A wallet that is counted trade by trade can, as long as it is known which trades it holds; both are
kept together, as one text.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Wallet
from krakencopy.v1 import types_pb2 as pb

#: Trades are remembered one by one for this long after they were executed, in seconds; older ones count as
#: held. Reads of the history were seen to trail by a minute.
REMEMBERED_S = 600.0
#: The wallet's name in the ledger.
WALLET = "wallet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution of the master, wherever it was read."""

    exec_id: str
    order_id: str
    pair: str
    side: Side
    price: Decimal
    volume: Decimal
    cost: Decimal
    fees: tuple[tuple[str, Decimal], ...]
    margin: bool
    executed_at: float
    source: pb.FillSource.ValueType
    #: The client order id of its order; empty for one without, and where it was not given.
    cl_ord_id: str = ""


def apply(wallet: Wallet, trade: Trade, table: PairTable, *, undo: bool = False) -> None:
    """Counts a trade into a wallet, or takes it out again. A margin trade moves no balance but its fee.

    One in a pair that is not listed is not counted: what it has moved is what balances tell.
    """
    pair = table.find(trade.pair)
    if pair is None:
        return
    sign = -1 if undo else 1
    if not trade.margin:
        side = trade.side if not undo else Side.SELL if trade.side is Side.BUY else Side.BUY
        wallet.trade(pair.base, pair.quote, side, trade.volume, trade.cost)
    for asset, amount in trade.fees:
        wallet.add_amount(asset, -sign * amount)


class CountedTrades:
    """The trades that a wallet holds: all before a time, and some after it."""

    def __init__(self, all_before: float = 0.0) -> None:
        """``all_before``: trades that were executed up to then (Unix seconds) are in the wallet."""
        self._all_before = all_before
        self._since: OrderedDict[str, float] = OrderedDict()
        #: When the newest trade in the wallet was executed, or until when all are (Unix seconds).
        self.newest = all_before

    def holds(self, trade: Trade) -> bool:
        """Whether the wallet holds a trade."""
        return trade.executed_at <= self._all_before or trade.exec_id in self._since

    def add_trade(self, trade: Trade) -> None:
        """The wallet now holds one more."""
        self._since[trade.exec_id] = trade.executed_at
        self.newest = max(self.newest, trade.executed_at)
        while self._since:
            exec_id, executed_at = next(iter(self._since.items()))
            if executed_at > self.newest - REMEMBERED_S:
                break
            del self._since[exec_id]
            self._all_before = max(self._all_before, executed_at)

    def states(self, wallet: Wallet, listed: Sequence[Trade], table: PairTable, since: float) -> list[Wallet]:
        """What the wallet was right before each trade since a time (Unix seconds), and after the last one."""
        now = wallet.copy()
        again = [trade for trade in listed if trade.executed_at >= since or not self.holds(trade)]
        for trade in reversed(again):
            if self.holds(trade):
                apply(now, trade, table, undo=True)
        states = []
        for trade in again:
            if trade.executed_at >= since:
                states.append(now.copy())
            apply(now, trade, table)
        return [*states, now]

    def to_json(self, wallet: Wallet) -> str:
        """Wallet and trades as one text."""
        balances = {asset: str(amount) for asset, amount in sorted(wallet.balances().items())}
        return json.dumps({"balances": balances, "all_before": self._all_before, "since": self._since})

    @classmethod
    def from_json(cls, text: str, wallet: Wallet) -> CountedTrades:
        """What ``to_json`` made; the balances go into ``wallet``. Raises ValueError, KeyError or
        decimal.InvalidOperation.
        """
        raw = json.loads(text)
        counted = cls(float(raw["all_before"]))
        wallet.replace({asset: Decimal(amount) for asset, amount in raw["balances"].items()})
        for exec_id, executed_at in raw["since"].items():
            counted._since[exec_id] = float(executed_at)
            counted.newest = max(counted.newest, float(executed_at))
        return counted


def remembered_trades(text: str) -> dict[str, float]:
    """Of what ``CountedTrades.to_json`` made: when trades that are remembered one by one were executed (Unix
    seconds), by execution id. Empty for what is no such text: who reads the wallet says so.
    """
    try:
        return {str(exec_id): float(at) for exec_id, at in json.loads(text)["since"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
