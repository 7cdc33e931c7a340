"""One exchange of ccxt in one thread: loaded by itself, set to give numbers as text, and watched while it
sends.

ccxt does addresses, signatures and forms. What it must not do alone is decide whether an order left: every
request passes ``_fetch`` below, so that an order leaves only before its deadline and with our id in it, and
so that we know whether it did.
"""

from __future__ import annotations

import asyncio
import heapq
import importlib
import itertools
import json
import logging
import sys
import time
import types
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import IntEnum
from importlib.util import find_spec
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from krakencopy.account_proc.ccxt_broker.health_errors import NEEDED, PUBLIC, health_error
from krakencopy.account_proc.ccxt_broker.messages import Sent, coinbase_refuses, error_of, order_id_of
from krakencopy.account_proc.contract.errors import (
    ConfigurationFault,
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
)
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import speaks_of_time
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.health import ExchangeHealth
from krakencopy.account_proc.kraken.order_gate import OrderGate
from krakencopy.account_proc.kraken.rest.http_connection import OK
from krakencopy.account_proc.kraken.rest.order_request import FEE_IN_QUOTE

T = TypeVar("T")

#: For a read, in seconds. An order behind it waits so long at most.
READ_TIMEOUT_S = 5.0
#: The list of all markets is long.
LOAD_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What one exchange does otherwise than the rest, as ccxt has it."""

    #: ccxt's parameter of an order that carries our id.
    client_id: str = "clientOrderId"
    #: Whether lists of orders can be narrowed to our id.
    finds_by_id: bool = False
    #: Whether the exchange takes a time after which it must not act on an order, as Kraken does.
    takes_deadline: bool = False
    #: How long after it was sent a request may still be acted on, in seconds, where no deadline says so.
    request_life_s: float = 60.0
    #: Whether an answer says that the order was not made, where ccxt may have no name for the reason.
    refuses: Callable[[object], bool] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    #: Whether orders are listed with fees in quote, whatever flags ccxt takes for their asset.
    fees_in_quote: bool = False
    #: What every order carries beside the rest.
    order_params: Mapping[str, str] = field(default_factory=dict)


HABITS = {
    # ccxt names a fee by the flag fcib, which says in what it was taken; Kraken states it in quote all the
    # same.
    "kraken": Habits(
        finds_by_id=True,
        takes_deadline=True,
        request_life_s=0.0,
        fees_in_quote=True,
        order_params={"oflags": FEE_IN_QUOTE},
    ),
    # ccxt drops clientOrderId and sends an id of its own; what has the API's own name is passed on as it is.
    # Its tokens are valid for 120 s. Without the option it would read the wallets, which do not tell what is
    # set aside for orders.
    "coinbase": Habits(
        client_id="client_order_id",
        request_life_s=120.0,
        refuses=coinbase_refuses,
        options={"fetchBalance": "v3PrivateGetBrokerageAccounts"},
    ),
}


class CcxtPriority(IntEnum):
    """Which calls go first."""

    ORDER = 0
    #: What an order's fate hangs on.
    URGENT = 1
    READ = 2


class _CannotSign(Exception):
    """The secret is of a form that ccxt cannot sign with."""


class _Kept(Exception):
    """The order was not sent."""


class CcxtClient:
    """One account at one exchange of ccxt. Its calls run one after another, orders first."""

    def __init__(
        self, exchange_id: str, url: str, credentials: Credentials, *, paced: bool,
        gate: OrderGate | None = None,
    ) -> None:  # fmt: skip
        """Use ``make``, in a thread: the import takes a third of a second.

        ``url``: where the API is if not at its own place; ``paced``: keep to ccxt's pauses between calls.
        ``gate`` says whether an order may leave; without it every one may.
        """
        self.id = exchange_id
        self.habits = HABITS.get(exchange_id, Habits())
        settings = {
            "apiKey": credentials.key, "secret": credentials.secret, "enableRateLimit": paced, "number": str,
            "options": dict(self.habits.options),
        }  # fmt: skip
        self.exchange = _exchange_class(exchange_id)(settings)
        # requests follows a redirect with the signed headers, to any host (it only takes out Authorization).
        self.exchange.session.max_redirects = 0
        self._check()
        if url:
            self.exchange.urls["api"] = pointed_at(self.exchange.urls["api"], url)
        # ccxt logs whole requests.
        logging.getLogger("ccxt").setLevel(logging.WARNING)
        self._original = {
            name: getattr(self.exchange, name) for name in ("sign", "fetch", "on_rest_response")
        }
        self.exchange.sign, self.exchange.fetch = self._sign, self._fetch
        self.exchange.on_rest_response = self._on_response
        self._gate = OrderGate() if gate is None else gate
        self._order: tuple[str, float, Side] | None = None
        #: What time it is at the exchange, by what answers to signed calls say; orders are timed by it.
        self.clock = ExchangeClock()
        #: What calls have met; its news come in the thread.
        self.health = ExchangeHealth(needed=NEEDED)
        #: When the signed call that is on its way left, on the steady clock.
        self._signed_at: float | None = None
        self._began = False
        self._status: int | None = None
        self._text = ""
        self._thread = ThreadPoolExecutor(1, "ccxt")
        self._busy = False
        self._waiting: list[tuple[CcxtPriority, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def _check(self) -> None:
        """Raises ConfigurationFault for an exchange that cannot be traded safely."""
        more = [name for name, needed in self.exchange.requiredCredentials.items() if needed]
        if unknown := sorted(set(more) - {"apiKey", "secret"}):
            raise ConfigurationFault(
                f"{self.id} needs {', '.join(unknown)} beside key and secret, which is not built"
            )
        needed = ["createOrder", "fetchBalance", "fetchOrder", "fetchTicker"]
        missing = [name for name in needed if not self.exchange.has.get(name)]
        if not self.order_lists():
            missing.append("fetchOrders")
        if missing:
            raise ConfigurationFault(
                f"ccxt has no {', '.join(missing)} for {self.id}: an order whose answer was lost could not "
                "be found again"
            )

    def order_lists(self) -> list[str]:
        """The methods that together list every order, open and ended; empty where there are none."""
        has = self.exchange.has
        if has.get("fetchOrders") is True:
            return ["fetch_orders"]
        if has.get("fetchOpenOrders") is True and has.get("fetchClosedOrders") is True:
            more = ["fetch_canceled_orders"] if has.get("fetchCanceledOrders") is True else []
            # Open first: an order that ends between two reads is still seen.
            return ["fetch_open_orders", "fetch_closed_orders", *more]
        return []

    # -- calls ----------------------------------------------------------------------------------------------

    async def read(
        self,
        priority: CcxtPriority,
        method: str,
        *args: Any,
        timeout_s: float = READ_TIMEOUT_S,
        take: Callable[[Any], T],
    ) -> T:
        """What ``take`` makes of a method's answer. Raises ExchangeError: OutcomeUnknown says "ask again"."""

        def call() -> T:
            self.exchange.timeout = round(timeout_s * 1000)
            self._began, self._status = False, None
            try:
                answer = take(getattr(self.exchange, method)(*args))
            except Exception as error:  # ccxt raises whatever an answer of another form leads to
                raise self._error(method, error) from error
            self.health.note_success(method, private=method not in PUBLIC)
            return answer

        return await self._in_turn(priority, call)

    async def send_order(
        self, cl_ord_id: str, side: Side, deadline: float, timeout_s: float, *args: Any
    ) -> str:
        """Calls createOrder once; the exchange's id. Raises ExchangeRefused or NotTraded (nothing was done)
        or OutcomeUnknown.
        """

        def call() -> str:
            self.exchange.timeout = round(timeout_s * 1000)
            self._began, self._status = False, None
            # Where nothing says until when it may be acted on, a request is dead once it is too old.
            may_arrive_s = max(deadline - self.clock.now(), timeout_s) + self.habits.request_life_s
            with self._gate.order_out(side, may_arrive_s):
                self._order = cl_ord_id, deadline, side
                try:
                    row = self.exchange.create_order(*args)
                except Exception as error:  # as above
                    raise self._error("createOrder", error) from error
                finally:
                    self._order = None
                order_id = order_id_of(row)
            self.health.note_success("createOrder", private=True)
            return order_id

        return await self._in_turn(CcxtPriority.ORDER, call)

    def _error(self, method: str, error: Exception) -> ExchangeError:
        if isinstance(error, ExchangeError):
            return error
        if isinstance(error, _Kept):
            return ExchangeRefused(method, (str(error),))
        fault: ExchangeError
        if isinstance(error, _CannotSign):
            fault = KeyRefused(method, (str(error),))
        else:
            refused = self.habits.refuses is not None and self.habits.refuses(self._answer())
            fault = error_of(method, error, Sent(self._began, self._status, refused))
        if speaks_of_time(fault):
            self.clock.refused()
        self.health.note_failure(
            method, health_error(fault, self._status), time.monotonic(), private=method not in PUBLIC
        )
        return fault

    def _answer(self) -> object:
        """The last answer, if it is JSON."""
        try:
            return json.loads(self._text)
        except ValueError:
            return None

    async def _in_turn(self, priority: CcxtPriority, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (priority, next(self._count), turn))
        self._give_turn()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._turn_over()
            raise
        try:
            return await loop.run_in_executor(self._thread, call)
        finally:
            self._turn_over()

    def _give_turn(self) -> None:
        while self._waiting and not self._busy:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                self._busy = True
                turn.set_result(None)

    def _turn_over(self) -> None:
        self._busy = False
        self._give_turn()

    def close(self) -> None:
        """Begins nothing more. What is under way ends by its own timeout; nobody waits for it."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # -- what ccxt calls, in the thread ---------------------------------------------------------------------

    def _sign(self, *args: Any, **more: Any) -> Any:
        try:
            return self._original["sign"](*args, **more)
        except Exception as error:
            if type(error).__module__.startswith("ccxt."):
                raise
            # Not chained: it may quote the secret.
            raise _CannotSign("the secret cannot be used for signing; copy the whole of it again") from None

    def _fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        self._status, self._text = None, ""
        if self._order is not None and method != "GET":
            cl_ord_id, deadline, side = self._order
            # ccxt has kept its pauses, and may have asked other things: what may be traded is looked at last.
            self._gate.check(side)
            if self.clock.now() >= deadline:
                raise _Kept("its time was over before it could be sent")
            if cl_ord_id not in f"{url}{body}{headers}":
                raise _Kept(
                    f"ccxt sends no id of ours to {self.id}: the order could not be found again if its "
                    "answer were lost"
                )
        # What ccxt reads on the way to an order changes nothing.
        self._began = self._began or self._order is None or method != "GET"
        self._signed_at = self.clock.steady() if headers else None
        return self._original["fetch"](url, method, headers, body)

    def _on_response(  # ccxt's own signature
        self, code: int, reason: str, url: str, method: str, headers: Any, text: str, *request: Any
    ) -> Any:
        self._status, self._text = code, text
        if code == OK and self._signed_at is not None and headers is not None:
            self.clock.hear_date(headers.get("Date"), self._signed_at, self.clock.steady())
        return self._original["on_rest_response"](code, reason, url, method, headers, text, *request)


def _exchange_class(exchange_id: str) -> Any:
    """The class of one exchange. Raises ConfigurationFault.

    Importing ``ccxt`` itself imports every exchange: 67 MiB instead of 30 (measured). So the package is put
    in place without being run.
    """
    try:
        if "ccxt" not in sys.modules:
            spec = find_spec("ccxt")
            if spec is None or spec.submodule_search_locations is None:
                raise ModuleNotFoundError(
                    f"ccxt is not installed; run: {sys.executable} -m pip install 'krakencopy[brokers]'"
                )
            package = types.ModuleType("ccxt")
            package.__path__ = list(spec.submodule_search_locations)
            package.__spec__ = spec
            sys.modules["ccxt"] = package
        return getattr(importlib.import_module(f"ccxt.{exchange_id}"), exchange_id)
    except (ImportError, AttributeError) as error:
        raise ConfigurationFault(f"ccxt cannot be used for {exchange_id}: {error}") from error


def pointed_at(urls: Any, place: str) -> Any:
    """ccxt's URLs with scheme and host of ``place`` and their own paths."""
    if isinstance(urls, dict):
        return {name: pointed_at(url, place) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    there = urlsplit(place)
    return urlunsplit((there.scheme, there.netloc, there.path.rstrip("/") + urlsplit(urls).path, "", ""))
