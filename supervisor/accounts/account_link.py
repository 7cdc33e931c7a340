"""The supervisor's conversation with one account's process: health, snapshots, and the stream of its role.

The supervisor dials, the process serves. A link lives as long as its process; a stream that breaks is opened
again from where both sides' durable positions say.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, cast

from grpc_health.v1 import health_pb2
from grpclib.const import Status

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import SERVICE_NAME, Role
from krakencopy.account_proc.runtime import failpoint
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.supervisor.accounts.coin_names import CoinNames
from krakencopy.supervisor.accounts.fill_check import BadFill, bad_fill, other_content
from krakencopy.supervisor.accounts.grpc_client import WRONG_PROCESS, Call, CallFailed, RpcClient
from krakencopy.supervisor.accounts.same_account import Identities
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.journal.fan_out import FillLog, ReportLog
from krakencopy.supervisor.journal.fill_batcher import FillBatcher
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Pause before a broken stream is opened again, in seconds.
REOPEN_S = 0.25
#: What the journal already has is sent to the master from this long before its last fill, in seconds.
FILLS_OVERLAP_S = 120.0
#: Times of fan-out that are remembered until the copy is reported.
SENT_MAX = 1_000
#: How long an unary call may take beyond what it waits for itself, in seconds.
DRAIN_TIMEOUT_S = 15.0
#: Two calls to the exchange, behind those that wait already.
INSPECT_TIMEOUT_S = 15.0


class Owner(Protocol):
    """The account whose process is at the other end."""

    #: For users: an operator wants fills to wait.
    paused: bool

    def link_changed(self) -> None:
        """Its health changed, or what it says of it."""
        ...

    def notices_changed(self) -> None:
        """What operators should know of it has changed, and nothing else that moves anyone."""
        ...

    def trading_mode(self, *, fills_wait: bool) -> types_pb2.TradingMode.ValueType:
        """Who is to decide what a user trades now; ``fills_wait``: there are fills that were not sent to
        it.
        """
        ...

    def trading_mode_sent(self, mode: types_pb2.TradingMode.ValueType) -> None:
        """A user's process knows it from here on."""
        ...

    def link_refused(self, reason: str, message: str) -> None:
        """The process refuses its stream for a reason that a new try does not change."""
        ...

    def announced(self, announcement: pb.Announcement) -> None:
        """The process has something for operators to know, once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the conversations of one supervisor have in common."""

    epoch: int
    journal: Journal
    fills: FillLog
    reports: ReportLog
    identities: Identities
    names: CoinNames
    #: Gets the fault of a journal that cannot keep what was received: nothing more may be handed out then.
    queue: WorkQueue


class _Differs(Exception):
    """Journal and ledger count other fills."""


class _NotAdmitted(Exception):
    """The account must not trade; its owner knows why."""


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
        self._role = role
        self._shared = shared
        self._journal = shared.journal
        self._fills = shared.fills
        self._owner = owner
        self._rpc = RpcClient(socket, secret)
        self._tasks: list[asyncio.Task[None]] = []
        self._sent_at: OrderedDict[int, float] = OrderedDict()
        #: No conversation is begun again, and no fill sent.
        self._closing = False
        #: Everything that was in flight has ended, so that the stream may end: not before, or the last
        #: reports are lost.
        self._drained = False
        #: Rings for a new fill, for who decides from here on, and for the end of the link.
        self._news = ChangeSignal()
        self._peer_refused = False
        self.linked = False
        self.serving = False
        #: The last announcement of this process that was passed on.
        self._announced = 0
        self.snapshot = pb.WatchSnapshotResponse()

    def open(self) -> None:
        """Begins the conversation; the process listens already."""
        streams = {Role.MASTER: self._stream_fills, Role.USER: self._stream_copies}
        conversations = [self._watch_health, self._watch_snapshot]
        if self._role is not None:
            conversations.append(streams[self._role])
        loop = asyncio.get_running_loop()
        for work in conversations:
            self._tasks.append(loop.create_task(self._for_ever(work)))

    async def close(self) -> None:
        """Ends it."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._rpc.close()

    async def drain(self) -> None:
        """Lets the process finish what is in flight and takes its last reports. Raises CallFailed."""
        self._closing = True
        await self._rpc.ask("Drain", pb.DrainRequest(), DRAIN_TIMEOUT_S)
        if self._role is Role.USER and self._tasks:
            self._drained = True
            self._news.notify()
            await asyncio.wait(self._tasks[-1:], timeout=DRAIN_TIMEOUT_S)
            self._shared.reports.flush()

    async def place_order(
        self, request: pb.AccountServicePlaceOrderRequest, timeout_s: float
    ) -> pb.AccountServicePlaceOrderResponse:
        """Raises CallFailed with the process's own status."""
        return cast(
            "pb.AccountServicePlaceOrderResponse", await self._rpc.ask("PlaceOrder", request, timeout_s)
        )

    async def nonce_report(self) -> types_pb2.NonceReport:
        """Raises CallFailed when the process does not answer in time."""
        answer = await self._rpc.ask("InspectNonce", pb.InspectNonceRequest(), INSPECT_TIMEOUT_S)
        return cast("types_pb2.NonceReport", answer.report)

    async def find_coins(self, names: Iterable[str]) -> Sequence[pb.ListedCoin]:
        """Raises CallFailed with the process's own status."""
        request = pb.FindCoinsRequest(names=names)
        answer = await self._rpc.ask("FindCoins", request, INSPECT_TIMEOUT_S)
        return cast("pb.FindCoinsResponse", answer).coins

    # -- three conversations --------------------------------------------------------------------------------

    async def _for_ever(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
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
                log.info("%s: %s ended: %s", self._account_id, work.__name__.strip("_"), error)
            except _NotAdmitted:
                return
            except BadFill as error:
                self._owner.link_refused(error.reason, str(error))
                return
            except _Differs as error:
                self._owner.link_refused("JOURNAL_DIFFERS", str(error))
                return
            except JournalFault as error:
                self._shared.queue.put_failure(error)
                return
            except Exception:
                log.exception("%s: %s failed; it is opened again", self._account_id, work.__name__.strip("_"))
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

    def _admit(self, seen: pb.AccountSeen) -> bool:
        """Whether the account at the exchange that the process has found may trade. Raises JournalFault."""
        return self._shared.identities.admit_account(self._account_id, seen.identity, seen.marked)

    # -- master ---------------------------------------------------------------------------------------------

    async def _stream_fills(self) -> None:
        arrivals = FillBatcher(self._append, self._shared.queue.put_failure)
        try:
            async for item in self._rpc.watch("StreamFills", self._journal_end()):
                if item.HasField("seen"):
                    self._admit(item.seen)
                elif item.HasField("caught_up"):
                    log.info(
                        "%s: caught up, %d fills from history", self._account_id, item.caught_up.from_history
                    )
                elif item.HasField("renamed"):
                    arrivals.flush()
                    renamed = item.renamed
                    self._shared.names.rename_by_exchange(
                        self._account_id, renamed.old_name, renamed.new_name
                    )
                else:
                    self._take_fills(arrivals, item.fills)
        finally:
            arrivals.flush()

    @staticmethod
    def _take_fills(arrivals: FillBatcher, fills: Sequence[types_pb2.Fill]) -> None:
        """Raises BadFill; what came before that fill is taken."""
        for number, fill in enumerate(fills):
            if bad := bad_fill(fill):
                arrivals.take_fills(fills[:number])
                raise bad
        arrivals.take_fills(fills)

    def _append(self, fills: list[types_pb2.Fill]) -> None:
        self._shared.identities.set_fills_apart(fills)
        added = self._fills.append(fills, self._shared.epoch)
        if len(added) == len(fills):
            return
        known = {id(fill) for fill in added}
        if bad := other_content(self._journal, [fill for fill in fills if id(fill) not in known]):
            self._owner.link_refused(bad.reason, str(bad))
            # The stream's task, which may be waiting for the next fills.
            self._tasks[-1].cancel()

    def _journal_end(self) -> pb.StreamFillsRequest:
        last = self._journal.last_executed_at()
        since = self._journal.created_at if last is None else last - FILLS_OVERLAP_S
        since = max(since, self._journal.created_at)
        request = pb.StreamFillsRequest(
            epoch=self._shared.epoch, since=timestamp(since), held_coins=self._journal.coins.traded(),
            journal_began=timestamp(self._journal.created_at),
        )  # fmt: skip
        frozen: OrderedDict[str, pb.FrozenOrder] = OrderedDict()
        for fill in self._journal.known_since(since):
            request.known_exec_ids.append(fill.exec_id)
            order = frozen.setdefault(
                fill.order_id,
                pb.FrozenOrder(
                    order_id=fill.order_id, master_equity=fill.master_equity, master_cash=fill.master_cash,
                    master_position_before=fill.master_position_before, filled_volume="0",
                ),
            )  # fmt: skip
            order.filled_volume = format(Decimal(order.filled_volume) + Decimal(fill.volume), "f")
        request.frozen_orders.extend(frozen.values())
        return request

    # -- user -----------------------------------------------------------------------------------------------

    async def _stream_copies(self) -> None:
        mark = self._journal.mark(self._account_id)
        start = pb.CopyStart(
            epoch=self._shared.epoch, acked_seq=mark.acked_seq, acked_revision=mark.acked_revision,
            head_seq=self._fills.head, joined_seq=mark.joined_seq, journal_id=self._journal.journal_id,
            renames=self._journal.coins.renames, master_pairs=sorted(self._fills.pairs),
        )  # fmt: skip
        async with self._rpc.open("CopyFills") as call:
            await call.send_message(pb.CopyFillsRequest(start=start))
            if not self._admit((await self._answer(call)).seen):
                raise _NotAdmitted
            await call.send_message(pb.CopyFillsRequest(admitted=pb.Admission()))
            ready = (await self._answer(call)).ready
            self._check_same_fill(ready)
            self._fills.users.join(self._news)
            try:
                await self._converse(call, ready.cursor_seq, len(start.renames))
            finally:
                self._fills.users.leave(self._news)

    @staticmethod
    async def _answer(call: Call) -> pb.CopyFillsResponse:
        answer = await call.recv_message()
        if answer is None:
            raise CallFailed(Status.UNKNOWN, "the process ended the stream without a word")
        return cast("pb.CopyFillsResponse", answer)

    async def _converse(self, call: Call, position: int, renames: int) -> None:
        """Sends and reads until the process ends the call, or one of both fails: then the other must not go
        on alone.

        Each is a task of its own, as grpclib cancels the task that waits for a call that breaks, and a task
        group's own task must not be.
        """
        try:
            async with asyncio.TaskGroup() as both:
                sending = both.create_task(self._send(call, position, renames))
                both.create_task(self._read(call, sending))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _read(self, call: Call, sending: asyncio.Task[None]) -> None:
        async for item in call:
            if item.WhichOneof("item") == "report":
                self._report(item.report)
        if not sending.done():
            sending.cancel()
            # Only of a call that is ended on both sides does grpclib say how it ended.
            await call.end()

    def _check_same_fill(self, ready: pb.CopyReady) -> None:
        """Raises _Differs when the user's last fill is not the journal's of that number: the numbers then
        mean other fills.
        """
        mine = self._journal.fill(seq=ready.cursor_seq)
        if ready.cursor_exec_id and (mine is None or mine.exec_id != ready.cursor_exec_id):
            raise _Differs(
                f"fill {ready.cursor_seq} is {ready.cursor_exec_id} in the user's ledger and "
                f"{mine.exec_id if mine else 'unknown'} "
                "in the journal: the journal lost its end and grew again. Restore the newest journal.db "
                "with its -wal file"
            )

    async def _send(self, call: Call, position: int, renames: int) -> None:
        """Fills, and who decides what the user trades, until the link is to end. ``renames``: so many of
        the journal's it knows.
        """
        sent_mode = types_pb2.TRADING_MODE_COPYING
        while not self._drained:
            seen = self._news.version
            batch = None if self._closing or self._owner.paused else self._fills.after(position)
            mode = sent_mode if self._closing else self._owner.trading_mode(fills_wait=batch is not None)
            if len(self._journal.coins.renames) > renames:
                # Before any fill under a new name.
                await call.send_message(pb.CopyFillsRequest(renamed=self._journal.coins.renames[renames]))
                renames += 1
                continue
            if mode != sent_mode:
                # Before any fill: a user never copies one while its own strategy trades.
                await call.send_message(pb.CopyFillsRequest(trading_mode=mode))
                sent_mode = mode
                self._owner.trading_mode_sent(mode)
                continue
            if batch is None:
                await self._news.wait(seen)
                continue
            sent_at = time.time()
            for seq in range(batch.first_seq, batch.last_seq + 1):
                self._sent_at[seq] = sent_at
            await call.send_message(batch.encoded)
            failpoint.reach("supervisor", "after_fanout")
            position = batch.last_seq
            while len(self._sent_at) > SENT_MAX:
                self._sent_at.popitem(last=False)
        await call.end()

    def _report(self, report: pb.CopyReport) -> None:
        for copy in report.copies:
            sent_at = self._sent_at.get(copy.fill_seqs[0]) if copy.fill_seqs else None
            if sent_at is not None:
                copy.fanned_out_at.CopyFrom(timestamp(sent_at))
        self._shared.reports.put_report(self._account_id, list(report.copies), report.cursor_seq)
