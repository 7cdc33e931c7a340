"""The supervisor's conversation with one account's process: health, snapshots, and the stream of its role.

The supervisor dials, the process serves. A link lives as long as its process; a stream that breaks is opened
again from where both sides' durable positions say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpclib.const import Status

from krakencopy.account_proc.contract.spec import SERVICE_NAME, Role
from krakencopy.supervisor.accounts.conversation import Differs, NotAdmitted, Owner, Shared
from krakencopy.supervisor.accounts.copy_stream import CopyStream
from krakencopy.supervisor.accounts.fill_check import BadFill
from krakencopy.supervisor.accounts.fill_stream import FillStream
from krakencopy.supervisor.accounts.grpc_client import WRONG_PROCESS, CallFailed, RpcClient
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Pause before a broken stream is opened again, in seconds.
REOPEN_S = 0.25
#: How long an unary call may take beyond what it waits for itself, in seconds.
DRAIN_TIMEOUT_S = 15.0
#: Two calls to the exchange, behind those that wait already.
INSPECT_TIMEOUT_S = 15.0


def _tells(snapshot: pb.WatchSnapshotResponse) -> bool:
    """Whether there is something in it that begins, or may end, with an event."""
    return bool(snapshot.notices) or any(held.exit_owed for held in snapshot.positions)


class AccountLink:
    """One process, over its Unix socket."""

    def __init__(
        self, account_id: str, role: Role | None, socket: Path, secret: str, shared: Shared, owner: Owner
    ) -> None:
        """``role``: what it is in copying; None for one that takes no part in it. ``secret``: what only
        that process knows.
        """
        self._account_id = account_id
        self._shared = shared
        self._owner = owner
        self._rpc = RpcClient(socket, secret)
        self._tasks: list[asyncio.Task[None]] = []
        self._fills = FillStream(account_id, self._rpc, shared, owner) if role is Role.MASTER else None
        self._copies = CopyStream(account_id, self._rpc, shared, owner) if role is Role.USER else None
        #: No conversation is begun again.
        self._closing = False
        self._peer_refused = False
        self.linked = False
        self.serving = False
        #: The last announcement of this process that was passed on.
        self._announced = 0
        self.snapshot = pb.WatchSnapshotResponse()

    def open(self) -> None:
        """Begins the conversation; the process listens already."""
        conversations = {"health": self._watch_health, "snapshots": self._watch_snapshot}
        if (stream := self._fills or self._copies) is not None:
            conversations["fills" if stream is self._fills else "copies"] = stream.run
        loop = asyncio.get_running_loop()
        for name, work in conversations.items():
            self._tasks.append(loop.create_task(self._for_ever(name, work)))

    async def close(self) -> None:
        """Ends it."""
        self._stop_sending()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._rpc.close()

    async def drain(self) -> None:
        """Lets the process finish what is in flight and takes its last reports. Raises CallFailed."""
        self._stop_sending()
        await self._rpc.ask("Drain", pb.DrainRequest(), DRAIN_TIMEOUT_S)
        if self._copies is not None and self._tasks:
            self._copies.end_when_read()
            await asyncio.wait(self._tasks[-1:], timeout=DRAIN_TIMEOUT_S)
            self._shared.reports.flush()

    def _stop_sending(self) -> None:
        self._closing = True
        if self._copies is not None:
            self._copies.stop_sending()

    async def place_order(
        self, request: pb.AccountServicePlaceOrderRequest, timeout_s: float
    ) -> pb.AccountServicePlaceOrderResponse:
        """Raises CallFailed with the process's own status."""
        return cast(
            "pb.AccountServicePlaceOrderResponse", await self._rpc.ask("PlaceOrder", request, timeout_s)
        )

    async def ask(self, method: str, request: Message, timeout_s: float) -> Any:
        """The process's answer to one call. Raises CallFailed with the process's own status."""
        return await self._rpc.ask(method, request, timeout_s)

    async def nonce_report(self) -> types_pb2.NonceReport:
        """Raises CallFailed when the process does not answer in time."""
        answer = await self._rpc.ask("InspectNonce", pb.InspectNonceRequest(), INSPECT_TIMEOUT_S)
        return cast("types_pb2.NonceReport", answer.report)

    async def find_coins(self, names: Iterable[str]) -> Sequence[pb.ListedCoin]:
        """Raises CallFailed with the process's own status."""
        request = pb.FindCoinsRequest(names=names)
        answer = await self._rpc.ask("FindCoins", request, INSPECT_TIMEOUT_S)
        return cast("pb.FindCoinsResponse", answer).coins

    # -- conversations --------------------------------------------------------------------------------------

    async def _for_ever(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while not self._closing:
            try:
                await work()
            except CallFailed as error:
                if error.reason == WRONG_PROCESS:
                    self._refuse_peer(error)
                    return
                if error.status in {Status.DATA_LOSS, Status.FAILED_PRECONDITION}:
                    self._owner.link_refused(error.reason or error.status.name, error.message)
                    return
                log.info("%s: %s ended: %s", self._account_id, name, error)
            except NotAdmitted:
                return
            except BadFill as error:
                self._owner.link_refused(error.reason, str(error))
                return
            except Differs as error:
                self._owner.link_refused("JOURNAL_DIFFERS", str(error))
                return
            except JournalFault as error:
                self._shared.queue.put_failure(error)
                return
            except Exception:
                log.exception("%s: %s failed; it is opened again", self._account_id, name)
            if not self._closing:
                await asyncio.sleep(REOPEN_S)

    def _refuse_peer(self, error: CallFailed) -> None:
        """Each conversation finds the wrong process; it is said once."""
        if not self._peer_refused:
            self._peer_refused = True
            self._owner.link_refused(error.reason, error.message)

    async def _watch_health(self) -> None:
        try:
            async for answer in self._rpc.watch("Watch", health_pb2.HealthCheckRequest(service=SERVICE_NAME)):
                self._seen(linked=True, serving=answer.status == health_pb2.HealthCheckResponse.SERVING)
        finally:
            self._seen(linked=False, serving=False)

    def _seen(self, *, linked: bool, serving: bool) -> None:
        if (linked, serving) != (self.linked, self.serving):
            self.linked, self.serving = linked, serving
            self._owner.link_changed()

    async def _watch_snapshot(self) -> None:
        async for snapshot in self._rpc.watch("WatchSnapshot", pb.WatchSnapshotRequest()):
            was, self.snapshot = self.snapshot, snapshot
            for announcement in snapshot.announcements:
                if announcement.number > self._announced:
                    self._announced = announcement.number
                    self._owner.announced(announcement)
            # All else in it is only shown; hundreds of users send theirs right after a fill, when the next
            # one may come.
            said, before = (snapshot.reason, snapshot.message), (was.reason, was.message)
            if said != before or snapshot.conditions != was.conditions:
                self._owner.link_changed()
            elif _tells(snapshot) or _tells(was):
                self._owner.notices_changed()
            if len(snapshot.drifts) and snapshot.drifts != was.drifts:
                self._shared.identities.judge_drifts(self._account_id, snapshot.drifts)
