"""A fill of the master becomes every user's scaled order: the whole path, with real processes."""

from __future__ import annotations

import os
import signal
import time
from decimal import Decimal

from tests.support.client import private
from tests.support.system import Key, Paper, System, alive, wait_for


def trades(paper: Paper, account: str) -> list[tuple[str, Decimal]]:
    """An account's fills as the exchange recorded them."""
    return [(row["side"], Decimal(row["volume"])) for row in paper.fills(account)]


def bought(paper: Paper, account: str) -> Decimal:
    """Base that the account holds by its trades, by the exchange's record."""
    return sum((volume if side == "buy" else -volume for side, volume in trades(paper, account)), Decimal(0))


def test_a_1000_dollar_master_that_buys_50_dollars_makes_a_100_dollar_user_buy_5(paper: Paper) -> None:
    with System(paper, {"anna": "100", "ben": "250.50"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert trades(paper, "anna") == [("buy", Decimal("0.0001"))]
        assert trades(paper, "ben") == [("buy", Decimal("0.0002505"))]
        (copy,) = system.copies("anna")
        assert (copy.reason, copy.filled_volume, copy.avg_price) == ("SCALED", "0.0001", "50000")


def test_no_master_order_costs_a_user_more_than_its_risk_cap_whatever_its_partial_fills(paper: Paper) -> None:
    with System(
        paper, {"anna": "500", "careful": "500"}, user_lines={"careful": 'copy = { max_user_risk = "0.02" }'}
    ) as system:
        paper.call("POST", "/markets/XBTUSD", bid="49999.9", ask="50000", depth="0.001")
        system.start().wait_ready()
        # 30 % of the master's money, in six fills at rising prices.
        system.buy("BTC/USD", "0.006")
        report = system.settled(6)
        costs = {
            user: sum(
                Decimal(row["price"]) * Decimal(row["volume"])
                for row in paper.rows("fills")
                if row["account"] == user
            )
            for user in ("anna", "careful")
        }
        assert Decimal(48) < costs["anna"] <= Decimal(50)
        assert Decimal(9) < costs["careful"] <= Decimal(10)
        assert report.accounts[0].copies.capped >= 1


def test_a_round_trip_leaves_a_user_with_nothing_but_its_own_coins(paper: Paper) -> None:
    with System(paper, {"anna": "100"}) as system:
        # Coins that anna has bought by herself are never sold.
        paper.call("POST", "/accounts/anna/deposit", asset="XXBT", amount="0.01")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        entry = bought(paper, "anna")
        assert entry > 0
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        assert bought(paper, "anna") == entry - (entry / 2).quantize(Decimal("1e-8"), "ROUND_DOWN")
        system.sell("BTC/USD", "0.001")
        system.settled(3)
        assert bought(paper, "anna") == 0
        assert [copy.reason for copy in system.copies("anna")] == ["CAPPED", "EXIT_FRACTION", "EXIT_FULL"]
        balance = Decimal(paper.call("GET", "/accounts/anna")["balances"]["XXBT"])
        assert balance == Decimal("0.01")


def test_what_is_below_the_minimum_is_carried_until_it_is_large_enough(paper: Paper) -> None:
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        # A tenth of each is 0.00003 BTC; the exchange takes no less than 0.00005.
        system.buy("BTC/USD", "0.0003")
        system.settled(1)
        assert trades(paper, "anna") == []
        system.buy("BTC/USD", "0.0003")
        system.settled(2)
        assert trades(paper, "anna") == [("buy", Decimal("0.00006"))] or bought(paper, "anna") == Decimal(
            "0.00005999"
        )
        carried, ordered = system.copies("anna")
        assert carried.joined_copy_id == ordered.copy_id
        assert list(ordered.carried_in) == [carried.copy_id]
        with system.api() as api:
            story = api.explain_fill(seq=1)
        assert "ordered together with" in story.outcomes[0].explanation


def test_a_person_who_trades_the_master_with_another_client_is_followed(paper: Paper) -> None:
    with System(paper, {"anna": "100"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
        system.start().wait_ready()
        answer = private(
            paper.rest_url,
            hand,
            "AddOrder",
            pair="XBTUSD",
            type="buy",
            ordertype="limit",
            price="49000",
            volume="0.001",
        )
        assert answer["error"] == []
        # It rests, and fills when the market trades through it.
        paper.price("XBTUSD", "48900")
        system.settled(1)
        assert bought(paper, "anna") > 0
        with system.api() as api:
            (fill,) = api.list_fills()
        assert fill.order_id == answer["result"]["txid"][0]


def test_a_user_that_was_down_gets_what_it_missed_once(paper: Paper) -> None:
    with System(paper, {"anna": "100", "ben": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        os.kill(system.pids()["anna"], signal.SIGKILL)
        system.buy("BTC/USD", "0.0011")
        system.settled(2)
        assert len(trades(paper, "anna")) == len(trades(paper, "ben")) == 2


def test_an_entry_that_is_too_old_is_skipped_and_an_exit_is_done(paper: Paper) -> None:
    with System(paper, {"anna": "100"}, user_lines={"anna": "copy = { max_entry_age_s = 1 }"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        with system.api() as api:
            api.stop_account("anna")
            wait_for("anna to stop", lambda: not system.accounts()["anna"].pid)
            api.place_order("buy", "BTC/USD", Decimal("0.001"))
            fill = wait_for("fill 2", lambda: list(api.list_fills(after_seq=1)))[0]
            api.place_order("sell", "BTC/USD", Decimal("0.002"))
            old = fill.executed_at.ToMicroseconds() / 1e6 + 1.2
            wait_for("the entry to be old", lambda: time.time() > old)
            api.start_account("anna")
        system.settled(3)
        assert [(copy.reason, copy.filled_volume) for copy in system.copies("anna")] == [
            ("SCALED", "0.0001"), ("STALE_ENTRY", "0"), ("EXIT_FULL", "0.0001"),
        ]  # fmt: skip


def test_fills_that_happen_while_the_master_process_is_dead_come_from_the_trade_history(paper: Paper) -> None:
    with System(paper, {"anna": "100"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
        system.start().wait_ready()
        users = system.pids()
        os.kill(users["master"], signal.SIGKILL)
        for volume in ("0.001", "0.0012"):
            answer = private(
                paper.rest_url, hand, "AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume=volume
            )  # fmt: skip
            assert answer["error"] == []
        system.settled(2)
        assert bought(paper, "anna") == Decimal("0.0001") + Decimal("0.00012")
        # The user's process lived on.
        assert system.pids()["anna"] == users["anna"]


def test_after_the_supervisor_was_killed_nothing_is_left_and_the_next_start_copies_what_was_missed(
    paper: Paper,
) -> None:
    with System(paper, {"anna": "100", "ben": "100"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        pids = system.pids().values()
        system.kill()
        wait_for("every account process to end", lambda: not any(alive(pid) for pid in pids))
        private(
            paper.rest_url, hand, "AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.0012"
        )
        system.start().wait_ready()
        report = system.settled(2)
        assert report.fills == 2
        for user in ("anna", "ben"):
            assert bought(paper, user) == Decimal("0.00022")
        assert system.status().epoch == 2


def test_a_ledger_that_lost_something_is_not_copied_on(paper: Paper) -> None:
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        system.stop()
        for path in (system.state_dir / "accounts").glob("anna.db*"):
            path.unlink()
        system.start()
        anna = wait_for(
            "anna to be refused",
            lambda: (
                account
                if (account := system.accounts().get("anna")) and account.reason == "LEDGER_BEHIND_JOURNAL"
                else None
            ),
        )
        assert "restore the newest ledger" in anna.message
        system.buy("BTC/USD", "0.001")
        assert len(trades(paper, "anna")) == 1


def test_users_end_before_the_master(paper: Paper) -> None:
    with System(paper, {"anna": "100", "ben": "100"}) as system:
        system.start().wait_ready()
        system.stop()
        stopped = [
            line["message"].split(":")[0]
            for line in system.logs("supervisor")
            if line["message"].endswith("-> STOPPED")
        ]
        assert sorted(stopped[:2]) == ["anna", "ben"]
        assert stopped[2:] == ["master"]
