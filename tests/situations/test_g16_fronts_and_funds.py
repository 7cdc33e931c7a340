"""What stands between an account and its trades that is not the exchange: a front that refuses, and money
of another kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, wait_for

PAIR = "BTC/USD"


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        for pair, price in (("XBTUSD", "50000"), ("XBTEUR", "40000"), ("EURUSD", "1.25")):
            paper.price(pair, price)
        yield paper


def account(system: System, name: str) -> Any:
    return system.accounts().get(name)


def lacks(system: System, name: str) -> dict[str, str]:
    found = account(system, name)
    return {} if found is None else {each.reason: each.message for each in found.conditions if each.reason}


def events(system: System, code: str) -> list[str]:
    with system.api() as api:
        return [event.message for event in api.list_events() if event.code == code]


def refused_at_s(paper: Paper, name: str) -> list[float]:
    """When the front refused a request of an account, in seconds of the exchange's own clock."""
    rows = paper.rows("requests")
    return [
        int(row["received_ns"]) / 1e9
        for row in rows
        if row["account"] == name and "front_page" in (row.get("fault") or "")
    ]


@pytest.mark.parametrize("status", [403, 429])
def test_a_front_that_refuses_slows_the_account_down_and_is_shown(paper: Paper, status: int) -> None:
    """A firewall answers a user's calls with HTTP 403 or 429 and a page. The account asks ever more seldom,
    says what refuses it and when it tries again, and goes on by itself when the front lets it through.
    """
    keys = {name: paper.open_account(name, {"ZUSD": "1000"}) for name in ("master", "ann")}
    paper.call("POST", "/faults", kind="front_page", status=str(status), account="ann", count="0")
    with System(paper, {"ann": "1000"}, keys=keys) as system:
        system.start()

        def held() -> Any:
            found = account(system, "ann")
            return found if found is not None and found.reason == "FRONT_REFUSES" else None

        message = wait_for("the reason", held).message
        assert f"HTTP {status}" in message
        assert "error code: 1015" in message
        assert "next try at" in message
        wait_for("some tries", lambda: len(refused_at_s(paper, "ann")) >= 4)
        tries = refused_at_s(paper, "ann")
        pauses = [later - earlier for earlier, later in pairwise(tries)]
        # From half of 1, 2, 4 s to all of it, and never less than that.
        assert all(pause > 0.45 * 2**number for number, pause in enumerate(pauses[:3])), pauses
        paper.call("DELETE", "/faults")
        wait_for(
            "ann to run",
            lambda: (
                (found := account(system, "ann")) is not None and found.state == nouns.ACCOUNT_STATE_RUNNING
            ),
        )
        system.buy(PAIR, "0.001")
        system.settled(1)
        assert system.copies("ann")[0].state == nouns.COPY_STATE_FILLED


def test_an_exit_that_a_front_refuses_is_tried_again_until_it_is_let_through(paper: Paper) -> None:
    """The front begins to refuse while a position is held. The exit is not lost and is not sent once a
    second; it leaves when the front lets it.
    """
    with System(paper, {"ann": "1000"}) as system:
        system.start().wait_ready()
        system.buy(PAIR, "0.001")
        system.settled(1)
        paper.call("POST", "/faults", kind="front_page", status="429", account="ann", count="0")
        system.sell(PAIR, "0.001")
        wait_for("it to be told", lambda: "HTTP 429" in lacks(system, "ann").get("FRONT_REFUSES", ""))
        wait_for("some tries", lambda: len(refused_at_s(paper, "ann")) >= 3)
        assert "FRONT REFUSES: HTTP 429" in system.command("status")
        wait_for("an event about it", lambda: events(system, "FRONT_REFUSES"))
        paper.call("DELETE", "/faults")
        system.settled(2)
        exit_ = system.copies("ann")[1]
        assert (exit_.state, exit_.reason) == (nouns.COPY_STATE_FILLED, "EXIT_FULL")
        wait_for("it to go", lambda: "FRONT_REFUSES" not in lacks(system, "ann"))
        wait_for("an event about it", lambda: events(system, "FRONT_REFUSES_OVER"))


def test_a_user_without_a_quote_that_the_master_trades_is_told_so(paper: Paper) -> None:
    """The master trades BTC/EUR and the user has dollars only. It is shown at once and at each start, and
    no more once it has euros.
    """
    keys = {
        "master": paper.open_account("master", {"ZUSD": "1000", "ZEUR": "1000"}),
        "ann": paper.open_account("ann", {"ZUSD": "1000"}),
    }
    with System(paper, {"ann": "1000"}, keys=keys) as system:
        system.start().wait_ready()
        system.buy(PAIR, "0.001")
        system.settled(1)
        assert "NO_FUNDS" not in lacks(system, "ann")
        system.buy("BTC/EUR", "0.001")
        system.settled(2)
        words = "NO FUNDS IN EUR: the master trades BTC/EUR"
        wait_for("it to be told", lambda: lacks(system, "ann").get("NO_FUNDS") == words)
        wait_for("an event about it", lambda: words in " ".join(events(system, "NO_FUNDS")))
        system.stop()
        system.start().wait_ready()
        wait_for("it to be told after a start", lambda: lacks(system, "ann").get("NO_FUNDS") == words)
        for command in (("status",), ("accounts", "ann")):
            assert words in system.command(*command)
        paper.call("POST", "/accounts/ann/deposit", asset="EUR", amount="500")
        before = system.pids()["ann"]
        with system.api() as api:
            api.restart_account("ann")
        wait_for("ann again", lambda: system.pids().get("ann", before) != before)
        system.wait_ready()
        wait_for("it to go", lambda: "NO_FUNDS" not in lacks(system, "ann"))
        system.buy("BTC/EUR", "0.001")
        system.settled(3)
        assert system.copies("ann")[-1].state == nouns.COPY_STATE_FILLED


def _is_told(system: System, user: str, words: str) -> bool:
    return lacks(system, user).get("NO_FUNDS", "").startswith(words)


def test_a_quote_that_a_user_has_and_cannot_spend_is_told(paper: Paper) -> None:
    """The master trades BTC/EUR. One user's euros are all reserved, another's are in a form that no order
    takes: both are shown.
    """
    keys = {
        "master": paper.open_account("master", {"ZUSD": "1000", "ZEUR": "1000"}),
        "ann": paper.open_account("ann", {"ZUSD": "1000", "ZEUR": "300"}),
        "bob": paper.open_account("bob", {"ZUSD": "1000", "EUR.M": "500"}),
    }
    users, lines = dict.fromkeys(("ann", "bob"), "0"), {"ann": 'reserve = { EUR = "300" }'}
    with System(paper, users, keys=keys, user_lines=lines) as system:
        system.start().wait_ready()
        system.buy("BTC/EUR", "0.001")
        system.settled(1)
        for user, there in (("ann", "300"), ("bob", "500")):
            words = (
                f"NO FUNDS IN EUR: the master trades BTC/EUR, and the {there} EUR that are there are "
                "reserved, or"
            )
            wait_for("it to be told", partial(_is_told, system, user, words))
            assert system.copies(user)[0].reason == "CASH_LIMITED"
