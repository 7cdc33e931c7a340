"""An account's client of the exchange against a server, and answers that the paper exchange does not give."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from tests.support.odd_exchange import (
    SECRET,
    OddExchange,
    answer,
    odd_exchange,
    roomy_limits,
)

Steps = Callable[[KrakenExchange], Awaitable[None]]


def on(url: str, name: str, folder: Path, steps: Steps) -> None:
    """Run steps with an exchange that has its own key, nonces and connection."""

    async def run() -> None:
        custody = NonceCustody.open(
            folder / f"{name}.txt", account_id=name, now_us=lambda: time.time_ns() // 1000
        )
        queue = RequestQueue(KrakenRest(url, Credentials(name, SECRET), custody, roomy_limits()))
        try:
            await steps(KrakenExchange(queue))
        finally:
            await asyncio.to_thread(queue.close)
            custody.close()

    asyncio.run(run())


def market(volume: str, side: Side = Side.BUY, **more: Any) -> OrderRequest:
    return OrderRequest(pair="BTC/USD", side=side, volume=Decimal(volume), **more)


# -- answers that the paper exchange does not give ---------------------------------------------------------

PAIRS = {
    "XXBTZUSD": {
        "altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "cost_decimals": 5,
        "pair_decimals": 1, "lot_decimals": 8, "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1",
    }
}  # fmt: skip
ASSETS = {"XXBT": {"altname": "XBT"}, "ZUSD": {"altname": "USD"}}
#: Pairs and assets, each once more for tokenised ones, of which there are none.
TABLE = (answer(PAIRS), answer({}), answer(ASSETS), answer({}))


def trades(*numbers: int) -> dict[str, Any]:
    return {
        f"T{number}": {
            "ordertxid": "O", "pair": "XXBTZUSD", "time": 1_000 + number, "type": "buy", "price": "1",
            "cost": "1", "fee": "0", "vol": "1", "margin": "0", "trade_id": number,
        }
        for number in numbers
    }  # fmt: skip


def odd(folder: Path, steps: Steps, *answers: bytes) -> OddExchange:
    with odd_exchange(*TABLE, *answers) as exchange:
        on(exchange.url, "odd", folder, steps)
    return exchange
