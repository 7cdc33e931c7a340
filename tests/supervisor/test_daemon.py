"""``krakencopyd`` as a command: what is wrong is told in one line each, before anything is started or
made.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.supervisor.daemon import main
from tests.support.daemon_command import (
    GOOD,
    KEYS,
    LIVE,
    MASTER,
    TANIA,
    account,
    assert_told,
    krakencopyd,
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            LIVE + "mood = 1\n" + MASTER, ["exchange.mood: unknown key; did you mean mode?"], id="unknown key"
        ),
        pytest.param(
            LIVE + MASTER + account("other", "master"),
            ["accounts[1].role", "second master"],
            id="two masters",
        ),
        pytest.param(LIVE + TANIA, ["no master"], id="no master"),
        pytest.param(
            GOOD + TANIA,
            ['accounts[2].id ("tania"): "tania" is also the id of accounts[1]'],
            id="one id twice",
        ),
        pytest.param(
            LIVE + MASTER + account("../../root"),
            ['accounts[1].id ("../../root"): "../../root" cannot be an id'],
            id="an id that leaves the folder",
        ),
        pytest.param(LIVE + MASTER + account("journal"), ["accounts[1].id"], id="an id of the folder's own"),
        pytest.param(
            LIVE + MASTER + account("tania", more='copy = { max_user_risk = "0" }'),
            ['accounts[1].copy.max_user_risk ("tania"): "0" is out of bounds'],
            id="no risk at all",
        ),
        pytest.param(
            LIVE + "[copy]\nmax_user_risk = 1.5\n" + MASTER + TANIA,
            ["copy.max_user_risk: 1.5 is out of bounds"],
            id="more than all",
        ),
        pytest.param(
            LIVE + '[copy]\nmax_user_risk = "ten"\n' + MASTER + TANIA,
            ['copy.max_user_risk: "ten" is not a plain number'],
            id="a word for a number",
        ),
        pytest.param("[exchange\n", ["line 1"], id="no TOML"),
    ],
)
def test_a_fault_in_the_configuration(state: Path, config: Path, text: str, told: list[str]) -> None:
    config.write_text(text)
    ended = krakencopyd(state, "--config", config, **KEYS)
    assert_told(ended, told[0])
    assert all(words in ended.stderr for words in (str(config), *told))
    assert not state.exists()


def test_every_fault_has_a_line_of_its_own(state: Path, config: Path) -> None:
    config.write_text(
        LIVE + '[copy]\nmax_user_risk = "0"\nslippage = 3\n' + MASTER + account("tania", "boss") + MASTER
    )
    ended = krakencopyd(state, "--config", config, **KEYS)
    assert_told(
        ended, "slippage: unknown key", "max_user_risk", 'role ("tania"): "boss"', "id", "second master"
    )
    assert not state.exists()


def test_a_missing_configuration(state: Path, config: Path) -> None:
    assert_told(
        krakencopyd(state, "--config", config),
        f"{config}: cannot be read: No such file or directory; name a file",
    )
    assert_told(krakencopyd(state, "--config", config.parent), "cannot be read: Is a directory")
    assert not state.exists()


def test_two_accounts_with_one_key_are_named_and_the_key_is_not(state: Path, config: Path) -> None:
    config.write_text(GOOD)
    ended = krakencopyd(state, "--config", config, **KEYS | {"KRAKEN_USER_TANIA_API_KEY": "Kmaster"})
    assert_told(ended, '"master" and "tania" have the same API key')
    assert "Kmaster" not in ended.stderr
    assert not state.exists()


def test_missing_keys_are_named_by_their_variables(state: Path, config: Path) -> None:
    config.write_text(GOOD)
    ended = krakencopyd(state, "--config", config)
    assert_told(
        ended,
        "set KRAKEN_MASTER_API_KEY and KRAKEN_MASTER_API_SECRET",
        "set KRAKEN_USER_TANIA_API_KEY and KRAKEN_USER_TANIA_API_SECRET",
    )
    assert not state.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "one of the arguments --config --paper is required"),
        (["--paper", "--config", "x.toml"], "argument --config: not allowed with argument --paper"),
        (["--paper", "--duration", "0"], "argument --duration: '0' is not a number of seconds larger than 0"),
        (
            ["--paper", "--duration", "abc"],
            "argument --duration: 'abc' is not a number of seconds larger than 0",
        ),
        (
            ["--paper", "--duration", "inf"],
            "argument --duration: 'inf' is not a number of seconds larger than 0",
        ),
        (
            ["--paper", "--duration", "nan"],
            "argument --duration: 'nan' is not a number of seconds larger than 0",
        ),
        (["--paper", "--log-level", "LOUD"], "argument --log-level: invalid choice: 'LOUD'"),
        (["--paper", "--seed", "x"], "argument --seed: invalid int value: 'x'"),
        (["--paper", "--spawner", "fork"], "argument --spawner: invalid choice: 'fork'"),
        (["--paper", "--speed=2"], "unrecognized arguments: --speed=2"),
        (["walk", "--paper"], "argument command: invalid choice: 'walk'"),
        (["--paper", "--market", "real"], "argument --market: invalid choice: 'real'"),
        (["--paper", "--live-url", "ws://127.0.0.1:1/v2"], "--live-url: needs a live market; use it with"),
        (
            ["--paper", "--market", "live", "--replay", "/nowhere/XBTUSD.csv"],
            "--replay: the past and live prices exclude each other",
        ),
        (
            ["--paper", "--replay", "/nowhere/XBTUSD.csv"],
            "/nowhere/XBTUSD.csv: cannot be read: No such file or directory",
        ),
    ],
)
def test_a_fault_in_the_arguments(
    state: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--state-dir", str(state)])
    output, errors = capsys.readouterr()
    assert (ended.value.code, output) == (ExitCode.CONFIGURATION, "")
    (line,) = errors.splitlines()
    assert told in line
    assert not state.exists()


def test_a_fault_in_the_arguments_of_the_command_itself(state: Path) -> None:
    assert_told(
        krakencopyd(state, "--paper", "--duration", "0"),
        "argument --duration: '0' is not a number of seconds",
    )
    assert not state.exists()


def test_the_version_is_printed(state: Path) -> None:
    ended = krakencopyd(state, "--version")
    assert (ended.returncode, ended.stderr) == (ExitCode.OK, "")
    assert re.fullmatch(r"krakencopyd \d+\.\d+\.\d+\n", ended.stdout)


def test_check_says_that_nothing_is_wrong_and_makes_nothing(state: Path, config: Path) -> None:
    config.write_text(GOOD)
    for ended in (
        krakencopyd(state, "check", "--config", config, **KEYS),
        krakencopyd(state, "check", "--paper"),
    ):
        assert (ended.returncode, ended.stderr) == (ExitCode.OK, "")
        assert re.fullmatch(r"(/.*/krakencopy\.toml: 2|--paper: 4) accounts, nothing wrong\n", ended.stdout)
    assert not state.exists()


def test_check_looks_at_certificates_of_ones_own(state: Path, config: Path) -> None:
    tls = 'listen = "127.0.0.1:7443"\ncertificate = "c.pem"\nkey = "c.key"\nclient_ca = "ca.pem"\n'
    config.write_text(f"{GOOD}\n[control]\n{tls}")
    ended = krakencopyd(state, "check", "--config", config, **KEYS)
    assert ended.returncode == ExitCode.CONFIGURATION
    lines = ended.stderr.splitlines()
    assert len(lines) == 3, "each file that lacks"
    assert "control.key: cannot be read: No such file or directory; correct key" in lines[1]


def test_check_finds_what_a_start_would_find(state: Path, config: Path) -> None:
    config.write_text(GOOD)
    assert_told(
        krakencopyd(
            state, "check", "--config", config, **KEYS | {"KRAKEN_USER_TANIA_API_SECRET": "no base64!"}
        ),
        "KRAKEN_USER_TANIA_API_SECRET",
    )
