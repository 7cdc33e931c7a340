"""A call lasts as long as its credential: what is revoked, expires or is changed ends what runs, at once, and
what others have goes on.
"""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import pytest
from grpclib.exceptions import GRPCError

from krakencopy.supervisor.control.access_table import AccessTable
from krakencopy.supervisor.control.front_access import FrontAccess
from krakencopy.supervisor.control.front_clients import Client, Clients
from krakencopy.supervisor.control.principals import Principal, Role
from krakencopy.v1 import control_pb2 as pb
from tests.supervisor.control.test_remote_door import Servicer
from tests.support.front import run, stub_of, until
from tests.support.remote_front import remote_front
from tests.support.served_control import error_info, refused


async def ended(
    watch: grpc.aio.UnaryStreamCall[pb.WatchFillsRequest, pb.WatchFillsResponse],
) -> tuple[str, str]:
    """By which code and reason a watch is ended."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await watch.read()
    return raised.value.code().name, error_info(raised.value).reason


def test_a_revoked_token_ends_its_watch_and_no_other(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            mine, other = front.add_token("mine2345"), front.add_token("othr2345")
            async with (
                front.stub(token=mine) as stub,
                front.stub(token=other) as second,
                stub_of(front.socket) as local,
            ):
                metadata = [("authorization", f"Bearer {mine}")]
                watches = [
                    stub.WatchFills(pb.WatchFillsRequest()),
                    local.WatchFills(pb.WatchFillsRequest(), metadata=metadata),
                ]
                kept = second.WatchFills(pb.WatchFillsRequest())
                await until("they run", lambda: len(servicer.callers) == 3)
                began = time.monotonic()
                front.add_token("mine2345", revoked=True)
                for watch in watches:
                    assert await ended(watch) == ("UNAUTHENTICATED", "TOKEN_REVOKED")
                assert time.monotonic() - began < 5, "it does not wait for anything"
                call = stub.GetStatus(pb.GetStatusRequest(), timeout=10)
                assert (await refused(call))[1] == "TOKEN_REVOKED"
                servicer.fills.put_nowait(1)
                assert (await kept.read()).fill.seq == 1

    run(play())


def test_a_revoked_certificate_ends_its_watch_and_its_connection(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            pair = front.add_certificate("olga")
            await until("it is known", lambda: front.access.table.certificates)
            async with front.stub(pair) as stub:
                watch = stub.WatchFills(pb.WatchFillsRequest())
                await until("it runs", lambda: len(servicer.callers) == 1)
                (fingerprint,) = front.table.certificates
                known = front.table.certificates[fingerprint]
                front.use(
                    certificates={
                        fingerprint: type(known)(known.name, known.role, "", known.expires_at, True)
                    }
                )
                assert await ended(watch) == ("UNAUTHENTICATED", "CERTIFICATE_REVOKED")
                await until("its connection is gone", lambda: not front.access.clients.connections)
                call = stub.GetStatus(pb.GetStatusRequest(), timeout=10)
                assert (await refused(call))[1] == "CERTIFICATE_REVOKED"

    run(play())


def test_what_expires_ends_what_runs(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            token = front.add_token("soon2345", expires_at=time.time() + 1.5)
            async with front.stub(token=token) as stub:
                watch = stub.WatchFills(pb.WatchFillsRequest())
                await until("it runs", lambda: len(servicer.callers) == 1)
                assert await ended(watch) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")

    run(play())


def test_who_may_do_something_else_begins_anew(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            token = front.add_token("abcd2345", Role.OPERATOR)
            async with front.stub(token=token) as stub:
                watch = stub.WatchFills(pb.WatchFillsRequest())
                await until("it runs", lambda: len(servicer.callers) == 1)
                front.add_token("abcd2345", Role.VIEWER, expires_at=front.table.tokens["abcd2345"].expires_at)
                assert await ended(watch) == ("UNAUTHENTICATED", "PRINCIPAL_CHANGED")
                watch = stub.WatchFills(pb.WatchFillsRequest())
                await until("it runs", lambda: len(servicer.callers) == 2)
                front.add_token("abcd2345", Role.OWNER, account="anna")
                assert await ended(watch) == ("PERMISSION_DENIED", "NOT_FOR_OWNERS")

    run(play())


def test_limits_are_of_a_name_and_leave_those_of_others(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            clients = front.access.clients
            clients.of_one = type(clients.of_one)(connections=2, calls=2, watches=1)
            tokens = [front.add_token(f"{word}2345", name="bot") for word in ("onea", "twob")]
            async with front.stub(token=tokens[0]) as stub, front.stub(token=tokens[1]) as same:
                watch = stub.WatchFills(pb.WatchFillsRequest())
                await until("it runs", lambda: len(servicer.callers) == 1)
                code, reason, _ = await refused(same.WatchFills(pb.WatchFillsRequest()).read())
                assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_WATCHES")
                async with (
                    stub_of(front.socket) as local,
                    front.stub(token=front.add_token("othr2345")) as other,
                ):
                    more = [each.WatchFills(pb.WatchFillsRequest()) for each in (local, other)]
                    await until("they run", lambda: len(servicer.callers) == 3)
                    for each in more:
                        each.cancel()
                watch.cancel()

    run(play())


def test_a_token_waits_until_the_front_knows_who_there_is() -> None:
    async def play() -> None:
        access = FrontAccess()
        clients = Clients()
        local = Client(clients, 1, Principal("root", Role.ADMIN, origin="unix pid 1"))
        assert (await access.caller(local, [])).principal.name == "root"
        import asyncio

        asked = asyncio.create_task(
            access.caller(local, [("authorization", "Bearer kct_none2345_" + "s" * 43)])
        )
        await asyncio.sleep(0)
        assert not asked.done()
        access.use(AccessTable().encoded())
        with pytest.raises(GRPCError) as raised:
            await asked
        assert raised.value.status.name == "UNAUTHENTICATED"

    run(play())
