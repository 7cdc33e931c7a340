"""Where the files of a state folder are: a name for each, and no two accounts with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.config.state_folder import Place

STATE = Path("/srv/state")
PLACE = Place(state_dir=STATE, key_lock_dir=Path("/run/locks"), rest_url="https://x", ws_url="wss://x")


@pytest.mark.parametrize(
    ("role", "name"), [(Role.MASTER, "kraken_nonce_master.txt"), (Role.USER, "kraken_nonce_user_anna.txt")]
)
def test_a_nonce_has_the_name_that_the_requirements_give_it(role: Role, name: str) -> None:
    assert PLACE.nonce(AccountConfig(id="anna", role=role, broker="kraken")) == STATE / name


def test_logs_and_sockets_are_named_for_their_account() -> None:
    assert PLACE.log("anna") == STATE / "logs" / "anna.jsonl"
    assert PLACE.socket("anna") == STATE / "run" / "anna.sock"


def test_unless_it_is_said_a_folder_is_nobodys_and_nothing_is_taken_over() -> None:
    assert (PLACE.owner, PLACE.adopt) == ("", False)
