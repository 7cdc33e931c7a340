"""The requirements, 3B (docs/requirements.md): a Kraken user's own strategy trades only while its master is
not connected.

``python -m tests.system.test_independent_loop_disable 200`` flaps a real master's connection as often, while
a person trades it, and holds every order that the exchange received against who was to trade at that time.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import datetime
from typing import Any

from tests.support.client import private
from tests.support.mixed import MixedSystem
from tests.support.system import Key, Paper, System, wait_for

SCRIPT = (
    'strategy = "scripted"\nstrategy_options = { script = ["buy BTC/USD 0.0001", "sell BTC/USD '
    '100%"], repeat = 1000000, interval_s = 0.02 }\n'
)


def orders(paper: Paper, system: System, account: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Orders that the exchange received of an account: copies, and its own."""
    copied = {copy.cl_ord_id for copy in system.copies(account)}
    rows = [row for row in paper.rows("requests") if (row["account"], row["method"]) == (account, "AddOrder")]
    return (
        [row for row in rows if row["params"]["cl_ord_id"] in copied],
        [row for row in rows if row["params"]["cl_ord_id"] not in copied],
    )


def mode_of(system: System, account: str) -> str:
    found = system.accounts().get(account)
    return "" if found is None else str(found.trading_mode)


COPYING, OWN = "1", "2"


def test_users_run_their_own_loop_only_while_the_master_is_not_connected(paper: Paper) -> None:
    with System(paper, {"anna": "1000", "ben": "1000"}, user_lines={"anna": SCRIPT}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        # Connected: copied trades only.
        wait_for("what each says", lambda: all(mode_of(system, account) for account in ("anna", "ben")))
        assert [mode_of(system, account) for account in ("master", "anna", "ben")] == [OWN, COPYING, COPYING]
        copied, own = orders(paper, system, "anna")
        assert (len(copied), own) == (1, [])
        pids = system.pids()

        system.command("stop", "master")
        wait_for("anna's own orders", lambda: len(orders(paper, system, "anna")[1]) >= 4)
        wait_for("anna to say so", lambda: mode_of(system, "anna") == OWN)
        assert "strategy scripted trades by itself" in system.command("status")
        assert "scripted: on" in system.command("accounts", "anna")
        assert orders(paper, system, "ben")[1] == []
        assert [event.code for event in events(system, "anna")].count("OWN_STRATEGY_ON") == 1

        system.command("start", "master")
        system.wait_ready()
        wait_for("copying again", lambda: mode_of(system, "anna") == COPYING)
        before = len(orders(paper, system, "anna")[1])
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        copied, own = orders(paper, system, "anna")
        assert (len(copied), len(own)) == (2, before)
        now = system.pids()
        assert {user: now[user] for user in ("anna", "ben")} == {user: pids[user] for user in ("anna", "ben")}


def test_an_account_at_another_broker_always_runs_its_own_loop(paper: Paper) -> None:
    others = {"carl": ("user", "ccxt:kraken", SCRIPT)}
    with MixedSystem(paper, {"anna": "1000"}, user_lines={"anna": SCRIPT}, others=others) as system:
        system.start().wait_ready()
        wait_for("orders of carl's strategy", lambda: len(orders(paper, system, "carl")[1]) >= 4)
        # While the master is connected, and nobody else's.
        assert orders(paper, system, "anna") == ([], [])
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        system.command("stop", "master")
        wait_for("orders of anna's strategy", lambda: len(orders(paper, system, "anna")[1]) >= 2)
        before = len(orders(paper, system, "carl")[1])
        wait_for("carl to go on", lambda: len(orders(paper, system, "carl")[1]) > before)
        system.command("start", "master")
        system.wait_ready()
        wait_for("copying again", lambda: mode_of(system, "anna") == COPYING)
        assert mode_of(system, "carl") == OWN
        assert not system.copies("carl")


def test_a_master_trades_by_its_own_strategy_while_it_is_copied(paper: Paper) -> None:
    lines = {"master": SCRIPT.replace("0.0001", "0.001").replace("1000000", "1")}
    with System(paper, {"anna": "1000"}, user_lines=lines) as system:
        system.start().wait_ready()
        report = system.settled(4)
        assert report.accounts[0].copies.filled == 4
        assert "scripted: on" in system.command("accounts", "master")


def test_a_strategy_whose_options_are_wrong_is_refused_before_anything_starts(paper: Paper) -> None:
    with System(paper, {"anna": "100"}, user_lines={"anna": 'strategy = "scripted"\n'}) as system:
        system.start()
        assert system.process is not None
        assert system.process.stderr is not None
        errors = system.process.stderr.read()
        assert system.wait_death() == 78
        assert 'accounts[1].strategy_options ("anna")' in errors
        assert "script is empty" in errors
        assert not system.state_dir.exists()


def test_an_own_order_that_comes_too_late_is_waited_out_and_does_nothing(paper: Paper) -> None:
    """What a busy machine or network does to one order in many thousands: it is at the exchange when its
    strategy is off again.
    """
    with System(paper, {"anna": "1000"}, user_lines={"anna": SCRIPT}) as system:
        system.start().wait_ready()
        system.command("stop", "master")
        wait_for("anna's own orders", lambda: len(orders(paper, system, "anna")[1]) >= 2)
        # The engine sees it only after its deadline, when nobody waits for an answer any more.
        paper.call(
            "POST", "/faults", kind="hang_request", account="anna", method="AddOrder", delay_ms=8000, count=1
        )
        wait_for("an order that hangs", lambda: paper.call("GET", "/faults")["faults"][0]["fired"] > 0)
        system.command("start", "master")
        system.wait_ready()
        wait_for("copying again", lambda: mode_of(system, "anna") == COPYING)
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        (late,) = wait_for(
            "the late order",
            lambda: [row for row in orders(paper, system, "anna")[1] if row["outcome"] != "ok"],
        )
        assert "deadline" in late["outcome"].lower()
        assert len(orders(paper, system, "anna")[0]) == 1
        done = {row["cl_ord_id"] for row in paper.fills("anna")}
        assert late["params"]["cl_ord_id"] not in done


def events(system: System, account: str) -> list[Any]:
    with system.api() as api:
        return list(api.list_events(account_id=account))


# -- a campaign --------------------------------------------------------------------------------------------


def flap(paper: Paper, system: System, flaps: int, seed: int) -> None:
    """Cuts the master's feed again and again while a person trades it, then judges."""
    dice = random.Random(seed)  # noqa: S311 - a test's
    held, person = False, Key.make()
    paper.call("POST", "/accounts/master/keys", key=person.key, secret=person.secret)
    for _ in range(flaps):
        paper.call("POST", "/faults", kind="ws_cut", account="master")
        answer = private(
            paper.rest_url,
            person,
            "AddOrder",
            pair="XBTUSD",
            type="sell" if held else "buy",
            ordertype="market",
            volume="0.001",
        )
        assert not answer["error"], answer
        held = not held
        time.sleep(dice.uniform(0, 0.4))
        wait_for("the master's return", lambda: (status := system.status()) and status.ready)
        time.sleep(dice.uniform(0, 0.1))
    wait_for("the end", lambda: (status := system.status()) and status.ready)
    system.settled(flaps)
    judge(paper, system)


def judge(paper: Paper, system: System) -> None:
    """Every order against the process's own log of when its strategy was on."""
    offset = time.time() - time.monotonic()
    for account in system.users:
        switches = [
            (datetime.fromisoformat(line["at"]).timestamp(), line["message"].endswith(" is on"))
            for line in system.logs(account)
            if line["message"] in {"strategy scripted is on", "strategy scripted is off"}
        ]
        copied, own = orders(paper, system, account)
        refused = 0
        for kind, rows in (("copy", copied), ("own", own)):
            for row in rows:
                at = row["received_ns"] / 1e9 + offset
                on = any(
                    was_on and start <= at <= end
                    for (start, was_on), (end, _) in zip(
                        switches, [*switches[1:], (1e18, False)], strict=True
                    )
                )
                if "deadline" in row["outcome"].lower() and on != (kind == "own"):
                    # Nobody waits for an order that is dead for certain: it came too late, and the exchange
                    # did nothing.
                    refused += 1
                    continue
                assert on == (kind == "own"), f"{account}: an order of the {kind} kind at {at}: {row}"
        sys.stdout.write(
            f"{account}: {len(copied)} copies, {len(own)} own orders, {len(switches)} switches, "
            f"{refused} orders too late to be carried out\n"
        )
        assert copied
        assert own


if __name__ == "__main__":
    with Paper() as exchange:
        exchange.price("XBTUSD", "50000")
        people = {f"user{number}": "1000" for number in range(4)}
        with System(exchange, people, user_lines=dict.fromkeys(people, SCRIPT)) as whole:
            whole.start().wait_ready()
            flap(exchange, whole, int(sys.argv[1]) if len(sys.argv) > 1 else 50, seed=1)
