"""Credentials come from the environment or a private file, and no message ever shows them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_proc.spec import Credentials, Role
from supervisor.config import AccountConfig, Config, ConfigFaults, parse
from supervisor.credentials import (
    check_credentials,
    load_all_credentials,
    load_credentials,
    without_credentials,
)

KEY, SECRET = "Kunguessable", "c2VjcmV0LW9mLXRhbmlh"
MASTER = AccountConfig(id="master", role=Role.MASTER, broker="kraken")
TANIA = AccountConfig(id="tania-gilbert", role=Role.USER, broker="kraken")
TANIAS = {"KRAKEN_USER_TANIA_GILBERT_API_KEY": KEY, "KRAKEN_USER_TANIA_GILBERT_API_SECRET": SECRET}

NONE = Path("/nonexistent")
WriteFile = Callable[[str], AccountConfig]


def refused(account: AccountConfig, environ: dict[str, str], base_dir: Path = NONE) -> str:
    with pytest.raises(ConfigFaults) as raised:
        load_credentials(account, environ, base_dir)
    told = str(raised.value) + repr(raised.value) + repr(raised.value.__cause__)
    assert KEY not in told
    assert SECRET not in told
    return str(raised.value)


@pytest.fixture
def with_file(tmp_path: Path) -> WriteFile:
    def write(text: str) -> AccountConfig:
        path = tmp_path / "tania.toml"
        path.write_text(text)
        path.chmod(0o600)
        return AccountConfig(id="tania", role=Role.USER, broker="kraken", credentials_file="tania.toml")

    return write


def test_a_users_variables_carry_its_id() -> None:
    assert load_credentials(TANIA, TANIAS, NONE) == Credentials(KEY, SECRET)


def test_the_masters_variables_do_not_depend_on_its_id() -> None:
    environ = {"KRAKEN_MASTER_API_KEY": f" {KEY}\n", "KRAKEN_MASTER_API_SECRET": SECRET}
    assert load_credentials(MASTER, environ, NONE) == Credentials(KEY, SECRET)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_variable_is_named(value: str | None) -> None:
    environ = TANIAS | {"KRAKEN_USER_TANIA_GILBERT_API_SECRET": value}
    told = refused(TANIA, {name: text for name, text in environ.items() if text is not None})
    assert "no API secret" in told
    assert "set KRAKEN_USER_TANIA_GILBERT_API_SECRET," in told
    assert '"tania-gilbert"' in told
    assert "KRAKEN_USER_TANIA_GILBERT_API_KEY and KRAKEN_USER_TANIA_GILBERT_API_SECRET" in refused(TANIA, {})


@pytest.mark.parametrize("secret", [SECRET + "!", "abc", "ä" * 8, SECRET + "\n" + SECRET])
def test_a_secret_that_is_not_base64_is_refused_unseen(secret: str) -> None:
    told = refused(TANIA, TANIAS | {"KRAKEN_USER_TANIA_GILBERT_API_SECRET": secret})
    assert "KRAKEN_USER_TANIA_GILBERT_API_SECRET" in told
    assert "not base64" in told
    assert secret not in told


def test_a_key_with_a_space_inside_is_refused_unseen() -> None:
    told = refused(TANIA, TANIAS | {"KRAKEN_USER_TANIA_GILBERT_API_KEY": f"{KEY} {KEY}"})
    assert "not an API key" in told


def test_a_private_file_beside_the_configuration_is_read(tmp_path: Path, with_file: WriteFile) -> None:
    account = with_file(f'key = "{KEY}"\nsecret = "{SECRET}"\n')
    assert load_credentials(account, {}, tmp_path) == Credentials(KEY, SECRET)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_a_file_that_others_can_touch_is_refused_with_the_command_to_run(
    tmp_path: Path, with_file: WriteFile, mode: int
) -> None:
    account = with_file(f'key = "{KEY}"\nsecret = "{SECRET}"\n')
    path = tmp_path / "tania.toml"
    path.chmod(mode)
    assert f"run: chmod 600 {path}" in refused(account, {}, tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"key = {KEY}\nsecret = {SECRET}\n", "not TOML"),
        (f"{KEY}\n{SECRET}\n", "not TOML"),
        (f'[{KEY}]\n[{KEY}]\nsecret = "{SECRET}"', "not TOML"),
        (f'key = "{KEY}"\n', "needs key and secret"),
        (f'key = "{KEY}"\nsecret = "{SECRET}"\n{KEY} = 1\n', "nothing else"),
        (f'key = "{KEY}"\nsecret = 5\n', "not base64"),
        (f'key = "{KEY}"\nsecret = "{SECRET}"\n' + "#" * 5000, "larger than"),
    ],
)
def test_a_file_with_other_content_is_refused_without_quoting_it(
    tmp_path: Path, with_file: WriteFile, text: str, says: str
) -> None:
    assert says in refused(with_file(text), {}, tmp_path)


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path, with_file: WriteFile) -> None:
    account = with_file("")
    path = tmp_path / "tania.toml"
    path.unlink()
    assert "No such file" in refused(account, {}, tmp_path)
    os.mkfifo(path, 0o600)
    assert "not a regular file" in refused(account, {}, tmp_path)
    nameless = AccountConfig(id="tania", role=Role.USER, broker="kraken", credentials_file="a\0b")
    assert "cannot be a path" in refused(nameless, {}, tmp_path)


def two_users() -> Config:
    account = '[[accounts]]\nid = "{0}"\nrole = "{1}"\nbroker = "kraken"\n'
    members = (("master", "master"), ("tania", "user"), ("daivon", "user"))
    return parse(
        '[exchange]\nmode = "live"\n' + "".join(account.format(*member) for member in members), "c.toml"
    )


def test_two_accounts_with_one_key_are_named() -> None:
    one = Credentials(KEY, SECRET)
    loaded = {"master": Credentials("K2", SECRET), "tania": one, "daivon": one}
    with pytest.raises(ConfigFaults, match='"tania" and "daivon" have the same API key') as raised:
        check_credentials(two_users(), loaded)
    assert KEY not in str(raised.value)
    check_credentials(two_users(), loaded | {"daivon": Credentials("K3", SECRET)})


def test_the_faults_of_all_accounts_are_told_at_once() -> None:
    environ = {
        f"KRAKEN_{who}_API_{part}": value
        for who in ("MASTER", "USER_TANIA")
        for part, value in (("KEY", KEY), ("SECRET", SECRET))
    }
    with pytest.raises(ConfigFaults) as raised:
        load_all_credentials(two_users(), environ, NONE)
    daivon, same = map(str, raised.value.faults)
    assert "KRAKEN_USER_DAIVON_API_KEY" in daivon
    assert '"master" and "tania"' in same


def test_an_account_process_gets_no_credential_variables() -> None:
    kept = {"PATH": "/bin", "KRAKENCOPY_ENDPOINT": "unix:x"}
    assert without_credentials(TANIAS | {"KRAKEN_MASTER_API_KEY": KEY} | kept) == kept


@given(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True))
def test_every_accounts_variables_are_kept_from_other_processes(id_: str) -> None:
    for role in Role:
        names = AccountConfig(id=id_, role=role, broker="kraken").credential_variables
        assert without_credentials(dict.fromkeys(names, KEY)) == {}
