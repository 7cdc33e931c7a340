"""What the exchange shows late or only when asked: positions stay right, and an order that was given up is
found again.
"""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import private
from tests.support.system import Key, Paper, System, alive, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        # Levels of 0.001 BTC: most orders of the master fill in several parts.
        paper.call("POST", "/markets/XBTUSD", bid="49999.9", ask="50000", depth="0.001")
        yield paper


def trade(paper: Paper, key: Key, side: str, volume: str, **more: str) -> dict[str, Any]:
    """An order by hand, with a client of its own."""
    answer = private(
        paper.rest_url, key, "AddOrder", pair="XBTUSD", type=side, ordertype="market", volume=volume, **more
    )  # fmt: skip
    assert answer["error"] == []
    return dict(answer["result"])


def key_of(paper: Paper, account: str) -> Key:
    hand = Key.make()
    paper.call("POST", f"/accounts/{account}/keys", key=hand.key, secret=hand.secret)
    return hand


def positions_told(system: System) -> list[Decimal]:
    """What the master held right before each of its fills, as the users were sent it."""
    with system.api() as api:
        fills = sorted(api.list_fills(), key=lambda fill: fill.seq)
    return [Decimal(fill.master_position) for fill in fills]


def positions_held(paper: Paper) -> list[Decimal]:
    """The same, by the exchange's own record."""
    position, before = Decimal(0), []
    for row in paper.rows("fills"):
        if row["account"] == "master":
            before.append(position)
            position += Decimal(row["volume"]) * (1 if row["side"] == "buy" else -1)
    return before


def fills(paper: Paper) -> int:
    return len(paper.fills("master"))


def test_the_masters_position_is_right_though_its_balances_are_told_late(paper: Paper) -> None:
    with System(paper, {"anna": "100"}) as system:
        hand = key_of(paper, "master")
        system.start().wait_ready()
        trade(paper, hand, "buy", "0.0025")
        system.settled(fills(paper))
        paper.call(
            "POST", "/faults", kind="visibility_lag", account="master", method="BalanceEx", delay_ms=900
        )
        # The feed is cut off while it trades, the history has what was missed, and balances are from
        # before.
        for volume in ("0.0015", "0.0005"):
            paper.call("POST", "/faults", kind="ws_cut", account="master", when="after_new")
            trade(paper, hand, "buy", volume)
            system.settled(fills(paper))
        # The same for a process that has to begin anew.
        old = system.pids()["master"]
        os.kill(old, signal.SIGKILL)
        trade(paper, hand, "sell", "0.0018")
        wait_for("the master's process to die", lambda: not alive(old))
        trade(paper, hand, "sell", "0.0007")
        system.settled(fills(paper))
        trade(paper, hand, "sell", "0.002")
        system.settled(fills(paper))
        assert positions_told(system) == positions_held(paper)
        wait_for("the exit", lambda: paper.held("anna") == 0)


def test_parts_of_an_order_that_were_told_out_of_order_before_a_crash_count_in_the_journals_order(
    paper: Paper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marker = tmp_path / "died"
    with System(paper, {"anna": "1000"}) as system:
        hand = key_of(paper, "master")
        monkeypatch.setenv("KRAKENCOPY_FAILPOINT", "master:after_emit")
        monkeypatch.setenv("KRAKENCOPY_FAILPOINT_MARKER", str(marker))
        # It dies with the first part that it reports, which is the order's last.
        paper.call("POST", "/faults", kind="reorder_events", account="master")
        system.start().wait_ready()
        trade(paper, hand, "buy", "0.0035")
        wait_for("the master's process to die", marker.exists)
        system.settled(fills(paper))
        trade(paper, hand, "sell", "0.0035")
        system.settled(fills(paper))
        with system.api() as api:
            listed = sorted(api.list_fills(), key=lambda fill: fill.seq)
        position = Decimal(0)
        for fill in listed:
            assert Decimal(fill.master_position) == position
            position += Decimal(fill.volume) * (1 if fill.side == 1 else -1)
        wait_for("the exit", lambda: paper.held("anna") == 0)


def test_a_deposit_while_nobody_listened_counts_before_the_next_fill(paper: Paper) -> None:
    with System(paper, {"anna": "100"}) as system:
        hand = key_of(paper, "master")
        system.start().wait_ready()
        trade(paper, hand, "buy", "0.001")
        system.settled(fills(paper))
        system.stop()
        paper.call("POST", "/accounts/master/deposit", asset="XXBT", amount="0.003")
        system.start().wait_ready()
        trade(paper, hand, "sell", "0.001")
        system.settled(fills(paper))
        assert positions_told(system)[-1] == Decimal("0.004")
        # All of what it bought: coins that came without a trade are not what copying is about (decision 26).
        assert system.copies("anna")[-1].reason == "EXIT_FULL"


def test_an_order_that_comes_to_light_after_it_was_given_up_counts_as_copied_and_is_said(
    paper: Paper,
) -> None:
    with System(paper, {"anna": "100"}, user_lines={"anna": "copy = { max_entry_age_s = 60 }"}) as system:
        hand = key_of(paper, "master")
        system.start().wait_ready()
        # Nothing shows the order for longer than anybody expects: no answer, no feed, and reads trail by
        # far.
        paper.call("POST", "/faults", kind="visibility_lag", account="anna", delay_ms=8000)
        paper.call("POST", "/faults", kind="ws_refuse", count=0)
        paper.call("POST", "/faults", kind="drop_reply", account="anna", method="AddOrder")
        paper.call("POST", "/faults", kind="ws_cut", account="anna")
        trade(paper, hand, "buy", "0.001")
        # It was sent again: as far as anyone could know there was none.
        wait_for("the second order", lambda: paper.held("anna") > Decimal("0.00015"))
        paper.call("DELETE", "/faults")

        def drifts() -> list[Any]:
            account = system.accounts().get("anna")
            return list(account.drifts) if account is not None else []

        (drift,) = wait_for("the order to be found", drifts)
        assert (drift.code, drift.copy_id) == ("ORDER_FOUND_LATE", "c1")
        both = paper.held("anna")
        wait_for(
            "both to count as copied",
            lambda: sum(Decimal(place.volume) for place in system.accounts()["anna"].positions) == both,
        )
        # The account shows it first, and the journal has it a moment later.
        late = wait_for(
            "its copy", lambda: [copy for copy in system.copies("anna") if copy.reason == "FOUND_LATE"]
        )
        assert [(copy.order_id, copy.cl_ord_id) for copy in late] == [(drift.order_id, drift.cl_ord_id)]
        # When the master leaves, nothing stays behind.
        trade(paper, hand, "sell", "0.001")
        system.settled(fills(paper))
        wait_for("both to be sold", lambda: paper.held("anna") == 0)
        filled: dict[str, Decimal] = defaultdict(Decimal)
        for row in paper.rows("fills"):
            if row["account"] == "anna":
                filled[row["cl_ord_id"]] += Decimal(row["volume"])
        assert filled == {copy.cl_ord_id: Decimal(copy.filled_volume) for copy in system.copies("anna")}
