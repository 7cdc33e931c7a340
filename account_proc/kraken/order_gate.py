"""The last look before an order leaves for an exchange, and which orders may still arrive there.

Who asks is the one place that each order of an account passes with the turn to send in its hand
(kraken/rest/client.py; for other brokers ccxt_broker/client.py). Who answers is trading/trading_guard.py.

An order is counted before it is looked whether it may leave. So whoever reads another state, and then sees no
order counted from before, knows that none can leave against that state any more.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import NotSent


class NotTraded(NotSent):
    """The account's trading state lets no such order leave: nothing was done."""

    #: Which state that is.
    state: TradingState


class TradingHalted(NotTraded):
    """No order leaves."""

    reason = "TRADING_HALTED"
    state = TradingState.HALTED


class TradingReducing(NotTraded):
    """No order to buy leaves."""

    reason = "TRADING_REDUCING"
    state = TradingState.REDUCING


class LimitHit(NotTraded):
    """The account has lost as much as a limit lets it, and does not trade until that is reset."""

    reason = "LIMIT_HIT"

    def __init__(self, state: TradingState, words: str) -> None:
        super().__init__("AddOrder", words)
        self.state = state


class ShadowSendsNothing(NotTraded):
    """The account is a shadow: only reads leave."""

    reason = "SHADOW"
    state = TradingState.HALTED

    def __init__(self, method: str) -> None:
        super().__init__(method, "the account is a shadow: it sends nothing, no order and no cancel")


#: Private methods of Kraken's that change nothing: all that a shadow may call. Nothing else leaves.
READ_METHODS = frozenset(
    {
        "Balance", "BalanceEx", "TradeBalance", "OpenOrders", "ClosedOrders", "QueryOrders", "TradesHistory",
        "QueryTrades", "Ledgers", "QueryLedgers", "TradeVolume", "GetApiKeyInfo", "GetWebSocketsToken",
    }
)  # fmt: skip

#: Why an order of a side must not leave now; None where it may. Asked in any thread.
Refusal = Callable[[Side], NotTraded | None]


class OrderGate:
    """One account's. From any thread."""

    def __init__(self, refusal: Refusal = lambda _side: None, *, is_shadow: bool = False) -> None:
        """Without ``refusal`` every order may leave. ``is_shadow``: nothing leaves but reads, whatever is
        said elsewhere.
        """
        self._refusal = refusal
        self._is_shadow = is_shadow
        self._numbers = itertools.count(1)
        #: Orders that have passed and may still arrive, by number: until when (monotonic seconds); None while
        #: no answer is known.
        self._out: dict[int, float | None] = {}

    @contextmanager
    def order_out(self, side: Side, may_arrive_s: float) -> Iterator[None]:
        """Around the sending of an order, until its answer has been read. ``may_arrive_s``: for how long
        from now the exchange may act on it where no answer comes. Raises NotTraded before anything is sent.
        """
        number = next(self._numbers)
        self._out[number] = None
        until = time.monotonic() + may_arrive_s
        try:
            self.check(side)
            yield
        except (NotSent, ExchangeRefused):
            del self._out[number]
            raise
        except BaseException:
            # Nobody knows: it may be on its way for as long as its deadline lets it.
            self._out[number] = until
            raise
        else:
            del self._out[number]

    def check_call(self, method: str) -> None:
        """Raises NotTraded where a private call must not leave, whatever it is."""
        if self._is_shadow and method not in READ_METHODS:
            raise ShadowSendsNothing(method)

    def check(self, side: Side) -> None:
        """Raises NotTraded where no order of this side may leave now."""
        if self._is_shadow:
            raise ShadowSendsNothing("AddOrder")
        if (refused := self._refusal(side)) is not None:
            raise refused

    @property
    def mark(self) -> int:
        """Orders that pass later have a higher number."""
        return max(tuple(self._out), default=0)

    def may_arrive(self, mark: int) -> bool:
        """Whether an order up to this number may still arrive at the exchange."""
        now = time.monotonic()
        for number, until in tuple(self._out.items()):
            if until is not None and until <= now:
                self._out.pop(number, None)
            elif number <= mark:
                return True
        return False
