"""Every RPC of ControlService, by its descriptors: it succeeds, is refused with a published reason, takes no
field outside its bounds, does once what is asked twice, and nothing by half where the client is gone.

A new RPC needs an entry in ``RPCS`` (tests/support/every_rpc.py); what another test proves of one is named
here with that test. Columns for permissions and for other principals' accounts belong here as well.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.supervisor.control.call_frames import METHODS
from krakencopy.supervisor.control.permissions import AUDITED
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import bounds_pb2
from tests.support.every_rpc import RPCS
from tests.support.front import run, until
from tests.support.rpc_world import World, world
from tests.support.system import ROOT

NAMES = [method.name for method in METHODS]
#: Those that change something.
CHANGING = [name for name in NAMES if name in AUDITED]
SHOWING = [name for name in NAMES if name not in AUDITED]

#: What another test proves: (RPC, column), and that test.
PROVEN_BY: dict[tuple[str, str], str] = {
    ("GetStatus", "refused"): "tests/supervisor/control/test_room_wait.py::"
    "test_every_call_is_answered_with_what_is_waited_for_and_since_when",
    ("VerifyAudit", "refused"): "tests/supervisor/control/test_audit_calls.py::"
    "test_a_log_that_cannot_be_read_is_refused_with_why",
    **{
        (name, "refused"): "tests/supervisor/control/test_roles_of_methods.py::"
        "test_every_method_is_for_those_roles_alone"
        for name in ("WhoAmI", "ListTokens", "ListPrincipals")
    },
    # The account's process keeps it once, for ever; the supervisor passes it on each time.
    ("PlaceOrder", "once"): "tests/account_proc/trading/test_requested_orders.py::"
    "test_an_order_is_sent_once_and_asking_again_gives_the_same_answer",
}


def test_every_rpc_has_its_entry_and_each_test_that_is_named_is_there() -> None:
    assert RPCS.keys() == set(NAMES)
    without = {name for name, rpc in RPCS.items() if rpc.refused is None}
    assert without == {name for name, column in PROVEN_BY if column == "refused"}
    for (name, _), place in PROVEN_BY.items():
        assert name in NAMES
        path, _, test = place.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, place


def test_what_changes_something_has_a_request_id_and_what_shows_has_none() -> None:
    """Google's AIP 155."""
    with_id = {method.name for method in METHODS if "request_id" in method.input_type.fields_by_name}
    assert with_id == set(CHANGING)


@pytest.mark.parametrize("name", NAMES)
def test_it_succeeds(tmp_path: Path, journal: Journal, name: str) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            before = w.done()
            answer = await w.ask(name, RPCS[name].right)
            assert RPCS[name].shows(answer)
            if name in SHOWING:
                assert w.done() == before
                assert w.entries() == []
                return
            await until("that it is done", lambda: w.done() != before)
            await until("what came of it", w.ends)
            (ended,) = w.ends()
            assert (ended["call"], ended["outcome"], ended["role"]) == (name, "OK", "admin")

    run(play())


async def refusal(w: World, name: str, request: Message) -> tuple[grpc.StatusCode, str, list[str]]:
    """Code, reason and the fields that are named."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await w.ask(name, request)
    status: Any = rpc_status.from_call(raised.value)  # type: ignore[arg-type]  # aio's as well
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    assert (info.domain, status.message != "") == ("krakencopy", True)
    return raised.value.code(), info.reason, [each.field for each in bad.field_violations]


@pytest.mark.parametrize("name", [name for name in NAMES if (name, "refused") not in PROVEN_BY])
def test_it_is_refused_with_a_published_reason_and_nothing_is_done(
    tmp_path: Path, journal: Journal, name: str
) -> None:
    asked = RPCS[name].refused
    assert asked is not None
    request, reason = asked

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            before = w.done()
            code, found, _ = await refusal(w, name, request)
            assert found == reason
            assert reason in REFUSALS
            assert code not in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
            if name in CHANGING:
                await until("what came of it", w.ends)
                assert [(each["outcome"], each["reason"]) for each in w.ends()] == [(code.name, reason)]
            if name not in {"PlaceOrder", "Reload"}:  # asked of the process; an event says so
                assert w.done() == before

    run(play())


def wrong_values(field: FieldDescriptor) -> Iterator[Any]:
    """Values of a field that are outside its bounds."""
    bounds = field.GetOptions().Extensions[bounds_pb2.bounds]
    if field.type == FieldDescriptor.TYPE_STRING:
        yield "1e5" if bounds.form else "x" * (bounds.max_length + 1)
        yield "x\x1b[2J"
    elif field.type in {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64}:
        yield -1
        if bounds.maximum:
            yield bounds.maximum + 1
    elif field.type == FieldDescriptor.TYPE_ENUM:
        yield 99


def wrong_requests(kind: type[Message]) -> Iterator[tuple[Message, str]]:
    """Requests that have one field outside its bounds each, and that field's place."""
    fields: Any = kind.DESCRIPTOR.fields
    for field in fields:
        bounds = field.GetOptions().Extensions[bounds_pb2.bounds]
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            yield kind(**{field.name: {"x" * (bounds.max_length + 1): "1"}}), field.name
            yield kind(**{field.name: {"k": "x" * (bounds.max_length + 1)}}), f"{field.name}[k]"
            many = {f"k{number}": "" for number in range(bounds.max_items + 1)}
            yield kind(**{field.name: many}), field.name
        elif inner is not None and inner.full_name.startswith("google.protobuf."):  # a time, or how long
            made = kind()
            getattr(made, field.name).nanos = -1
            yield made, field.name
        elif inner is not None:
            for wrong, place in wrong_requests(GetMessageClass(inner)):
                yield kind(**{field.name: wrong}), f"{field.name}.{place}"
        elif field.is_repeated:
            yield kind(**{field.name: ["x"] * (bounds.max_items + 1)}), field.name
            yield from ((kind(**{field.name: [value]}), f"{field.name}[0]") for value in wrong_values(field))
        else:
            yield from ((kind(**{field.name: value}), field.name) for value in wrong_values(field))


@pytest.mark.parametrize("name", NAMES)
def test_a_field_outside_its_bounds_is_named_and_nothing_is_done(
    tmp_path: Path, journal: Journal, name: str
) -> None:
    method: Any = next(method for method in METHODS if method.name == name)
    wrong = list(wrong_requests(GetMessageClass(method.input_type)))
    bounded = [field for field in method.input_type.fields if field.type != FieldDescriptor.TYPE_BOOL]
    assert len(wrong) >= len(bounded)

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            before = w.done()
            for request, place in wrong:
                code, reason, fields = await refusal(w, name, request)
                assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"), place
                assert fields[0].startswith(place.partition("[x")[0])
            # No message at all.
            path = f"/{method.containing_service.full_name}/{name}"
            async with grpc.aio.insecure_channel(f"unix:{tmp_path / 'c.sock'}") as channel:
                make = channel.unary_stream if method.server_streaming else channel.unary_unary
                rpc: Any = make(path)
                call = rpc(b"\xff\xff")
                with pytest.raises(grpc.aio.AioRpcError, match="the request is no ") as raised:
                    await (call.read() if method.server_streaming else call)
                assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert w.done() == before
            assert w.entries() == []

    run(play())


@pytest.mark.parametrize("name", CHANGING)
def test_what_is_asked_twice_is_answered_twice_and_done_once_and_the_audit_says_so(
    tmp_path: Path, journal: Journal, name: str
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            first = await w.ask(name, RPCS[name].right)
            await until("what came of it", w.ends)
            after_first = w.done()
            assert await w.ask(name, RPCS[name].right) == first
            await until("both", lambda: len(w.ends()) == 2)
            if (name, "once") not in PROVEN_BY:
                assert w.done() == after_first
            began, _, again, ended = w.entries()
            assert again["repeats"] == ended["repeats"] == began["n"]
            assert "repeats" not in began

    run(play())


@pytest.mark.parametrize("name", CHANGING)
def test_what_is_asked_again_while_it_is_under_way_is_done_once(
    tmp_path: Path, journal: Journal, name: str
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            w.free.clear()
            calls = [asyncio.ensure_future(w.ask(name, RPCS[name].right)) for _ in range(2)]
            await until("both beginnings", lambda: len(w.entries()) >= 2)
            w.free.set()
            first, second = await asyncio.gather(*calls)
            await until("both", lambda: len(w.ends()) == 2)
            if name == "Shutdown":  # which begins a moment after its answer
                await until("its beginning", lambda: w.supervisor.shutdown.begun)
            together = w.done()
            assert first == second
            assert await w.ask(name, RPCS[name].right) == first
            if (name, "once") not in PROVEN_BY:
                assert w.done() == together
        assert acts_of(together) <= 1 or (name, "once") in PROVEN_BY

    run(play())


def acts_of(done: Any) -> int:
    """How often the supervisor or a process was asked to do something."""
    acts, ends, reloads, asked, *_ = done
    return len(acts) + int(ends) + int(reloads) + len(asked)


@pytest.mark.parametrize("name", CHANGING)
def test_what_has_begun_is_done_to_its_end_and_once_where_the_client_is_gone(
    tmp_path: Path, journal: Journal, name: str
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            w.free.clear()
            call = getattr(w.stub, name)(RPCS[name].right)
            await until("that it has begun", lambda: w.audit.running() or w.ends())
            call.cancel()
            await until("that nobody waits", lambda: call.done() and not answering())
            w.free.set()
            await until("what came of it", w.ends)
            assert [each["outcome"] for each in w.ends()] == ["OK"]
            await until("that it is done", lambda: acts_of(w.done()) or name in NO_ACTS)
            done = w.done()
            answer = await w.ask(name, RPCS[name].right)
            assert RPCS[name].shows(answer)
            if (name, "once") not in PROVEN_BY:
                assert w.done() == done

    run(play())


#: What they do is in the journal and in the file of trading states alone.
NO_ACTS = {
    *("SetTradingState", "FlattenAccounts", "ResyncAccount", "RenameAsset", "SetSettings"),
    *("CreateToken", "RevokeToken", "IssueCertificate", "RevokePrincipal"),
    *("CreateAccount", "UpdateAccount", "DeleteAccount", "CreateGroup", "UpdateGroup", "DeleteGroup"),
}


def answering() -> list[Any]:
    """Calls that are being answered."""
    return [
        task
        for task in asyncio.all_tasks()
        if getattr(task.get_coro(), "__qualname__", "") == "CallAnswerer._answer"
    ]


@pytest.mark.parametrize("name", SHOWING)
def test_what_only_shows_ends_with_its_client(tmp_path: Path, journal: Journal, name: str) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            before = w.done()
            w.free.clear()
            calls = [getattr(w.stub, name)(RPCS[name].right) for _ in range(5)]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            w.free.set()
            await until("their end", lambda: all(call.done() for call in calls) and not answering())
            assert w.done() == before
            assert RPCS[name].shows(await w.ask(name, RPCS[name].right))

    run(play())
