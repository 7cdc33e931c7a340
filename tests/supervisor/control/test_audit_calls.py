"""Who reads the audit log, on its real socket: calls in pages by what is asked for, entries as they come and
from where a watch ended, and what is wrong with the log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.supervisor.audit.chain import Kind, sealed
from krakencopy.supervisor.control.audit_calls import entry_of
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import audit_pb2 as pb
from krakencopy.v1 import control_pb2, types_pb2
from tests.support.front import run, until
from tests.support.idle_supervisor import idle_supervisor
from tests.support.served_control import refused, served
from tests.support.supervisor_samples import grouped_config
from tests.support.trading_links import set_living

BEGAN, ENDED, FILE = pb.AUDIT_KIND_BEGAN, pb.AUDIT_KIND_ENDED, pb.AUDIT_KIND_FILE


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[tuple[Any, Supervisor]]:
    supervisor = idle_supervisor(folder, journal, grouped_config())
    for name in ("anna", "bob"):
        set_living(supervisor.accounts[name], supervisor.place.states)
    async with served(supervisor) as stub:
        yield stub, supervisor


async def halt(stub: Any, key: str, *account_ids: str) -> None:
    target = control_pb2.TradingTarget(account_ids=account_ids, all=not account_ids)
    state = types_pb2.TRADING_STATE_HALTED
    await stub.SetTradingState(
        control_pb2.SetTradingStateRequest(request_id=key, state=state, target=target, reason="odd")
    )


async def listed(stub: Any, **asked: Any) -> list[Any]:
    return list((await stub.ListAuditEntries(pb.ListAuditEntriesRequest(**asked))).entries)


def ids(found: list[Any]) -> list[str]:
    return [each.request_id for each in found]


async def calls_are_over(stub: Any, number: int) -> None:
    """So many calls have their outcome in the log."""
    while len([each for each in await listed(stub) if each.kind == ENDED]) < number:
        pass


def test_calls_are_listed_once_each_the_latest_first_with_all_that_is_known(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _):
            await halt(stub, "h1", "anna")
            await halt(stub, "h2")
            await calls_are_over(stub, 2)
            second, first = await listed(stub)
            assert [each.request_id for each in (first, second)] == ["h1", "h2"]
            assert (first.number, first.began, first.kind, first.method) == (3, 2, ENDED, "SetTradingState")
            assert (first.role, first.outcome, first.why) == ("admin", "OK", "odd")
            assert first.origin.startswith("unix pid ")
            assert dict(first.before) == {"anna.trading": "ACTIVE"}
            assert dict(first.after) == {"anna.trading": "HALTED", "version": "1"}
            assert first.took.ToMicroseconds() > 0
            assert len(first.hash) == 64
            assert list(second.account_ids) == ["(all)"]
            everything = await listed(stub, each_entry=True)
            assert [each.kind for each in everything] == [ENDED, BEGAN, ENDED, BEGAN, FILE]
            assert everything[1].asked == '{"state": "TRADING_STATE_HALTED"}'

    run(play())


def test_what_is_asked_for_limits_the_list(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _):
            await halt(stub, "h1", "anna")
            await halt(stub, "h2", "bob")
            await halt(stub, "h3")
            await refused(stub.StopAccount(control_pb2.StopAccountRequest(request_id="s1", account_id="x")))
            await calls_are_over(stub, 4)
            everything = await listed(stub)
            assert ids(everything) == ["s1", "h3", "h2", "h1"]
            assert ids(await listed(stub, account_id="bob")) == ["h3", "h2"]
            assert ids(await listed(stub, method="StopAccount")) == ["s1"]
            who = everything[0].principal
            assert len(await listed(stub, principal=who)) == 4
            assert await listed(stub, principal="nobody") == []
            assert ids(await listed(stub, since=everything[1].at)) == ["s1", "h3"]
            assert ids(await listed(stub, until=everything[1].at)) == ["h2", "h1"]
            asked = pb.ListAuditEntriesRequest(since=everything[0].at, until=everything[0].at)
            assert (await refused(stub.ListAuditEntries(asked)))[1] == "BAD_INTERVAL"

    run(play())


def test_pages_follow_one_another_and_belong_to_their_question(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _):
            for number in range(7):
                await halt(stub, f"h{number}", "anna")
            await calls_are_over(stub, 7)
            found: list[str] = []
            token = last = ""
            for _ in range(4):
                page = await stub.ListAuditEntries(pb.ListAuditEntriesRequest(page_size=2, page_token=token))
                found += [each.request_id for each in page.entries]
                last, token = token, page.next_page_token
            assert found == [f"h{number}" for number in range(6, -1, -1)]
            assert token == ""
            other = pb.ListAuditEntriesRequest(page_token=last, method="Reload")
            assert (await refused(stub.ListAuditEntries(other)))[1] == "BAD_PAGE_TOKEN"

    run(play())


def test_a_watch_goes_on_behind_a_number_and_gives_the_lines_of_a_copy(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor):
            await halt(stub, "h1", "anna")
            await calls_are_over(stub, 1)
            watch = stub.WatchAudit(pb.WatchAuditRequest(after_number=0, with_lines=True))
            seen = [(await watch.read()).entry for _ in range(3)]
            assert [each.kind for each in seen] == [FILE, BEGAN, ENDED]
            (path,) = supervisor.place.audit.iterdir()
            assert "".join(f"{each.line}\n" for each in seen) == path.read_text()
            again = stub.WatchAudit(pb.WatchAuditRequest(after_number=2))
            only_new = stub.WatchAudit(pb.WatchAuditRequest())
            await halt(stub, "h2", "anna")
            assert [(await again.read()).entry.request_id for _ in range(2)] == ["h1", "h2"]
            # It may have begun while the halt was under way, as nobody waited for it.
            assert (await only_new.read()).entry.number in {4, 5}
            assert (await watch.read()).entry.number == 4
            code, reason, _ = await refused(stub.WatchAudit(pb.WatchAuditRequest(after_number=99)).read())
            assert (code, reason) == (grpc.StatusCode.OUT_OF_RANGE, "AFTER_HEAD")

    run(play())


def test_a_change_is_found_and_the_entry_named(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor):
            await halt(stub, "h1", "anna")
            await calls_are_over(stub, 1)
            answer = await stub.VerifyAudit(pb.VerifyAuditRequest())
            assert (answer.intact, answer.first_number, answer.last_number, answer.files) == (True, 1, 3, 1)
            entry = (await listed(stub))[0]
            assert answer.head == entry.hash
            assert (await stub.VerifyAudit(pb.VerifyAuditRequest(head=entry.hash))).intact
            other = await stub.VerifyAudit(pb.VerifyAuditRequest(head="0" * 64))
            assert [each.reason for each in other.findings] == ["CUT"]
            (path,) = supervisor.place.audit.iterdir()
            path.write_bytes(path.read_bytes().replace(b'"odd"', b'"mad"', 1))
            answer = await stub.VerifyAudit(pb.VerifyAuditRequest())
            (finding,) = answer.findings
            assert (answer.intact, finding.reason, finding.number, finding.line) == (False, "CHANGED", 2, 2)
            assert (finding.file, finding.message) == (path.name, "entry 2 is not what was written")
            found = await listed(stub, each_entry=True)
            assert [each.kind for each in found] == [ENDED, pb.AUDIT_KIND_UNREADABLE, FILE]

    run(play())


def test_a_log_that_cannot_be_read_is_refused_with_why(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor):
            await halt(stub, "h1", "anna")
            await calls_are_over(stub, 1)
            (path,) = supervisor.place.audit.iterdir()
            path.unlink()
            for call in (
                stub.ListAuditEntries(pb.ListAuditEntriesRequest()),
                stub.VerifyAudit(pb.VerifyAuditRequest()),
                stub.WatchAudit(pb.WatchAuditRequest(after_number=0)).read(),
            ):
                code, reason, words = await refused(call)
                assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "AUDIT_NOT_READABLE")
                assert "No such file" in words

    run(play())


def test_a_call_that_is_not_over_is_listed_as_it_began(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor):
            link = set_living(supervisor.accounts["anna"], supervisor.place.states)
            link.is_stuck = True
            call = stub.SetTradingState(
                control_pb2.SetTradingStateRequest(
                    request_id="h1", state=types_pb2.TRADING_STATE_HALTED,
                    target=control_pb2.TradingTarget(account_ids=["anna"]),
                )
            )  # fmt: skip
            await until("that it is asked", lambda: link.asked)
            found = await listed(stub)
            while not found:
                found = await listed(stub)
            (entry,) = found
            assert (entry.kind, entry.request_id, entry.outcome) == (BEGAN, "h1", "")
            call.cancel()

    run(play())


def test_an_entry_of_a_later_version_is_shown_as_far_as_it_is_known() -> None:
    line, found = sealed(7, "0" * 64, {"at": "2026-11-29T08:00:00.000000Z", "kind": "later", "who": "ann"})
    entry = entry_of(7, line[:-1])
    assert (entry.kind, entry.principal, entry.hash) == (pb.AUDIT_KIND_UNSPECIFIED, "ann", found)


@pytest.mark.parametrize("broken", ["", "entry 5 is not what was written"])
def test_a_new_chain_says_why(broken: str) -> None:
    fields = {"at": "2026-11-29T08:00:00.000000Z", "kind": Kind.FILE} | ({"broken": broken} if broken else {})
    entry = entry_of(7, sealed(7, "0" * 64, fields)[0][:-1])
    assert entry.message == (f"a new chain begins, as the log was broken: {broken}" if broken else "")
