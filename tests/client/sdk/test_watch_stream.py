from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.client import BadInput, PositionGone, TimedOut, Unavailable
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Live, Scripted, refuse, serve


def _fill(seq: int) -> pb.WatchFillsResponse:
    return pb.WatchFillsResponse(fill=nouns.Fill(seq=seq))


def _after(request: Any) -> int | None:
    return request.after_seq if request.HasField("after_seq") else None


def _journal(head: int) -> Callable[[pb.WatchFillsRequest, Any], Iterator[pb.WatchFillsResponse]]:
    """Fills up to head after the one asked for; then stays open."""
    return lambda request, context: Live(*map(_fill, range(request.after_seq + 1, head + 1)))(
        request, context
    )


def test_a_watch_goes_on_behind_the_last_seq_after_the_supervisor_was_restarted(tmp_path: Path) -> None:
    socket = tmp_path / "control.sock"
    before, after = Scripted(), Scripted()
    before.on["WatchFills"] = _journal(head=3)
    after.on["WatchFills"] = _journal(head=5)
    with MessageClient(f"unix:{socket}") as sdk:
        with serve(before, socket):
            watch = sdk.watch_fills(after_seq=1)
            seen = [fill.seq for fill in itertools.islice(watch, 2)]
        with serve(after, socket):
            seen += [fill.seq for fill in itertools.islice(watch, 2)]
            watch.close()
    assert seen == [2, 3, 4, 5]
    assert watch.position == 5
    assert [_after(request) for request in after.requests(pb.WatchFillsRequest)] == [3]


def test_a_watch_that_was_given_nothing_yet_asks_again_for_what_it_was_asked(tmp_path: Path) -> None:
    socket = tmp_path / "control.sock"
    before, after = Scripted(), Scripted()
    before.on["WatchFills"] = quiet = Live()
    after.on["WatchFills"] = _journal(head=8)
    with MessageClient(f"unix:{socket}") as sdk:
        with serve(before, socket):
            watch = sdk.watch_fills(after_seq=7)
            quiet.opened.get(timeout=10)
        with serve(after, socket), watch:
            assert next(watch).seq == 8
    assert [_after(request) for request in after.requests(pb.WatchFillsRequest)] == [7]


def test_a_watch_of_copies_resumes_by_change_number_and_keeps_its_account(tmp_path: Path) -> None:
    socket = tmp_path / "control.sock"
    before, after = Scripted(), Scripted()
    before.on["WatchCopies"] = Live(pb.WatchCopiesResponse(change=41))
    after.on["WatchCopies"] = Live(pb.WatchCopiesResponse(change=42))
    with MessageClient(f"unix:{socket}") as sdk:
        with serve(before, socket):
            watch = sdk.watch_copies(account_id="bob")
            assert next(watch).change == 41
        with serve(after, socket), watch:
            assert next(watch).change == 42
    assert before.requests(pb.WatchCopiesRequest) == [pb.WatchCopiesRequest(account_id="bob")]
    assert after.requests(pb.WatchCopiesRequest) == [pb.WatchCopiesRequest(after_change=41, account_id="bob")]


def test_who_may_not_see_the_whole_may_watch_all_the_same(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["GetStatus"] = refuse(grpc.StatusCode.PERMISSION_DENIED, "NOT_FOR_OWNERS", "no")
    supervisor.on["WatchFills"] = _journal(head=1)
    with MessageClient(endpoint) as sdk, sdk.watch_fills(after_seq=0) as watch:
        assert next(watch).seq == 1


@pytest.mark.parametrize("reason", ["COMPACTED", "AFTER_HEAD"])
def test_a_position_that_is_gone_is_an_error_of_its_own(
    endpoint: str, supervisor: Scripted, reason: str
) -> None:
    supervisor.on["WatchEvents"] = refuse(grpc.StatusCode.OUT_OF_RANGE, reason, "events start at 50")
    with MessageClient(endpoint) as sdk, sdk.watch_events(after_seq=3) as watch:
        with pytest.raises(PositionGone) as raised:
            next(watch)
        assert raised.value.reason == reason
        assert watch.position == 3


def test_a_position_that_went_while_the_connection_was_lost_is_told_too(
    endpoint: str, supervisor: Scripted
) -> None:
    def answer(
        request: pb.WatchFillsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchFillsResponse]:
        if request.after_seq == 0:
            yield _fill(1)
            context.abort(grpc.StatusCode.UNAVAILABLE, "going down")
        refuse(grpc.StatusCode.OUT_OF_RANGE, "COMPACTED", "fills start at 50")(request, context)

    supervisor.on["WatchFills"] = answer
    with MessageClient(endpoint) as sdk, sdk.watch_fills(after_seq=0) as watch:
        assert next(watch).seq == 1
        with pytest.raises(PositionGone):
            next(watch)


def test_a_watch_that_the_server_ended_goes_on(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["WatchFills"] = lambda request, _context: [_fill(request.after_seq + 1)]
    with MessageClient(endpoint) as sdk, sdk.watch_fills(after_seq=0) as watch:
        assert [fill.seq for fill in itertools.islice(watch, 3)] == [1, 2, 3]


def test_a_supervisor_that_stays_away_surfaces_when_patience_ends(tmp_path: Path) -> None:
    supervisor = Scripted()
    supervisor.on["WatchFills"] = _journal(head=1)
    with MessageClient(f"unix:{tmp_path}/control.sock", patience_s=0.2) as sdk:
        with serve(supervisor, tmp_path / "control.sock"):
            watch = sdk.watch_fills(after_seq=0)
            assert next(watch).seq == 1
        with pytest.raises(Unavailable):
            next(watch)


def test_a_supervisor_that_no_longer_answers_surfaces_as_a_timeout(
    endpoint: str, supervisor: Scripted
) -> None:
    supervisor.on["WatchFills"] = lambda _request, _context: [_fill(1)]
    with MessageClient(endpoint, patience_s=0.0) as sdk, sdk.watch_fills(after_seq=0) as watch:
        assert next(watch).seq == 1
        supervisor.on["GetStatus"] = refuse(grpc.StatusCode.DEADLINE_EXCEEDED, "", "")
        with pytest.raises((TimedOut, Unavailable)):
            next(watch)


def _close_watch(watch: Any, _sdk: MessageClient) -> None:
    watch.close()


def _close_sdk(_watch: Any, sdk: MessageClient) -> None:
    sdk.close()


@pytest.mark.parametrize("close", [_close_watch, _close_sdk])
def test_closing_from_another_thread_ends_a_watch_that_waits(
    endpoint: str, supervisor: Scripted, close: Callable[[Any, MessageClient], None]
) -> None:
    supervisor.on["WatchFills"] = Live(_fill(1))
    with MessageClient(endpoint) as sdk:
        watch = sdk.watch_fills(after_seq=0)
        has_first = threading.Event()
        seen: list[int] = []

        def read() -> None:
            for fill in watch:
                seen.append(fill.seq)
                has_first.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert has_first.wait(10)
        close(watch, sdk)
        reader.join(10)
        assert not reader.is_alive()
    assert seen == [1]
    assert list(watch) == []


def test_closing_the_client_ends_a_watch_that_waits_for_a_supervisor(tmp_path: Path) -> None:
    supervisor, socket = Scripted(), tmp_path / "control.sock"
    supervisor.on["WatchFills"] = Live(_fill(1))
    with MessageClient(f"unix:{socket}") as sdk:
        with serve(supervisor, socket):
            watch = sdk.watch_fills(after_seq=0)
            assert next(watch).seq == 1
        ended: list[list[nouns.Fill]] = []
        reader = threading.Thread(target=lambda: ended.append(list(watch)))
        reader.start()
    reader.join(10)
    assert ended == [[]]


def test_a_watch_of_a_client_that_is_closed_says_so(endpoint: str) -> None:
    sdk = MessageClient(endpoint)
    sdk.close()
    with pytest.raises(BadInput, match="closed"):
        sdk.watch_fills()
