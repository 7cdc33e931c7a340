"""The exchange as the rest of an account sees it: typed calls, awaited, in order of urgency.

A thin layer over kraken/rest/client.py: names of methods and parameters, paging, and the step from rows to
values.
"""

from __future__ import annotations

from collections.abc import Callable

from krakencopy.account_proc.kraken.account_reads import AccountReads
from krakencopy.account_proc.kraken.calls import Calls, Odd
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.market_reads import MarketReads
from krakencopy.account_proc.kraken.order_entry import OrderEntry
from krakencopy.account_proc.kraken.order_reads import OrderReads
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue


class KrakenExchange:
    """One account at Kraken. All methods of its parts raise ExchangeError."""

    def __init__(
        self, queue: RequestQueue, clock: ExchangeClock | None = None, odd: Odd | None = None,
        refused: Callable[[str, str], None] | None = None,
    ) -> None:  # fmt: skip
        """``clock``: what the exchange's shows; this machine's without it. ``odd`` is called with every row
        that cannot be read (without it they are logged), ``refused`` with a pair that the account may not
        trade in, and the exchange's words.
        """
        calls = Calls(queue, odd)
        self.market = MarketReads(calls)
        #: Of orders and trades.
        self.record = OrderReads(calls, self.market, ExchangeClock() if clock is None else clock)
        self.account = AccountReads(calls, self.market, self.record)
        self.orders = OrderEntry(calls, self.market, self.account, refused)
