"""Credentials come from the environment, a private file or a command, and no message ever shows them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import Credentials, Role
from krakencopy.supervisor.config import credentials_command
from krakencopy.supervisor.config.credentials import (
    CredentialSource,
    check_credentials,
    load_all_credentials,
    load_credentials,
    without_credentials,
)
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.reader import ConfigFaults, parse

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


def test_a_symbolic_link_is_refused_wherever_it_leads(tmp_path: Path, with_file: WriteFile) -> None:
    account = with_file(f'key = "{KEY}"\nsecret = "{SECRET}"\n')
    path = tmp_path / "tania.toml"
    path.rename(tmp_path / "real.toml")
    path.symlink_to("real.toml")
    assert "is a symbolic link; name the file itself" in refused(account, {}, tmp_path)


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_file_in_a_folder_that_others_can_write_to_is_refused_with_the_command_to_run(
    tmp_path: Path, with_file: WriteFile, mode: int
) -> None:
    account = with_file(f'key = "{KEY}"\nsecret = "{SECRET}"\n')
    tmp_path.chmod(mode)
    assert f"run: chmod go-w {tmp_path}" in refused(account, {}, tmp_path)
    # In a sticky folder, such as /tmp, nobody else can put another file in its place.
    tmp_path.chmod(0o1777)
    assert load_credentials(account, {}, tmp_path) == Credentials(KEY, SECRET)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_or_a_folder_of_another_user_is_refused(tmp_path: Path, with_file: WriteFile) -> None:
    account = with_file(f'key = "{KEY}"\nsecret = "{SECRET}"\n')
    os.chown(tmp_path / "tania.toml", 65534, -1)
    assert "belongs to another user (uid 65534, not 0)" in refused(account, {}, tmp_path)
    os.chown(tmp_path / "tania.toml", 0, -1)
    os.chown(tmp_path, 65534, -1)
    assert "its folder belongs to another user (uid 65534)" in refused(account, {}, tmp_path)


def by_command(*words: str) -> AccountConfig:
    return AccountConfig(id="tania", role=Role.USER, broker="kraken", credentials_command=words)


def by_python(code: str, *arguments: str) -> AccountConfig:
    return by_command(sys.executable, "-c", code, *arguments)


PRINTS = "import sys; sys.stdout.write(sys.argv[1])"
TWO_LINES = f"{KEY}\n{SECRET}\n"


@pytest.mark.parametrize(
    "output",
    [
        TWO_LINES,
        f"\n {KEY} \r\n{SECRET}",
        json.dumps({"key": KEY, "secret": SECRET}),
        json.dumps({"secret": SECRET, "key": KEY}, indent=2) + "\n",
    ],
)
def test_a_commands_two_lines_or_json_are_read(tmp_path: Path, output: str) -> None:
    assert load_credentials(by_python(PRINTS, output), {}, tmp_path) == Credentials(KEY, SECRET)


def test_a_command_runs_beside_the_configuration_without_a_shell_and_without_other_accounts_keys(
    tmp_path: Path,
) -> None:
    script = tmp_path / "keys.sh"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = "\\$HOME; exit 1" ] && env > seen && printf "{KEY}\\n{SECRET}\\n"\n'
    )
    script.chmod(0o700)
    account = by_command("./keys.sh", "$HOME; exit 1")
    environ = TANIAS | {"PATH": os.environ["PATH"], "GPG_TTY": "/dev/tty"}
    assert load_credentials(account, environ, tmp_path) == Credentials(KEY, SECRET)
    seen = (tmp_path / "seen").read_text()
    assert "GPG_TTY=/dev/tty" in seen
    assert "KRAKEN" not in seen


def test_what_a_command_says_to_the_person_is_shown_and_what_it_answers_is_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "import sys; sys.stderr.write('Passphrase: '); sys.stdout.write(sys.argv[1])"
    load_credentials(by_python(code, TWO_LINES), {}, tmp_path)
    assert capfd.readouterr() == ("", "Passphrase: ")


@pytest.mark.parametrize(
    ("code", "output", "says"),
    [
        (PRINTS + "; sys.exit(3)", TWO_LINES, "ended with exit code 3; run the command by hand"),
        (
            PRINTS + "; sys.stdout.flush(); import os; os.kill(os.getpid(), 9)",
            TWO_LINES,
            "was ended by signal 9",
        ),
        (PRINTS, "", "did not print two lines"),
        (PRINTS, KEY, "did not print two lines"),
        (PRINTS, f"{KEY}\n\n", "did not print two lines"),
        (PRINTS, f"{KEY}\n{SECRET}\nlogin: tania\n", "did not print two lines"),
        (PRINTS, f'{{"key": "{KEY}", "secret": "{SECRET}"', "printed something else"),
        (PRINTS, json.dumps({"key": KEY}), "needs key and secret"),
        (PRINTS, json.dumps({"key": KEY, "secret": SECRET, KEY: 1}), "nothing else"),
        (PRINTS, json.dumps({"key": KEY, "secret": 5}), "not base64"),
        (PRINTS, f"{KEY}\n!{SECRET}\n", "not base64"),
        (
            "import sys; sys.stdout.buffer.write(b'\\xff' + sys.argv[1].encode())",
            TWO_LINES,
            "printed something else",
        ),
        ("import sys; sys.stdout.write(sys.argv[1] * 5000)", KEY, "printed more than 4096 bytes"),
    ],
)
def test_a_command_that_fails_or_prints_something_else_is_told_in_a_line_that_shows_none_of_it(
    tmp_path: Path, code: str, output: str, says: str
) -> None:
    told = refused(by_python(code, output), {}, tmp_path)
    assert told.startswith("accounts[].credentials_command")
    assert '("tania")' in told
    assert says in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("no-such-program-anywhere",), '"no-such-program-anywhere" cannot be started: No such file'),
        (("/",), '"/" cannot be started: Permission denied'),
        (("a\0b",), "cannot be started: not a command"),
    ],
)
def test_a_command_that_is_not_there_is_told(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    assert says in refused(by_command(*words), {"PATH": "/nowhere"}, tmp_path)


def test_a_command_that_does_not_end_is_killed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials_command, "LIMIT_S", 0.2)
    said_all = 'printf "%s" "$1"; exec >&-; exec sleep 600'
    for script in ("exec sleep 600", said_all):
        account = by_command("sh", "-c", f"echo $$ > pid; {script}", "sh", TWO_LINES)
        assert "did not end within 0.2 s" in refused(account, {}, tmp_path)
        pid = int((tmp_path / "pid").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_a_command_leaves_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    script = 'printf "%s" "$1"; sleep 600 & echo $! > agent'
    account = by_command("sh", "-c", script, "sh", TWO_LINES)
    assert load_credentials(account, {}, tmp_path) == Credentials(KEY, SECRET)
    # It has the command's standard output open still.
    os.kill(int((tmp_path / "agent").read_text()), signal.SIGKILL)


def test_a_command_is_run_once_for_a_run_and_a_file_is_read_for_each_start(
    tmp_path: Path, with_file: WriteFile
) -> None:
    with_file(f'key = "Kfile"\nsecret = "{SECRET}"\n')
    code = "import sys; open('asked', 'a').write('x'); " + PRINTS
    account = '[[accounts]]\nid = "{0}"\nrole = "{1}"\nbroker = "kraken"\n{2}\n'
    config = parse(
        '[exchange]\nmode = "live"\n'
        + account.format("master", "master", 'credentials_file = "tania.toml"')
        + account.format(
            "tania", "user", f"credentials_command = {json.dumps([sys.executable, '-c', code, TWO_LINES])}"
        ),
        "c.toml",
    )
    credentials = CredentialSource(config, {}, tmp_path)
    (tania,) = config.users
    for _ in range(3):
        assert credentials(tania) == Credentials(KEY, SECRET)
    assert (tmp_path / "asked").read_text() == "x"
    with_file(f'key = "Kmended"\nsecret = "{SECRET}"\n')
    assert credentials(config.master) == Credentials("Kmended", SECRET)


def test_another_configuration_has_only_new_commands_run_and_holds_only_when_it_is_taken(
    tmp_path: Path,
) -> None:
    def configured(**commands: str) -> Config:
        account = (
            '[[accounts]]\nid = "{0}"\nrole = "{1}"\nbroker = "kraken"\ncredentials_command = ["sh", '
            '"-c", "{2}"]\n'
        )
        users = [account.format(user, "user", command) for user, command in commands.items()]
        text = (
            '[exchange]\nmode = "live"\n'
            + account.format("master", "master", "echo KM; echo c2Vj")
            + "".join(users)
        )
        return parse(text, "c.toml")

    def asks(name: str, key: str) -> str:
        return f"printf x >> {name}; echo {key}; echo c2Vj"

    before = configured(tania=asks("tania", "KT"), daivon=asks("daivon", "KD"))
    source = CredentialSource(before, {}, tmp_path)
    after = configured(tania=asks("tania", "KT"), daivon=asks("other", "KO"), eve=asks("eve", "KE"))
    tania, daivon, eve = after.users
    loaded = asyncio.run(source.prepare(after, {"daivon", "eve"}))
    assert {user: one.key for user, one in loaded.items()} == {"daivon": "KO", "eve": "KE"}
    assert source(before.users[1]).key == "KD"
    source.use_config(after, loaded)
    assert [source(account).key for account in (tania, daivon, eve)] == ["KT", "KO", "KE"]
    # Somebody else's settings changed as well as tania's rules: nobody is asked again.
    assert asyncio.run(source.prepare(after, {"tania", "eve"})) == {
        "tania": source(tania),
        "eve": source(eve),
    }
    asked = {name: (tmp_path / name).read_text() for name in ("tania", "daivon", "other", "eve")}
    assert asked == dict.fromkeys(asked, "x")
    # Who was removed is asked again when it comes back.
    source.use_config(before, {"daivon": source(daivon)})
    asyncio.run(source.prepare(after, {"eve"}))
    assert (tmp_path / "eve").read_text() == "xx"
    same = configured(tania=asks("tania", "KT"), eve="echo KT; echo c2Vj")
    with pytest.raises(ConfigFaults, match='"tania" and "eve" have the same API key'):
        asyncio.run(source.prepare(same, {"eve"}))


def test_a_failed_command_is_told_with_its_place_in_the_configuration() -> None:
    account = '[[accounts]]\nid = "{0}"\nrole = "{1}"\nbroker = "kraken"\n{2}\n'
    text = '[exchange]\nmode = "live"\n' + account.format("master", "master", "")
    text += account.format("tania", "user", 'credentials_command = ["false"]')
    environ = {"KRAKEN_MASTER_API_KEY": KEY, "KRAKEN_MASTER_API_SECRET": SECRET, "PATH": os.environ["PATH"]}
    with pytest.raises(ConfigFaults) as raised:
        CredentialSource(parse(text, "c.toml"), environ, Path("/"))
    assert str(raised.value) == (
        'c.toml: accounts[1].credentials_command ("tania"): "false" ended with exit code 1; run the command '
        "by hand to see why"
    )


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
