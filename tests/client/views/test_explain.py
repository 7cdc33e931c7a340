from __future__ import annotations

import re
from typing import Any

from google.protobuf.duration_pb2 import Duration

from krakencopy.client.views.explain import story
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


def _told(*outcomes: pb.FillOutcome, **how: Any) -> str:
    return "\n".join(story(samples.explanation(*outcomes), **how))


def test_the_story_tells_outcome_volumes_prices_and_reason() -> None:
    told = _told()
    assert told.startswith(
        "Fill 12: the master bought 0.00500000 BTC/USD at 60000.0, fee 0.78 USD\n"
        "  on 2026-01-02 04:04:05.000+01:00"
    )
    assert (
        "before its order the master had 10000.00 USD in all, 8000.00 USD free, 0.03000000 BTC held" in told
    )
    assert "bob: FILLED\n  Copied at a tenth.\n" in told
    assert "wanted 0.00050000, ordered 0.00050000, filled 0.00050000 BTC at 60001.0 USD, fee 0.08 USD" in told
    assert "order OUSER1, cl_ord_id kc-bob-12" in told
    assert "2.500 ms from the master's process receiving it to bob's order leaving" in told


def test_each_hop_has_its_time_and_its_distance_to_the_hop_before_and_to_the_first() -> None:
    hops = re.findall(r"^  (\S.*?) {2,}([\d:.]{12}) +(\S+) ms +(\S+) ms$", _told(), re.MULTILINE)
    assert [(name, before, first) for name, _, before, first in hops] == [
        ("executed (exchange's clock)", "+0.000", "+0.000"),
        ("master's process received it", "+1.500", "+1.500"),
        ("durable in the journal", "+0.500", "+2.000"),
        ("handed to the user", "+0.250", "+2.250"),
        ("user's process received it", "+0.750", "+3.000"),
        ("volume decided", "+0.125", "+3.125"),
        ("order sent", "+0.875", "+4.000"),
        ("exchange answered", "+50.000", "+54.000"),
        ("finished", "+6.000", "+60.000"),
    ]
    assert hops[7][1] == "04:04:05.054"


def test_a_hop_that_did_not_happen_is_left_out() -> None:
    skipped = nouns.Copy(
        account_id="bob",
        fill_seqs=[12],
        state=nouns.COPY_STATE_SKIPPED,
        reason="STALE_ENTRY",
        received_at=samples.at(9),
        user_equity="0",
    )
    told = _told(pb.FillOutcome(account_id="bob", copy=skipped))
    assert "sized for" not in told, "it was skipped before that"
    assert "bob: SKIPPED (STALE_ENTRY)" in told
    assert "order sent" not in told
    assert re.search(r"user's process received it .* \+7\.000 ms +\+9\.000 ms", told)


def test_what_the_server_does_not_explain_is_told_by_reason_and_detail() -> None:
    told = _told(pb.FillOutcome(account_id="bob", copy=samples.copy()))
    assert "bob: FILLED (SCALED: 0.005 x 1000 / 10000)\n" in told


def test_volumes_of_nothing_and_endless_decimals_are_not_told() -> None:
    skipped = nouns.Copy(account_id="bob", fill_seqs=[12], state=nouns.COPY_STATE_SKIPPED)
    skipped.planned_volume = skipped.ordered_volume = skipped.filled_volume = "0"
    assert "wanted" not in _told(pb.FillOutcome(account_id="bob", copy=skipped))
    skipped.planned_volume = "0.001245513011367318027175468086"
    assert "wanted 0.00124551, not ordered: 0" in _told(pb.FillOutcome(account_id="bob", copy=skipped))


def test_a_user_that_has_not_answered_is_named() -> None:
    told = _told(pb.FillOutcome(account_id="eve", explanation="eve is stopped; it will get the fill later."))
    assert "eve: no answer yet\n  eve is stopped; it will get the fill later." in told


def test_a_carried_copy_leads_to_the_copy_that_ordered_its_volume() -> None:
    carried = nouns.Copy(
        account_id="bob",
        fill_seqs=[12],
        pair="BTC/USD",
        state=nouns.COPY_STATE_CARRIED,
        reason="BELOW_ORDERMIN",
    )
    joined = samples.copy("bob", 13, 14)
    joined.carried_in.append("c12")
    told = _told(pb.FillOutcome(account_id="bob", copy=carried, joined=joined, latency=Duration(seconds=1)))
    assert "bob: CARRIED (BELOW_ORDERMIN)" in told
    assert "its volume was ordered later: FILLED" in told
    assert "one answer to fills 13-14; its times are those of the first" in told
    assert "carried in: c12" in told
    assert "1000.000 ms from" in told


def _open(state: nouns.CopyState.ValueType, **fields: Any) -> pb.FillOutcome:
    copy = nouns.Copy(
        account_id="bob",
        fill_seqs=[12],
        pair="BTC/USD",
        state=state,
        ordered_volume="0.5",
        cl_ord_id="K",
        **fields,
    )
    return pb.FillOutcome(account_id="bob", copy=copy)


def test_an_order_that_is_not_known_to_have_left_is_not_told_as_ordered() -> None:
    for state in (nouns.COPY_STATE_INTENT, nouns.COPY_STATE_UNKNOWN):
        told = _told(_open(state))
        assert "to be ordered 0.5 BTC" in told
        assert "no order known so far, cl_ord_id K" in told
    told = _told(_open(nouns.COPY_STATE_REJECTED))
    assert "not ordered: 0.5 BTC" in told
    assert "no order at the exchange, cl_ord_id K" in told
    told = _told(_open(nouns.COPY_STATE_REJECTED, sent_at=samples.at(4)))
    assert "  ordered 0.5 BTC" in told
    assert "  ordered 0.5 BTC" in _told(_open(nouns.COPY_STATE_ACKNOWLEDGED, order_id="O1"))


def _many() -> list[pb.FillOutcome]:
    """60 users: 50 that copied it, 5 that were refused, 5 that wait."""
    refused = [
        nouns.Copy(account_id=f"r{n}", fill_seqs=[12], state=nouns.COPY_STATE_REJECTED, reason="EOrder:No")
        for n in range(5)
    ]
    return [
        *(pb.FillOutcome(account_id=f"u{n}", copy=samples.copy(f"u{n}")) for n in range(50)),
        *(pb.FillOutcome(account_id=copy.account_id, copy=copy) for copy in refused),
        *(pb.FillOutcome(account_id=f"w{n}", waits_for="STOPPED") for n in range(5)),
    ]


def test_of_many_users_only_those_that_need_a_look_are_shown_and_so_many() -> None:
    lines = story(samples.explanation(*_many()))
    assert [line.split(":")[0] for line in lines if re.match(r"[rw]\d+:", line)] == ["r0", "r1", "r2"]
    assert len(lines) < 40
    assert lines[-1] == (
        "`krakencopy why 12 --account ID` shows one user's copy in detail, `--all` those of all 60."
    )


def test_users_that_are_asked_for_are_shown_and_no_others() -> None:
    told = _told(*_many(), accounts=("u7", "w1"))
    assert [line.split(":")[0] for line in told.splitlines() if re.match(r"[urw]\d+:", line)] == ["u7", "w1"]
    assert "--all" not in told
    everyone = _told(*_many(), show_all=True)
    assert len(re.findall(r"^[urw]\d+:", everyone, re.MULTILINE)) == 60


def test_a_fill_that_nobody_was_there_to_copy_says_so() -> None:
    assert story(pb.ExplainFillResponse(fill=samples.fill()))[-1] == "No user was there to copy it."


def test_a_fill_from_history_and_on_margin_says_so() -> None:
    fill = samples.fill()
    fill.source, fill.margin, fill.order_filled_before = nouns.FILL_SOURCE_HISTORY, True, "0.001"
    fill.not_copied = "SAME_ACCOUNT"
    told = "\n".join(story(pb.ExplainFillResponse(fill=fill)))
    assert "found in the trade history" in told
    assert "a margin trade: recorded, not copied" in told
    assert "copied by nobody: SAME_ACCOUNT" in told
    assert "0.001 BTC of the same order were filled before" in told
