"""A whole system for end-to-end tests: a real paper exchange, a real supervisor, real account processes.

Nothing here is imported from the code under test but the SDK: what a test sees is what an operator would see.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeVar

import requests

from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.client.sdk.message_client import MessageClient
from tests.support.client import private
from tests.support.forked_exchange import fork_exchange

ROOT = Path(__file__).parents[2]
#: How long a test waits for a state before it fails, in seconds. Machines are shared and slow at times.
PATIENCE_S = 45.0
#: A call may take this long: some ask the exchange, and machines are slow at times.
CALL_S = 20.0

T = TypeVar("T")


def wait_for(
    what: str, probe: Callable[[], T | None], patience_s: float = PATIENCE_S, pause_s: float = 0.02
) -> T:
    """The first value of ``probe`` that is true; AssertionError that names what did not come."""
    until = time.monotonic() + patience_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"waited {patience_s:g} s in vain for {what}; last seen: {value!r}")
        time.sleep(pause_s)


@dataclass(frozen=True)
class Key:
    """An API key of the paper exchange."""

    key: str
    secret: str

    @classmethod
    def make(cls) -> Key:
        return cls(
            base64.b64encode(secrets.token_bytes(40)).decode(),
            base64.b64encode(secrets.token_bytes(64)).decode(),
        )


class Paper:
    """A paper exchange in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = fork_exchange("--port", "0", *arguments)
        urls = json.loads(self.process.stdout.readline())
        self.rest_url: str = urls["rest_url"]
        self.ws_url: str = urls["ws_url"]
        self._session = requests.Session()

    def call(self, verb: str, path: str, /, **body: Any) -> Any:
        """The paper exchange's own control API."""
        answer = self._session.request(
            verb, self.rest_url + "/paper/v1" + path, json=body or None, timeout=10
        )
        assert answer.ok, f"{verb} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def rows(self, what: str) -> list[dict[str, Any]]:
        """All of ``requests`` or ``fills``."""
        rows: list[dict[str, Any]] = []
        while page := self.call("GET", f"/{what}?after={rows[-1]['n'] if rows else 0}")[what]:
            rows += page
        return rows

    def fills(self, account: str) -> list[dict[str, Any]]:
        """Those of one account."""
        return [row for row in self.rows("fills") if row["account"] == account]

    def held(self, account: str) -> Decimal:
        """What an account's fills have left it of bitcoin."""
        signed = (Decimal(row["volume"]) * (1 if row["side"] == "buy" else -1) for row in self.fills(account))
        return sum(signed, Decimal(0))

    def open_account(self, account_id: str, balances: dict[str, str], **key_fields: Any) -> Key:
        """An account with one key."""
        key = Key.make()
        self.call(
            "POST", "/accounts", id=account_id, tier="pro", limits=False, balances=balances,
            keys=[{"key": key.key, "secret": key.secret, **key_fields}],
        )  # fmt: skip
        return key

    def another_key(self, account: str) -> Key:
        """One more key of an account: its owner's own client."""
        key = Key.make()
        self.call("POST", f"/accounts/{account}/keys", key=key.key, secret=key.secret)
        return key

    def by_hand(self, key: Key, side: str, pair: str, volume: str, **more: str) -> dict[str, Any]:
        """An order that an account's owner makes with a client of its own; a market order unless
        ``ordertype`` says otherwise.
        """
        order = {"pair": pair, "type": side, "ordertype": "market", "volume": volume}
        answer = private(self.rest_url, key, "AddOrder", **order | more)
        assert answer["error"] == [], answer
        return dict(answer["result"])

    def price(self, pair: str, price: str) -> None:
        """Pins a market: bid = ask = price, no limit of depth."""
        self.call("POST", f"/markets/{pair}", price=price)

    def close(self) -> None:
        self._session.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=10) == 0
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class System:
    """A supervisor with its configuration, keys and state folder; started and stopped as often as a test
    likes.
    """

    paper: Paper
    users: dict[str, str]
    master_balance: str = "1000"
    config_tail: str = ""
    mode: str = "paper"
    #: What Python runs.
    program: tuple[str, ...] = ("-m", "krakencopy.supervisor.daemon")
    #: More of the command line.
    arguments: tuple[str, ...] = ("--quiet",)
    #: Where the supervisor's standard output and standard error lead.
    stdout: int | None = None
    #: Without the terminal that the tests may have.
    is_daemon: bool = False
    stderr: int = subprocess.PIPE
    user_lines: dict[str, str] = field(default_factory=dict)
    #: Of the supervisor, beside the keys.
    more_environment: dict[str, str] = field(default_factory=dict)
    #: Short: paths of Unix sockets are at most 107 bytes long.
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="kc")))
    keys: dict[str, Key] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        for account, balance in {"master": self.master_balance, **self.users}.items():
            if account not in self.keys:
                self.keys[account] = self.paper.open_account(account, {"ZUSD": balance})

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def endpoint(self) -> str:
        return f"unix:{self.state_dir}/run/control.sock"

    def environment(self) -> dict[str, str]:
        """The environment of an operator who put the keys there."""
        names = {account: f"USER_{account.upper()}" for account in self.users} | {"master": "MASTER"}
        keys = {}
        for account, name in names.items():
            keys[f"KRAKEN_{name}_API_KEY"] = self.keys[account].key
            keys[f"KRAKEN_{name}_API_SECRET"] = self.keys[account].secret
        return os.environ | keys | self.more_environment

    def write_config(self) -> Path:
        lines = ["[exchange]", f'mode = "{self.mode}"', f'rest_url = "{self.paper.rest_url}"']
        lines += [f'ws_url = "{self.paper.ws_url}"', self.config_tail]
        for account in ("master", *self.users):
            role = "master" if account == "master" else "user"
            lines += ["[[accounts]]", f'id = "{account}"', f'role = "{role}"', 'broker = "kraken"']
            line = self.user_lines.get(account, "")
            # Limits have tests of their own; the others need not wait for them.
            lines += [line] if "tier" in line or self.mode == "live" else [line, 'tier = "unlimited"']
        path = self.folder / "krakencopy.toml"
        path.write_text("\n".join(lines))
        return path

    def start(self) -> Self:
        assert self.process is None
        self.process = subprocess.Popen(
            [
                sys.executable, *self.program, "--config", str(self.write_config()),
                "--state-dir", str(self.state_dir), *self.arguments,
            ],
            env=self.environment(), cwd=ROOT, text=True, stdout=self.stdout, stderr=self.stderr,
            start_new_session=self.is_daemon,
        )  # fmt: skip
        return self

    @contextmanager
    def api(self) -> Iterator[MessageClient]:
        with MessageClient(self.endpoint, timeout_s=CALL_S) as api:
            yield api

    def status(self) -> Any:
        """The status, or None while there is no supervisor."""
        with self.api() as api:
            try:
                return api.get_status()
            except KrakenCopyError:
                return None

    def wait_ready(self) -> Self:
        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, "the supervisor has ended"
            status = self.status()
            return status is not None and status.ready

        # The status of hundreds of accounts costs what their start waits for.
        wait_for("a system that is ready", ready, pause_s=0.02 + len(self.users) / 500)
        return self

    def accounts(self) -> dict[str, Any]:
        status = self.status()
        return {} if status is None else {account.id: account for account in status.accounts}

    def pids(self) -> dict[str, int]:
        return {account.id: account.pid for account in self.accounts().values() if account.pid}

    def buy(self, pair: str, volume: str, **more: Any) -> Any:
        with self.api() as api:
            return api.place_order("buy", pair, Decimal(volume), **more)

    def sell(self, pair: str, volume: str, **more: Any) -> Any:
        with self.api() as api:
            return api.place_order("sell", pair, Decimal(volume), **more)

    def settled(self, fills: int) -> Any:
        """The report, once there are so many fills and every user has answered all of them to the end."""

        def done() -> Any:
            with self.api() as api:
                report = api.get_report()
            ended = all(not account.copies.open + account.without_fill.open for account in report.accounts)
            return report if report.fills >= fills and not report.unanswered and ended else None

        return wait_for(f"{fills} fills with every user's answer", done)

    def copies(self, account: str) -> list[Any]:
        """A user's copies, by fill."""
        with self.api() as api:
            return sorted(
                api.list_copies(account_id=account), key=lambda copy: min(copy.fill_seqs, default=0)
            )

    def events(self, *codes: str, account: str = "") -> list[Any]:
        """Those of some codes and of an account, or all; the first one first."""
        with self.api() as api:
            found = [each for each in api.list_events(account_id=account) if not codes or each.code in codes]
        return sorted(found, key=lambda event: event.seq)

    def held(self, account: str) -> Decimal:
        """What copying holds for a user, of all coins."""
        with self.api() as api:
            return sum((Decimal(one.volume) for one in api.get_account(account).positions), Decimal(0))

    def command(self, *words: str, expect: int = 0) -> str:
        """What the operator's command says."""
        return self._commanded(words, expect).stdout

    def error(self, *words: str, expect: int) -> str:
        """What the operator's command says on standard error."""
        return self._commanded(words, expect).stderr

    def _commanded(self, words: tuple[str, ...], expect: int) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from krakencopy.client.cli.main import main; sys.exit(main())",
                "--endpoint",
                self.endpoint,
                *words,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == expect, done.stderr
        return done

    def stop(self, expect: int = 0) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE_S)
        errors = ""
        if self.process.stderr is not None:
            errors = self.process.stderr.read()
            self.process.stderr.close()
        self.process = None
        assert code == expect, errors

    def start_refused(self) -> str:
        """Starts it where it must not start; what it says."""
        self.start()
        assert self.process is not None
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        code, self.process = self.process.returncode, None
        assert code == 78, (code, errors)
        return errors

    def wait_death(self) -> int:
        """Waits until the supervisor has died by itself; its exit code, negative for a signal."""
        assert self.process is not None
        code = self.process.wait(timeout=PATIENCE_S)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.process = None
        return code

    def kill(self) -> None:
        """SIGKILL, as the out-of-memory killer would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
        self.process = None

    def logs(self, account: str) -> list[dict[str, Any]]:
        path = self.state_dir / "logs" / f"{account}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop() if sys.exc_info()[0] is None else self.kill()
        shutil.rmtree(self.folder)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def freeze(pid: int) -> None:
    """SIGSTOP, and waits until it holds: other threads than the first one to get it run on for a moment."""
    os.kill(pid, signal.SIGSTOP)

    def frozen() -> bool:
        stats = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat"))
        return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)

    wait_for(f"every thread of process {pid} to be stopped", frozen)
