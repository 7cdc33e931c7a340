"""A fault of the master, or of all accounts: one cause, told once, and no more events than changes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, wait_for

PAIR = "BTC/USD"
USERS = ("ann", "ben", "cid")
EVERYONE = ("master", *USERS)
#: What a key may do, without asking for a feed.
ALLOWED = (
    "query-funds", "query-open-trades", "query-closed-trades", "query-ledger", "modify-trades",
    "close-trades",
)  # fmt: skip
#: Of one account during one fault.
EVENTS_MAX = 12
LOUD = {nouns.SEVERITY_WARNING, nouns.SEVERITY_ERROR}


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("XBTEUR", "45000")
        yield paper


@pytest.fixture
def system(paper: Paper) -> Iterator[System]:
    """A master and three users that have copied an entry."""
    with System(paper, dict.fromkeys(USERS, "1000")) as system:
        system.start().wait_ready()
        system.buy(PAIR, "0.002")
        system.settled(1)
        yield system


def reasons(system: System, account: str) -> dict[str, str]:
    """Of an account's conditions that do not hold, by type."""
    found, lacking = system.accounts().get(account), nouns.CONDITION_STATUS_FALSE
    return {each.type: each.reason for each in found.conditions if each.status == lacking} if found else {}


def loud_events_of_users(system: System) -> list[str]:
    return [f"{each.account_id} {each.code}" for each in system.events()
            if each.account_id in USERS and each.severity in LOUD]  # fmt: skip


def revoke(paper: Paper, system: System, *accounts: str) -> Callable[[], None]:
    """Deletes keys at the exchange; what gives them back."""
    for account in accounts:
        paper.call("DELETE", f"/accounts/{account}/keys/{system.keys[account].key}")

    def give_back() -> None:
        for account in accounts:
            key = system.keys[account]
            paper.call("POST", f"/accounts/{account}/keys", key=key.key, secret=key.secret)

    return give_back


def cut_feed(paper: Paper, *accounts: str) -> Callable[[], None]:
    paper.call("POST", "/faults", kind="ws_refuse", count="0")
    for account in accounts:
        paper.call("POST", "/faults", kind="ws_cut", account=account, when="now")
    return lambda: paper.call("DELETE", "/faults")


def lose_master(paper: Paper, system: System, how: str) -> Callable[[], None]:
    return revoke(paper, system, "master") if how == "key" else cut_feed(paper, "master")


@pytest.mark.parametrize(
    ("how", "reason", "words"),
    [("key", "INVALID_KEY", "EAPI:Invalid key"), ("feed", "FEED_DOWN", "WebSocket connection: HTTP 503")],
)
def test_a_fault_of_the_master_is_told_with_its_cause_and_alarms_for_no_user(
    paper: Paper, system: System, how: str, reason: str, words: str
) -> None:
    repair = lose_master(paper, system, how)
    (lost,) = wait_for("the master to be lost", lambda: system.events("MASTER_LOST"))
    assert (lost.account_id, lost.severity, lost.data["reason"]) == ("master", nouns.SEVERITY_ERROR, reason)
    assert f"the master cannot trade ({words}" in lost.message or words in lost.message
    wait_for("the users to be lost", lambda: all(
        account.reason == "MASTER_LOST" for name, account in system.accounts().items() if name in USERS
    ))  # fmt: skip
    assert not system.status().ready
    page = system.command("status")
    assert page.count("the master is not healthy; there is nothing to copy until it is") == 1
    assert "ann, ben, cid: the master is not healthy" in page
    assert words in page
    assert "not ready" in system.error("wait", "--ready", "--timeout", "0", expect=5)
    changes = system.events("ACCOUNT_STATE_CHANGED", account="master")
    assert dict(changes[-1].data) == {"from": "RUNNING", "to": "DEGRADED", "reason": reason}
    repair()
    wait_for("its end", lambda: system.events(f"{reason}_OVER", account="master"))
    system.wait_ready()
    assert len(system.events("MASTER_LOST")) == len(system.events("MASTER_READY")) - 1 == 1
    assert loud_events_of_users(system) == []


def fail_all_calls(paper: Paper, **fault: str) -> Callable[[], object]:
    """Every call fails, and each account asks for a new feed; what ends it."""
    paper.call("POST", "/faults", count="0", **fault)
    for name in EVERYONE:
        paper.call("POST", "/faults", kind="ws_cut", account=name, when="now")
    return lambda: paper.call("DELETE", "/faults")


def take_permission(paper: Paper, system: System) -> Callable[[], object]:
    """Nobody's key may ask for a feed any more; what gives that back."""

    def allow(*more: str) -> None:
        for name in EVERYONE:
            key = system.keys[name]
            body = {"key": key.key, "secret": key.secret, "permissions": [*ALLOWED, *more]}
            paper.call("POST", f"/accounts/{name}/keys", **body)

    allow()
    return lambda: allow("create-ws-token")


def test_what_strikes_all_accounts_at_once_is_the_condition_of_each_and_no_flood(
    paper: Paper, system: System
) -> None:
    pids = system.pids()
    faults: tuple[tuple[str, str, Callable[[], Callable[[], object]]], ...] = (
        ("EXCHANGE_ANSWERS", "HTTP_ERROR", lambda: fail_all_calls(paper, kind="html_5xx", status="503")),
        ("EXCHANGE_ANSWERS", "FRONT_REFUSES", lambda: fail_all_calls(paper, kind="front_page", status="429")),
        ("KEY_PERMITTED", "PERMISSION_DENIED", lambda: take_permission(paper, system)),
    )
    for kind, reason, strike in faults:
        before = system.events()[-1].seq
        repair = strike()

        def is_seen(kind: str = kind, reason: str = reason) -> bool:
            return all(reasons(system, name).get(kind) == reason for name in EVERYONE)

        wait_for(f"everyone to be {reason}", is_seen)
        status = system.status()
        assert not status.ready
        assert all(account.state != nouns.ACCOUNT_STATE_RUNNING for account in status.accounts)
        repair()

        def is_over(reason: str = reason, before: int = before) -> bool:
            return sum(int(each.seq) > before for each in system.events(f"{reason}_OVER")) >= len(EVERYONE)

        wait_for("the end of each", is_over)
        system.wait_ready()
        since = [each for each in system.events() if each.seq > before]
        for name in EVERYONE:
            codes = [each.code for each in since if each.account_id == name]
            conditions = [
                each.code for each in since if (each.account_id, each.data["condition"]) == (name, kind)
            ]
            assert conditions == [reason, f"{reason}_OVER"]
            # Beside them the feed, which follows from it, and changes of the state.
            assert len(codes) <= EVENTS_MAX, codes
    assert system.pids() == pids


def test_a_key_that_is_refused_stays_the_cause_and_is_no_flood(paper: Paper, system: System) -> None:
    """Each account tries many times meanwhile, is locked out, and tries again."""
    repair = revoke(paper, system, *EVERYONE)
    wait_for("everyone's key to be refused", lambda: all(
        reasons(system, name).get("KEY_ACCEPTED") == "INVALID_KEY" for name in EVERYONE
    ))  # fmt: skip
    before, tries = len(system.events()), len(paper.rows("requests"))
    wait_for("many more tries", lambda: len(paper.rows("requests")) > tries + 40)
    assert len(system.events()) == before
    for name in EVERYONE:
        assert reasons(system, name) == {"KEY_ACCEPTED": "INVALID_KEY", "FEED_FRESH": "FEED_TOKEN_REFUSED"}
        account = system.accounts()[name]
        assert account.reason in {"INVALID_KEY", "MASTER_LOST"}
        codes = [each.code for each in system.events(account=name)]
        assert (codes.count("INVALID_KEY"), codes.count("FEED_TOKEN_REFUSED")) == (1, 1)
    assert "lockout" not in system.command("status")
    repair()
    system.wait_ready()
    for name in EVERYONE:
        codes = [each.code for each in system.events(account=name)]
        assert (codes.count("INVALID_KEY_OVER"), codes.count("FEED_TOKEN_REFUSED_OVER")) == (1, 1)


def test_copies_during_a_lockout_are_refused_and_owed_for_what_it_follows_from(
    paper: Paper, system: System
) -> None:
    repair = revoke(paper, system, "ann")
    wait_for("the key to be refused", lambda: "KEY_ACCEPTED" in reasons(system, "ann"))
    system.buy(PAIR, "0.001")
    system.settled(2)
    (refused,) = wait_for("an event about the copy", lambda: system.events("COPY_REFUSED"))
    assert (refused.account_id, refused.data["reason"]) == ("ann", "EAPI:Invalid key")
    system.sell(PAIR, "0.001")
    (owed,) = wait_for("an event about the exit", lambda: system.events("EXIT_OWED"))
    assert (owed.account_id, owed.data["asset"]) == ("ann", "BTC")
    assert "EAPI:Invalid key" in owed.message
    repair()
    system.wait_ready()
    assert wait_for("its end", lambda: system.events("EXIT_OWED_OVER"))


def test_an_exchange_that_refuses_connections_is_down_and_no_process_is_blamed() -> None:
    paper = Paper()
    paper.price("XBTUSD", "50000")
    with System(paper, dict.fromkeys(USERS, "1000")) as system:
        system.start().wait_ready()
        pids = system.pids()
        paper.process.kill()
        wait_for("everyone to notice", lambda: all(
            reasons(system, name).get("EXCHANGE_ANSWERS") == "EXCHANGE_UNREACHABLE" for name in EVERYONE
        ))  # fmt: skip
        for name in EVERYONE:
            assert "PROCESS_ALIVE" not in reasons(system, name)
        assert system.pids() == pids
        page = system.command("status")
        assert "the exchange does not answer (Connection refused)" in page
        assert "the executions feed is not connected (" in page
        assert "next try at " in system.command("accounts", "ann")
        advised = " ".join(event.message for event in system.events())
        assert "krakencopy restart" not in advised
        # Bounded: what began is told once for each account.
        codes = [f"{each.account_id} {each.code}" for each in system.events() if each.code.isupper()]
        began = [code for code in codes if code.endswith(("EXCHANGE_UNREACHABLE", "FEED_DOWN"))]
        assert len(began) == len(set(began)) == 2 * len(EVERYONE)
        system.kill()
    paper.process.wait()
    paper.process.stdout.close()


@pytest.mark.parametrize("account", ["ann", "master"])
def test_a_process_that_is_killed_or_stopped_is_told_and_replaced(system: System, account: str) -> None:
    for number, state, reason in (
        (signal.SIGKILL, "BACKOFF", "PROCESS_ENDED"), (signal.SIGSTOP, "DEGRADED", "NO_ANSWER"),
    ):  # fmt: skip
        pid, before = system.pids()[account], system.events()[-1].seq
        os.kill(pid, number)

        def told(after: int = before, wanted: tuple[str, str] = (state, reason)) -> Any:
            changes = system.events("ACCOUNT_STATE_CHANGED", account=account)
            found = [each for each in changes if (each.data["to"], each.data["reason"]) == wanted]
            return found and found[-1].seq > after and found[-1]

        assert wait_for("an event about it", told).severity == nouns.SEVERITY_WARNING
        if number == signal.SIGSTOP:
            assert reasons(system, account)["PROCESS_ALIVE"] == "NO_ANSWER"
            assert not system.status().ready

        def is_replaced(gone: int = pid) -> bool:
            return system.pids().get(account, gone) != gone

        wait_for("another process", is_replaced)
        system.wait_ready()
    if account == "master":
        causes = [each.message for each in system.events("MASTER_LOST")]
        assert "the master's process has ended (signal 9" in causes[0]
        assert "the process does not answer" in causes[1]
        assert loud_events_of_users(system) == []


def test_nonces_that_are_refused_are_told_and_stop_that_account_alone(paper: Paper, system: System) -> None:
    paper.call("POST", "/faults", kind="error", error="EAPI:Invalid nonce", account="ann", count="0")
    system.sell(PAIR, "0.001")
    (refused,) = wait_for("an event about it", lambda: system.events("INVALID_NONCE"))
    assert (refused.account_id, refused.severity) == ("ann", nouns.SEVERITY_ERROR)
    wait_for("ann to be FAILED", lambda: system.accounts()["ann"].state == nouns.ACCOUNT_STATE_FAILED)
    failed = system.accounts()["ann"]
    assert failed.reason == "KEY_USED_ELSEWHERE"
    assert failed.message.endswith("once the other program is stopped: `krakencopy start ann`")
    assert reasons(system, "ann") == {"PROCESS_ALIVE": "KEY_USED_ELSEWHERE"}
    assert not system.status().ready
    paper.call("DELETE", "/faults")
    system.command("start", "ann")
    system.wait_ready()
    wait_for("its end", lambda: system.events("INVALID_NONCE_OVER"))
    system.settled(2)


def test_a_quote_that_a_user_lacks_is_told_and_leaves_it_ready(paper: Paper, system: System) -> None:
    paper.call("POST", "/accounts/master/deposit", asset="ZEUR", amount="1000")
    system.buy("BTC/EUR", "0.001")
    system.settled(2)
    wait_for("each user to lack it", lambda: len(system.events("NO_FUNDS")) == len(USERS))
    assert system.status().ready
    assert "NO FUNDS IN EUR: the master trades BTC/EUR" in system.command("status")
    paper.call("POST", "/accounts/ann/deposit", asset="ZEUR", amount="100")
    # Balances of an account that does nothing are read seldom; its owner's own trade has them read.
    paper.by_hand(paper.another_key("ann"), "buy", "XBTUSD", "0.0001")
    (over,) = wait_for("its end", lambda: system.events("NO_FUNDS_OVER"))
    assert over.account_id == "ann"


def test_what_a_killed_run_has_left_open_is_over_in_the_next(paper: Paper, system: System) -> None:
    repair = revoke(paper, system, "ann", "ben")
    wait_for("both keys to be refused", lambda: len(system.events("INVALID_KEY")) == 2)
    system.kill()
    key = system.keys["ann"]
    paper.call("POST", "/accounts/ann/keys", key=key.key, secret=key.secret)
    system.start()
    wait_for("an answer", system.status)
    (over,) = wait_for("the end of one", lambda: system.events("INVALID_KEY_OVER"))
    assert over.account_id == "ann"
    # The other one still holds, and is told once more.
    wait_for("the other again", lambda: len(system.events("INVALID_KEY", account="ben")) == 2)
    repair()
    system.wait_ready()
    wait_for("the end of the other", lambda: len(system.events("INVALID_KEY_OVER")) == 2)
