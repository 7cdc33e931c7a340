"""Exactly once: whatever dies or is taken away in between, each fill ends in one outcome of the right
volume.
"""

from __future__ import annotations

import os
import re
import signal
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.client import private
from tests.support.dying_user import PLACES
from tests.support.system import Key, Paper, System, wait_for


def trades(paper: Paper, account: str) -> list[tuple[str, Decimal]]:
    return [(row["side"], Decimal(row["volume"])) for row in paper.fills(account)]


@pytest.mark.parametrize("place", PLACES)
def test_a_user_process_that_dies_at_any_step_of_a_copy_leaves_exactly_one_order(
    paper: Paper, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "died"
    monkeypatch.setenv("KRAKENCOPY_FAILPOINT", f"anna:{place}")
    monkeypatch.setenv("KRAKENCOPY_FAILPOINT_MARKER", str(marker))
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        wait_for("the process to die", marker.exists)
        system.settled(1)
        assert trades(paper, "anna") == [("buy", Decimal("0.0001"))]
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        assert trades(paper, "anna") == [("buy", Decimal("0.0001")), ("sell", Decimal("0.0001"))]


MASTER_PLACES = ("before_emit", "after_emit", "before_keep", "after_keep")
#: Of a user that is brought to the master's positions: tests/account_proc/copying/test_syncs_model.py.
SYNC_PLACES = ("after_sync_taken",)
SUPERVISOR_PLACES = ("before_journal", "after_journal", "after_fanout", "before_reports", "after_reports")


@pytest.mark.parametrize("place", MASTER_PLACES)
def test_a_master_process_that_dies_at_any_step_of_a_fill_neither_loses_nor_repeats_it(
    paper: Paper, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "died"
    monkeypatch.setenv("KRAKENCOPY_FAILPOINT", f"master:{place}")
    monkeypatch.setenv("KRAKENCOPY_FAILPOINT_MARKER", str(marker))
    with System(paper, {"anna": "100"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
        system.start().wait_ready()
        private(
            paper.rest_url, hand, "AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.001"
        )
        wait_for("the process to die", marker.exists)
        assert system.settled(1).fills == 1
        assert trades(paper, "anna") == [("buy", Decimal("0.0001"))]
        # What the master holds was not lost with its process: three fifths of it are three fifths of the
        # copy.
        private(
            paper.rest_url, hand, "AddOrder", pair="XBTUSD", type="sell", ordertype="market", volume="0.0006"
        )
        assert system.settled(2).fills == 2
        assert trades(paper, "anna") == [("buy", Decimal("0.0001")), ("sell", Decimal("0.00006"))]


@pytest.mark.parametrize("place", SUPERVISOR_PLACES)
def test_a_supervisor_that_dies_at_any_step_of_a_fill_leaves_one_order_for_each_user(
    paper: Paper, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "died"
    monkeypatch.setenv("KRAKENCOPY_FAILPOINT", f"supervisor:{place}")
    monkeypatch.setenv("KRAKENCOPY_FAILPOINT_MARKER", str(marker))
    with System(paper, {"anna": "100", "ben": "200"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
        system.start()
        if "reports" not in place:
            # the first report comes before anyone has traded: death may come while all start
            system.wait_ready()
            private(
                paper.rest_url,
                hand,
                "AddOrder",
                pair="XBTUSD",
                type="buy",
                ordertype="market",
                volume="0.001",
            )
        assert system.wait_death() == -signal.SIGKILL
        assert marker.exists()
        system.start().wait_ready()
        if "reports" in place:
            private(
                paper.rest_url,
                hand,
                "AddOrder",
                pair="XBTUSD",
                type="buy",
                ordertype="market",
                volume="0.001",
            )
        assert system.settled(1).fills == 1
        assert trades(paper, "anna") == [("buy", Decimal("0.0001"))]
        assert trades(paper, "ben") == [("buy", Decimal("0.0002"))]


def test_pause_leaves_fills_in_the_journal_and_resume_does_the_exits_and_skips_old_entries(
    paper: Paper,
) -> None:
    with System(
        paper, {"anna": "100", "ben": "100"}, user_lines={"anna": "copy = { max_entry_age_s = 1 }"}
    ) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        with system.api() as api:
            assert api.pause_account("anna").copy_mode == 2
            api.place_order("buy", "BTC/USD", Decimal("0.001"))
            api.place_order("sell", "BTC/USD", Decimal("0.002"))
            wait_for("ben to copy", lambda: len(trades(paper, "ben")) == 3)
            assert len(trades(paper, "anna")) == 1
            # It stays paused across a restart of the supervisor.
            system.stop()
        system.start().wait_ready()
        old = time.time() + 1.2
        wait_for("the entry to be old", lambda: time.time() > old)
        assert len(trades(paper, "anna")) == 1
        with system.api() as api:
            api.resume_account("anna")
        system.settled(3)
        assert [(copy.reason, copy.filled_volume) for copy in system.copies("anna")] == [
            ("SCALED", "0.0001"), ("STALE_ENTRY", "0"), ("EXIT_FULL", "0.0001"),
        ]  # fmt: skip


def test_when_a_user_has_sold_copied_coins_by_hand_what_is_there_is_sold_and_it_is_said(paper: Paper) -> None:
    with System(paper, {"anna": "100", "ben": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.0015")
        system.settled(1)
        paper.call("POST", "/accounts/anna/deposit", asset="XXBT", amount="-0.00006")
        paper.call("POST", "/accounts/ben/deposit", asset="XXBT", amount="-0.00015")
        system.sell("BTC/USD", "0.0015")
        system.settled(2)
        exits = {user: system.copies(user)[1] for user in ("anna", "ben")}
        assert (exits["anna"].reason, exits["anna"].filled_volume) == ("HOLDINGS_LIMITED", "0.00009")
        assert "sold or withdrawn by hand" in exits["anna"].detail
        assert (exits["ben"].reason, exits["ben"].filled_volume) == ("NOT_THERE", "0")
        # Nobody goes on trying to sell what is not there.
        system.buy("BTC/USD", "0.001")
        system.settled(3)

        def owed() -> list[list[str]] | None:
            accounts = [system.accounts()[user] for user in ("anna", "ben")]
            known = all(account.cursor_seq == 3 and account.positions for account in accounts)
            return [[p.carried_sell for p in account.positions] for account in accounts] if known else None

        assert wait_for("both positions", owed) == [["0"], ["0"]]


def test_the_failpoints_named_here_are_those_of_the_code() -> None:
    root = Path(__file__).parents[2]
    code = "".join(
        path.read_text() for name in ("account_proc", "supervisor") for path in (root / name).rglob("*.py")
    )
    named = set(re.findall(r'[Rr]each\((?:self\.[\w.]*account_id, |"supervisor", )?"(\w+)"\)', code))
    assert named == {*PLACES, *MASTER_PLACES, *SYNC_PLACES, *SUPERVISOR_PLACES}
    assert "KRAKENCOPY_FAILPOINT" not in os.environ
