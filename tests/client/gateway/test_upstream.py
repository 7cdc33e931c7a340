"""The supervisor must have refused a token that nobody has before it is asked anything on somebody's behalf,
on each connection anew; and a supervisor that is gone, or comes back, is said and found.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from krakencopy.client.gateway.errors import NO_SUPERVISOR
from krakencopy.client.gateway.upstream import NOBODYS_TOKEN, SERVICE, TokensNotChecked, Upstream
from krakencopy.v1 import control_pb2 as pb
from tests.support.front import run, until
from tests.support.gateway import TOKEN, StandIn, details_of, stand_in

GET_STATUS, WATCH_FILLS = (SERVICE.methods_by_name[name] for name in ("GetStatus", "WatchFills"))
BEARER = f"Bearer {TOKEN}"


async def asked(upstream: Upstream) -> Any:
    return await upstream.ask(GET_STATUS, pb.GetStatusRequest(), BEARER, 10.0)


async def refused(upstream: Upstream) -> ConnectError:
    with pytest.raises(ConnectError) as raised:
        await asked(upstream)
    return raised.value


def reason_of(error: ConnectError) -> str:
    from connectrpc._protocol import ConnectWireError

    found = details_of(ConnectWireError.from_exception(error).to_dict())
    return str(found[0].reason) if found else ""


def test_a_supervisor_that_checks_no_tokens_is_asked_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn(checks=False)
        async with stand_in(tmp_path / "s", servicer) as target:
            upstream = Upstream(target)
            with pytest.raises(TokensNotChecked):
                await upstream.check()
            error = await refused(upstream)
            assert (error.code, reason_of(error)) == (Code.UNAVAILABLE, "TOKENS_NOT_CHECKED")
            watch = upstream.watch(WATCH_FILLS, pb.WatchFillsRequest(), BEARER, None)
            with pytest.raises(ConnectError, match="checks no tokens"):
                await anext(aiter(watch))
            await upstream.close()
        assert {metadata["authorization"] for _, metadata, _ in servicer.seen} == {NOBODYS_TOKEN}

    run(play())


def test_it_is_asked_again_on_each_connection(tmp_path: Path) -> None:
    async def play() -> None:
        path = tmp_path / "s"
        upstream = Upstream(f"unix:{path}")
        error = await refused(upstream)
        assert (error.code, error.message) == (Code.UNAVAILABLE, NO_SUPERVISOR)
        assert not await upstream.is_serving()
        async with stand_in(path, StandIn()):
            await until_answered(upstream)
            assert await upstream.is_serving()
        # One of before comes back, which knows no tokens.
        old = StandIn(checks=False)
        async with stand_in(path, old):
            found = [await refused(upstream)]
            while reason_of(found[-1]) != "TOKENS_NOT_CHECKED":
                assert found[-1].message == NO_SUPERVISOR
                await asyncio.sleep(0.05)
                found.append(await refused(upstream))
            assert BEARER not in {metadata["authorization"] for _, metadata, _ in old.seen}
        async with stand_in(path, StandIn()):
            await until_answered(upstream)
        await upstream.close()

    run(play())


async def until_answered(upstream: Upstream) -> None:
    while True:
        try:
            assert (await asked(upstream)).ready
        except ConnectError:
            await asyncio.sleep(0.05)
        else:
            return


def test_a_watch_ends_with_the_gateway_and_nothing_begins(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with stand_in(tmp_path / "s", servicer) as target:
            upstream = Upstream(target)
            watch: Any = upstream.watch(WATCH_FILLS, pb.WatchFillsRequest(after_seq=2), BEARER, None)
            assert (await anext(watch)).fill.seq == 3
            waiting = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            upstream.end()
            with pytest.raises(ConnectError) as raised:
                await waiting
            assert (raised.value.code, reason_of(raised.value)) == (Code.UNAVAILABLE, "GATEWAY_ENDS")
            await until("its end", lambda: not servicer.watching)
            assert reason_of(await refused(upstream)) == "GATEWAY_ENDS"
            await upstream.close()

    run(play())


def test_whoever_waits_for_a_watch_may_be_cancelled(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with stand_in(tmp_path / "s", servicer) as target:
            upstream = Upstream(target)
            watch: Any = upstream.watch(WATCH_FILLS, pb.WatchFillsRequest(after_seq=2), BEARER, None)
            await anext(watch)
            waiting = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await until("its end", lambda: not servicer.watching)
            await upstream.close()

    run(play())
