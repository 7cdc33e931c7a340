"""The stream of one user: fills and renames out, reports of copies in."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import suppress
from typing import cast

from grpclib.const import Status

from krakencopy.account_proc.contract.copy_ids import is_asked_for
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.runtime import failpoint
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.supervisor.accounts.conversation import Differs, NotAdmitted, Owner, Shared
from krakencopy.supervisor.accounts.grpc_client import Call, CallFailed, RpcClient
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

#: Times of fan-out that are remembered until the copy is reported.
SENT_MAX = 1_000
#: Between two looks whether a sync can be sent, in seconds.
SYNC_LOOK_S = 1.0


class CopyStream:
    """What a user's process is sent and reports; opened again from both sides' durable positions."""

    def __init__(self, account_id: str, rpc: RpcClient, shared: Shared, owner: Owner) -> None:
        self._account_id = account_id
        self._rpc = rpc
        self._shared = shared
        self._journal = shared.journal
        self._fills = shared.fills
        self._owner = owner
        self._sent_at: OrderedDict[int, float] = OrderedDict()
        #: The last sync that the user's ledger has, or was sent.
        self._synced = 0
        #: Nothing more is sent.
        self._closing = False
        #: Everything that was in flight has ended, so that the stream may end: not before, or the last
        #: reports are lost.
        self._drained = False
        #: Rings for a new fill, for who decides from here on, and for the end of the stream.
        self._news = ChangeSignal()

    def stop_sending(self) -> None:
        """No fill leaves from here on; reports still come in."""
        self._closing = True

    def end_when_read(self) -> None:
        """The process has nothing in flight: the stream ends once its last reports are read."""
        self._drained = True
        self._news.notify()

    async def run(self) -> None:
        """Until the process, the connection or ``end_when_read`` ends it. Raises CallFailed, Differs,
        NotAdmitted or JournalFault.
        """
        mark = self._journal.mark(self._account_id)
        start = pb.CopyStart(
            epoch=self._shared.epoch, acked_seq=mark.acked_seq, acked_revision=mark.acked_revision,
            head_seq=self._fills.head, joined_seq=mark.joined_seq, journal_id=self._journal.journal_id,
            renames=self._journal.coins.renames, master_pairs=sorted(self._fills.pairs),
        )  # fmt: skip
        async with self._rpc.open("CopyFills") as call:
            await call.send_message(pb.CopyFillsRequest(start=start))
            if not self._shared.admit_account(self._account_id, (await self._answer(call)).seen):
                raise NotAdmitted
            await call.send_message(pb.CopyFillsRequest(admitted=pb.Admission()))
            ready = (await self._answer(call)).ready
            self._check_same_fill(ready)
            self._fills.users.join(self._news)
            try:
                self._synced = ready.synced
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
        """Raises Differs when the user's last fill is not the journal's of that number: the numbers then
        mean other fills.
        """
        mine = self._journal.fill(seq=ready.cursor_seq)
        if ready.cursor_exec_id and (mine is None or mine.exec_id != ready.cursor_exec_id):
            raise Differs(
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
            sync = self._sync_after(position) if batch is None else None
            has_work = batch is not None or sync is not None
            mode = sent_mode if self._closing else self._owner.trading_mode(fills_wait=has_work)
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
            if sync is not None:
                # Behind the last fill that it counts, and before any other.
                await call.send_message(pb.CopyFillsRequest(sync=sync))
                self._synced = sync.number
                continue
            if batch is None:
                await self._wait_for_news(seen)
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

    def _sync_after(self, position: int) -> pb.SyncOrder | None:
        """What a user that has all fills up to a position is sent to bring it to the master's positions."""
        if self._closing or self._owner.paused or position != self._fills.head:
            return None
        return self._shared.syncs.order_for(self._account_id, self._synced)

    async def _wait_for_news(self, seen: int) -> None:
        """For a fill, mostly. Nothing says when the master's equity is known that a sync waits for."""
        if not self._shared.syncs.is_waiting(self._account_id, self._synced):
            await self._news.wait(seen)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(seen), SYNC_LOOK_S)

    def _report(self, report: pb.CopyReport) -> None:
        for copy in report.copies:
            is_streamed = copy.fill_seqs and not is_asked_for(copy.copy_id)
            sent_at = self._sent_at.get(copy.fill_seqs[0]) if is_streamed else None
            if sent_at is not None:
                copy.fanned_out_at.CopyFrom(timestamp(sent_at))
        self._shared.reports.put_report(self._account_id, list(report.copies), report.cursor_seq)
