"""A user that is not in the file any more is configured as it was, where that goes; what is kept of it, and
of those that would leave.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.config.leaving_accounts import (
    Leaver,
    configured_leavers,
    leavers_of,
    with_leavers,
    without_account,
)
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.reader import parse
from tests.support.config_texts import MASTER, PAPER, user

HEAD = PAPER + MASTER.replace('"master"', '"boss"', 1)
OF_BEN = 'group = "clients"\ncredentials_file = "ben.key"\n'
BEN = user("ben", OF_BEN + 'copy = { on_leave = "close_all", max_entry_age_s = 2.5 }\n')
ANNA = user("anna")
GROUP = '[[groups]]\nid = "clients"\ncopy = { max_slippage_bps = 20 }\n'


def config(*parts: str) -> Config:
    return parse(HEAD + "".join(parts), "a.toml")


def test_kept_is_what_those_say_that_would_leave_and_what_is_known_of_those_that_do() -> None:
    kept = configured_leavers(config(BEN, ANNA, GROUP), {})
    assert kept.keys() == {"ben"}
    assert (kept["ben"].policy, kept["ben"].leaves) == (OnLeave.CLOSE_ALL, False)
    again = Leaver.from_json(kept["ben"].to_json())
    assert again == kept["ben"]
    assert again.table["copy"]["max_entry_age_s"] == Decimal("2.5")
    leaving = replace(kept["ben"], since=5.0)
    assert configured_leavers(config(ANNA), {"ben": leaving}) == {"ben": leaving}
    assert configured_leavers(config(ANNA), kept) == {}


def test_who_is_not_in_the_file_leaves_from_then_on_and_who_is_in_it_again_does_not() -> None:
    kept = configured_leavers(config(BEN, ANNA, GROUP), {})
    leaving = leavers_of(config(ANNA), kept, 7.0)
    assert leaving["ben"].since == 7.0
    assert leavers_of(config(ANNA), leaving, 9.0) == leaving
    assert leavers_of(config(BEN, GROUP), leaving, 9.0) == {}


def test_one_that_leaves_is_configured_as_it_was_as_far_as_that_goes() -> None:
    before = config(BEN, ANNA, GROUP)
    leaving = leavers_of(config(ANNA, GROUP), configured_leavers(before, {}), 7.0)
    now, left_out = with_leavers(config(ANNA, GROUP), leaving)
    assert left_out == {}
    assert now.accounts[-1] == before.accounts[1]
    # Its group is gone, and what it says is not taken any more.
    now, left_out = with_leavers(config(ANNA), leaving)
    assert (now.accounts[-1].id, now.accounts[-1].group) == ("ben", None)
    odd = {"ben": replace(leaving["ben"], table={**leaving["ben"].table, "copy": {"mood": 1}})}
    now, left_out = with_leavers(config(ANNA), odd)
    assert now.accounts[-1].credentials_file == "ben.key"
    assert left_out == {}
    # One that sends nothing must not begin to.
    shadow = {"ben": replace(odd["ben"], table={**odd["ben"].table, "mode": "shadow"})}
    now, left_out = with_leavers(config(ANNA), shadow)
    assert (now.accounts[-1].is_shadow, left_out) == (True, {})
    lost = {"ben": replace(leaving["ben"], table={"id": "ben"})}
    now, left_out = with_leavers(config(ANNA), lost)
    assert [account.id for account in now.accounts] == ["boss", "anna"]
    assert "role" in left_out["ben"]


def test_without_an_account_the_document_has_it_no_more() -> None:
    now = without_account(config(BEN, ANNA, GROUP), "ben")
    assert [account.id for account in now.accounts] == ["boss", "anna"]
    assert [table["id"] for table in now.written.document["accounts"]] == ["boss", "anna"]
