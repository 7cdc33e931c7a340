"""Runs worlds batch by batch, has each judged, keeps what is needed to do a failing one again, and sums
up.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.chaos import plan
from tests.chaos.judge_copies import volumes
from tests.chaos.plan import Batch, World
from tests.chaos.records import Finding, Record
from tests.chaos.rest import DidNotRest
from tests.chaos.tally import Tally
from tests.chaos.validators import findings_text, judge
from tests.chaos.world import RunningWorld

#: After so many worlds with findings the rest is not worth the time.
FAILED_WORLDS_MAX = 5
#: Findings that are printed at once; all are kept.
SHOWN_MAX = 12

Say = Callable[[str], None]


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass
class Outcome:
    """What a campaign came to."""

    rounds: int = 0
    batches: int = 0
    fills: int = 0
    copies: int = 0
    trades: int = 0
    exact: int = 0
    bounded: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    reasons: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing was found, and something was checked."""
        return not self.findings and self.exact + self.bounded > 0


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """What is kept, where, and what is written about how it was drawn."""

    origin: str
    #: None: the folder of temporary files.
    folder: Path | None = None
    #: Also worlds in which nothing was found.
    everything: bool = False


def run(worlds: Sequence[World], keeping: Keeping, tell: Say = say) -> Outcome:
    """All worlds, one after another. Where something was found, the batches after it are played in a new
    world.
    """
    outcome = Outcome()
    began = time.monotonic()
    waiting = list(worlds)
    while waiting and len(outcome.kept) < FAILED_WORLDS_MAX:
        world = waiting.pop(0)
        findings, played = _one_world(world, keeping, outcome, tell)
        outcome.findings += findings
        if findings and played < len(world.batches):
            waiting.insert(0, world.after(played))
    if waiting:
        tell(f"stopped: {FAILED_WORLDS_MAX} times something was found")
    outcome.seconds = time.monotonic() - began
    return outcome


def _one_world(world: World, keeping: Keeping, outcome: Outcome, tell: Say) -> tuple[list[Finding], int]:
    """Plays batches until something is found; what, and how many were played."""
    running = RunningWorld(world)
    findings: list[Finding] = []
    done: list[Batch] = []
    try:
        with running:
            for batch in world.batches:
                done.append(batch)
                findings = _one_batch(running, batch, outcome, tell)
                if findings:
                    break
        _sum_up(running, outcome)
        if findings or keeping.everything:
            kept = _keep(running, done, findings, keeping, tell)
            outcome.kept += [kept] if findings else []
    except BaseException:
        tell(f"the campaign itself failed; state is left in {running.folder}")
        raise
    running.remove()
    return findings, len(done)


def _one_batch(running: RunningWorld, batch: Batch, outcome: Outcome, tell: Say) -> list[Finding]:
    began = time.monotonic()
    before, blows = _numbers(running.record), running.tally.blows.copy()
    orders = running.tally.orders
    findings: list[Finding] = []
    running.run(batch)
    acted = time.monotonic() - began
    try:
        running.rest()
    except DidNotRest as hang:
        running.collect()
        findings.append(Finding(validator="rest", text=f"did not come to rest: {hang}"))
    else:
        findings += judge(running.record)
        findings += [
            Finding(validator="campaign", text=f"could not be done: {note} ({times} times)")
            for note, times in running.tally.not_done.items()
            if note.startswith("fault")
        ]
    fills, trades, fired = (now - then for now, then in zip(_numbers(running.record), before, strict=True))
    dealt = running.tally.blows - blows
    words = ", ".join(f"{name} {times}" for name, times in sorted(dealt.items()) if name not in UNCOUNTED)
    outcome.rounds += len(batch.rounds)
    outcome.batches += 1
    tell(
        f"world {running.plan.number} rounds {batch.rounds[0]}-{batch.rounds[-1]}: "
        f"{running.tally.orders - orders} orders, "
        f"{fills} fills, {trades} trades, {fired} faults injected, {time.monotonic() - began:.1f} s "
        f"({acted:.1f} acting)"
        f"{'; ' + words if words else ''}{'  FOUND ' + str(len(findings)) if findings else ''}"
    )
    return findings


UNCOUNTED = {"price", "market", "limit", "resume", "move_back", "hand_cancel"}


def _numbers(record: Record) -> tuple[int, int, int]:
    injected = sum(bool(request.fault) for request in record.requests)
    return len(record.trades_of("master")), len(record.trades), injected


def _sum_up(running: RunningWorld, outcome: Outcome) -> None:
    checked = volumes(running.record)
    outcome.exact += checked.exact
    outcome.bounded += checked.bounded
    outcome.fills += len(running.record.fills)
    outcome.copies += len(running.record.copies)
    outcome.trades += len(running.record.trades)
    outcome.tally.add(running.tally)
    outcome.reasons.update(f"{copy.state} {copy.reason}" for copy in running.record.copies)


def _keep(
    running: RunningWorld, done: list[Batch], findings: list[Finding], keeping: Keeping, tell: Say
) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="krakencopy-chaos-", dir=keeping.folder))
    played = replace(running.plan, batches=tuple(done))
    (folder / "world.json").write_text(plan.to_json(played))
    (folder / "findings.jsonl").write_text(findings_text(findings))
    running.record.keep(folder / "record")
    shutil.copytree(running.folder, folder / "state", ignore=shutil.ignore_patterns("*.sock"))
    again = (
        f"drawn by: {keeping.origin}\n"
        f"again, this world only: .venv/bin/python -m tests.chaos --world {folder / 'world.json'}\n"
        f"judge the record again: .venv/bin/python -m tests.chaos --judge {folder / 'record'}\n"
        "world.json is the list of actions: cut it down while the finding stays\n"
    )
    (folder / "AGAIN.txt").write_text(again)
    for finding in findings[:SHOWN_MAX]:
        tell(f"  {finding}")
    if len(findings) > SHOWN_MAX:
        tell(f"  and {len(findings) - SHOWN_MAX} more")
    tell(f"  kept in {folder}\n  " + again.replace("\n", "\n  ").rstrip())
    return folder


def table(outcome: Outcome) -> list[str]:
    """The summary, line by line."""
    total = outcome.exact + outcome.bounded
    share = 100 * outcome.exact / total if total else 0.0
    lines = [
        "",
        (
            f"{outcome.rounds} rounds in {outcome.batches} batches, {outcome.seconds / 60:.1f} min: "
            f"{outcome.tally.orders} orders of "
            f"the master, {outcome.fills} fills, {outcome.copies} copies, {outcome.trades} trades at the "
            "exchange"
        ),
        f"volumes checked: {outcome.exact} exactly, {outcome.bounded} against bounds ({share:.1f} % exactly)",
    ]
    for title, counted in (
        ("done", outcome.tally.blows),
        ("faults of the exchange that were injected", outcome.tally.faults_fired),
        ("not done", outcome.tally.not_done),
        ("started again by an operator", outcome.tally.started_again),
        ("copies ended", outcome.reasons),
    ):
        lines.append(f"{title}:")
        lines += [f"  {times:7d}  {name}" for name, times in sorted(counted.items())] or ["  nothing"]
    found = Counter(finding.validator for finding in outcome.findings)
    lines.append(f"found: {', '.join(f'{name} {times}' for name, times in found.items()) or 'nothing'}")
    return lines
