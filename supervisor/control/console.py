"""What the supervisor prints in the foreground: events, fills and what became of them, one line each; the
final report.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.supervisor.journal.report import COUNTED
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as pb

#: Read from the journal at once.
BATCH = 200


def print_line(line: str) -> None:
    """One line for people who watch, without what would steer a terminal. A closed terminal is no reason to
    stop trading.
    """
    try:
        sys.stdout.write("".join(c if c.isprintable() else " " for c in line) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        # A closed pipe, a terminal that hung up (EIO), a full disk: nobody is there any more; later lines go
        # nowhere.
        sys.stdout = None
    except AttributeError:
        return


class Console:
    """Follows the journal and prints what is new."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._event = supervisor.journal.last_event
        self._fill = supervisor.journal.head
        self._change = supervisor.journal.last_change

    async def run(self) -> None:
        """For ever."""
        bells = (
            self._supervisor.events.change_signal,
            self._supervisor.fills.change_signal,
            self._supervisor.reports.change_signal,
        )
        seen = [-1, -1, -1]
        while True:
            waits = [
                asyncio.ensure_future(change_signal.wait(version))
                for change_signal, version in zip(bells, seen, strict=True)
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            seen = [change_signal.version for change_signal in bells]
            self.catch_up()

    def catch_up(self) -> None:
        """Prints what is new."""
        journal = self._supervisor.journal
        while events := journal.events_after(self._event, BATCH):
            for event in events:
                print_line(_event_line(event))
            self._event = events[-1].seq
        while fills := journal.fills_after(self._fill, BATCH):
            for fill in fills:
                print_line(_fill_line(fill))
            self._fill = fills[-1].seq
        while rows := journal.copies_after(self._change, BATCH):
            for _, copy in rows:
                if copy.state in COUNTED:
                    joined = copy.joined_copy_id and journal.copy(copy.account_id, copy.joined_copy_id)
                    print_line(_copy_line(copy, joined or None))
            self._change = rows[-1][0]


def _clock(stamp: Timestamp) -> str:
    at = datetime.fromtimestamp(stamp.ToMicroseconds() / 1_000_000).astimezone()
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}"


def _event_line(event: pb.Event) -> str:
    loud = (
        ""
        if event.severity == pb.SEVERITY_INFO
        else pb.Severity.Name(event.severity).removeprefix("SEVERITY_") + " "
    )
    return f"{_clock(event.at)}  {loud}{event.account_id or 'supervisor'}: {event.message}"


def _side(side: pb.Side.ValueType) -> str:
    return "buy " if side == pb.SIDE_BUY else "sell"


def _fill_line(fill: pb.Fill) -> str:
    return (
        f"{_clock(fill.journalled_at)}  fill {fill.seq}: master {_side(fill.side)} {fill.volume} "
        f"{fill.pair} at {fill.price}"
    )


def _fills(copy: pb.Copy) -> str:
    if not copy.fill_seqs and copy.source:
        return copy.source
    return "fill " + ",".join(str(seq) for seq in copy.fill_seqs)


def _copy_line(copy: pb.Copy, joined: pb.Copy | None) -> str:
    """``joined``: with which copy a carried one was ordered, if it was and the journal has that one."""
    what = f"{COUNTED[copy.state]} {copy.reason}"
    if copy.joined_copy_id:
        what += f", now ordered with {_fills(joined) if joined else 'a later fill'}"
    if copy.state in {pb.COPY_STATE_FILLED, pb.COPY_STATE_PART_FILLED}:
        what = f"{_side(copy.side)} {copy.filled_volume} {copy.pair} at {copy.avg_price} ({copy.reason})"
    return f"{_clock(copy.finished_at)}    {_fills(copy)}: {copy.account_id}: {what}"


def _latency(duration: Duration, *, known: bool) -> str:
    return f"{duration.ToMicroseconds() / 1000:.1f} ms" if known else "-"


def report_lines(report: control_pb2.GetReportResponse) -> list[str]:
    """The report as a table; each row adds up to its fills."""
    lines = [f"{report.fills} fills of the master", ""]
    header = (
        "user",
        "fills",
        "filled",
        "part",
        "carried",
        "skipped",
        "rejected",
        "merged",
        "on its way",
        "capped",
        "median",
        "p99",
    )
    rows = [header]
    for line in report.accounts:
        copies = line.copies
        rows.append(
            (
                line.account_id,
                str(line.fills),
                str(copies.filled),
                str(copies.part_filled),
                str(copies.carried),
                str(copies.skipped),
                str(copies.rejected),
                str(line.merged),
                str(copies.open + line.unanswered),
                str(copies.capped),
                _latency(line.latency_median, known=line.HasField("latency_median")),
                _latency(line.latency_p99, known=line.HasField("latency_p99")),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    for row in rows:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells))
    for line in report.accounts:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(line.reasons.items()))
        money = "; ".join(
            f"{word} {amount} {asset}"
            for word, amounts in (("bought", line.bought), ("sold", line.sold), ("fees", line.fees))
            for asset, amount in sorted(amounts.items())
        )
        lines.append(f"{line.account_id}: {money or 'nothing traded'}" + (f"; {reasons}" if reasons else ""))
    if report.unanswered:
        lines.append(
            f"NOT ANSWERED: {report.on_their_way} fills are on their way, and {report.unanswered} times a "
            "user has no copy of one yet"
        )
    elif report.fills:
        lines.append("every fill was answered by every user: copied, carried, or skipped with a reason")
    return lines
