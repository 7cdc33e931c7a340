"""The script that a person would write today instead of krakencopy, and writes well: one asyncio process over
ccxt.pro, with every key. It watches the master's trades and gathers a market order for each user, scaled by
equity.

``python -m tests.bench.asyncio_bot`` reads ``{rest_url, ws_url, pair, master: [key, secret], users: [[key,
secret], ...]}`` from standard input, writes a line when it is ready, and then one for each fill when every
order is answered: how many, and the errors there were. It ends when standard input is closed. It runs in the
conformance environment, and imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import ccxt.pro as ccxt  # type: ignore[import-untyped]  # ccxt has no types

#: A connection is kept for so long without a request, in seconds; aiohttp itself keeps it for 15.
KEPT_S = 3600
ERROR_CHARS = 200


@dataclass(eq=False, slots=True)
class User:
    """An account that copies, and what it is worth: asked once, when the script begins."""

    api: Any
    equity: float
    #: Nonces of a key must arrive in order, so one order at a time; else two fills that come together have
    #: orders refused.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def order(self, trade: dict[str, Any], master_equity: float) -> None:
        """The user's part of a trade of the master."""
        amount = trade["amount"] * self.equity / master_equity
        async with self.turn:
            await self.api.create_order(trade["symbol"], "market", trade["side"], amount)


class Bot:
    """One process with all accounts."""

    def __init__(self, given: dict[str, Any], session: aiohttp.ClientSession) -> None:
        self._given = given
        self._session = session
        self._master = self._client(*given["master"])
        self._users: list[User] = []
        self._equity = 0.0
        self._copying: set[asyncio.Task[None]] = set()

    def _client(self, key: str, secret: str) -> Any:
        """At the exchange of the benchmark. Without ccxt's own pause of a second between two calls."""
        # A session for all: as many connections as there are users, and one context for TLS.
        client = ccxt.kraken(
            {"apiKey": key, "secret": secret, "enableRateLimit": False, "session": self._session}
        )
        urls = client.urls["api"]
        urls["public"] = urls["private"] = self._given["rest_url"]
        for name in ("publicV2", "privateV2", "private"):
            urls["ws"][name] = self._given["ws_url"]
        return client

    async def start(self) -> None:
        """Reads markets once and every balance, all at once: so each user's connection is there and warm."""
        await self._master.load_markets()
        self._equity = await _equity(self._master)
        clients = [self._client(*key) for key in self._given["users"]]
        for client in clients:
            client.set_markets_from_exchange(self._master)
        equities = await asyncio.gather(*map(_equity, clients))
        self._users = [User(client, equity) for client, equity in zip(clients, equities, strict=True)]

    async def close(self) -> None:
        """Ends what ccxt keeps for each account."""
        await asyncio.gather(self._master.close(), *(user.api.close() for user in self._users))

    async def run(self) -> None:
        """For ever. A trade that comes before the subscription stands is in its snapshot."""
        say({"ready": True})
        while True:
            # Watched for again in the same turn of the loop: ccxt keeps nothing for who does not wait. So the
            # next trade is not kept waiting by the orders of this one either.
            for trade in await self._master.watch_my_trades(self._given["pair"]):
                task = asyncio.create_task(self._copy(trade))
                self._copying.add(task)
                task.add_done_callback(self._copying.discard)

    async def _copy(self, trade: dict[str, Any]) -> None:
        answers = await asyncio.gather(
            *(user.order(trade, self._equity) for user in self._users), return_exceptions=True
        )
        errors = [str(answer)[:ERROR_CHARS] for answer in answers if isinstance(answer, BaseException)]
        say({"trade": trade["id"], "orders": len(answers) - len(errors), "errors": errors})


async def _equity(client: Any) -> float:
    return float((await client.fetch_balance())["USD"]["total"])


def say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main() -> None:
    loop = asyncio.get_running_loop()
    given = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S)
    async with aiohttp.ClientSession(connector=connector) as session:
        bot = Bot(given, session)
        await bot.start()
        running = asyncio.create_task(bot.run())
        ended = loop.run_in_executor(None, sys.stdin.readline)
        await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        running.cancel()
        await bot.close()


if __name__ == "__main__":
    asyncio.run(main())
