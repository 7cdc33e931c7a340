"""All users of a fill in a few lines: how many copied it, who did not, and why."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration

from krakencopy.client.views.fill_summary import needs_look, summary
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

FILL = nouns.Fill(seq=12)


def _outcome(
    user: str, state: str, reason: str = "", seqs: tuple[int, ...] = (12,), **fields: Any
) -> pb.FillOutcome:
    number = nouns.CopyState.Value(f"COPY_STATE_{state}")
    copy = nouns.Copy(account_id=user, state=number, reason=reason, fill_seqs=seqs)
    return pb.FillOutcome(account_id=user, copy=copy, **fields)


def test_every_user_is_in_one_group_and_reasons_are_told_with_who_has_them() -> None:
    outcomes = [
        _outcome("ann", "FILLED", latency=Duration(nanos=10_000_000)),
        _outcome("bob", "FILLED", seqs=(11, 12), latency=Duration(nanos=30_000_000)),
        _outcome("cat", "PART_FILLED", "SLIPPAGE_BOUND"),
        _outcome(
            "dan",
            "CARRIED",
            "BELOW_ORDERMIN",
            joined=nouns.Copy(copy_id="c13", state=nouns.COPY_STATE_FILLED),
        ),
        _outcome("eve", "SKIPPED", "STALE_ENTRY"),
        _outcome("fay", "REJECTED", "EOrder:No"),
        _outcome("gus", "REJECTED", "EOrder:No"),
        _outcome("hal", "REJECTED", "EGeneral:\x1b[2J"),
        _outcome("ida", "UNKNOWN"),
        pb.FillOutcome(account_id="jon", waits_for="STOPPED"),
        pb.FillOutcome(account_id="kim"),
        pb.FillOutcome(account_id="leo", joined_later=True),
    ]
    assert summary(outcomes, FILL) == [
        (
            "11 users: 2 copied it in full, 1 in part, 1 carried it (too small alone), 1 skipped it, "
            "3 failed, 1 on the way, 2 waiting"
        ),
        "  in full       ann, bob",
        "  in part       SLIPPAGE_BOUND: cat",
        "  carried       BELOW_ORDERMIN (ordered later: FILLED): dan",
        "  skipped       STALE_ENTRY: eve",
        "  failed        EOrder:No: fay, gus; EGeneral: [2J: hal",
        "  on its way    UNKNOWN: ida",
        "  waiting       STOPPED: jon; no answer yet: kim",
        "  merged        in one order with other fills: bob",
        "  joined later  leo",
        (
            "  order left    20.0 ms after the master's process received it in the median of 2 users, 30.0 "
            "ms at most (bob)"
        ),
    ]
    assert [each.account_id for each in outcomes if needs_look(each)] == ["cat", "fay", "gus", "hal", "ida"]


def test_a_shadow_is_named_beside_and_counted_nowhere() -> None:
    outcomes = [_outcome("ann", "FILLED"), _outcome("sam", "SKIPPED", "STALE_ENTRY")]
    outcomes[1].copy.shadow = True
    assert summary(outcomes, FILL) == [
        "1 user: 1 copied it in full",
        "  in full  ann",
        "  shadow, counted nowhere: STALE_ENTRY: sam",
    ]
    assert summary(outcomes[1:], FILL)[0] == "No user was there to copy it."


def test_however_many_there_are_it_stays_a_few_lines() -> None:
    outcomes = [_outcome(f"u{n}", "SKIPPED", f"REASON_{n % 9}") for n in range(900)]
    (head, skipped) = summary(outcomes, FILL)
    assert head == "900 users: 900 skipped it"
    assert skipped.startswith(
        "  skipped  REASON_0: u0, u9, u18, u27, u36, u45, u54, u63 and 92 more; REASON_1: "
    )
    assert skipped.endswith("; 3 more reasons")


def test_one_user_alone_and_nobody() -> None:
    one = _outcome("ann", "FILLED", latency=Duration(nanos=1_500_000))
    assert summary([one], FILL) == [
        "1 user: 1 copied it in full",
        "  in full     ann",
        "  order left  1.5 ms after the master's process received it (ann)",
    ]
    assert summary([], FILL) == ["No user was there to copy it."]
    assert summary([pb.FillOutcome(account_id="leo", joined_later=True)], FILL) == [
        "No user was there to copy it."
    ]
