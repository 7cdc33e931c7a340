"""A client in TypeScript, generated, compiled and run as an integrator would: it asks, follows fills, goes on
after a lost connection from where it was, and places an order. By gRPC against the real daemon, and by
Connect and gRPC-Web through the gateway.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from krakencopy.client.gateway.options import read_options
from krakencopy.client.gateway.server import Gateway
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc, types_pb2
from tests.clients.generated import NotAtHand, built_typescript, running
from tests.clients.played import check_what_it_saw, front_pid, play_by_grpc
from tests.support.gateway import TOKEN, StandIn, stand_in
from tests.support.system import ROOT, System


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    try:
        return built_typescript(tmp_path_factory.mktemp("typescript"))
    except NotAtHand as error:
        pytest.skip(f"no client in TypeScript was built: {error}")


def test_by_grpc_against_the_real_daemon(client: list[str], system: System) -> None:
    play_by_grpc(client, system)


def trader_token(system: System) -> str:
    """A token of its own, by which the master may be traded."""
    messages: Any = pytest.importorskip("krakencopy.v1.access_pb2", reason="there are no tokens yet")
    with grpc.insecure_channel(system.endpoint) as channel:
        stub: Any = control_pb2_grpc.ControlServiceStub(channel)
        ttl = Duration(seconds=3_600)
        role = messages.ACCESS_ROLE_TRADER
        asked = messages.CreateTokenRequest(request_id="ts", name="typescript", role=role, ttl=ttl)
        return str(stub.CreateToken(asked).token)


@contextmanager
def gateway_process(system: System) -> Iterator[str]:
    """Its URL."""
    words = ["gateway", "--endpoint", system.endpoint, "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "krakencopy.client.cli.main", *words], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


def test_through_the_gateway_to_the_real_daemon(client: list[str], system: System) -> None:
    token = trader_token(system)
    with gateway_process(system) as url:
        for before, protocol in ((0, "connect"), (2, "grpc-web")):
            with running(client, protocol, url, environment={"KRAKENCOPY_TOKEN": token}) as node:
                assert node.next("ready") == {"ready": True, "headSeq": before}
                for _ in range(before):
                    node.next("fill")
                node.tell(f"order {protocol} 0.01")
                assert node.next("fill")["fill"] == before + 1
                os.kill(front_pid(system), signal.SIGKILL)
                assert node.next("lost") == {"lost": "Unavailable"}
                system.buy("BTC/USD", "0.02")
                assert node.next("fill")["fill"] == before + 2
                node.end()
                check_what_it_saw(node, before + 2)


class Market(StandIn):
    """Each order is a fill."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, str] = {}
        self.traded = asyncio.Condition()

    async def PlaceOrder(self, request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's
        if request.request_id not in self.orders:
            async with self.traded:
                self.orders[request.request_id] = request.volume
                self.traded.notify_all()
        return pb.PlaceOrderResponse(order_id=f"O-{request.request_id}")

    async def WatchFills(self, request: Any, _context: Any) -> AsyncIterator[Any]:  # noqa: N802 - gRPC's
        last = request.after_seq
        while True:
            async with self.traded:
                while len(self.orders) <= last:
                    await self.traded.wait()
                volumes = list(self.orders.values())[last:]
            for volume in volumes:
                last += 1
                yield pb.WatchFillsResponse(fill=types_pb2.Fill(seq=last, pair="BTC/USD", volume=volume))


class Served:
    """A stand-in with a gateway, in a loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._gateway: Gateway | None = None
        self._task: Any = None
        self._context: Any = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._context = self._call(self._stand_in())
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._call(self._context.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _stand_in(self) -> Any:
        context = stand_in(self._folder / "s", Market())
        await context.__aenter__()
        return context

    def start(self) -> None:
        """At the same port as before."""
        listens = threading.Event()
        options = read_options(f"127.0.0.1:{self.port}", (), (), None, None)

        async def begin() -> Any:
            self._gateway = Gateway(options, f"unix:{self._folder / 's'}")
            return asyncio.ensure_future(self._gateway.run(lambda _: listens.set()))

        self._task = self._call(begin())
        assert listens.wait(30)
        assert self._gateway is not None
        self.port = int(self._gateway.url.rpartition(":")[2])

    def stop(self) -> None:
        """As by a signal."""
        assert self._gateway is not None
        self._loop.call_soon_threadsafe(self._gateway.end)
        task = self._task

        async def ended() -> None:
            await task

        self._call(ended())


@pytest.mark.parametrize("protocol", ["connect", "grpc-web"])
def test_through_the_gateway(client: list[str], tmp_path: Path, protocol: str) -> None:
    with Served(tmp_path) as served:
        url = f"http://127.0.0.1:{served.port}"
        with running(client, protocol, url, environment={"KRAKENCOPY_TOKEN": TOKEN}) as node:
            assert node.next("ready")["ready"]
            node.tell("refused nobody")
            assert node.next("refused") == {"refused": "NotFound", "reason": "ACCOUNT_NOT_FOUND"}
            node.tell("order ts-1 0.01")
            node.next("fill")
            served.stop()
            assert node.next("lost") == {"lost": "Unavailable"}
            served.start()
            node.tell("order ts-1 0.01")
            node.tell("order ts-2 0.02")
            assert node.next("fill") == {"fill": 2, "pair": "BTC/USD", "volume": "0.02"}
            node.end()
            check_what_it_saw(node, 2)
        with (
            running(client, protocol, url, environment={"KRAKENCOPY_TOKEN": ""}) as node,
            pytest.raises(AssertionError, match="unauthenticated"),
        ):
            node.next("ready")
