"""One run of the supervisor, from its forkserver to its final report, taken apart in the opposite order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pwd
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from pathlib import Path

from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.runtime.json_log import JsonFormatter, log_to
from krakencopy.supervisor.accounts.kept_leavers import KeptLeavers
from krakencopy.supervisor.accounts.kept_tables import KeptTables, left_out_events
from krakencopy.supervisor.accounts.leaving_events import leaving_events, returned
from krakencopy.supervisor.config.checks import check_notionals
from krakencopy.supervisor.config.credentials import CredentialSource
from krakencopy.supervisor.config.leaving_accounts import with_leavers
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.reader import ConfigFaults, PaperMarket
from krakencopy.supervisor.config.settings import hold
from krakencopy.supervisor.config.state_folder import Place
from krakencopy.supervisor.control.change_refused import ChangeRefused
from krakencopy.supervisor.control.console import Console, print_line, report_lines
from krakencopy.supervisor.control.leavers import Leaving
from krakencopy.supervisor.control.reloader import Keys, Reloader
from krakencopy.supervisor.control.server import ControlServer
from krakencopy.supervisor.folder_owner import StateFolder
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.supervisor.journal.fan_out import LATEST
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault, JournalNoRoom
from krakencopy.supervisor.journal.last_run import LastRun
from krakencopy.supervisor.journal.report import report
from krakencopy.supervisor.paper.exchange import (
    MarketOptions,
    PaperAccounts,
    PaperExchange,
    PaperFault,
    PaperKeys,
    Traded,
    altname,
    compare,
)
from krakencopy.supervisor.processes.orphans import end_leftovers
from krakencopy.supervisor.processes.spawner import ExecSpawner, ForkserverSpawner, Spawner, SpawnFault
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Who starts us may repeat a signal that the terminal has sent to us as well (timeout(1), npm, a shell):
#: within this, in seconds, both are one.
TWICE_S = 0.5
#: Exit code of a timed run whose report does not add up.
EXIT_REPORT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run is asked to do."""

    config: Config
    #: Where it was read from, absolute; None when it did not come from a file.
    config_path: Path | None
    folder: StateFolder
    #: None: start a paper exchange and make the keys up.
    credentials: CredentialSource | None
    duration_s: float | None
    market: MarketOptions
    spawner: str
    quiet: bool
    #: From which level on logs are written, those of accounts as well.
    log_level: str
    #: Whether it goes on for one that a full disk has ended: then a disk that is full at its start is waited
    #: for, and not refused.
    waits_for_room: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What a run needs, open."""

    spawner: Spawner
    #: Of our own; None where orders go elsewhere.
    exchange: PaperExchange | None
    credentials: Callable[[AccountConfig], Credentials]
    keys: Keys
    place: Place
    journal: Journal
    tables: KeptTables
    #: The file's, with all that is kept.
    config: Config
    #: What there is to record of users that leave.
    leavers: list[types_pb2.Event]


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of a run that ended as it should."""

    final: pb.GetReportResponse
    #: What the paper exchange's record says otherwise.
    wrong: list[str]
    #: Why the system was not ready at its end.
    not_ready: str


async def serve(run: Run) -> int:
    """The whole run; the exit code. NO_ROOM: it is to be begun again once the disk has room."""
    lines = log_to(run.folder.path / "logs" / "supervisor.jsonl", "supervisor", level=run.log_level)
    async with AsyncExitStack() as stack:
        # Put first, so that it closes last: who sees the API gone may start the next supervisor.
        control = ControlServer()
        stack.push_async_callback(control.close)
        try:
            opened = await _open(run, control, stack)
        except (SpawnFault, PaperFault, JournalFault, ConfigFaults) as fault:
            log.error("%s", fault)  # noqa: TRY400 - expected: the sentence says it all
            sys.stderr.write(f"krakencopyd: {fault}\n")
            if isinstance(fault, JournalNoRoom) and run.waits_for_room:
                return ExitCode.NO_ROOM
            return ExitCode.LEDGER if isinstance(fault, JournalFault) else ExitCode.CONFIGURATION
        came = await _supervise(run, opened, control, lines)
    return came if isinstance(came, ExitCode) else _shown(run, opened.exchange, came)


async def _open(run: Run, control: ControlServer, stack: AsyncExitStack) -> _Opened:
    """What it needs; the stack closes it. Raises SpawnFault, PaperFault, JournalFault and ConfigFaults."""
    # Before any gRPC object exists in this process.
    spawner = ExecSpawner() if run.spawner == "exec" else ForkserverSpawner()
    await spawner.start()
    stack.push_async_callback(spawner.close)
    # An account that found its lock held would be FAILED and wait for an operator; that is for strangers.
    await end_leftovers(run.folder.path)
    if run.config.exchange.managed:
        run.folder.begin_anew()
    exchange, credentials, keys, place = await _reach_exchange(run, stack)
    journal = run.folder.open_journal()
    control.journal = journal
    traded = journal.latest_pairs(LATEST)
    check_notionals(run.config, traded)
    settings = {(row.target, row.key): row.value for row in journal.settings()}
    tables = KeptTables(journal, run.folder.path)
    named, tables.left_out = tables.merged(run.config, must=())
    file, leavers = _with_leavers(named, journal, tables)
    config = hold(file, settings, lambda held: check_notionals(held, traded), at_all_costs=True)
    control.open_port(config, run.config_path, run.folder.path, journal)
    return _Opened(
        spawner=spawner, exchange=exchange, credentials=credentials, keys=keys, place=place, journal=journal,
        tables=tables, config=config, leavers=leavers,
    )  # fmt: skip


async def _supervise(
    run: Run, opened: _Opened, control: ControlServer, lines: JsonFormatter
) -> _Came | ExitCode:
    """Until its end; the exit code of a run that the journal has ended."""
    running: Supervisor | None = None
    try:
        supervisor = Supervisor(
            config=opened.config, place=opened.place, journal=opened.journal, spawner=opened.spawner,
            credentials=_hidden(opened.credentials, lines),
        )  # fmt: skip
        events = [*opened.leavers, *left_out_events(opened.tables.left_out.items())]
        supervisor.events.record_wishes(lambda: None, events)
        lines.run = supervisor.epoch
        reloader = Reloader(supervisor, run.config_path, opened.keys, opened.tables)
        reloader.on_applied = control.use_config
        await control.start(supervisor, reloader)
        running = supervisor
        not_ready = await _run_until_stopped(run, supervisor, reloader)
    except JournalFault as fault:
        log.critical("%s", fault)
        sys.stderr.write(f"krakencopyd: {fault}\n")
        LastRun(run.folder.path).note_end(str(fault))
        # What begins with nothing, ends by itself, or was asked to end, does not go on by itself.
        is_to_last = run.waits_for_room if running is None else not running.shutdown.begun
        goes_on = is_to_last and opened.exchange is None and run.duration_s is None
        return ExitCode.NO_ROOM if goes_on and isinstance(fault, JournalNoRoom) else ExitCode.LEDGER
    except Exception as error:
        LastRun(run.folder.path).note_end(f"krakencopyd crashed: {error!r}")
        raise
    final = await report(opened.journal, [user.id for user in supervisor.config.users])
    wrong = [] if opened.exchange is None else await _check(supervisor, opened.exchange)
    return _Came(final, wrong, not_ready)


def _shown(run: Run, exchange: PaperExchange | None, came: _Came) -> int:
    """Shows what came of a run that was to show something; the exit code."""
    if run.duration_s is None and exchange is None:
        return ExitCode.OK
    # One that could not is not a good one.
    empty = [f"NOT READY: {came.not_ready}"] if came.not_ready else []
    verdict = _verdict(exchange, came.wrong)
    if exchange is not None and not came.final.fills:
        empty, verdict = [*empty, "NO FILLS: the master made none, so this run shows nothing"], []
    for line in (*report_lines(came.final), *verdict, *empty):
        print_line(line)
    failed = came.wrong or came.final.unanswered or empty
    return EXIT_REPORT if run.duration_s is not None and failed else ExitCode.OK


def _hidden(
    credentials: Callable[[AccountConfig], Credentials], lines: JsonFormatter
) -> Callable[[AccountConfig], Credentials]:
    """The same keys; whatever was handed out is redacted in the supervisor's own log from then on."""

    def found(account: AccountConfig) -> Credentials:
        key = credentials(account)
        lines.hide(key.key, key.secret)
        return key

    return found


def _with_leavers(file: Config, journal: Journal, tables: KeptTables) -> tuple[Config, list[types_pb2.Event]]:
    """The configuration of a file with users that stay until copying holds nothing of them; what there is to
    record. Who does not go together with the file is left out: a start is not refused for it.
    """
    kept = KeptLeavers(journal)
    known = kept.by_id
    leaving = tables.leaving(file, known, time.time())
    config, left_out = with_leavers(file, leaving)
    begin = {key: one for key, one in leaving.items() if not known[key].leaves and key not in left_out}
    kept.put_leaving(leaving)
    events = leaving_events(begin, returned(known, leaving))
    for account_id, why in left_out.items():
        words = f"it leaves still, and does not go together with the file, so nothing is sold: {why}"
        events.append(event_of(types_pb2.SEVERITY_ERROR, account_id, "LEAVER_LEFT_OUT", words))
    return config, events


def key_lock_dir() -> Path:
    """Where locks on API keys are: one place for each machine user, whatever the environment says."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".local" / "state" / "krakencopy" / "keys"


async def _reach_exchange(
    run: Run, stack: AsyncExitStack
) -> tuple[PaperExchange | None, Callable[[AccountConfig], Credentials], Keys, Place]:
    """Where orders go, and with which keys; starts a paper exchange with its accounts if none is named."""
    rest_url, ws_url = run.config.exchange.rest_url, run.config.exchange.ws_url
    exchange: PaperExchange | None = None
    credentials: Callable[[AccountConfig], Credentials]
    keys: Keys
    if run.credentials is None:
        exchange = await PaperExchange.start(run.market, run.folder.path / "logs" / "paper_exchange.log")
        stack.push_async_callback(exchange.close)
        credentials = PaperKeys()
        keys = PaperAccounts(exchange, credentials)
        await keys.open_accounts(run.config)
        rest_url, ws_url = exchange.rest_url, exchange.ws_url
    else:
        credentials = keys = run.credentials
    assert rest_url is not None
    assert ws_url is not None
    place = Place(
        state_dir=run.folder.path,
        key_lock_dir=key_lock_dir(),
        rest_url=rest_url,
        ws_url=ws_url,
        owner=run.folder.owner,
        adopt=run.folder.adopt,
        log_level=run.log_level,
    )
    return exchange, credentials, keys, place


async def _run_until_stopped(run: Run, supervisor: Supervisor, reloader: Reloader) -> str:
    """Runs until a signal, a Shutdown call, or the end of the run's time. Returns why the system was not
    ready when that time was over; empty if it was, and for a run that something else ended.
    """
    loop = asyncio.get_running_loop()
    asked = _Asked(supervisor)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.note_signal)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup(1) starts us
        # The terminal is gone, and with it the one who would press Ctrl-C. Without one a daemon reads its
        # configuration again.
        loop.add_signal_handler(
            signal.SIGHUP, supervisor.shutdown.begin if _has_terminal() else _Reloads(reloader).begin
        )
    not_ready = ""

    def end_by_time() -> None:
        nonlocal not_ready
        not_ready = supervisor.readiness()
        supervisor.shutdown.begin()

    timer = loop.call_later(run.duration_s, end_by_time) if run.duration_s is not None else None
    last_end = supervisor.begin_run()
    if not run.quiet:
        for line in filter(None, (last_end, supervisor.trading.trouble())):
            print_line(line)
        place = supervisor.place
        live = run.config.exchange.managed and run.market.kind is PaperMarket.LIVE
        kind = "paper, live prices" if live else run.config.exchange.mode
        print_line(f"state in {place.state_dir}, exchange ({kind}) at {place.rest_url}")
    # What was loaded stays: else a full collection looks at all of it, 13 ms (measured) in which no fill goes
    # out.
    gc.collect()
    gc.freeze()
    console = Console(supervisor)
    printing = None if run.quiet else loop.create_task(console.run())
    leaving = loop.create_task(Leaving(supervisor, reloader.turn).run())
    try:
        await supervisor.run()
    finally:
        leaving.cancel()
        if timer is not None:
            timer.cancel()
        if printing is not None:
            printing.cancel()
            console.catch_up()
    return not_ready


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class _Reloads:
    """What SIGHUP asks of a run without a terminal. What becomes of it is an event."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader
        #: The loop itself keeps no task from being forgotten.
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Reads the configuration again."""
        task = asyncio.get_running_loop().create_task(self._reload())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload(self) -> None:
        try:
            await self._reloader.reload(dry_run=False)
        except ChangeRefused as refused:
            log.warning("SIGHUP: %s", refused)


class _Asked:
    """SIGTERM and SIGINT: the first begins the shutdown, a later one hurries it."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._begun_at = -inf

    def note_signal(self) -> None:
        """One of the signals came."""
        if not self._supervisor.shutdown.begun:
            self._begun_at = time.monotonic()
            self._supervisor.shutdown.begin()
        elif time.monotonic() - self._begun_at > TWICE_S:
            self._supervisor.hurry_shutdown()


async def _check(supervisor: Supervisor, exchange: PaperExchange) -> list[str]:
    """Holds what the copies say against the exchange's own record."""
    copied: dict[Traded, Decimal] = defaultdict(Decimal)
    change = 0
    while rows := supervisor.journal.copies_after(change, 1_000):
        for _, copy in rows:
            if Decimal(copy.filled_volume or 0):
                side = "buy" if copy.side == types_pb2.SIDE_BUY else "sell"
                copied[copy.account_id, altname(copy.pair), side] += Decimal(copy.filled_volume)
        change = rows[-1][0]
    return compare(await exchange.fills(), copied, set(supervisor.journal.user_ids()))


def _verdict(exchange: PaperExchange | None, wrong: list[str]) -> list[str]:
    if exchange is None:
        return []
    return [f"WRONG: {line}" for line in wrong] or ["the exchange's own record of fills says the same"]
