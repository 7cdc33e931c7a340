"""``krakencopyd`` as a command: what is wrong is told in one line each, before anything is started or
made.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.supervisor.config.reader import load
from krakencopy.supervisor.daemon import main
from krakencopy.supervisor.folder_owner import owner_of
from krakencopy.supervisor.journal.journal import Journal
from tests.support.edited_file import edited
from tests.support.supervisor_samples import fill
from tests.support.system import Paper

ROOT = Path(__file__).parents[2]
#: Longer than anything here takes on a busy machine, in seconds.
LIMIT_S = 60

SECRET = base64.b64encode(b"secret of the tests").decode()
KEYS = {
    f"KRAKEN_{owner}_API_{part}": f"K{owner.lower()}" if part == "KEY" else SECRET
    for owner in ("MASTER", "USER_TANIA")
    for part in ("KEY", "SECRET")
}


def account(account_id: str, role: str = "user", more: str = "") -> str:
    return f'[[accounts]]\nid = "{account_id}"\nrole = "{role}"\nbroker = "kraken"\n{more}\n'


LIVE = '[exchange]\nmode = "live"\n'
#: Paper, but with an exchange of its own that is not there: so keys and journal are those of a real run.
ELSEWHERE = '[exchange]\nmode = "paper"\nrest_url = "http://127.0.0.1:1"\nws_url = "ws://127.0.0.1:1"\n'
MASTER, TANIA = account("master", "master"), account("tania")
GOOD = LIVE + MASTER + TANIA


@pytest.fixture
def state() -> Iterator[Path]:
    """Where a state folder may come into being: short, because sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    yield folder / "state"
    shutil.rmtree(folder)


@pytest.fixture
def config(state: Path) -> Path:
    return state.with_name("krakencopy.toml")


def arguments_for(state: Path, *arguments: object) -> list[str]:
    return [
        sys.executable,
        "-m",
        "krakencopy.supervisor.daemon",
        *map(str, arguments),
        "--state-dir",
        str(state),
    ]


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KRAKEN")} | more


def krakencopyd(state: Path, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments_for(state, *arguments),
        cwd=ROOT, env=environment(**more), capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


def assert_told(
    ended: subprocess.CompletedProcess[str], *told: str, code: ExitCode = ExitCode.CONFIGURATION
) -> None:
    """It ended with this code and these lines, each of which holds these words, and said nothing else."""
    lines = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    assert len(lines) == len(told), ended.stderr
    for line, words in zip(lines, told, strict=True):
        assert words in line


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


@pytest.mark.parametrize("where", ["/proc/krakencopy", "/dev/null", "/dev/null/state"])
def test_a_state_folder_that_cannot_be(where: str) -> None:
    assert_told(krakencopyd(Path(where), "--paper"), "cannot be used")


def test_a_state_folder_whose_sockets_would_have_too_long_a_name(state: Path) -> None:
    assert_told(krakencopyd(state / ("x" * 100), "--paper"), "bytes too long for the socket")
    assert not state.exists()


def test_check_says_that_nothing_is_wrong_and_makes_nothing(state: Path, config: Path) -> None:
    config.write_text(GOOD)
    for ended in (
        krakencopyd(state, "check", "--config", config, **KEYS),
        krakencopyd(state, "check", "--paper"),
    ):
        assert (ended.returncode, ended.stderr) == (ExitCode.OK, "")
        assert re.fullmatch(r"(/.*/krakencopy\.toml: 2|--paper: 4) accounts, nothing wrong\n", ended.stdout)
    assert not state.exists()


def test_check_finds_what_a_start_would_find(state: Path, config: Path) -> None:
    config.write_text(GOOD)
    assert_told(
        krakencopyd(
            state, "check", "--config", config, **KEYS | {"KRAKEN_USER_TANIA_API_SECRET": "no base64!"}
        ),
        "KRAKEN_USER_TANIA_API_SECRET",
    )


def world_writable(state: Path) -> str:
    state.chmod(0o777)
    return f"{state}: group or others can write it (mode 0777); make sure that nobody has changed it"


def linked(state: Path) -> str:
    ledger = state / "accounts" / "tania.db"
    elsewhere = state.with_name("elsewhere.db")
    elsewhere.write_bytes(b"another user's file")
    ledger.symlink_to(elsewhere)
    return f"{ledger}: is a symbolic link to {elsewhere}; put the file or folder itself there"


def anothers(state: Path) -> str:
    journal = state / "journal.db"
    os.chown(journal, 12_345, -1)
    return f"{journal}: is owned by user 12345, and krakencopyd runs as user {os.geteuid()}"


@pytest.mark.parametrize(
    "spoil",
    [
        world_writable,
        linked,
        pytest.param(anothers, marks=pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")),
    ],
)
def test_a_state_folder_that_others_may_have_changed_is_refused_and_left_as_it_is(
    state: Path, config: Path, spoil: Callable[[Path], str]
) -> None:
    config.write_text(ELSEWHERE + MASTER + TANIA)
    (state / "accounts").mkdir(parents=True)
    with closing(Journal(state / "journal.db", owner_of(load(config)))) as journal:
        journal.append([fill(1)], 1)
    told = spoil(state)
    before = content_of(state.parent)
    for command in ("run", "check"):
        assert_told(krakencopyd(state, command, "--config", config, **KEYS), told)
    assert content_of(state.parent) == before


def content_of(folder: Path) -> dict[Path, tuple[int, int, bytes]]:
    """Owner, mode and content of all that is in it."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[path] = (status.st_uid, status.st_mode, content)
    return found


def test_a_configuration_that_others_can_write_is_refused(state: Path, config: Path) -> None:
    config.write_text(GOOD)
    config.chmod(0o666)
    ended = krakencopyd(state, "--config", config, **KEYS)
    assert_told(ended, f"{config}: group or others can write it (mode 0666); make sure that nobody")
    assert not state.exists()


def test_a_damaged_journal_is_told_and_left_as_it_is(state: Path, config: Path) -> None:
    config.write_text(ELSEWHERE + MASTER + TANIA)
    state.mkdir()
    journal = state / "journal.db"
    journal.write_bytes(b"not a database " * 500)
    ended = krakencopyd(state, "--config", config, **KEYS)
    assert_told(ended, f"krakencopyd: {journal} is not a database", code=ExitCode.LEDGER)
    assert journal.read_bytes() == b"not a database " * 500


def test_a_journal_that_cannot_be_written_at_the_start_is_told_in_a_line(state: Path, config: Path) -> None:
    config.write_text(ELSEWHERE + MASTER + TANIA)
    state.mkdir()
    with closing(Journal(state / "journal.db", owner_of(load(config)))) as journal:
        journal.append([fill(1)], 1)
    with edited(state / "journal.db"):
        pass  # as one that has no checksums
    content = bytearray((state / "journal.db").read_bytes())
    content[18] = 3  # SQLite: a write format that it does not know makes a file read-only
    (state / "journal.db").write_bytes(content)
    ended = krakencopyd(state, "--config", config, **KEYS)
    assert_told(ended, "attempt to write a readonly database", code=ExitCode.LEDGER)


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
