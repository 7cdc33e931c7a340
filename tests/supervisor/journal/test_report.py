"""Every fill is counted once for every user, sums are exact, and each outcome is told in a sentence."""

from __future__ import annotations

import asyncio
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.supervisor.journal import report as report_module
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.report import counts
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import NOW, copy, fill, put

S = pb.CopyState


def report(journal: Journal, users: list[str]) -> control_pb2.GetReportResponse:
    return asyncio.run(report_module.report(journal, users))


def line_of(journal: Journal, user: str = "tania") -> control_pb2.AccountReport:
    (line,) = report(journal, [user]).accounts
    return line


def test_every_state_is_counted_under_its_word_and_what_has_no_end_is_open() -> None:
    counted = counts([("tania", state, "", 2) for state in S.values() if state])
    assert counted == control_pb2.CopyCounts(
        filled=2, part_filled=2, rejected=2, skipped=2, carried=2, open=12
    )


def test_who_is_a_shadow_is_known_from_its_copies_also_in_the_next_run(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "another.db")) as journal:
        journal.append([fill(1)], epoch=1)
        for user in ("tania", "sam"):
            journal.join(user)
        of_sam = copy("sam", [1])
        of_sam.shadow = True
        assert journal.shadows == set()
        put(journal, copy("tania", [1]), of_sam)
        assert journal.shadows == {"sam"}
        lines = report(journal, ["tania", "sam"]).accounts
        assert [(line.account_id, line.shadow) for line in lines] == [("tania", False), ("sam", True)]
    with closing(Journal(tmp_path / "another.db")) as again:
        assert again.shadows == {"sam"}


def test_users_are_counted_together() -> None:
    ends = [("tania", pb.COPY_STATE_FILLED, "SCALED", 3), ("daivon", pb.COPY_STATE_FILLED, "CAPPED", 4)]
    assert counts(ends) == control_pb2.CopyCounts(filled=7, sized_entries=7, capped=4)


def test_the_cap_is_held_against_the_entries_that_were_sized_and_nothing_else() -> None:
    reasons = ("SCALED", "CAPPED", "CASH_LIMITED", "EXIT_FULL", "STALE_ENTRY", "EOrder:Insufficient funds")
    counted = counts([("tania", pb.COPY_STATE_FILLED, reason, 1) for reason in reasons])
    assert (counted.sized_entries, counted.capped, counted.filled) == (3, 1, 6)


def test_nothing_happened_and_nobody_owes_an_answer(journal: Journal) -> None:
    journal.join("tania")
    nothing = control_pb2.CopyCounts()
    empty = control_pb2.AccountReport(account_id="tania", copies=nothing, without_fill=nothing)
    assert report(journal, ["tania"]) == control_pb2.GetReportResponse(accounts=[empty])


def test_fills_before_a_user_joined_are_not_its_and_each_one_after_is_answered_or_missing(
    journal: Journal,
) -> None:
    journal.join("daivon")
    journal.append([fill(1), fill(2)], 1)
    journal.join("tania")
    journal.append([fill(3), fill(4), fill(5)], 1)
    put(journal, copy("daivon", [1, 2]), copy("daivon", [3]), copy("tania", [3, 5]))
    answer = report(journal, ["daivon", "tania"])
    assert (answer.fills, answer.unanswered, answer.on_their_way) == (5, 3, 2)
    assert [(line.account_id, line.fills, line.unanswered) for line in answer.accounts] == [
        ("daivon", 5, 2),
        ("tania", 3, 1),
    ]
    assert [line.copies.filled for line in answer.accounts] == [2, 1]
    assert [line.merged for line in answer.accounts] == [1, 1]


def test_a_user_that_is_not_configured_any_more_comes_last_and_owes_no_answer_to_later_fills(
    journal: Journal,
) -> None:
    for user in ("gone", "never_began", "tania"):
        journal.join(user)
    journal.append([fill(1), fill(2), fill(3)], 1)
    put(journal, copy("gone", [1]), copy("tania", [1]), copy("tania", [2, 3]))
    answer = report(journal, ["tania"])
    assert [(line.account_id, line.fills, line.removed) for line in answer.accounts] == [
        ("tania", 3, False),
        ("gone", 1, True),
    ]
    assert (answer.unanswered, answer.accounts[1].copies.filled) == (0, 1)
    assert [line.account_id for line in report(journal, ["gone", "tania"]).accounts] == ["gone", "tania"]


#: Users with their copies, each the fills that it answers and its state; how many fills were before each; and
#: how many there are.
_lives = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.lists(st.tuples(st.integers(1, 4), st.sampled_from([s for s in S.values() if s])), max_size=9),
        st.integers(0, 2),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(_lives, st.integers(0, 6), st.integers(1, 7))
def test_each_row_adds_up_to_its_fills_and_a_fill_on_its_way_is_counted_once(
    lives: list[tuple[int, list[tuple[int, pb.CopyState.ValueType]], int]], removed: int, answers: int
) -> None:
    """Copies take one to four fills each, now and then one of a later fill first, beside exits that answer
    none.
    """
    with closing(Journal(Path(":memory:"))) as journal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_module, "ANSWERS", answers)
        joins = sorted((early, f"u{n}") for n, (early, _, _) in enumerate(lives))
        for early, user in joins:
            journal.append([fill(n) for n in range(journal.head + 1, early + 1)], 1)
            journal.join(user)
        journal.append([fill(n) for n in range(journal.head + 1, 21)], 1)
        ended: dict[str, set[int]] = {}
        for n, (_, copies, exits) in enumerate(lives):
            user, seq = f"u{n}", journal.mark(f"u{n}").joined_seq
            ended[user] = set()
            for number, state in copies:
                seqs = range(seq + 1, min(seq + number, 20) + 1)
                if seqs:
                    put(journal, copy(user, seqs, state))
                    ended[user].update(seqs if state in report_module.COUNTED else ())
                seq += number
            for number in range(exits):
                owed = pb.Copy(account_id=user, copy_id=f"x{number}", state=pb.COPY_STATE_SENT)
                journal.put_reports([(user, [owed], 0)])
        users = [f"u{n}" for n in range(len(lives))]
        present = [user for user in users if user != f"u{removed}"]
        answer = report(journal, present)
        for line in answer.accounts:
            counted = line.copies
            ends = counted.filled + counted.part_filled + counted.rejected + counted.skipped + counted.carried
            assert line.fills == ends + counted.open + line.merged + line.unanswered
            assert line.without_fill.open == lives[int(line.account_id[1:])][2]
        last = {
            line.account_id: journal.mark(line.account_id).joined_seq + line.fills for line in answer.accounts
        }
        waiting = {
            seq
            for user, to_seq in last.items()
            for seq in range(journal.mark(user).joined_seq + 1, to_seq + 1)
            if seq not in ended[user]
        }
        assert answer.on_their_way == len(waiting)


def test_of_fills_that_came_together_one_is_counted_by_how_its_copy_stands(journal: Journal) -> None:
    journal.join("tania")
    journal.append([fill(n) for n in range(1, 6)], 1)
    put(journal, copy("tania", [1, 2, 4]), copy("tania", [3], pb.COPY_STATE_SENT))
    line = line_of(journal)
    assert (line.fills, line.copies.filled, line.merged, line.copies.open, line.unanswered) == (5, 1, 2, 1, 1)


def test_money_is_summed_exactly_by_side_and_asset_of_what_was_filled_only(journal: Journal) -> None:
    journal.join("tania")
    put(
        journal,
        copy("tania", [1], filled_volume="0.1", avg_price="10.1", fee=pb.Money(amount="0.1", asset="USD")),
        copy("tania", [2], filled_volume="0.2", avg_price="10.2", fee=pb.Money(amount="0.2", asset="USD")),
        copy("tania", [3], pb.COPY_STATE_PART_FILLED, filled_volume="3", avg_price="7", pair="ETH/EUR",
             fee=pb.Money(amount="0.001", asset="ETH")),
        copy("tania", [4], side=pb.SIDE_SELL, filled_volume="1000", avg_price="10"),
        copy("tania", [5], pb.COPY_STATE_SKIPPED, reason="STALE_ENTRY", filled_volume="", avg_price=""),
        copy("tania", [6], pb.COPY_STATE_SENT, filled_volume="", avg_price=""),
    )  # fmt: skip
    line = line_of(journal)
    assert dict(line.bought) == {"USD": "3.05", "EUR": "21"}
    assert dict(line.sold) == {"USD": "10000"}
    assert dict(line.fees) == {"USD": "0.3", "ETH": "0.001"}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.decimals("0.0001", 1000, places=4), st.decimals("0.0001", 90000, places=4)), max_size=8
    )
)
def test_sums_are_plain_decimals_whatever_their_size(trades: list[tuple[Decimal, Decimal]]) -> None:
    with closing(Journal(Path(":memory:"))) as journal:
        journal.join("tania")
        put(
            journal,
            *(
                copy("tania", [n], filled_volume=str(volume), avg_price=str(price))
                for n, (volume, price) in enumerate(trades, start=1)
            ),
        )
        bought = line_of(journal).bought
        total = sum((volume * price for volume, price in trades), Decimal(0))
        assert [Decimal(amount) for amount in bought.values()] == ([total] if trades else [])
        assert not any("E" in amount or amount.endswith(".") for amount in bought.values())


def test_reasons_are_counted_for_what_was_not_wholly_copied(journal: Journal) -> None:
    journal.join("tania")
    put(
        journal,
        copy("tania", [1]),
        copy("tania", [2], pb.COPY_STATE_SKIPPED, reason="STALE_ENTRY"),
        copy("tania", [3], pb.COPY_STATE_SKIPPED, reason="STALE_ENTRY"),
        copy("tania", [4], pb.COPY_STATE_CARRIED, reason="BELOW_ORDERMIN"),
        copy("tania", [5], pb.COPY_STATE_REJECTED, reason="EOrder:Insufficient funds"),
        copy("tania", [6], pb.COPY_STATE_SENT, reason="SCALED"),
    )
    assert dict(line_of(journal).reasons) == {
        "STALE_ENTRY": 2,
        "BELOW_ORDERMIN": 1,
        "EOrder:Insufficient funds": 1,
    }


def test_caps_that_have_cut_or_left_nothing_are_counted_by_their_key(journal: Journal) -> None:
    journal.join("tania")
    put(
        journal,
        copy("tania", [1], reason="CAPPED", cap="max_daily_notional"),
        copy("tania", [2], pb.COPY_STATE_SKIPPED, reason="CAP_EXHAUSTED", cap="max_daily_notional"),
        copy("tania", [3], pb.COPY_STATE_SKIPPED, reason="CAP_EXHAUSTED", cap="max_open_pairs"),
        copy("tania", [4]),
    )
    assert dict(line_of(journal).caps) == {"max_daily_notional": 2, "max_open_pairs": 1}


def test_a_long_journal_is_read_in_pieces_and_counted_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_module, "BATCH", 3)
    journal.join("tania")
    skipped = [copy("tania", [n], pb.COPY_STATE_SKIPPED, reason="STALE_ENTRY") for n in range(1, 11)]
    put(journal, *skipped)
    assert dict(line_of(journal).reasons) == {"STALE_ENTRY": 10}


def with_delays(journal: Journal, delays: list[float]) -> control_pb2.AccountReport:
    journal.join("tania")
    journal.append([fill(n, received=NOW) for n in range(1, len(delays) + 1)], 1)
    put(journal, *(copy("tania", [n], sent=NOW + delay) for n, delay in enumerate(delays, start=1)))
    return line_of(journal)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=12))
def test_latencies_lie_within_what_was_measured_however_few_there_are(delays_us: list[int]) -> None:
    with closing(Journal(Path(":memory:"))) as journal:
        line = with_delays(journal, [us / 1e6 for us in delays_us])
    middle, worst = line.latency_median.ToMicroseconds(), line.latency_p99.ToMicroseconds()
    assert min(delays_us) - 1 <= middle <= worst + 1 <= max(delays_us) + 2


def test_latency_is_from_the_masters_receiving_to_the_users_sending(journal: Journal) -> None:
    line = with_delays(journal, [n / 1000 for n in range(1, 102)])
    assert line.latency_median.ToMicroseconds() == 51_000
    assert line.latency_p99.ToMicroseconds() == 100_000


def test_an_order_that_was_sent_again_or_never_says_nothing_about_latency(journal: Journal) -> None:
    journal.join("tania")
    journal.append([fill(1, received=NOW), fill(2, received=NOW)], 1)
    put(
        journal,
        copy("tania", [1], sent=NOW + 90, attempts=2),
        copy("tania", [2], pb.COPY_STATE_SKIPPED, attempts=0),
    )
    line = line_of(journal)
    assert not line.HasField("latency_median")
    assert not line.HasField("latency_p99")


def test_a_fill_that_was_copied_on_demand_counts_for_its_user_and_no_time_is_measured_by_it() -> None:
    with closing(Journal(Path(":memory:"))) as journal:
        journal.join("anna")
        journal.append([fill(1, received=1_000.0)], 1)
        put(journal, copy("anna", [1], pb.COPY_STATE_SKIPPED))
        put(journal, copy("anna", [1], sent=90_000.0, copy_id="d1", revision=2))
        [line] = report(journal, ["anna"]).accounts
        assert (line.fills, line.copies.filled, line.merged, line.unanswered) == (1, 1, 0, 0)
        assert not line.HasField("latency_median")
