"""A connection for asyncio belongs to the loop that asks, ends its calls with their tasks, and is closed
once.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.client import Access, AsyncKrakenCopy, BadInput, NotConnected, NotFound, TimedOut
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.certificates import Authority
from tests.support.front import run, until
from tests.support.scripted_supervisor import Live, Scripted, refuse, serve

BOB = pb.GetAccountResponse(account=nouns.Account(id="bob"))


def test_a_client_is_made_anywhere_and_used_in_one_loop(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["GetAccount"] = lambda _request, _context: BOB
    sdk = AsyncKrakenCopy(endpoint)

    async def play() -> None:
        async with sdk:
            assert (await sdk.get_account("bob")).id == "bob"
        with pytest.raises(BadInput, match="closed"):
            await sdk.get_account("bob")
        await sdk.close()

    run(play())


def test_many_calls_wait_side_by_side(endpoint: str, supervisor: Scripted) -> None:
    all_there = threading.Barrier(8)

    def answer(request: Any, _context: Any) -> Any:
        all_there.wait(10)
        return pb.GetAccountResponse(account=nouns.Account(id=request.account_id))

    supervisor.on["GetAccount"] = answer

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk, asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(sdk.get_account(f"user{number}")) for number in range(8)]
        assert [task.result().id for task in asked] == [f"user{number}" for number in range(8)]

    run(play())


def test_a_task_that_is_cancelled_cancels_its_call(endpoint: str, supervisor: Scripted) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def answer(_request: Any, context: grpc.ServicerContext) -> Any:
        context.add_callback(cancelled.set)
        begun.set()
        cancelled.wait(10)
        return BOB

    supervisor.on["GetAccount"] = answer

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint, timeout_s=600) as sdk:
            asking = asyncio.create_task(sdk.get_account("bob"))
            await until("the call", begun.is_set)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await until("the end of the call", cancelled.is_set)
        assert len(supervisor.asked) == 1

    run(play())


def test_a_call_has_the_clients_deadline_or_its_own(endpoint: str, supervisor: Scripted) -> None:
    left: list[float] = []

    def answer(_request: Any, context: grpc.ServicerContext) -> pb.GetStatusResponse:
        left.append(context.time_remaining())
        return pb.GetStatusResponse()

    def never(_request: Any, context: grpc.ServicerContext) -> pb.GetStatusResponse:
        over = threading.Event()
        if context.add_callback(over.set):
            over.wait(10)
        return pb.GetStatusResponse()

    async def play() -> None:
        supervisor.on["GetStatus"] = answer
        async with AsyncKrakenCopy(endpoint, timeout_s=1000) as sdk:
            await sdk.get_status()
            await sdk.get_status(timeout_s=100)
            supervisor.on["GetStatus"] = never
            with pytest.raises(TimedOut, match="no answer in time"):
                await sdk.get_status(timeout_s=0.05)
        assert left == [pytest.approx(1000, abs=100), pytest.approx(100, abs=50)]

    run(play())


@pytest.mark.parametrize("mutual", [False, True])
def test_it_dials_a_port_by_tls_and_shows_who_it_is(tmp_path: Path, mutual: bool) -> None:
    ca, supervisor, seen = Authority(tmp_path), Scripted(), []

    def answer(_request: Any, context: grpc.ServicerContext) -> pb.GetStatusResponse:
        names = context.auth_context().get("x509_common_name", [b""])
        seen.append((dict(context.invocation_metadata()).get("authorization"), names[0]))
        return pb.GetStatusResponse(pid=7)

    supervisor.on["GetStatus"] = answer
    supervisor.on["WatchFills"] = Live(pb.WatchFillsResponse(fill=nouns.Fill(seq=1)))
    own, olga = ca.issue("box", "127.0.0.1"), ca.issue("olga", client=True)
    pair = (own.key.read_bytes(), own.certificate.read_bytes())
    credentials = grpc.ssl_server_credentials([pair], ca.ca.read_bytes(), require_client_auth=mutual)
    certificate, key = (olga.certificate, olga.key) if mutual else (None, None)
    access = Access(ca.ca, certificate, key, "kct_1_x")

    async def play(endpoint: str) -> None:
        async with AsyncKrakenCopy(endpoint, access=access) as sdk:
            assert (await sdk.get_status()).pid == 7
            async with sdk.watch_fills(0) as watch:
                assert (await anext(watch)).seq == 1
        async with AsyncKrakenCopy(endpoint, access=Access(Authority(tmp_path / "other").ca)) as stranger:
            with pytest.raises(NotConnected, match="is from another CA"):
                await stranger.get_status()

    with serve(supervisor, None, credentials) as endpoint:
        run(play(endpoint))
    assert set(seen) == {("Bearer kct_1_x", b"olga" if mutual else b"")}


def test_a_channel_that_is_given_is_used_and_stays_open(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["GetAccount"] = refuse(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "no 'bob'")
    supervisor.on["WatchFills"] = Live()

    async def play() -> None:
        async with grpc.aio.insecure_channel(endpoint) as channel:
            for _ in range(2):
                async with AsyncKrakenCopy(channel=channel, retries=False) as sdk:
                    with pytest.raises(NotFound):
                        await sdk.get_account("bob")
                    await sdk.watch_fills().close()

    run(play())
