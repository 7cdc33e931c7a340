"""``krakencopyd`` with its own paper exchange: what it plays, and how a run ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ExitCode
from tests.support.daemon_command import (
    ELSEWHERE,
    GOOD,
    LIMIT_S,
    MASTER,
    ROOT,
    arguments_for,
    assert_told,
    environment,
    krakencopyd,
)
from tests.support.system import Paper

TRADES = "1561939203.172,10749.4,0.004\n1561939205.224,10749.7,0.03869709\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no trades in it"),
        ("time,price,volume\n" + TRADES, 'line 1: "time,price,volume" is not unix_time,price,volume'),
        (TRADES + "1561939206,10750\n", 'line 3: "1561939206,10750" is not unix_time,price,volume'),
        (TRADES + "1561939206,0,1\n", 'line 3: "1561939206,0,1" is not unix_time,price,volume'),
        (TRADES + "1561939206,10750,-1\n", "line 3"),
        (TRADES + "\n", 'line 3: "" is not'),
        ("\ufeff" + TRADES, "not a text file"),
    ],
)
def test_a_replay_that_cannot_be_played(state: Path, content: str, told: str) -> None:
    file = state.with_name("XBTUSD.csv")
    file.write_text(content)
    ended = krakencopyd(state, "--paper", "--replay", file)
    assert_told(ended, told)
    assert str(file) in ended.stderr
    assert not state.exists()


def test_a_replay_needs_the_paper_exchange(state: Path, config: Path) -> None:
    file = state.with_name("XBTUSD.csv")
    file.write_text(TRADES)
    for text in (GOOD, ELSEWHERE + MASTER):
        config.write_text(text)
        ended = krakencopyd(state, "--config", config, "--replay", file)
        assert_told(ended, "--replay: needs the paper exchange; use it with --paper")
        ended = krakencopyd(state, "--config", config, "--market", "live")
        assert_told(ended, "--market: needs the paper exchange; use it with --paper")
    assert not state.exists()


def test_what_only_the_paper_exchange_knows_to_be_wrong_is_told_in_a_line_too(state: Path) -> None:
    file = state.with_name("NOPAIR.csv")
    file.write_text(TRADES)
    assert_told(krakencopyd(state, "--paper", "--replay", file), "the file's name is not a pair: NOPAIR")


def test_a_paper_run_on_live_prices_copies_at_the_prices_of_the_feed(state: Path) -> None:
    with Paper("--tick-ms", "100") as source:
        for pair, price in (("XBTUSD", "41000"), ("ETHUSD", "2100")):
            source.price(pair, price)
        ended = krakencopyd(
            state, "--paper", "--market", "live", "--live-url", source.ws_url, "--duration", "10"
        )
    assert ended.returncode == 0, ended.stderr
    assert "exchange (paper, live prices) at http://127.0.0.1:" in ended.stdout
    prices = set(re.findall(r"fill \d+: master (?:buy|sell) +\S+ (\S+) at (\S+)", ended.stdout))
    assert prices
    assert prices <= {
        ("BTC/USD", "41000"),
        ("ETH/USD", "2100"),
        ("BTC/USD", "41000.0"),
        ("ETH/USD", "2100.00"),
    }
    assert "the exchange's own record of fills says the same" in ended.stdout


def test_a_timed_run_in_which_nothing_could_be_traded_is_no_good_one_and_says_why(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"ws://127.0.0.1:{listener.getsockname()[1]}"
    ended = krakencopyd(state, "--paper", "--market", "live", "--live-url", nobody, "--duration", "3")
    assert ended.returncode == 1, ended.stderr
    *_, not_ready, no_fills = ended.stdout.splitlines()
    assert re.match("NOT READY: .*master", not_ready)
    assert no_fills == "NO FILLS: the master made none, so this run shows nothing"
    assert "every fill was answered" not in ended.stdout
    assert "own record" not in ended.stdout


def test_a_second_supervisor_stays_out_and_the_first_ends_on_ctrl_c_with_its_report(state: Path) -> None:
    first = subprocess.Popen(
        arguments_for(state, "--paper"), cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert first.stdout is not None
        assert first.stdout.readline().startswith(f"state in {state}, exchange (paper) at http://127.0.0.1:")
        before = sorted(state.rglob("*"))
        ended = krakencopyd(state, "--paper")
        assert_told(ended, f"is in use by process {first.pid} ", code=ExitCode.LOCK_HELD)
        assert set(before) <= set(state.rglob("*"))
        assert krakencopyd(state, "check", "--paper").returncode == ExitCode.OK
        assert first.poll() is None
        first.send_signal(signal.SIGINT)
        output, errors = first.communicate(timeout=LIMIT_S)
        assert (first.returncode, errors) == (ExitCode.OK, "")
        assert output.splitlines()[-1] == "the exchange's own record of fills says the same"
        assert "every fill was answered by every user" in output.splitlines()[-2]
    finally:
        first.kill()
        first.communicate()
    assert (state / "run" / "supervisor.lock").read_text().strip() == "not in use"
    assert {path.stat().st_mode & 0o077 for path in (state, *state.rglob("*"))} == {0}
