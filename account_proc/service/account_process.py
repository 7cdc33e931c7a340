"""The shell of every account's process: it serves gRPC, tells its health, hears the supervisor's death, and
ends in order.

    gRPC server (NOT_SERVING) ─▶ ready line ─▶ work() ─▶ asked to stop ─▶ drain() ─▶ close()
                                                     └▶ supervisor gone ─▶ (drain() if in_flight()) ─▶ exit

What the account does is its subclass's business: service/kraken_process.py for Kraken,
service/ccxt_process.py for the others. Health is published by this file alone, under ``SERVICE_NAME``:
SERVING while ``readiness`` has nothing to say.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any

from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE, HEALTH_SERVICE
from krakencopy.account_proc.contract.spec import SERVICE_NAME, AccountSpec
from krakencopy.account_proc.runtime.boot import leave
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.grpc_server import GrpcServer, Health
from krakencopy.account_proc.runtime.trading_state_file import BELL
from krakencopy.account_proc.trading.trading_guard import TradingGuard

log = logging.getLogger(__name__)

#: What is in flight gets this long at the end of a process, in seconds; the ledger takes up the rest at the
#: next start.
DRAIN_MAX_S = 10.0
#: The same when the supervisor has died: nobody is left to wait for us.
ORPHAN_DRAIN_MAX_S = 5.0

#: Answers that are due at the end of a process get this long to leave, in seconds.
ANSWER_GRACE_S = 0.2


class AccountProcess(ABC):
    """One account's process, from its ready line to its end. Its maker holds the account's locks
    already.
    """

    def __init__(self, spec: AccountSpec, link_secret: str) -> None:
        """``link_secret``: what the supervisor proves to know (contract/socket_handshake.py)."""
        self.spec = spec
        self._link_secret = link_secret
        #: Rings on every change of the account.
        self.change_signal = ChangeSignal()
        self.draining = False
        #: What it may trade.
        self.guard = TradingGuard(
            spec.states_path, spec.id, spec.group, self.change_signal.notify, is_shadow=spec.shadow
        )
        self._stop: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[Any]] = set()

    @abstractmethod
    def readiness(self) -> tuple[str, str]:
        """Why the account cannot trade, as a code and for people; two empty strings when it can."""

    @abstractmethod
    def servicer(self) -> object:
        """What answers AccountService, by methods of the names in its descriptor (runtime/grpc_server.py)."""

    @abstractmethod
    async def work(self) -> None:
        """What the account does until it is asked to stop; its error ends the process."""

    def in_flight(self) -> bool:
        """Whether an order is on its way. Asked from another thread as well. A process that cannot tell
        says yes.
        """
        return True

    @abstractmethod
    async def drain(self) -> int:
        """Takes no new work, finishes what is in flight; copies whose end is still not known."""

    @abstractmethod
    async def close(self) -> None:
        """Gives back the files and, last, the locks: nobody may start before the rest is closed."""

    async def run(self, ready_fd: int, lifeline_fd: int) -> ExitCode:
        """Serves until it is asked to stop, by SIGTERM or by the supervisor's death. Raises what ended it
        otherwise.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop, "SIGTERM")
        loop.add_signal_handler(BELL, self.guard.ring)
        threading.Thread(target=self._hold_lifeline, args=(loop, lifeline_fd), daemon=True).start()
        server, health = await self._serve()
        os.write(ready_fd, b'{"ready": true}\n')
        os.close(ready_fd)
        self._spawn(self.guard.watch())
        self._spawn(self._report_health(health))
        self._spawn(self.work())
        try:
            why = await self._stop
            log.info("ending: %s", why)
            if why == "LIFELINE":
                await self._finish(ORPHAN_DRAIN_MAX_S)
                leave(ExitCode.OK)  # nobody is left who would hear the rest
            if not self.draining:
                await self._finish(DRAIN_MAX_S)
        finally:
            for task in self._tasks:
                task.cancel()
            await server.stop(ANSWER_GRACE_S)
            await self.close()
            self.guard.close()
        return ExitCode.OK

    async def _finish(self, limit_s: float) -> None:
        try:
            await asyncio.wait_for(self.drain(), limit_s)
        except TimeoutError:
            log.warning("what is in flight did not end in time; the next start takes it up")

    def stop(self, why: str) -> None:
        """Begins the end."""
        if not self._stop.done():
            self._stop.set_result(why)

    def fail(self, error: BaseException) -> None:
        """Ends the process with an error."""
        if not self._stop.done():
            self._stop.set_exception(error)

    def _hold_lifeline(self, loop: asyncio.AbstractEventLoop, lifeline_fd: int) -> None:
        """A thread of its own: the pipe must be read even when the loop is stuck."""
        while os.read(lifeline_fd, 1):
            pass
        if not self.in_flight():
            # At once, and not through the loop, which is about to hear of every stream that broke: with a
            # hundred processes on two cores that alone takes a second. No worse than SIGKILL at this line,
            # which ledger and nonce file survive at every line: what is not committed yet has not left
            # either, an intent that the loop commits just now is taken up at the next start, and a read of
            # the exchange that is on its way harms nobody, as the next nonces are larger.
            log.info("ending: the supervisor is gone, and nothing is in flight")
            leave(ExitCode.OK)
        loop.call_soon_threadsafe(self.stop, "LIFELINE")
        time.sleep(ORPHAN_DRAIN_MAX_S + 1.0)
        os._exit(ExitCode.CRASHED)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    async def _serve(self) -> tuple[GrpcServer, Health]:
        health = Health(SERVICE_NAME)
        server = GrpcServer({ACCOUNT_SERVICE: self.servicer(), HEALTH_SERVICE: health}, self._link_secret)
        # The account's lock is held, so whatever lies here was left by a dead process.
        self.spec.socket_path.unlink(missing_ok=True)
        await server.start(self.spec.socket_path)
        return server, health

    async def _report_health(self, health: Health) -> None:
        seen, said = -1, ""
        while True:
            seen = await self.change_signal.wait(seen)
            reason, message = self.readiness()
            if said == (reason or "SERVING"):
                continue
            said = reason or "SERVING"
            health.set(serving=not reason)
            log.info("%s", f"{said} {message}".rstrip())
