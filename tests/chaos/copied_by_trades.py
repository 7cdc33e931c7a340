"""What copying held of each coin, by the trades that the exchange booked for one user."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby

from tests.chaos.coins import Coins
from tests.chaos.judge_copies import order_ids
from tests.chaos.records import Record
from tests.chaos.rows import Trade
from tests.chaos.terms import coin_of


def trades_as_counted(record: Record, account: str) -> list[Trade]:
    """A user's trades by copying, copy by copy, as those came to their ends; as they were made where the
    clock was set.
    """
    by_hand = record.orders_by_hand(account)
    ended = {} if record.clock_stepped else _ends(record, account)
    trades = [trade for trade in record.trades_of(account) if trade.order_id not in by_hand]
    # A copy has not ended before it traded, whatever the clock said.
    return sorted(trades, key=lambda trade: (max(ended.get(trade.cl_ord_id, trade.at), trade.at), trade.n))


def _ends(record: Record, account: str) -> dict[str, float]:
    """When the copy of each client order id ended."""
    ended: dict[str, float] = {}
    for copy in record.copies_of(account):
        ended |= dict.fromkeys(order_ids(record, copy), copy.finished_at)
    return ended


def count_trades(coins: Coins, trades: Sequence[Trade]) -> None:
    """Counts what the exchange booked for one order, all at once: where own money comes back at another
    price in each trade, what is over in one makes up for what is short in the next.
    """
    fees: dict[str, Fraction] = defaultdict(Fraction)
    for trade in trades:
        fees[coin_of(trade.fee_asset)] += Fraction(trade.fee)
    volume = sum((Fraction(trade.volume) for trade in trades), Fraction(0))
    cost = sum((Fraction(trade.cost) for trade in trades), Fraction(0))
    coins.count(trades[0].pair, trades[0].side, volume, cost, fees)


def copied(record: Record, account: str, trades: int) -> Coins:
    """What copying held of each coin, so many trades of the exchange on."""
    coins = Coins()
    counted = (trade for trade in trades_as_counted(record, account) if trade.n <= trades)
    for _, those in groupby(counted, key=lambda trade: trade.order_id):
        count_trades(coins, list(those))
    return coins
