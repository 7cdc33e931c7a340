"""What ccxt hands over, odd in one to three places, through all that is made of it: rules of markets,
balances, prices, orders that are looked for. The same in small as tests/support/mutated_answers.py.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, cast

from krakencopy.account_proc.ccxt_broker.broker import CcxtBroker
from krakencopy.account_proc.ccxt_broker.client import CcxtClient, Habits
from krakencopy.account_proc.ccxt_broker.messages import TICK_SIZE, order_id_of
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import AccountError, OutcomeUnknown
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.sent_values import UNREADABLE
from krakencopy.account_proc.kraken.errors import loads
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.health import ExchangeHealth
from krakencopy.account_proc.trading.broker import BrokerOrder
from krakencopy.account_proc.trading.timing import Timing
from tests.support.copying import NOW
from tests.support.mutated_answers import Found, mutate_one, to_json

_ORDER: dict[str, Any] = {
    "id": "O1", "clientOrderId": "mine", "symbol": "BTC/USD", "side": "buy", "type": "limit",
    "price": "50000", "amount": "0.01", "filled": "0.01", "average": "50000", "cost": "500",
    "status": "closed", "fees": [], "fee": None,
}  # fmt: skip
#: What ccxt's methods return, by their names.
ROWS: dict[str, Any] = {
    "load_markets": {
        "BTC/USD": {
            "id": "XXBTZUSD", "altname": "XBTUSD", "symbol": "BTC/USD", "base": "BTC", "quote": "USD",
            "spot": True, "active": True, "precision": {"amount": "0.00000001", "price": "0.1"},
            "limits": {"amount": {"min": "0.0001"}, "cost": {"min": "0.5"}},
        },
        "USD/EUR": {
            "id": "USDEUR", "symbol": "USD/EUR", "base": "USD", "quote": "EUR", "spot": True,
            "precision": {"amount": "0.01", "price": "0.0001"}, "limits": {"amount": {}, "cost": None},
        },
    },
    "fetch_balance": {"total": {"USD": "1000", "BTC": "0.5"}, "free": {"USD": "900", "BTC": "0.5"}},
    "fetch_ticker": {"bid": "49999", "ask": "50001", "last": "50000"},
    "fetch_orders": [_ORDER | {"id": "O0", "clientOrderId": "another", "fees": [{"cost": "1"}]}, _ORDER],
    "fetch_order": _ORDER,
    "fetch_my_trades": [{"order": "O1", "fee": {"currency": "USD", "cost": "1.3"}}, {"order": "O2"}],
    "create_order": {"id": "O1"},
}  # fmt: skip


class _Exchange:
    """ccxt's object, as far as it is asked for what it knows."""

    precisionMode = TICK_SIZE  # noqa: N815 - ccxt's
    has = {"fetchMyTrades": True}  # noqa: RUF012

    @staticmethod
    def feature_value(_symbol: str, _method: str, name: str) -> Any:
        return {"IOC": True} if name == "timeInForce" else None


class _Client:
    """A CcxtClient whose exchange has answered already."""

    id = "an exchange"
    habits = Habits()
    exchange = _Exchange()

    def __init__(self, rows: dict[str, Any], found: Found) -> None:
        self._rows = rows
        self._found = found
        self.health = ExchangeHealth()
        self.clock = ExchangeClock(lambda: NOW + 1e6, lambda: 100.0)

    @staticmethod
    def order_lists() -> list[str]:
        return ["fetch_orders"]

    async def read(
        self, _priority: object, method: str, *_: object, take: Callable[[Any], Any], timeout_s: float = 0
    ) -> Any:
        """As CcxtClient's, but what it would not expect is a fault."""
        del timeout_s
        try:
            return take(copy.deepcopy(self._rows[method]))
        except UNREADABLE as error:
            raise OutcomeUnknown(method, f"{type(error).__name__}") from error

    async def send_order(self, *_: object) -> str:
        return order_id_of(copy.deepcopy(self._rows["create_order"]))


def play(seed: int) -> Found:
    """All that a broker makes of the answers of one seed."""
    dice, rows, found = Random(seed), copy.deepcopy(ROWS), Found()  # noqa: S311 - guards nothing
    for _ in range(dice.randint(1, 3) if seed >= 0 else 0):
        mutate_one(dice, rows[dice.choice(sorted(rows))], rows)
    try:
        # As ccxt reads them, with numbers as text where they are numbers.
        rows = {method: loads(to_json(row)) for method, row in rows.items()}
    except ValueError:
        found.named += 1  # ccxt would not have read it
        return found
    asyncio.run(_play(_Client(rows, found), found))
    return found


async def _play(client: _Client, found: Found) -> None:
    broker = CcxtBroker(cast("CcxtClient", client), Timing())
    order = BrokerOrder(
        cl_ord_id="mine", pair="BTC/USD", side=Side.BUY, volume=Decimal("0.01"),
        limit_price=Decimal(50_000), ioc=True, deadline=NOW,
    )  # fmt: skip
    for place, step in (
        ("load", broker.load),
        ("refresh", broker.refresh),
        ("worth", lambda: _worth(broker)),
        ("quote", lambda: broker.quote("BTC/USD")),
        ("send", lambda: broker.send(order)),
        ("look", lambda: broker._look_once(order)),
        ("end", lambda: broker._ending(order, "O1")),
    ):
        try:
            shown = await step()
            f"{shown}".encode()
        except AccountError:
            found.named += 1
        except KeyError as error:
            # The pair is not among the markets: nobody asks for it then.
            if broker.market("BTC/USD") is not None:
                _fault(found, place, error)
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            _fault(found, place, error)


def _fault(found: Found, place: str, error: BaseException) -> None:
    found.faults.append(f"ccxt {place}: {type(error).__name__}: {error!a}"[:300])
    found.errors.append(error)


async def _worth(broker: CcxtBroker) -> None:
    for quote in ("USD", "EUR", "BTC"):
        equity = broker.equity(quote)
        if equity is not None:
            plain(equity)
    market = broker.market("BTC/USD")
    if market is not None:
        holdings = broker.holdings(market)
        assert holdings.cash >= 0, f"cash {holdings.cash}"
        assert holdings.base >= 0, f"base {holdings.base}"
