"""What is replayed, in the order in which it really happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.moments import (
    Beside,
    Flattened,
    GivenUp,
    Look,
    Moment,
    OwedExit,
    Run,
    is_as_it_was,
    moments_of,
)
from krakencopy.v1 import types_pb2 as pb


def fill(seq: int, at: float) -> pb.Fill:
    return pb.Fill(seq=seq, pair="BTC/USD", executed_at=timestamp(at))


def copy(*seqs: int, at: float, **more: Any) -> CopyRecord:
    fields: dict[str, Any] = {
        "copy_id": f"c{seqs[0]}" if seqs else "x9", "fill_seqs": seqs, "pair": "BTC/USD", "side": Side.BUY,
        "state": CopyState.FILLED, "reason": Reason.SCALED, "detail": "", "cl_ord_id": "kc-1",
        "decided_at": at, "finished_at": at + 0.5,
    }  # fmt: skip
    return CopyRecord(**(fields | more))


def named(moments: Iterable[Moment]) -> list[str]:
    def name(moment: Moment) -> str:
        match moment.what:
            case Look(fill=seen):
                return f"look {seen.seq}"
            case Run(fills=fills):
                return f"run {' '.join(str(each.seq) for each in fills)}"
            case OwedExit():
                return "owed"
            case Flattened():
                return "flattened"
            case Beside(real=real):
                return f"beside {real.copy_id}"
            case GivenUp(real=real):
                return f"given up {real.copy_id}"
            case other:
                return f"end {other.real.copy_id}"

    return [name(moment) for moment in moments]


def test_prices_then_the_answer_then_how_the_order_ended() -> None:
    assert named(moments_of([fill(1, 10.0)], 0, [copy(1, at=10.0)])) == ["look 1", "run 1", "end c1"]


def test_what_was_decided_at_one_time_was_decided_together() -> None:
    fills = [fill(1, 10.0), fill(2, 10.1), fill(3, 10.2)]
    copies = [
        copy(1, at=11.0, state=CopyState.SKIPPED, cl_ord_id=""), copy(2, 3, at=11.0), copy(4, at=11.0),
    ]  # fmt: skip
    runs = [each for each in named(moments_of(fills, 0, copies)) if each.startswith("run")]
    assert runs == ["run 1 2 3"]


def test_a_fill_that_was_never_answered_is_answered_alone_and_at_once() -> None:
    fills = [fill(1, 10.0), fill(2, 20.0)]
    assert named(moments_of(fills, 0, [])) == ["look 1", "run 1", "look 2", "run 2"]
    assert named(moments_of(fills, 1, [])) == ["look 1", "look 2", "run 2"]


def test_prices_are_known_before_a_decision_whatever_the_clocks_say() -> None:
    assert named(moments_of([fill(1, 10.0)], 0, [copy(1, at=9.9)]))[0] == "look 1"


def test_what_no_fill_stands_behind_is_a_sale_that_was_owed_or_a_flatten() -> None:
    sold = copy(at=10.0, side=Side.SELL)
    made_owed = copy(at=9.0, side=Side.SELL, copy_id="f8", cl_ord_id="", state=CopyState.CARRIED)
    assert named(moments_of([], 0, [sold, made_owed])) == ["flattened", "owed", "end x9"]


def test_what_no_rule_made_is_as_it_was() -> None:
    found = copy(at=10.0, copy_id="o7")
    assert named(moments_of([], 0, [found])) == ["beside o7", "end o7"]
    assert is_as_it_was(found)
    assert not is_as_it_was(copy(at=10.0))
    assert not is_as_it_was(copy(1, at=10.0))


def test_a_fill_that_was_skipped_and_asked_for_later_is_answered_twice() -> None:
    skipped = copy(1, at=10.0, state=CopyState.SKIPPED, cl_ord_id="")
    asked = copy(1, at=20.0, copy_id="d1")
    moments = moments_of([fill(1, 10.0)], 0, [skipped, asked])
    assert named(moments) == ["look 1", "run 1", "run 1", "end d1"]
    asked_for = [moment.what.is_asked_for for moment in moments if isinstance(moment.what, Run)]
    assert asked_for == [False, True]


def test_an_entry_that_a_flatten_gave_up_is_given_up_then() -> None:
    carried = copy(
        1, at=10.0, cl_ord_id="", state=CopyState.CARRIED, reason=Reason.FLATTEN, finished_at=10.0, revision=3
    )
    later = copy(2, at=30.0, revision=4, finished_at=31.0)
    flat = copy(at=20.0, copy_id="f2", side=Side.SELL, state=CopyState.CARRIED, cl_ord_id="", revision=2)
    assert named(moments_of([fill(1, 10.0)], 0, [carried, later, flat])) == [
        "look 1", "run 1", "flattened", "given up c1", "end c2",
    ]  # fmt: skip
