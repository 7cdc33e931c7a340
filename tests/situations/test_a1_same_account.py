"""A user's key that belongs to the master's own account, and two users with two keys of one account."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support.client import private
from tests.support.system import Key, Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def another_key(paper: Paper, account: str) -> Key:
    """A second key of an account that exists."""
    key = Key.make()
    paper.call("POST", f"/accounts/{account}/keys", key=key.key, secret=key.secret)
    return key


def untold(paper: Paper, account: str) -> None:
    """The exchange does not show whose a key of this account is."""
    paper.call(
        "POST",
        "/faults",
        kind="error",
        error="EGeneral:Permission denied",
        account=account,
        method="GetApiKeyInfo",
        count=0,
    )


def fills(paper: Paper, account: str) -> list[tuple[str, str]]:
    return [(row["side"], row["volume"]) for row in paper.fills(account)]


def standing(system: System, account: str) -> tuple[str, str]:
    """An account's state (by its name) and reason."""
    found = system.accounts().get(account)
    return ("", "") if found is None else (state_name(found.state), found.reason)


def state_name(state: int) -> str:
    return {4: "RUNNING", 8: "FAILED"}.get(state, str(state))


def until(system: System, account: str, state: str, reason: str = "") -> Any:
    wait_for(f"{account} to be {state} {reason}", lambda: standing(system, account) == (state, reason))
    return system.accounts()[account]


def same_account_system(paper: Paper, *, told: bool = True) -> System:
    """A master, and a user with a second key of the master's own account."""
    master = paper.open_account("master", {"ZUSD": "1000"})
    if not told:
        untold(paper, "master")
    return System(
        paper, {"anna": "1000"}, keys={"master": master, "anna": another_key(paper, "master")}
    ).start()


def test_a_users_key_of_the_masters_own_account(paper: Paper) -> None:
    """The user is FAILED before it trades, its message names both and the way out, and 500 dollars of the
    master stay one fill.
    """
    with same_account_system(paper) as system:
        anna = until(system, "anna", "FAILED", "SAME_ACCOUNT")
        assert "anna and master" in anna.message
        assert "krakencopy start anna" in anna.message
        assert "1000" not in anna.message
        system.buy("BTC/USD", "0.01")
        wait_for("the fill to be journalled", lambda: getattr(system.status(), "head_seq", 0) == 1)
        # An operator who changes nothing gains nothing.
        with system.api() as api:
            api.start_account("anna")
        until(system, "anna", "FAILED", "SAME_ACCOUNT")
        assert fills(paper, "master") == [("buy", "0.01000000")]


def test_a_user_that_gets_an_account_of_its_own_after_it_had_the_masters(paper: Paper) -> None:
    """With a corrected key it copies from then on; what the master bought before is not chased."""
    with same_account_system(paper) as system:
        until(system, "anna", "FAILED", "SAME_ACCOUNT")
        system.stop()
        system.keys["anna"] = paper.open_account("anna", {"ZUSD": "1000"})
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert fills(paper, "anna") == [("buy", "0.00100000")]


def test_two_users_with_two_keys_of_one_account(paper: Paper) -> None:
    """The one that came first copies, the second is FAILED: everything is bought once, also after a
    restart.
    """
    ben = paper.open_account("ben", {"ZUSD": "1000"})
    with System(paper, {"ben": "1000"}, keys={"ben": ben}) as system:
        system.start().wait_ready()
        system.stop()
        # It stands first in the alphabet and in the configuration, and came second.
        system.users = {"anna": "1000", "ben": "1000"}
        system.keys["anna"] = another_key(paper, "ben")
        system.start()
        until(system, "anna", "FAILED", "SAME_ACCOUNT")
        until(system, "ben", "RUNNING")
        system.buy("BTC/USD", "0.001")
        wait_for("the copy", lambda: fills(paper, "ben"))
        system.stop()
        system.start()
        until(system, "anna", "FAILED", "SAME_ACCOUNT")
        until(system, "ben", "RUNNING")
        system.buy("BTC/USD", "0.001")
        wait_for("the second copy", lambda: len(fills(paper, "ben")) >= 2)
        assert fills(paper, "ben") == [("buy", "0.00100000")] * 2


@pytest.mark.parametrize("by_hand", [True, False])
def test_the_masters_own_account_where_the_exchange_does_not_tell_whose_a_key_is(
    paper: Paper, by_hand: bool
) -> None:
    """The first copy is recognised by its id as a fill of the master: it is journalled as not copied, and
    the user is FAILED.
    """
    with same_account_system(paper, told=False).wait_ready() as system:
        if by_hand:
            private(
                paper.rest_url,
                another_key(paper, "master"),
                "AddOrder",
                pair="XBTUSD",
                type="buy",
                ordertype="market",
                volume="0.002",
            )
        else:
            system.buy("BTC/USD", "0.002")
        anna = until(system, "anna", "FAILED", "SAME_ACCOUNT")
        assert "anna and master" in anna.message
        bought = fills(paper, "master")
        assert bought[0] == ("buy", "0.00200000")
        assert len(bought) <= 2
        with system.api() as api:
            journalled = sorted(api.list_fills(), key=lambda fill: fill.seq)
        assert [fill.not_copied for fill in journalled] == ["", "SAME_ACCOUNT"][: len(bought)]


def test_a_start_without_another_key_copies_nothing_more_into_the_masters_account(paper: Paper) -> None:
    """An operator who starts the FAILED user again, or the whole system, and changes nothing: it is FAILED
    before it trades.
    """
    with same_account_system(paper, told=False).wait_ready() as system:
        owner = another_key(paper, "master")
        paper.by_hand(owner, "buy", "XBTUSD", "0.002")
        until(system, "anna", "FAILED", "SAME_ACCOUNT")
        bought = len(fills(paper, "master"))
        for number, start_again in enumerate(("anna", "all"), start=1):
            failed_at = system.accounts()["anna"].since.ToMicroseconds()
            if start_again == "anna":
                with system.api() as api:
                    api.start_account("anna")
            else:
                system.stop()
                system.start()

            def failed_again(failed_at: int = failed_at) -> bool:
                since = getattr(system.accounts().get("anna"), "since", None)
                is_newer = since is not None and since.ToMicroseconds() > failed_at
                return is_newer and standing(system, "anna") == ("FAILED", "SAME_ACCOUNT")

            wait_for("anna to be FAILED again", failed_again)
            until(system, "master", "RUNNING")
            paper.by_hand(owner, "sell", "XBTUSD", "0.0005")
            assert len(fills(paper, "master")) == bought + number


def test_a_copy_that_the_master_is_told_of_by_its_history_only(paper: Paper) -> None:
    """While the master's feed is down its user has copied into the master's account: the history's order
    shows it, and nothing is copied twice.
    """
    with same_account_system(paper, told=False).wait_ready() as system:
        paper.call("POST", "/faults", kind="ws_refuse", count=0)
        paper.call("POST", "/faults", kind="ws_cut", account="master")
        private(
            paper.rest_url,
            another_key(paper, "master"),
            "AddOrder",
            pair="XBTUSD",
            type="buy",
            ordertype="market",
            volume="0.002",
        )
        wait_for("the feed to be noticed as lost", lambda: standing(system, "master")[0] != "RUNNING")
        paper.call("DELETE", "/faults")
        untold(paper, "master")
        until(system, "anna", "FAILED", "SAME_ACCOUNT")
        wait_for("the master", lambda: standing(system, "master")[0] == "RUNNING")
        with system.api() as api:
            journalled = sorted(api.list_fills(), key=lambda fill: fill.seq)
        assert len(journalled) == len(fills(paper, "master")) <= 2
        assert [fill.not_copied for fill in journalled] == ["", "SAME_ACCOUNT"][: len(journalled)]


def test_two_users_on_one_account_where_the_exchange_does_not_tell(paper: Paper) -> None:
    """Each sees the other's order under an id of krakencopy's: the one that stands later in the
    configuration is FAILED, once for all.
    """
    ben = paper.open_account("ben", {"ZUSD": "1000"})
    untold(paper, "ben")
    keys = {"ben": ben, "anna": another_key(paper, "ben")}
    with System(paper, {"ben": "1000", "anna": "1000"}, keys=keys) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        until(system, "anna", "FAILED", "SAME_ACCOUNT")
        until(system, "ben", "RUNNING")
        bought = len(fills(paper, "ben"))
        assert bought <= 2
        # It is started again and nothing was corrected: the account's record tells before anything is traded.
        with system.api() as api:
            api.start_account("anna")
        until(system, "anna", "FAILED", "SAME_ACCOUNT")
        system.buy("BTC/USD", "0.001")
        wait_for("ben's copy", lambda: len(fills(paper, "ben")) > bought)
        assert len(fills(paper, "ben")) == bought + 1
        assert Decimal(fills(paper, "ben")[-1][1]) > 0
