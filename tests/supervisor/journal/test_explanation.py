"""Each outcome of a fill is told in a sentence, and none says that an order has left that may not have."""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.supervisor.journal.explanation import PAUSED, Standing, explain
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import NOW, copy, fill, put

RUNNING = Standing("RUNNING", "", is_alive=True)
STOPPED = Standing("STOPPED", "", is_alive=False)


def explained(
    journal: Journal, seq: int, stands: Standing = RUNNING, users: tuple[str, ...] = ("tania",)
) -> control_pb2.ExplainFillResponse:
    found = journal.fill(seq)
    assert found is not None
    answer = explain(journal, found, users, lambda _user: stands)
    assert answer.fill == found
    return answer


def outcome(
    journal: Journal, *copies: pb.Copy, seq: int = 1, stands: Standing = RUNNING
) -> control_pb2.FillOutcome:
    put(journal, *copies)
    (only,) = explained(journal, seq, stands).outcomes
    return only


@pytest.mark.parametrize(
    ("state", "fields", "words"),
    [
        (pb.COPY_STATE_FILLED, {}, "bought 0.0005 at 10010 (SCALED)"),
        (
            pb.COPY_STATE_FILLED,
            {"side": pb.SIDE_SELL, "reason": "EXIT_FULL"},
            "sold 0.0005 at 10010 (EXIT_FULL)",
        ),
        (pb.COPY_STATE_PART_FILLED, {"filled_volume": "0.0002"}, "bought 0.0002 of 0.0005 at 10010 (SCALED)"),
        (
            pb.COPY_STATE_SKIPPED,
            {"reason": "STALE_ENTRY", "detail": "31 s old"},
            "skipped (STALE_ENTRY): 31 s old",
        ),
        (
            pb.COPY_STATE_REJECTED,
            {"reason": "EOrder:Cost minimum not met"},
            "refused (EOrder:Cost minimum not met)",
        ),
        (
            pb.COPY_STATE_REJECTED,
            {"reason": "SLIPPAGE_BOUND", "order_id": "O1"},
            "ordered, and ended without a fill (SLIPPAGE_BOUND)",
        ),
        (
            pb.COPY_STATE_REJECTED,
            {"reason": "NEVER_ARRIVED"},
            "no order is there, for certain (NEVER_ARRIVED)",
        ),
        (
            pb.COPY_STATE_CARRIED,
            {"reason": "BELOW_ORDERMIN"},
            "too small alone (BELOW_ORDERMIN), waits for the next fill of this pair and side",
        ),
        *(
            (pb.COPY_STATE_CARRIED, {"reason": reason}, f"too small alone, and given up ({reason})")
            for reason in ("CARRY_EXITED", "PAIR_EXCLUDED")
        ),
        (pb.COPY_STATE_SENT, {}, "sent, and not answered yet (SCALED)"),
        (pb.COPY_STATE_UNKNOWN, {}, "there may be an order or not, it is looked for (SCALED)"),
        (
            pb.COPY_STATE_ACKNOWLEDGED,
            {"detail": "0.0005 of 0.005"},
            "ordered, and not at its end yet (SCALED): 0.0005 of 0.005",
        ),
    ],
)
def test_an_outcome_in_a_sentence(
    journal: Journal, state: pb.CopyState.ValueType, fields: dict[str, Any], words: str
) -> None:
    journal.join("tania")
    journal.append([fill(1, received=NOW)], 1)
    made = copy("tania", [1], state, sent=NOW + 0.0125, **fields)
    told = outcome(journal, made)
    assert (told.explanation, told.copy, told.HasField("joined")) == (words, made, False)
    assert (told.latency.ToMicroseconds(), told.waits_for) == (12_500, "")


_ENDED = "; its process has ended, the next one goes on with it"
_INTENT = "about to be ordered; whether the order has left is not known yet (SCALED)"
_NOTHING = "not ordered yet, nothing has left (SCALED)"


@pytest.mark.parametrize(
    ("state", "fields", "stands", "words"),
    [
        (pb.COPY_STATE_RECEIVED, {}, RUNNING, _NOTHING),
        (pb.COPY_STATE_PLANNED, {}, RUNNING, _NOTHING),
        (pb.COPY_STATE_INTENT, {}, RUNNING, _INTENT),
        # Its process died, perhaps before and perhaps after the order left.
        (pb.COPY_STATE_INTENT, {}, STOPPED, _INTENT + _ENDED),
        # The exchange's limits hold it up.
        (pb.COPY_STATE_INTENT, {"detail": "waits 3.0 s"}, RUNNING, f"{_INTENT}: waits 3.0 s"),
        (
            pb.COPY_STATE_UNKNOWN,
            {},
            STOPPED,
            "there may be an order or not, it is looked for (SCALED)" + _ENDED,
        ),
        # Given up before anything was sent: too old by then, no connection, a key that is locked out.
        (
            pb.COPY_STATE_REJECTED,
            {"reason": "NOT_SENT", "detail": "connection refused"},
            RUNNING,
            "not ordered, nothing left (NOT_SENT): connection refused",
        ),
    ],
)
def test_of_an_order_that_may_not_have_left_nobody_says_that_it_has(
    journal: Journal, state: pb.CopyState.ValueType, fields: dict[str, Any], stands: Standing, words: str
) -> None:
    journal.join("tania")
    journal.append([fill(1, received=NOW)], 1)
    told = outcome(journal, copy("tania", [1], state, **fields), stands=stands)
    assert (told.explanation, told.HasField("latency")) == (words, False)


def test_a_carried_copy_names_the_one_that_it_was_ordered_with(journal: Journal) -> None:
    journal.join("tania")
    journal.append([fill(1), fill(2)], 1)
    later = copy("tania", [2], carried_in=["c1"])
    carried = copy("tania", [1], pb.COPY_STATE_CARRIED, reason="BELOW_ORDERMIN", joined_copy_id="c2")
    told = outcome(journal, later, carried)
    assert told.joined == later
    assert told.explanation == "too small alone (BELOW_ORDERMIN), then ordered together with copy c2"


@pytest.mark.parametrize(
    ("stands", "words"),
    [
        (RUNNING, "the user is RUNNING, and has the fill or is about to be sent it"),
        (STOPPED, "the user is STOPPED, and is sent the fill when it runs"),
        (
            Standing("FAILED", "NEWER_LEDGER", is_alive=False),
            "the user is FAILED (NEWER_LEDGER), and is sent the fill when it runs",
        ),
        (
            Standing(PAUSED, "", is_alive=True),
            "the user is paused by an operator, the fill waits until `resume`",
        ),
    ],
)
def test_why_there_is_no_copy(journal: Journal, stands: Standing, words: str) -> None:
    journal.append([fill(1)], 1)
    journal.join("tania")
    journal.append([fill(2)], 1)
    early, late = outcome(journal, seq=1, stands=stands), outcome(journal, seq=2, stands=stands)
    assert (early.explanation, early.joined_later, early.waits_for) == (
        "happened before this user joined",
        True,
        "",
    )
    assert (late.explanation, late.joined_later, late.waits_for) == (
        f"not answered yet: {words}",
        False,
        stands.code,
    )


def test_users_that_are_not_configured_any_more_come_last_if_they_have_answered(journal: Journal) -> None:
    for user in ("gone", "tania"):
        journal.join(user)
    journal.append([fill(1), fill(2)], 1)
    put(journal, copy("gone", [1], pb.COPY_STATE_INTENT), copy("tania", [1]))
    told = explained(journal, 1).outcomes
    assert [each.account_id for each in told] == ["tania", "gone"]
    assert told[1].explanation == _INTENT + _ENDED
    assert [each.account_id for each in explained(journal, 2).outcomes] == ["tania"]
