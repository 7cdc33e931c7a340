"""What is replayed for one user, in the order in which it really happened. Pure.

Fills are answered together, and when, as the user really answered them: what was merged then depended on what
was on its way. A fill that it never answered is answered alone, when it was executed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from krakencopy.account_proc.contract.copy_ids import is_asked_for
from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.proto_time import seconds
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.replayed_market import was_ordered
from krakencopy.v1 import types_pb2 as pb


@dataclass(frozen=True, slots=True)
class Look:
    """A fill of the master shows prices."""

    fill: pb.Fill


@dataclass(frozen=True, slots=True)
class Run:
    """Fills are answered together. ``real``: how they really were; empty where they were not."""

    fills: tuple[pb.Fill, ...]
    real: tuple[CopyRecord, ...] = ()

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody has asked for the copy of it."""
        return any(is_asked_for(copy.copy_id) for copy in self.real)


@dataclass(frozen=True, slots=True)
class _OfCopy:
    """Something really became of a copy."""

    real: CopyRecord


class OwedExit(_OfCopy):
    """An exit that was owed was really sold."""


class Flattened(_OfCopy):
    """What copying held of a coin was made owed by an operator, or a limit."""


class GivenUp(_OfCopy):
    """An entry that was carried was given up by a flatten."""


class Beside(_OfCopy):
    """A copy that no rule about fills made was begun: a coin of a sync, or an order that was found."""


class RealEnd(_OfCopy):
    """An order of copying really ended."""


#: What has not waited any more: it was given up, and nothing of it was sold or bought later.
GIVEN_UP = frozenset({Reason.CARRY_EXITED, Reason.PAIR_EXCLUDED, Reason.MAP_CHANGED, Reason.FLATTEN})

#: By how the ids begin of copies that no fill stands behind (copying/new_copies.py, copying/flatten.py). What
#: others of them did was not decided by rules, and is done in a replay as it was.
_BESIDE: Mapping[str, type[OwedExit | Flattened]] = {"x": OwedExit, "f": Flattened}


def is_as_it_was(copy: CopyRecord) -> bool:
    """Whether a replay has it as it really was, whatever the rules."""
    return not copy.fill_seqs and copy.copy_id[:1] not in _BESIDE


What = Look | Run | OwedExit | Flattened | GivenUp | Beside | RealEnd
#: What comes first of what has the same time: prices before the answers that are given by them.
_RANKS: Mapping[type, int] = {
    Look: 0, Run: 1, Beside: 1, Flattened: 1, OwedExit: 1, RealEnd: 2, GivenUp: 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """When (Unix seconds, the exchange's clock), and what."""

    at: float
    what: What


def moments_of(fills: Iterable[pb.Fill], joined_seq: int, copies: Iterable[CopyRecord]) -> list[Moment]:
    """All of them, in order. ``fills``: of the whole time; up to ``joined_seq`` they only show prices."""
    by_seq = {fill.seq: fill for fill in fills}
    copies = list(copies)
    runs = list(_real_runs(by_seq, copies))
    answered: dict[int, float] = {}
    for moment in runs:
        for fill in _fills_of(moment):  # one that was skipped may have been asked for later
            answered[fill.seq] = min(moment.at, answered.get(fill.seq, moment.at))
    moments = [*runs, *_of_orders(copies)]
    for seq, fill in by_seq.items():
        executed_at = seconds(fill.executed_at)
        if seq > joined_seq and seq not in answered:
            moments.append(Moment(executed_at, Run((fill,))))
        moments.append(Moment(min(executed_at, answered.get(seq, executed_at)), Look(fill)))
    return sorted(moments, key=_place)


def _place(moment: Moment) -> tuple[float, int, int, str]:
    what = moment.what
    match what:
        case Look():
            number, name = what.fill.seq, ""
        case Run():
            number, name = what.fills[0].seq, ""
        case _:
            number, name = what.real.revision, what.real.copy_id
    return moment.at, _RANKS[type(what)], number, name


def _fills_of(moment: Moment) -> tuple[pb.Fill, ...]:
    return moment.what.fills if isinstance(moment.what, Run) else ()


def _real_runs(by_seq: Mapping[int, pb.Fill], copies: Iterable[CopyRecord]) -> Iterator[Moment]:
    """Each decision has a time of its own, so what was decided at one time was decided together."""
    together: dict[tuple[float, str, str], list[CopyRecord]] = {}
    for copy in copies:
        if copy.fill_seqs and copy.state is not CopyState.RECEIVED:
            together.setdefault((copy.decided_at, copy.pair, copy.side), []).append(copy)
    for (at, _, _), real in together.items():
        seqs = sorted({seq for copy in real for seq in copy.fill_seqs} & by_seq.keys())
        if seqs:
            yield Moment(at, Run(tuple(by_seq[seq] for seq in seqs), tuple(real)))


def _of_orders(copies: Iterable[CopyRecord]) -> Iterator[Moment]:
    copies = sorted(copies, key=lambda copy: copy.revision)
    given_up = given_up_at(copies)
    for copy in copies:
        if copy.fill_seqs and copy.reason == Reason.FLATTEN:
            yield Moment(given_up[copy.copy_id], GivenUp(copy))
        if not copy.fill_seqs:
            yield Moment(copy.decided_at, _BESIDE.get(copy.copy_id[:1], Beside)(copy))
        if was_ordered(copy) and copy.finished_at:
            yield Moment(copy.finished_at, RealEnd(copy))


def given_up_at(copies: Iterable[CopyRecord]) -> dict[str, float]:
    """When what copies carried was given up, by the copy, as far as that is known: not before that. It has
    changed them last, and all of them at once.
    """
    latest, found = 0.0, dict[str, float]()
    ordered = sorted(copies, key=lambda copy: copy.revision)
    for is_given_up, group in groupby(ordered, key=_is_given_up):
        changed = list(group)
        latest = max(latest, *(max(copy.decided_at, copy.finished_at) for copy in changed))
        if is_given_up:
            found |= {copy.copy_id: latest for copy in changed}
    return found


def _is_given_up(copy: CopyRecord) -> bool:
    """Exits are never: what a flatten made owed waits until it is sold."""
    return copy.side is Side.BUY and copy.reason in GIVEN_UP
