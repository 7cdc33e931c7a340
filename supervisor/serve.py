"""One run of the supervisor, from its forkserver to its final report, taken apart in the opposite order."""

from __future__ import annotations

import asyncio
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
from pathlib import Path

from krakencopy.v1 import types_pb2

from account_proc.errors import ExitCode
from account_proc.locks import is_locked
from account_proc.log import log_to
from account_proc.spec import Credentials
from supervisor.config import AccountConfig, Config, PaperMarket
from supervisor.console import Console, report_lines, say
from supervisor.control_server import ControlServer
from supervisor.demo import balance_of
from supervisor.journal import Journal, JournalFault
from supervisor.paper import Market, PaperExchange, PaperFault, PaperKeys, Traded, altname, compare
from supervisor.report import report
from supervisor.spawning import ExecSpawner, ForkserverSpawner, SpawnFault
from supervisor.supervisor import Place, Supervisor

log = logging.getLogger(__name__)

#: How long leftovers of a killed run may take to end, in seconds: their forkserver's grace, and a little.
LEFTOVERS_MAX_S, LEFTOVERS_POLL_S = 8.0, 0.02
#: Exit code of a timed run whose report does not add up.
EXIT_REPORT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run is asked to do."""

    config: Config
    state_dir: Path
    #: None: start a paper exchange and make the keys up.
    credentials: Callable[[AccountConfig], Credentials] | None
    duration_s: float | None
    market: Market
    spawner: str
    quiet: bool


async def serve(run: Run) -> int:
    """The whole run; the exit code."""
    log_to(run.state_dir / "logs" / "supervisor.jsonl", "supervisor")
    async with AsyncExitStack() as stack:
        # Put first, so that it closes last: who sees the API gone may start the next supervisor.
        control = ControlServer()
        stack.push_async_callback(control.close)
        try:
            # Before any gRPC object exists in this process.
            spawner = ExecSpawner() if run.spawner == "exec" else ForkserverSpawner()
            await spawner.start()
            stack.push_async_callback(spawner.close)
            await _wait_for_leftovers(run.state_dir)
            exchange, credentials, place = await _reach_exchange(run, stack)
            journal = Journal(run.state_dir / "journal.db")
        except (SpawnFault, PaperFault, JournalFault) as fault:
            log.error("%s", fault)  # noqa: TRY400 - expected: the sentence says it all
            sys.stderr.write(f"krakencopyd: {fault}\n")
            return ExitCode.LEDGER if isinstance(fault, JournalFault) else ExitCode.CONFIGURATION
        control.journal = journal
        try:
            supervisor = Supervisor(
                config=run.config, place=place, journal=journal, spawner=spawner, credentials=credentials
            )
            await control.start(supervisor)
            await _until_told(run, supervisor)
        except JournalFault as fault:
            log.critical("%s", fault)
            sys.stderr.write(f"krakencopyd: {fault}\n")
            return ExitCode.LEDGER
        final = report(journal, [user.id for user in run.config.users])
        wrong = [] if exchange is None else await _check(supervisor, exchange)
    if run.duration_s is None and exchange is None:
        return ExitCode.OK
    for line in (*report_lines(final), *_verdict(exchange, wrong)):
        say(line)
    return EXIT_REPORT if run.duration_s is not None and (wrong or final.unanswered) else ExitCode.OK


def key_lock_dir() -> Path:
    """Where locks on API keys are: one place for each machine user, whatever the environment says."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".local" / "state" / "krakencopy" / "keys"


async def _reach_exchange(
    run: Run, stack: AsyncExitStack
) -> tuple[PaperExchange | None, Callable[[AccountConfig], Credentials], Place]:
    """Where orders go; starts a paper exchange with its accounts if none is named."""
    rest_url, ws_url = run.config.exchange.rest_url, run.config.exchange.ws_url
    exchange, credentials = None, run.credentials
    if credentials is None:
        _put_aside(run.state_dir)
        exchange = await PaperExchange.start(run.market, run.state_dir / "logs" / "paper_exchange.log")
        stack.push_async_callback(exchange.close)
        credentials = keys = PaperKeys(run.config)
        for account in run.config.accounts:
            await exchange.open_account(account.id, balance_of(account), keys(account), account.tier)
        rest_url, ws_url = exchange.rest_url, exchange.ws_url
    assert rest_url is not None
    assert ws_url is not None
    place = Place(state_dir=run.state_dir, key_lock_dir=key_lock_dir(), rest_url=rest_url, ws_url=ws_url)
    return exchange, credentials, place


async def _wait_for_leftovers(state_dir: Path) -> None:
    """Processes of a run that was killed end by themselves, stopped ones within their forkserver's grace. Wait for them.

    An account that found its lock held would be FAILED and wait for an operator; that is for strangers, not for our own.
    """
    patterns = ("kraken_nonce_*.txt", "accounts/*.lock")
    locks = [path for pattern in patterns for path in state_dir.glob(pattern)]  # noqa: ASYNC240 - nothing else runs yet
    until = time.monotonic() + LEFTOVERS_MAX_S
    told = False
    while time.monotonic() < until and any(is_locked(path) for path in locks):
        if not told:
            log.warning("processes of an earlier run still hold their locks; waiting for their end")
            told = True
        await asyncio.sleep(LEFTOVERS_POLL_S)


def _put_aside(state_dir: Path) -> None:
    """A paper exchange of our own forgets everything at its end; a journal of an earlier one would speak of other money."""
    journal = state_dir / "journal.db"
    if not journal.exists():
        return
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(journal.stat().st_mtime))
    old, number = state_dir / "earlier" / stamp, 0
    while old.exists():
        number += 1
        old = old.with_name(f"{stamp}.{number}")
    old.mkdir(mode=0o700, parents=True)
    for path in (*state_dir.glob("journal.db*"), state_dir / "accounts"):
        path.rename(old / path.name)
    (state_dir / "accounts").mkdir(mode=0o700)


async def _until_told(run: Run, supervisor: Supervisor) -> None:
    """Runs until a signal, a Shutdown call, or the end of the run's time."""
    loop = asyncio.get_running_loop()
    # SIGHUP: the terminal is gone, and with it whoever would press Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.leave)
    timer = loop.call_later(run.duration_s, supervisor.leave) if run.duration_s is not None else None
    if not run.quiet:
        place = supervisor.place
        live = run.config.exchange.managed and run.market.kind is PaperMarket.LIVE
        kind = "paper, live prices" if live else run.config.exchange.mode
        say(f"state in {place.state_dir}, exchange ({kind}) at {place.rest_url}")
    console = Console(supervisor)
    printing = None if run.quiet else loop.create_task(console.run())
    try:
        await supervisor.run()
    finally:
        if timer is not None:
            timer.cancel()
        if printing is not None:
            printing.cancel()
            console.catch_up()


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
    return compare(await exchange.fills(), copied, {user.id for user in supervisor.config.users})


def _verdict(exchange: PaperExchange | None, wrong: list[str]) -> list[str]:
    if exchange is None:
        return []
    return [f"WRONG: {line}" for line in wrong] or ["the exchange's own record of fills says the same"]
