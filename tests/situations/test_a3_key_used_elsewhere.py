"""Two programs with one key, on machines that do not see each other's locks: each recognises the other by
what only it can have done.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client import private
from tests.support.system import Key, Paper, System, wait_for

#: How far ahead of the clock nonces may be without a jump, in microseconds: what a start reserves, and once
#: more.
RESERVED_US = 2 * 300_000_000 + 60_000_000
HOUR_US = 3_600_000_000


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def failed(system: System, account: str, reason: str) -> str:
    """Waits until the account is FAILED for this reason; its message."""

    def seen() -> Any:
        found = system.accounts().get(account)
        return found if found is not None and (found.state, found.reason) == (8, reason) else None

    return str(wait_for(f"{account} to be FAILED ({reason})", seen).message)


def ahead_us(paper: Paper, key_of: str) -> int:
    """How far the largest nonce that an account's keys have sent was ahead of the clock."""
    sent = [int(row["nonce"]) for row in paper.rows("requests") if row["account"] == key_of and row["nonce"]]
    return max(sent) - time.time_ns() // 1_000


#: krakencopyd as on another machine: it sees none of the locks of this one.
ON_ANOTHER_MACHINE = """
import sys
from pathlib import Path
import krakencopy.supervisor.daemon, krakencopy.supervisor.run
folder = Path(sys.argv[sys.argv.index("--state-dir") + 1], "locks", "keys")
krakencopy.supervisor.run.key_lock_dir = lambda: folder
krakencopy.supervisor.daemon.main(sys.argv[1:])
"""


def another_machine(here: System) -> System:
    """An installation with the same configuration and keys."""
    return System(here.paper, here.users, keys=dict(here.keys), program=("-c", ON_ANOTHER_MACHINE))


def another_key(paper: Paper, account: str) -> Key:
    """A second key of an account that exists."""
    key = Key.make()
    paper.call("POST", f"/accounts/{account}/keys", key=key.key, secret=key.secret)
    return key


def test_another_program_signs_with_larger_nonces(paper: Paper) -> None:
    """The exchange has taken ours and then refuses larger ones: another one is alive. The account stops,
    and its nonces stay where they are.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        with system.api() as api:
            told = api.get_nonce("anna")
        private(paper.rest_url, system.keys["anna"], "Balance", nonce=str(told.reserved + 1_000_000))
        system.buy("BTC/USD", "0.001")
        message = failed(system, "anna", "KEY_USED_ELSEWHERE")
        assert "another program uses this API key" in message
        assert "stop it" in message
        assert ahead_us(paper, "anna") < RESERVED_US
        # Once the other is stopped, an operator's start passes its nonces in a bounded step, and what was
        # missed is done.
        with system.api() as api:
            api.start_account("anna")
        system.wait_ready()
        system.settled(1)
        assert ahead_us(paper, "anna") < 3 * HOUR_US


def test_an_order_of_another_installation_is_seen_in_the_account(paper: Paper) -> None:
    """An order under an id of krakencopy's that nobody here made, while we run: the account stops and says
    so, before it trades again.
    """
    with System(paper, {"anna": "1000"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/anna/keys", key=hand.key, secret=hand.secret)
        system.start().wait_ready()
        placed = private(
            paper.rest_url, hand, "AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.0002",
            cl_ord_id="6b3a0e0e-0000-5000-8000-000000000001",
        )["result"]["txid"][0]  # fmt: skip
        message = failed(system, "anna", "KEY_USED_ELSEWHERE")
        assert placed in message
        assert "another installation trades this account now" in message
        # It is from before the next start: the operator who starts it has looked.
        with system.api() as api:
            api.start_account("anna")
        system.wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        drifts = wait_for("the order to be shown", lambda: list(system.accounts()["anna"].drifts))
        assert [drift.code for drift in drifts] == ["ORDER_MADE_ELSEWHERE"]


def test_an_order_from_before_this_process_is_shown_and_stops_nobody(paper: Paper) -> None:
    """What an installation before this one has left in the account's record is no sign of life."""
    with System(paper, {"anna": "1000"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/anna/keys", key=hand.key, secret=hand.secret)
        private(
            paper.rest_url, hand, "AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.0002",
            cl_ord_id="6b3a0e0e-0000-5000-8000-000000000001",
        )  # fmt: skip
        system.start().wait_ready()
        drifts = wait_for("the order to be shown", lambda: list(system.accounts()["anna"].drifts))
        assert [drift.code for drift in drifts] == ["ORDER_UNINTENDED"]
        system.buy("BTC/USD", "0.001")
        system.settled(1)


def test_two_installations_with_the_same_keys(paper: Paper) -> None:
    """The one that is there stops when the other begins, says why, and neither pushes a key's nonce a day,
    or an hour, ahead.
    """
    with System(paper, {"anna": "1000"}) as here:
        here.start().wait_ready()
        with another_machine(here) as there:
            there.start().wait_ready()
            for account in ("master", "anna"):
                failed(here, account, "KEY_USED_ELSEWHERE")
            there.buy("BTC/USD", "0.001")
            there.settled(1)
            assert len(paper.fills("anna")) == 1
            assert max(ahead_us(paper, "anna"), ahead_us(paper, "master")) < RESERVED_US


def test_a_copy_of_a_state_folder_at_work_with_other_keys_of_the_same_accounts(paper: Paper) -> None:
    """Both make the same orders under the same ids, and no nonce shows it: each finds an order that it has
    not made, and its user stops.
    """
    with System(paper, {"anna": "1000"}) as here:
        here.start().wait_ready()
        here.buy("BTC/USD", "0.001")
        here.settled(1)
        here.stop()
        with another_machine(here) as there:
            there.keys = {account: another_key(paper, account) for account in here.keys}
            shutil.copytree(here.state_dir, there.state_dir, ignore=shutil.ignore_patterns("run"))
            here.start().wait_ready()
            there.start().wait_ready()
            private(
                paper.rest_url,
                another_key(paper, "master"),
                "AddOrder",
                pair="XBTUSD",
                type="buy",
                ordertype="market",
                volume="0.001",
            )
            for system in (here, there):
                message = failed(system, "anna", "KEY_USED_ELSEWHERE")
                assert "another installation trades this account now" in message
