from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.runtime.configured_users import keep_users
from krakencopy.client.cli.access_arguments import NO_ACCESS
from krakencopy.client.cli.context_arguments import NO_CONTEXT
from krakencopy.client.cli.state_folder import Kept, StateFolder, chosen_folder, is_alive
from krakencopy.client.sdk.endpoint import ENDPOINT_VARIABLE
from krakencopy.client.sdk.errors import BadInput
from tests.support.state_folders import living, says, state_folder


def given(**more: Any) -> Namespace:
    return Namespace(**{"state_dir": None, "endpoint": None, **NO_ACCESS, **NO_CONTEXT, **more})


def test_the_folder_is_the_one_that_is_named_or_that_of_the_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENDPOINT_VARIABLE, raising=False)
    one, other = state_folder(tmp_path / "one"), state_folder(tmp_path / "other")
    endpoint = f"unix:{other}/run/control.sock"
    assert chosen_folder(given(state_dir=str(one), endpoint=endpoint)) == one
    assert chosen_folder(given(endpoint=endpoint)) == other
    with pytest.raises(BadInput, match=r"data is no state folder of krakencopyd \(it has no journal.db\)"):
        chosen_folder(given())
    with pytest.raises(BadInput, match="is on another machine"):
        chosen_folder(given(endpoint="https://box:7443"))
    monkeypatch.setenv(ENDPOINT_VARIABLE, endpoint)
    assert chosen_folder(given()) == other


def test_a_default_folder_is_taken_while_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENDPOINT_VARIABLE, raising=False)
    state_folder(tmp_path / "data-paper")
    assert chosen_folder(given()) == Path("data-paper")
    state_folder(tmp_path / "data")
    with pytest.raises(BadInput, match="say which: --state-dir data or --state-dir data-paper"):
        chosen_folder(given())


def test_accounts_are_known_by_what_their_processes_have_left(tmp_path: Path) -> None:
    path = state_folder(tmp_path / "state", "master", "bob")
    says(path, "cora", 0, "ACTIVE", 1)
    (path / "accounts" / "dan.lock").write_text("in use by process 1 for account dan\n")
    folder = StateFolder(path)
    assert folder.account_ids() == ["bob", "cora", "dan", "master"]
    assert folder.user_ids() == ["bob"]
    keep_users(path, ["cora"])
    assert folder.user_ids() == []
    keep_users(path, ["bob", "cora"])
    assert folder.user_ids() == ["bob"]
    assert folder.ledger("bob") == path / "accounts" / "bob.db"


def test_a_process_lives_while_it_has_the_accounts_name(tmp_path: Path) -> None:
    path = state_folder(tmp_path / "state", "bob", "eve")
    says(path, "eve", 0, "ACTIVE", os.getpid())  # a pid may be anybody's by now
    with living(path, "bob") as pid:
        assert StateFolder(path).living() == {"bob": pid}
        assert not is_alive(pid, "eve")
    assert StateFolder(path).living() == {}


def test_a_process_that_only_tries_a_key_is_nobodys_account(tmp_path: Path) -> None:
    path = state_folder(tmp_path / "state", "bob")
    nonce = path / "kraken_nonce_user_bob.txt"
    with living(path, "bob"):
        nonce.rename(nonce.with_name("kraken_nonce_user_bob.new.txt"))
        with living(path, "bob") as pid:
            folder = StateFolder(path)
            assert folder.user_ids() == ["bob"]
            assert folder.living() == {"bob": pid}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"version": 1, "state": "X", "pid": 1}'])
def test_what_a_process_says_may_be_unreadable(tmp_path: Path, text: str) -> None:
    path = state_folder(tmp_path / "state", "bob")
    folder = StateFolder(path)
    assert folder.kept("bob") is None
    (path / "run" / "bob.states").write_text(text)
    assert folder.kept("bob") is None
    says(path, "bob", 7, "HALTED", 4711)
    assert folder.kept("bob") == Kept(7, TradingState.HALTED, 4711)


def test_root_writes_as_the_folders_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "seteuid", lambda uid: became.append(("user", uid)))
    monkeypatch.setattr(os, "setegid", lambda gid: became.append(("group", gid)))
    folder = StateFolder(state_folder(tmp_path / "state"))
    owner = SimpleNamespace(st_uid=1000, st_gid=100)
    with monkeypatch.context() as another:
        another.setattr(Path, "stat", lambda _: owner)
        folder.become_owner()
        assert became == [("group", 100), ("user", 1000)]
        owner.st_uid = 0
        folder.become_owner()
    assert len(became) == 2
