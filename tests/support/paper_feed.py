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

from tests.support.paper_server import PATIENCE_S, Client, Server


class Feed:
    """One connection. Numbers are read as Decimal, so that lost digits would be seen."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._kept: list[Any] = []

    def send(self, method: str, params: dict[str, Any] | None = None, **rest: Any) -> None:
        self._socket.send(
            json.dumps({"method": method, **rest} | ({} if params is None else {"params": params}))
        )

    def send_text(self, text: str) -> None:
        self._socket.send(text)

    def next(self, *, heartbeats: bool = False) -> Any:
        if self._kept:
            return self._kept.pop(0)
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

    def balances(self, client: Client, **params: Any) -> Any:
        """Subscribe to balances; the snapshot."""
        token = client.call("GetWebSocketsToken")["token"]
        self.send("subscribe", {"channel": "balances", "token": token, **params}, req_id=6)
        ack = self.next()
        assert (ack["success"], ack["req_id"], ack["result"]["channel"]) == (True, 6, "balances"), ack
        return self.next()

    def subscribe(self, channel: str, **params: Any) -> Any:
        """Subscribe to a public channel; the result of the acknowledgement."""
        self.send("subscribe", {"channel": channel, **params}, req_id=7)
        ack = self.next()
        assert (ack["success"], ack["req_id"]) == (True, 7), ack
        return ack["result"]

    def ask(self, client: Client, method: str, **params: Any) -> Any:
        """Send a trading request with a new token; its answer. What else comes before it is kept back."""
        token = client.call("GetWebSocketsToken")["token"]
        self.send(method, {"token": token, **params}, req_id=8)
        kept, self._kept = self._kept, []
        while "method" not in (message := self.next()):
            kept.append(message)
        self._kept = kept
        assert (message["method"], message["req_id"]) == (method, 8), message
        return message

    def done(self, client: Client, method: str, **params: Any) -> Any:
        """The result of a trading request that must succeed."""
        answer = self.ask(client, method, **params)
        assert answer["success"], answer
        return answer["result"]

    def refused(self, client: Client, method: str, **params: Any) -> str:
        """The error of a trading request that must be refused."""
        answer = self.ask(client, method, **params)
        assert not answer["success"], answer
        assert "result" not in answer
        error = answer["error"]
        assert isinstance(error, str)
        return error

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
