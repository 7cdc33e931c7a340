"""A whole run with a key that is looked for afterwards, and everything that it left, said or answered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from krakencopy.supervisor.run import key_lock_dir
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc
from krakencopy.v1 import types_pb2 as nouns
from tests.support.leak_requests import CANARY, COMMAND, FILE, LIVING, NOT_ASKED, WRONG, requests
from tests.support.leaks import ProcessWatch, Secret, files_below
from tests.support.system import PATIENCE_S, ROOT, Key, Paper, System, wait_for


@dataclass
class Evidence:
    """All that is to be searched, by place."""

    places: dict[str, bytes] = field(default_factory=dict)
    secrets: list[Secret] = field(default_factory=list)
    canary: Secret = Secret("canary", CANARY)  # noqa: RUF009 - it is frozen
    watch: ProcessWatch = field(default_factory=lambda: ProcessWatch([]))
    #: Who is given keys by the operator, in the environment.
    supervisors: set[int] = field(default_factory=set)
    forkserver: int = 0
    accounts: set[int] = field(default_factory=set)
    #: Soft and hard limit of core dumps, by process.
    core_limits: dict[int, list[str]] = field(default_factory=dict)
    working_folder: list[str] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)


class LeakySystem(System):
    """A system with keys from all sources, whose supervisor says all that it can and may dump its core."""

    starts: int = 0

    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("KRAKEN")}
        keys = {"MASTER": self.keys["master"], f"USER_{WRONG.upper()}": self.keys[WRONG]}
        for name, key in keys.items():
            clean[f"KRAKEN_{name}_API_KEY"] = key.key
            clean[f"KRAKEN_{name}_API_SECRET"] = key.secret
        return clean | {"KC_CANARY": CANARY, "PYTHONPATH": f"{ROOT / 'protos'}{os.pathsep}{ROOT}"}

    @property
    def config(self) -> Path:
        return self.folder / f"{CANARY}.toml"

    def write_config(self) -> Path:
        return super().write_config().rename(self.config)

    def launch(self, evidence: Evidence) -> subprocess.Popen[str]:
        """krakencopyd with this configuration, as it stands; what it says is kept."""
        self.starts += 1
        working_folder = self.folder / "cwd"
        working_folder.mkdir(exist_ok=True)
        with (self.folder / f"output{self.starts}").open("w") as output:
            # A hard limit below "unlimited" cannot be raised by all.
            process = subprocess.Popen(
                [
                    "sh",
                    "-c",
                    'ulimit -c unlimited 2>/dev/null; exec "$@"',
                    "sh",
                    sys.executable,
                    "-m",
                    "krakencopy.supervisor.daemon",
                    "--config",
                    str(self.config),
                    "--state-dir",
                    str(self.state_dir),
                ],
                env=self.environment(),
                cwd=working_folder,
                text=True,
                stdout=output,
                stderr=output,
            )
        evidence.supervisors.add(process.pid)
        return process

    def refused_start(self, evidence: Evidence) -> None:
        process = self.launch(evidence)
        try:
            code = process.wait(timeout=PATIENCE_S)
        finally:
            process.kill()
        evidence.refusals.append((code, (self.folder / f"output{self.starts}").read_text()))

    def begin(self, evidence: Evidence) -> None:
        self.write_config()
        self.process = self.launch(evidence)

    def end(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=PATIENCE_S) == 0
        self.process = None

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        super().__exit__(None, None, None)


def private_file(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def gather() -> Evidence:
    """From a master and three users, whose keys come from all sources; one key is wrong."""
    evidence = Evidence()
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        balances = {"ZUSD": "1000"}
        keys = {account: paper.open_account(account, balances) for account in ("master", FILE, COMMAND)}
        keys[WRONG] = Key(paper.open_account(WRONG, balances).key, Key.make().secret)
        lines = {
            FILE: 'credentials_file = "file.keys"',
            COMMAND: 'credentials_command = ["cat", "command.keys"]',
        }
        users = dict.fromkeys((FILE, COMMAND, WRONG), "1000")
        with LeakySystem(paper, users, user_lines=lines, keys=keys) as system:
            for account, key in keys.items():
                name = "wrong" if account == WRONG else "command" if account == COMMAND else account
                evidence.secrets += [Secret(f"{name} key", key.key), Secret(f"{name} secret", key.secret)]
            evidence.watch = ProcessWatch([*evidence.secrets, evidence.canary])
            with evidence.watch.going_on():
                starts_that_fail(system, evidence)
                whole_run(paper, system, evidence)
    return evidence


def starts_that_fail(system: LeakySystem, evidence: Evidence) -> None:
    """Everything that can be wrong with a configuration and with sources of keys, with real keys in it."""
    of_file, of_command = system.keys[FILE], system.keys[COMMAND]
    good_file = f'key = "{of_file.key}"\nsecret = "{of_file.secret}"\n'
    good_command = f"{of_command.key}\n{of_command.secret}\n"
    file, answer = system.folder / "file.keys", system.folder / "command.keys"
    private_file(file, good_file)
    private_file(answer, good_command)
    system.write_config()
    good_config = system.config.read_text()
    for bad_config in (
        good_config + f'secret = "{of_file.secret}"\n',
        good_config + f'"{of_file.secret}" = 1\n',
        good_config + f"credentials_file = {of_file.key}\n",
        good_config.replace('["cat", "command.keys"]', '["sh", "-c", "cat command.keys; exit 1"]'),
        good_config.replace('["cat", "command.keys"]', '["sh", "-c", "cat command.keys >&1; kill -9 $$"]'),
        good_config.replace("command.keys", f"/no/{CANARY}"),
    ):
        system.config.write_text(bad_config)
        system.refused_start(evidence)
    system.config.write_text(good_config)
    for bad_file in (
        good_file.replace('"', ""),
        good_file + f'"{of_file.key}" = 1\n',
        good_file.replace("secret", "sercet"),
    ):
        private_file(file, bad_file)
        system.refused_start(evidence)
    private_file(file, good_file)
    file.chmod(0o644)
    system.refused_start(evidence)
    file.chmod(0o600)
    for bad_answer in (
        good_command * 40,
        good_command + of_command.key,
        f'{{"key": "{of_command.secret}"}}',
        good_command.replace("\n", "\n!", 1),
    ):
        private_file(answer, bad_answer)
        system.refused_start(evidence)
    private_file(answer, good_command)


def whole_run(paper: Paper, system: LeakySystem, evidence: Evidence) -> None:
    """Copies, faults, crashes of two kinds, every question of the API, and the end."""
    system.begin(evidence)

    def is_there() -> bool:
        accounts = system.accounts()
        runs = [accounts[name].state == nouns.ACCOUNT_STATE_RUNNING for name in LIVING if name in accounts]
        return len(runs) == len(LIVING) and all(runs)

    def is_refused() -> bool:
        return bool(system.accounts()[WRONG].reason == "KEY_REFUSED")

    wait_for("three accounts that run", is_there)
    wait_for("the wrong key's refusal", is_refused)
    note_processes(system, evidence)
    for fill, (side, method) in enumerate(
        (("buy", "AddOrder"), ("sell", "BalanceEx"), ("buy", "OpenOrders")), 1
    ):
        for kind in ("truncate_reply", "html_5xx", "error"):
            more = {"error": "EGeneral:Internal error"} if kind == "error" else {}
            paper.call("POST", "/faults", kind=kind, account=FILE, method=method, count=1, **more)
        (system.buy if side == "buy" else system.sell)("BTC/USD", "0.002")

        def copied(fill: int = fill) -> bool:
            return {
                copy.state for account in (FILE, COMMAND) for copy in system.copies(account)
            } <= ENDED and all(len(system.copies(account)) >= fill for account in (FILE, COMMAND))

        wait_for(f"{fill} fills copied by both users", copied)
    # Reads that nobody made meanwhile would fail one after the other at the next start, each with a longer
    # pause.
    paper.call("DELETE", "/faults")
    # Answers that hold the key itself, and tokens, cut off in the middle.
    for method in ("GetApiKeyInfo", "GetWebSocketsToken"):
        paper.call("POST", "/faults", kind="truncate_reply", account=FILE, method=method, count=2)
    paper.call("POST", "/faults", kind="ws_cut", account=FILE)
    pid = system.pids()[FILE]
    os.kill(pid, signal.SIGSEGV)
    wait_for("a new process after a crash in C", lambda: system.pids().get(FILE, pid) != pid)
    wait_for("three accounts that run again", is_there)
    crash_by_exception(system)
    wait_for("three accounts that run once more", is_there)
    note_processes(system, evidence)
    evidence.places |= commands(system) | answers(system.endpoint)
    evidence.places |= reloads(system)
    wait_for("three accounts after the reload", is_there)
    # While they live: write-ahead logs are folded into the databases at the end.
    evidence.places |= files_below(system.state_dir, key_lock_dir())
    assert any(place.endswith("-wal") and content for place, content in evidence.places.items())
    system.end()
    evidence.places |= {f"end/{place}": content for place, content in files_below(system.state_dir).items()}
    for output in system.folder.glob("output*"):
        evidence.places[output.name] = output.read_bytes()
    evidence.working_folder = [path.name for path in (system.folder / "cwd").iterdir()]


ENDED = {
    nouns.COPY_STATE_FILLED,
    nouns.COPY_STATE_SKIPPED,
    nouns.COPY_STATE_REJECTED,
    nouns.COPY_STATE_CARRIED,
}


def reloads(system: LeakySystem) -> dict[str, bytes]:
    """What is printed about files with keys in wrong places, and of one that moves keys from source to
    source.
    """
    good, places = system.config.read_text(), {}
    of_file, of_command = system.keys[FILE], system.keys[COMMAND]
    spill = f'["sh", "-c", "cat command.keys; exit 1", "{CANARY}"]'
    for number, (text, code) in enumerate(
        (
            (good + f'secret = "{of_file.secret}"\n', 78),
            (good + f'"{of_command.key}" = 1\n', 78),
            (good.replace('["cat", "command.keys"]', spill), 78),
            (good.replace('["cat", "command.keys"]', '["sh", "-c", "cat command.keys"]'), 0),
        )
    ):
        system.config.write_text(text)
        ended = subprocess.run(
            [sys.executable, "-m", "krakencopy.client.cli.main", "--endpoint", system.endpoint, "reload"],
            cwd=ROOT, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == code, ended.stderr
        places[f"client/reload/{number}"] = ended.stdout + ended.stderr
    return places


def crash_by_exception(system: LeakySystem) -> None:
    """An account whose log cannot be opened ends with a traceback in its crash file."""
    log = system.state_dir / "logs" / f"{COMMAND}.jsonl"
    log.rename(log.with_suffix(".aside"))
    log.mkdir()
    os.kill(system.pids()[COMMAND], signal.SIGKILL)
    crash = log.with_suffix(".crash")
    wait_for("a traceback", lambda: crash.exists() and "IsADirectoryError" in crash.read_text())
    log.rmdir()


def note_processes(system: LeakySystem, evidence: Evidence) -> None:
    pids = system.pids()
    evidence.accounts |= set(pids.values())
    (evidence.forkserver,) = {parent_of(pid) for pid in pids.values()}
    assert system.process is not None
    for pid in (system.process.pid, *pids.values()):
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        (line,) = [line for line in limits if line.startswith("Max core file size")]
        evidence.core_limits[pid] = line.split()[4:6]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


STREAM_S = 1.5


def answers(endpoint: str) -> dict[str, bytes]:
    """Everything that ControlService says to all that it can be asked."""
    service = pb.DESCRIPTOR.services_by_name["ControlService"]
    asked = requests()
    assert {method.name for method in service.methods} == asked.keys() | NOT_ASKED, "ask the new method too"
    places: dict[str, bytes] = {}
    with grpc.insecure_channel(endpoint) as channel:
        stub = control_pb2_grpc.ControlServiceStub(channel)
        for name, all_requests in asked.items():
            call: Any = getattr(stub, name)
            for number, request in enumerate(all_requests):
                place = f"answer/{name}/{number}"
                places[place] = b""
                try:
                    if service.methods_by_name[name].server_streaming:
                        for answer in call(request, timeout=STREAM_S):
                            places[place] += answer.SerializeToString()
                    else:
                        places[place] += call(request, timeout=20).SerializeToString()
                except grpc.RpcError as error:
                    places[place] += f"{error!r}{error.trailing_metadata()!r}".encode()
    return places


def commands(system: LeakySystem) -> dict[str, bytes]:
    """What the command-line client prints."""
    places = {}
    for words in (
        ["status"],
        ["accounts"],
        ["accounts", FILE],
        ["accounts", COMMAND],
        ["accounts", WRONG],
        ["nonce", FILE],
        ["logs", FILE],
        ["why", "1"],
    ):
        for form in ("table", "json"):
            ended = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "krakencopy.client.cli.main",
                    "--endpoint",
                    system.endpoint,
                    "-o",
                    form,
                    *words,
                ],
                cwd=ROOT,
                capture_output=True,
                timeout=60,
                check=False,
            )
            places[f"client/{form}/{' '.join(words)}"] = ended.stdout + ended.stderr
    return places
