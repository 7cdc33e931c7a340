"""Accounts and groups of the API beside those of a file: who has which, and who is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from krakencopy.supervisor.config.api_fields import ACCOUNT, GROUP
from krakencopy.supervisor.config.owned_tables import Owned, file_alone, with_owned
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.config.toml_table import ConfigFaults
from tests.support.config_texts import MASTER, PAPER, user

FILE = parse(f'{PAPER}[[groups]]\nid = "clients"\n{MASTER}{user("ben")}', "c.toml")
KEYS = [Path("/keys")]


def owned(accounts: dict[str, Any] | None = None, **groups: Any) -> Owned:
    return Owned(accounts or {}, groups)


def test_they_stand_behind_the_files_and_are_taken_out_again() -> None:
    wanted = owned({"carl": {"group": "vip"}, "anna": {"group": "clients"}}, vip={"copy": {"ratio": "1"}})
    wanted = wanted.with_body(GROUP, "vip", {"copy": {"max_slippage_bps": "3"}})
    config, left_out = with_owned(FILE, wanted, KEYS)
    assert [account.id for account in config.accounts] == ["master", "ben", "anna", "carl"]
    assert config.accounts[-1].copy.max_slippage_bps == 3
    assert not left_out
    assert file_alone(config, wanted.ids) == FILE
    assert with_owned(FILE, owned(), KEYS) == (FILE, {})
    fewer = wanted.with_body(ACCOUNT, "carl", None)
    assert fewer.ids == {"anna", "vip"}


@pytest.mark.parametrize(
    ("accounts", "groups", "where"),
    [
        ({"ben": {}}, {}, "accounts[1].id"),
        ({"master": {}}, {}, "accounts[0].id"),
        ({"clients": {}}, {}, "groups[0].id"),
        ({}, {"ben": {}}, "accounts[1].id"),
        ({}, {"clients": {}}, "groups[0].id"),
    ],
)
def test_an_id_of_both_is_a_fault_at_its_place_in_the_file(accounts: Any, groups: Any, where: str) -> None:
    with pytest.raises(ConfigFaults) as raised:
        with_owned(FILE, Owned(accounts, groups), KEYS)
    (fault,) = raised.value.faults
    assert (fault.source, fault.where) == ("c.toml", where)
    assert "take it out of the file; or" in str(fault)


def test_what_does_not_fit_is_left_out_with_all_that_needs_it_unless_it_must_be_there() -> None:
    accounts: dict[str, Any] = {
        "anna": {"group": "vip"}, "carl": {"credentials_file": "/etc/shadow"}, "dora": {},
        "eve": {"credentials_file": "eve.key"},
    }  # fmt: skip
    wanted = owned(accounts, vip={"copy": {"no_such_key": "1"}})
    config, left_out = with_owned(FILE, wanted, KEYS)
    assert [account.id for account in config.accounts] == ["master", "ben", "dora", "eve"]
    assert config.accounts[-1].credentials_file == "/keys/eve.key"
    assert left_out.keys() == {"anna", "carl", "vip"}
    assert left_out["vip"].startswith("the API's group vip: copy.no_such_key: unknown key")
    for must, says in (("anna", "the API's account anna: group"), ("carl", "is not in a folder")):
        with pytest.raises(ConfigFaults, match=says):
            with_owned(FILE, wanted, KEYS, [must])


def test_two_ids_that_mean_one_variable_are_a_fault_of_the_apis() -> None:
    _, left_out = with_owned(FILE, owned({"a-b": {}, "a_b": {}}), KEYS)
    assert left_out.keys() == {"a_b"}
