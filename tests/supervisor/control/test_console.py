"""Whoever watches the supervisor reads each thing once, in one line; and nothing depends on anyone
watching.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from google.protobuf.duration_pb2 import Duration

from krakencopy.supervisor.control import console as console_module
from krakencopy.supervisor.control.console import Console, print_line, report_lines
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.fan_out import FillLog, ReportLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import NOW, copy, event, fill

LIMIT_S = 10


@dataclass
class Scene:
    """As much of a supervisor as a console looks at."""

    journal: Journal

    def __post_init__(self) -> None:
        self.events = EventLog(self.journal)
        self.fills = FillLog(self.journal)
        self.reports = ReportLog(self.journal)

    def console(self) -> Console:
        return Console(cast("Supervisor", self))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield Scene(journal)


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are those of a zone with a fixed offset of one hour."""
    monkeypatch.setenv("TZ", "XXX-1")  # POSIX: minus is east of Greenwich
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_events_show_what_is_loud(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    console = scene.console()
    scene.journal.add_event(event(1, account_id="tania", message="WAITING -> STARTING"))
    scene.journal.add_event(event(2, severity=pb.SEVERITY_ERROR, message="the journal is full"))
    scene.journal.add_event(
        event(3, severity=pb.SEVERITY_WARNING, account_id="master", message="RUNNING -> DEGRADED")
    )
    console.catch_up()
    assert printed(capsys) == [
        "09:00:01.000  tania: WAITING -> STARTING",
        "09:00:02.000  ERROR supervisor: the journal is full",
        "09:00:03.000  WARNING master: RUNNING -> DEGRADED",
    ]


def test_a_fill_and_what_became_of_it(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    console = scene.console()
    scene.journal.append([fill(1), fill(2, side=pb.SIDE_SELL, volume="1.5", price="9999.9")], 1)
    scene.journal.put_reports(
        [
            (
                "tania",
                [
                    copy("tania", [1], finished=NOW + 1.0625),
                    copy(
                        "tania",
                        [2, 3],
                        pb.COPY_STATE_PART_FILLED,
                        side=pb.SIDE_SELL,
                        reason="EXIT_FULL",
                        finished=NOW,
                    ),
                    copy("tania", [4], pb.COPY_STATE_SKIPPED, reason="STALE_ENTRY", finished=NOW),
                    copy("tania", [5], pb.COPY_STATE_CARRIED, reason="BELOW_ORDERMIN", finished=NOW),
                    copy(
                        "tania", [6], pb.COPY_STATE_REJECTED, reason="EOrder:Insufficient funds", finished=NOW
                    ),
                ],
                6,
            )
        ]
    )
    console.catch_up()
    *fills, one, two, three, four, five = printed(capsys)
    assert [line[14:] for line in fills] == [
        "fill 1: master buy  0.005 BTC/USD at 10000",
        "fill 2: master sell 1.5 BTC/USD at 9999.9",
    ]
    assert one == "09:00:01.062    fill 1: tania: buy  0.0005 BTC/USD at 10010 (SCALED)"
    assert two == "09:00:00.000    fill 2,3: tania: sell 0.0005 BTC/USD at 10010 (EXIT_FULL)"
    assert three == "09:00:00.000    fill 4: tania: skipped STALE_ENTRY"
    assert four == "09:00:00.000    fill 5: tania: carried BELOW_ORDERMIN"
    assert five == "09:00:00.000    fill 6: tania: rejected EOrder:Insufficient funds"


def test_a_carried_copy_says_with_which_fill_it_was_ordered(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    console = scene.console()
    carried = copy("tania", [1], pb.COPY_STATE_CARRIED, reason="BELOW_ORDERMIN", finished=NOW)
    scene.journal.put_reports([("tania", [carried], 1)])
    console.catch_up()
    carried.joined_copy_id, carried.revision = "c2", 3
    scene.journal.put_reports([("tania", [copy("tania", [2], finished=NOW), carried], 2)])
    console.catch_up()
    alone, order, together = printed(capsys)
    assert alone.endswith("fill 1: tania: carried BELOW_ORDERMIN")
    assert order.endswith("(SCALED)")
    assert together.endswith("fill 1: tania: carried BELOW_ORDERMIN, now ordered with fill 2")


def test_a_copy_joined_to_one_that_is_not_known_says_so(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    console = scene.console()
    carried = copy(
        "tania", [1], pb.COPY_STATE_CARRIED, reason="BELOW_ORDERMIN", finished=NOW, joined_copy_id="c9"
    )
    scene.journal.put_reports([("tania", [carried], 1)])
    console.catch_up()
    (line,) = printed(capsys)
    assert line.endswith("fill 1: tania: carried BELOW_ORDERMIN, now ordered with a later fill")


def test_a_copy_is_printed_when_it_has_ended_and_each_thing_once(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_module, "BATCH", 2)
    scene.journal.add_event(event(1, message="long ago"))
    console = scene.console()
    for number in range(2, 7):
        scene.journal.add_event(event(number))
    scene.journal.append([fill(n) for n in range(1, 6)], 1)
    scene.journal.put_reports([("tania", [copy("tania", [1], pb.COPY_STATE_SENT)], 1)])
    console.catch_up()
    first = printed(capsys)
    assert [line.partition("  ")[2] for line in first[:5]] == [f"supervisor: event {n}" for n in range(2, 7)]
    assert len(first) == 10
    scene.journal.put_reports([("tania", [copy("tania", [1], finished=NOW)], 1)])
    console.catch_up()
    console.catch_up()
    assert len(printed(capsys)) == 1


def test_it_prints_as_soon_as_a_bell_rings(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(console_module, "print_line", lines.put_nowait)

    async def play() -> None:
        async with asyncio.timeout(LIMIT_S):
            printing = asyncio.create_task(scene.console().run())
            scene.fills.append([fill(1)], 1)
            assert "fill 1: master" in await lines.get()
            scene.reports.put_report("tania", [copy("tania", [1])], 1)
            scene.reports.flush()
            assert "fill 1: tania" in await lines.get()
            scene.journal.add_event(event(1))
            scene.events.change_signal.notify()
            assert "event 1" in await lines.get()
            scene.fills.append([fill(2)], 1)
            assert "fill 2: master" in await lines.get()
            printing.cancel()

    asyncio.run(play())


def test_it_rests_while_nothing_happens(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(Console, "catch_up", lambda _: looks.append(1))

    async def turns(number: int) -> int:
        for _ in range(number):
            await asyncio.sleep(0)
        return len(looks)

    async def play() -> None:
        printing = asyncio.create_task(scene.console().run())
        scene.events.change_signal.notify()
        after = await turns(50)
        assert after > 0
        assert await turns(50) == after
        printing.cancel()

    asyncio.run(play())


def closed_pipe() -> int:
    read_end, write_end = os.pipe()
    os.close(read_end)
    return write_end


def closed_terminal() -> int:
    master, slave = os.openpty()
    os.close(master)
    return slave


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("nobody", [closed_pipe, closed_terminal, full_disk])
def test_that_nobody_can_read_any_more_is_no_reason_to_stop(
    nobody: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = os.fdopen(nobody(), "w")  # type: ignore[operator]  # one of the three above
    monkeypatch.setattr(sys, "stdout", stdout)
    try:
        print_line("one")
        print_line("two")
    finally:
        with contextlib.suppress(OSError):
            stdout.close()


def test_lines_after_a_closed_output_go_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    print_line("one")


def milliseconds(number: float) -> Duration:
    return Duration(nanos=round(number * 1e6))


def test_the_report_is_a_table_with_what_each_user_traded_below_it() -> None:
    tania = control_pb2.AccountReport(
        account_id="tania_gilbert",
        fills=12,
        copies=control_pb2.CopyCounts(
            filled=7, part_filled=1, carried=2, skipped=1, rejected=1, open=0, capped=3
        ),
        reasons={"STALE_ENTRY": 1, "BELOW_ORDERMIN": 2},
        bought={"USD": "120.5"},
        sold={"USD": "60"},
        fees={"USD": "0.5", "BTC": "0.00001"},
        latency_median=milliseconds(2.34),
        latency_p99=milliseconds(110.06),
    )
    nobody = control_pb2.AccountReport(account_id="x", copies=control_pb2.CopyCounts())
    lines = report_lines(control_pb2.GetReportResponse(fills=12, accounts=[tania, nobody]))
    assert lines == [
        "12 fills of the master",
        "",
        (
            "user           fills  filled  part  carried  skipped  rejected  merged  on its way  capped  "
            "median       p99"
        ),
        (
            "tania_gilbert     12       7     1        2        1         1       0           0       3  "
            "2.3 ms  110.1 ms"
        ),
        (
            "x                  0       0     0        0        0         0       0           0       0  "
            "     -         -"
        ),
        (
            "tania_gilbert: bought 120.5 USD; sold 60 USD; fees 0.00001 BTC; fees 0.5 USD; BELOW_ORDERMIN 2, "
            "STALE_ENTRY 1"
        ),
        "x: nothing traded",
        "every fill was answered by every user: copied, carried, or skipped with a reason",
    ]


def test_a_report_that_does_not_add_up_says_so_last() -> None:
    lines = report_lines(control_pb2.GetReportResponse(fills=3, unanswered=2, on_their_way=1))
    words = "NOT ANSWERED: 1 fills are on their way, and 2 times a user has no copy of one yet"
    assert lines[-1] == words


def test_what_would_steer_a_terminal_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("refused: \x1b[2J\u202egone")
    assert capsys.readouterr().out == "refused:  [2J gone\n"
