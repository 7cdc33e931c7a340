"""``krakencopyd``: reads its arguments and the configuration, puts the supervisor together, and takes it
apart in order.

    state folder's lock ─▶ forkserver ─▶ (paper exchange) ─▶ journal ─▶ control API ─▶ accounts

The forkserver starts before any gRPC object exists: a process forked afterwards can hang (grpc #13873,
#17093).
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import resource
import shlex
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from krakencopy.account_proc.contract.decimal_text import read_decimal
from krakencopy.account_proc.contract.errors import ExitCode, LockHeld
from krakencopy.account_proc.contract.spec import LOG_LEVEL
from krakencopy.account_proc.runtime.boot import keep_memory
from krakencopy.account_proc.runtime.disk_room import why_no_room
from krakencopy.account_proc.runtime.file_lock import LOCK_LINE_BYTES, LockedFile, free_line, holder_line
from krakencopy.supervisor.config import reader as configuration
from krakencopy.supervisor.config.checks import check_state_dir
from krakencopy.supervisor.config.credentials import CredentialSource
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.private_files import check_file, check_folder, check_parents
from krakencopy.supervisor.config.reader import ConfigFault, ConfigFaults, PaperMarket
from krakencopy.supervisor.control.listener import listener_of
from krakencopy.supervisor.folder_owner import (
    ADOPT_FLAG,
    LIVE_FOLDER,
    PAPER_FOLDER,
    StateFolder,
    default_folder,
    owner_of,
)
from krakencopy.supervisor.paper.demo import demo_config
from krakencopy.supervisor.paper.replay_check import check_replay
from krakencopy.supervisor.processes.orphans import STATE_LOCK
from krakencopy.supervisor.processes.output_relay import relayed_output
from krakencopy.supervisor.processes.strategy_check import check_strategies


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """The command.

    Exits 0, 1 (a timed run's report does not add up), 70 (crashed), 74 (the journal cannot be read or
    written), 76 (state folder in use) or 78 (bad input). A run that the full disk ends waits for room and is
    begun again, in this process.
    """
    with relayed_output():
        code = _exit_code(sys.argv[1:] if argv is None else argv)
    if code == ExitCode.NO_ROOM:
        # A new program, as a forkserver must be there before any gRPC object exists.
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {WAITS_FOR_ROOM: "1"})  # noqa: S606 - ourselves
    sys.exit(code)


def _exit_code(argv: Sequence[str]) -> int:
    """Runs the command, and says what it cannot do."""
    try:
        return _run(grammar().parse_args(argv))
    except ConfigFaults as faults:
        for fault in faults.faults:
            sys.stderr.write(f"{fault}\n")
        return ExitCode.CONFIGURATION
    except LockHeld as held:
        sys.stderr.write(f"krakencopyd: {held}\n")
        return ExitCode.LOCK_HELD
    except Exception as error:
        # Account processes end by their lifelines; what they had in flight is taken up at the next start.
        logging.getLogger(__name__).critical("krakencopyd crashed", exc_info=True)
        traceback.print_exc()
        sys.stderr.write(
            f"krakencopyd: crashed: {error!r}; this is a defect, please report the lines above\n"
        )
        return ExitCode.CRASHED


#: In the state folder.
CONTROL_SOCKET = Path("run") / "control.sock"
#: In the environment of a run that is begun again after a full disk has ended the one before.
WAITS_FOR_ROOM = "KRAKENCOPYD_WAITS_FOR_ROOM"
#: What --log-level takes: the names that logs show.
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class _Parser(argparse.ArgumentParser):
    """Bad arguments are a bad configuration: exit code 78."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}; see {self.prog} --help\n")
        sys.exit(ExitCode.CONFIGURATION)


class _Version(argparse.Action):
    """`--version`; the installed package is looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        sys.stdout.write(f"{parser.prog} {version('krakencopy')}\n")
        sys.exit(ExitCode.OK)


def grammar() -> argparse.ArgumentParser:
    """The command with its options."""
    parser = _Parser(
        prog="krakencopyd", description="Supervises one process per Kraken account and copies the master."
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("run", "check"),
        default="run",
        help="run (the default), or only check the configuration and the credentials",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", type=Path, metavar="FILE", help="the configuration, in TOML")
    source.add_argument(
        "--paper", action="store_true", help="a paper exchange, a master that trades, three users"
    )
    parser.add_argument("--state-dir", type=Path, metavar="DIR",
                        help=f"default: {LIVE_FOLDER}, in paper mode {PAPER_FOLDER}")  # fmt: skip
    parser.add_argument(
        ADOPT_FLAG,
        action="store_true",
        dest="adopt",
        help="once, after an upgrade: take over a state folder that does not say whose it is",
    )
    parser.add_argument(
        "--duration", type=_seconds, metavar="S", help="stop by itself after so long and print the report"
    )
    parser.add_argument(
        "--market",
        choices=[str(kind) for kind in PaperMarket],
        help="paper only: synthetic prices, or those of Kraken's public feed (default: as "
        "configured, or synthetic)",
    )
    parser.add_argument(
        "--live-url", metavar="URL", help="with --market live: another feed than Kraken's, for tests"
    )
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="FILE.csv",
        help="paper only: replay a time-and-sales file (unix_time,price,volume), named as its pair",
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="paper only: of the synthetic market"
    )
    parser.add_argument("--spawner", choices=("forkserver", "exec"), default="forkserver",
                        help="how account processes are started")  # fmt: skip
    parser.add_argument("--log-level", choices=LOG_LEVELS, default=LOG_LEVEL,
                        help=f"of all logs in the state folder (default: {LOG_LEVEL})")  # fmt: skip
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.add_argument("--quiet", action="store_true", help="print nothing while running")
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(read_decimal(text))
    except ValueError:
        value = -1.0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds larger than 0")
    return value


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.paper:
        check_file(arguments.config)
    config = demo_config() if arguments.paper else configuration.load(arguments.config)
    state_dir = (arguments.state_dir or default_folder(config)).absolute()
    check_state_dir(config, state_dir)
    check_folder(state_dir, holds_money=not config.exchange.managed)
    if not config.exchange.managed:
        check_parents(arguments.config)
    if not arguments.paper:
        check_strategies(config)
    kind = _check_market(arguments, config)
    # Absolute: the working folder may be left or renamed before a reload.
    config_path: Path | None = arguments.config.absolute() if arguments.config is not None else None
    credentials: CredentialSource | None = None
    keep_memory()
    if not config.exchange.managed:
        assert config_path is not None
        credentials = CredentialSource(config, os.environ, config_path.parent)
    if config.control.listen is not None and config_path is not None:
        from krakencopy.supervisor.control.tls_files import check_tls  # what few configurations need

        check_tls(config.control, config_path.parent)
    for warning in config.warnings:
        sys.stderr.write(f"{warning}\n")
    if arguments.command == "check":
        from krakencopy.supervisor.accounts.kept_tables import checked_lines  # a start reads that itself

        wrong, lines = checked_lines(config, state_dir)
        sys.stderr.writelines(f"{line}\n" for line in wrong)
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return ExitCode.OK
    _allow_files()
    lock = _lock_folder(state_dir)
    folder_lock = _lock_folder_itself(state_dir, lock)
    # Only now: `check` needs neither gRPC nor a paper exchange.
    from krakencopy.supervisor.paper.exchange import MarketOptions
    from krakencopy.supervisor.run import Run, serve

    try:
        _name_holder(lock)
        market = MarketOptions(
            kind=kind, live_url=arguments.live_url, replay=arguments.replay, seed=arguments.seed
        )
        folder = StateFolder(
            path=state_dir,
            owner=owner_of(config),
            adopt=arguments.adopt,
            command=_command(arguments, state_dir),
        )
        run = Run(
            config=config,
            config_path=config_path,
            folder=folder,
            credentials=credentials,
            duration_s=arguments.duration,
            market=market,
            spawner=arguments.spawner,
            quiet=arguments.quiet,
            log_level=arguments.log_level,
            waits_for_room=os.environ.pop(WAITS_FOR_ROOM, "") == "1",
        )
        code = asyncio.run(serve(run))
        return _wait_for_room(state_dir) if code == ExitCode.NO_ROOM else code
    finally:
        with suppress(OSError):
            lock.write(0, free_line(LOCK_LINE_BYTES))
        os.close(folder_lock)
        lock.close()


def _wait_for_room(state_dir: Path) -> int:
    """Until there is some (NO_ROOM), or an operator has asked for the end."""
    from krakencopy.supervisor.control.room_wait import wait_for_room
    from krakencopy.supervisor.journal.last_run import LastRun

    sys.stderr.write("krakencopyd: waits for room on the disk, and goes on by itself then\n")
    # A wait that is followed by another one began when the run ended.
    since = LastRun(state_dir).ended_at() or time.time()
    goes_on = asyncio.run(wait_for_room(state_dir, state_dir / CONTROL_SOCKET, since))
    return ExitCode.NO_ROOM if goes_on else ExitCode.OK


def _command(arguments: argparse.Namespace, state_dir: Path) -> str:
    """How the run was started, as far as its state goes."""
    source = ["--paper"] if arguments.paper else ["--config", str(arguments.config)]
    return shlex.join(["krakencopyd", *source, "--state-dir", str(state_dir)])


def _allow_files() -> None:
    """As many open files as the machine lets us have: a pidfd, a pulse, the kernel's word and a socket for
    each account outgrow the usual 1024.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _check_market(arguments: argparse.Namespace, config: Config) -> PaperMarket:
    """Where the prices of a paper run come from. Raises ConfigFaults for what does not go together."""
    for name, given in (("--replay", arguments.replay), ("--market", arguments.market)):
        if given is not None and not config.exchange.managed:
            raise ConfigFaults([ConfigFault(name, "", "needs the paper exchange", "use it with --paper")])
    kind = PaperMarket(arguments.market or config.exchange.market)
    if arguments.replay is not None:
        if kind is PaperMarket.LIVE:
            problem = "the past and live prices exclude each other"
            raise ConfigFaults([ConfigFault("--replay", "", problem, "take out --replay or the live market")])
        check_replay(arguments.replay)
    if arguments.live_url is not None and kind is not PaperMarket.LIVE:
        raise ConfigFaults(
            [ConfigFault("--live-url", "", "needs a live market", "use it with --market live")]
        )
    return kind


def _lock_folder(state_dir: Path) -> LockedFile:
    """Makes the state folder if need be and locks it. Raises ConfigFaults and LockHeld."""
    os.umask(0o077)
    what = f"the state folder {state_dir}"
    try:
        for folder in (state_dir, state_dir / "run", state_dir / "logs", state_dir / "accounts"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = LockedFile(state_dir / STATE_LOCK, what)
    except OSError as error:
        raise _unusable(state_dir, error) from None
    # The lock's file may have been deleted, and then keeps nobody out.
    socket_path = state_dir / CONTROL_SOCKET
    if pid := listener_of(socket_path):
        lock.close()
        raise LockHeld(what, str(socket_path), pid)
    return lock


def _lock_folder_itself(state_dir: Path, lock: LockedFile) -> int:
    """The same for the folder: where all of its `run` was swept away, lock and socket of a supervisor that
    lives are gone. Raises LockHeld.
    """
    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        lock.close()
        raise LockHeld(f"the state folder {state_dir}", str(state_dir), None) from None
    return folder


def _name_holder(lock: LockedFile) -> None:
    try:
        lock.write(0, holder_line("supervisor", LOCK_LINE_BYTES))
    except OSError as error:
        raise _unusable(lock.path, error) from None


def _unusable(path: Path, error: OSError) -> ConfigFaults:
    where = str(error.filename or path)
    if words := why_no_room(path, error):
        problem, _, remedy = words.rpartition(": ")
        return ConfigFaults([ConfigFault(where, "", problem, remedy)])
    problem = f"cannot be used: {error.strerror or error}"
    return ConfigFaults([ConfigFault(where, "", problem, "choose a --state-dir that this user can write to")])


if __name__ == "__main__":
    main()
