"""A WebSocket v2 client for the tests of the paper exchange."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.paper_exchange.support import PATIENCE_S, Client, Server


class Feed:
    """One connection. Numbers are read as Decimal, so that lost digits would be seen."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def send(self, method: str, params: dict[str, Any] | None = None, **rest: Any) -> None:
        self._socket.send(
            json.dumps({"method": method, **rest} | ({} if params is None else {"params": params}))
        )

    def send_text(self, text: str) -> None:
        self._socket.send(text)

    def next(self, *, heartbeats: bool = False) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            message = json.loads(self._socket.recv(PATIENCE_S), parse_float=Decimal)
            if heartbeats or message.get("channel") != "heartbeat":
                return message
        raise AssertionError(f"nothing but heartbeats for {PATIENCE_S} s")

    def last_words(self) -> list[Any]:
        """What comes before the connection ends, without heartbeats."""
        found = []
        with suppress(ConnectionClosed):
            while True:
                found.append(self.next())
        return found

    def executions(self, client: Client, **params: Any) -> Any:
        """Subscribe; the snapshot (or the ack, where there is none)."""
        token = client.call("GetWebSocketsToken")["token"]
        wanted = {"channel": "executions", "token": token, "snap_orders": True, "snap_trades": True} | params
        self.send("subscribe", wanted, req_id=5)
        ack = self.next()
        assert (ack["success"], ack["req_id"], ack["result"]["channel"]) == (True, 5, "executions"), ack
        return self.next() if wanted["snap_orders"] or wanted["snap_trades"] else ack

    def rows(self, count: int) -> list[dict[str, Any]]:
        """The rows of the next messages, which carry one each."""
        found = []
        for _ in range(count):
            message = self.next()
            assert (message["channel"], message["type"]) == ("executions", "update")
            (row,) = message["data"]
            found.append(row)
        return found

    def hears_nothing(self, seconds: float) -> bool:
        """Whether not even a heartbeat comes for a while."""
        try:
            self._socket.recv(seconds)
        except TimeoutError:
            return True
        return False

    def wait_closed(self) -> int | None:
        """The code with which the exchange closes; None where it says no goodbye."""
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012 - whatever comes before is passed over
            while True:
                self._socket.recv(PATIENCE_S)
        return None if closed.value.rcvd is None else closed.value.rcvd.code


@contextmanager
def feed(server: Server) -> Iterator[Feed]:
    """A connection that was greeted."""
    with connect(server.ws_url) as socket:
        connected = Feed(socket)
        greeting = connected.next()
        assert (greeting["channel"], greeting["data"][0]["api_version"]) == ("status", "v2")
        yield connected


def buy(client: Client, volume: str, **rest: str | int) -> str:
    (txid,) = client.call("AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume=volume, **rest)[
        "txid"
    ]
    assert isinstance(txid, str)
    return txid
