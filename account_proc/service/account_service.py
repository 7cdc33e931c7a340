"""AccountService over gRPC: a thin shell between the supervisor's streams and the account's loops. Decides
nothing.

Readiness is published by ``grpc.health.v1`` under ``SERVICE_NAME`` and set by the process that trades, never
here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any, Protocol

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
)
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.copying.fill_faults import FillDiffers, FillInvalid
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.master.master import Master
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.grpc_server import refusal
from krakencopy.account_proc.runtime.read_deferral import deferral_s
from krakencopy.account_proc.service.asked_fill_calls import AskedFillCalls
from krakencopy.account_proc.service.limit_calls import LimitCalls, LimitProcess
from krakencopy.account_proc.service.order_calls import OrderCalls
from krakencopy.account_proc.service.order_calls import Process as OrderProcess
from krakencopy.account_proc.service.trading_status import trading_status
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.trading_guard import TradingGuard
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Copies in one report at most.
REPORT_MAX = 500
#: Pause before a report, in seconds: changes that come together travel together. At least as long as the
#: deferral after an order (runtime/read_deferral.py): while a fill is on its way to hundreds of users, no
#: report of the first is in the way of the last one's order.
REPORT_PAUSE_S = 0.05
#: Pause between a change and the snapshot that tells it, in seconds, for the same reasons.
SNAPSHOT_PAUSE_S = 0.25


class Process(OrderProcess, LimitProcess, Protocol):
    """What the servicer needs of the process around it."""

    ledger: Ledger
    change_signal: ChangeSignal
    master: Master | None
    draining: bool
    guard: TradingGuard

    @property
    def copier(self) -> Copier | None:
        """Of a user, once there is one."""
        ...

    def snapshot(self) -> pb.WatchSnapshotResponse:
        """The account as it is now."""
        ...

    async def account_seen(self) -> pb.AccountSeen:
        """Waits until it is known which account at the exchange it is."""
        ...

    def admit(self) -> None:
        """The supervisor has nothing against the account: it may trade."""
        ...

    async def drain(self) -> int:
        """Takes no new work, finishes what is in flight; copies whose end is still not known."""
        ...

    async def set_trading_mode(self, mode: types_pb2.TradingMode.ValueType) -> None:
        """As the supervisor says; returns when it holds."""
        ...

    async def find_coins(self, names: Iterable[str]) -> list[pb.ListedCoin]:
        """What the exchange lists under names of coins, by tables that are read now. Raises ExchangeError."""
        ...

    async def nonce_report(self) -> types_pb2.NonceReport:
        """What is known of the key's nonce, with the exchange's word where it gives one."""
        ...


class AccountServicer(OrderCalls, LimitCalls, AskedFillCalls):
    """Answers AccountService for one account (runtime/grpc_server.py)."""

    def __init__(self, process: Process) -> None:
        OrderCalls.__init__(self, process)
        LimitCalls.__init__(self, process)
        AskedFillCalls.__init__(self, process)
        self._process = process
        read_deferral = deferral_s(process.spec.users)
        self._report_pause_s = max(REPORT_PAUSE_S, 2 * read_deferral)
        self._snapshot_pause_s = max(SNAPSHOT_PAUSE_S, 2 * read_deferral)

    async def StreamFills(self, request: pb.StreamFillsRequest) -> AsyncIterator[pb.StreamFillsResponse]:
        """Fills after the journal's end."""
        self._check_epoch(request.epoch)
        await self._process.trading()
        master = self._process.master
        if master is None:
            raise refusal(Status.FAILED_PRECONDITION, "NOT_MASTER", "this account is not a master")
        yield pb.StreamFillsResponse(seen=await self._process.account_seen())
        async for item in master.stream(request):
            if isinstance(item, pb.CaughtUp):
                yield pb.StreamFillsResponse(caught_up=item)
            elif isinstance(item, pb.AssetRename):
                yield pb.StreamFillsResponse(renamed=item)
            else:
                yield pb.StreamFillsResponse(fills=item)

    async def CopyFills(
        self, requests: AsyncIterator[pb.CopyFillsRequest]
    ) -> AsyncIterator[pb.CopyFillsResponse]:
        """Takes fills, reports copies."""
        first = await anext(requests, None)
        if first is None or first.WhichOneof("item") != "start":
            raise refusal(Status.INVALID_ARGUMENT, "NO_START", "the first message must be a start")
        self._check_epoch(first.start.epoch)
        yield pb.CopyFillsResponse(seen=await self._process.account_seen())
        second = await anext(requests, None)
        if second is None or second.WhichOneof("item") != "admitted":
            raise refusal(Status.INVALID_ARGUMENT, "NOT_ADMITTED", "the second message must be an admission")
        copier, ledger = self._process.copier, self._process.ledger
        if copier is not None and ledger.journal_id == first.start.journal_id:
            # Before what an older ledger has lost is taken over, which the exchange tells under the names of
            # now.
            _rename(copier, first.start.renames)
        self._process.admit()
        await self._process.trading()
        if copier is None:
            raise refusal(Status.FAILED_PRECONDITION, "NOT_USER", "this account copies nobody")
        self._join(first.start)
        _rename(copier, first.start.renames)
        copier.master_pairs.update(first.start.master_pairs)
        # Copying until the supervisor says otherwise.
        await self._process.set_trading_mode(types_pb2.TRADING_MODE_COPYING)
        ready = pb.CopyReady(
            cursor_seq=ledger.cursor or 0, cursor_exec_id=ledger.cursor_exec_id, synced=ledger.synced
        )
        yield pb.CopyFillsResponse(ready=ready)
        taking = asyncio.get_running_loop().create_task(self._read_requests(copier, requests))
        taking.add_done_callback(lambda _: self._process.change_signal.notify())
        revision, sent, seen, last = first.start.acked_revision, -1, -1, False
        try:
            while not last:
                seen = await self._process.change_signal.wait(seen)
                if not taking.done():
                    await asyncio.wait([taking], timeout=self._report_pause_s)
                # Whatever changed before the requests ended is still reported.
                last = taking.done()
                while ledger.revision > revision or (ledger.cursor or 0) > sent:
                    copies = ledger.copies_after(revision, REPORT_MAX)
                    revision = copies[-1].revision if copies else ledger.revision
                    sent = ledger.cursor or 0
                    yield self._report([self._shown(copy) for copy in copies])
            taking.result()
        finally:
            taking.cancel()
            # Nobody tells any more when the master is back.
            await self._process.set_trading_mode(types_pb2.TRADING_MODE_COPYING)

    def _shown(self, copy: CopyRecord) -> types_pb2.Copy:
        return copy.to_proto(self._process.spec.id, is_shadow=self._process.spec.shadow)

    def _report(self, copies: list[Any]) -> pb.CopyFillsResponse:
        cursor = self._process.ledger.cursor or 0
        return pb.CopyFillsResponse(report=pb.CopyReport(copies=copies, cursor_seq=cursor))

    async def _read_requests(self, copier: Copier, requests: AsyncIterator[pb.CopyFillsRequest]) -> None:
        async for request in requests:
            if request.WhichOneof("item") == "trading_mode":
                await self._process.set_trading_mode(request.trading_mode)
            if request.WhichOneof("item") == "renamed":
                _rename(copier, (request.renamed,))
            # While draining, fills are left to the journal, which sends them again at the next start.
            if not self._process.draining:
                try:
                    if request.WhichOneof("item") == "sync":
                        copier.take_sync(request.sync)
                    if request.fills:
                        copier.take_fills(request.fills)
                except (FillDiffers, FillInvalid) as error:
                    raise refusal(Status.DATA_LOSS, error.reason, str(error)) from error

    def _join(self, start: pb.CopyStart) -> None:
        """Binds a new ledger to the journal; refuses one that lost something or counts in another journal."""
        ledger = self._process.ledger
        if ledger.journal_id is None:
            if start.acked_seq > start.joined_seq or start.acked_revision:
                raise self._behind(ledger, start)
            ledger.join(start.journal_id, start.joined_seq)
        if ledger.journal_id != start.journal_id:
            raise refusal(
                Status.FAILED_PRECONDITION,
                "LEDGER_OF_OTHER_JOURNAL",
                f"{ledger.path} counts in another journal than this state folder's; bring back the "
                "journal.db it "
                "belongs to, or move the ledger away to start this user anew (it then forgets its copied "
                "positions)",
            )
        if (ledger.cursor or 0) < start.acked_seq or ledger.revision < start.acked_revision:
            raise self._behind(ledger, start)
        if (ledger.cursor or 0) > start.head_seq:
            raise refusal(
                Status.DATA_LOSS,
                "JOURNAL_BEHIND_LEDGER",
                f"{ledger.path} knows fill {ledger.cursor}, the journal ends at {start.head_seq}: an older "
                "journal.db was "
                "brought back; restore the newest one",
            )

    @staticmethod
    def _behind(ledger: Ledger, start: pb.CopyStart) -> GRPCError:
        return refusal(
            Status.DATA_LOSS,
            "LEDGER_BEHIND_JOURNAL",
            f"{ledger.path} ends at fill {ledger.cursor or 0} (change {ledger.revision}), but this user has "
            "handled "
            f"{start.acked_seq} (change {start.acked_revision}): it was deleted or an old copy was brought "
            "back. Copying on "
            "would trade fills twice; restore the newest ledger",
        )

    async def WatchSnapshot(
        self,
        request: pb.WatchSnapshotRequest,
    ) -> AsyncIterator[pb.WatchSnapshotResponse]:
        """The account, now and after every change."""
        seen, sent = self._process.change_signal.version, self._process.snapshot()
        yield sent
        while True:
            seen = await self._process.change_signal.wait(seen)
            await asyncio.sleep(self._snapshot_pause_s)
            seen, now = self._process.change_signal.version, self._process.snapshot()
            if now != sent:
                sent = now
                yield now

    async def ReadTradingStates(self, request: pb.ReadTradingStatesRequest) -> pb.ReadTradingStatesResponse:
        """What holds, once no order can leave against it any more."""
        await self._process.guard.keep_to_states()
        # Hundreds of processes are asked at once: the whole snapshot follows by itself.
        return pb.ReadTradingStatesResponse(trading=trading_status(self._process.guard))

    async def PlanSync(self, request: pb.PlanSyncRequest) -> pb.PlanSyncResponse:
        """What a sync would do now."""
        copier = self._process.copier
        if copier is None:
            message = "this account copies nobody, or is not connected yet"
            raise refusal(Status.FAILED_PRECONDITION, "NOT_USER", message)
        try:
            return pb.PlanSyncResponse(positions=await copier.syncs.plan(request.sync))
        except FillInvalid as error:
            raise refusal(Status.INVALID_ARGUMENT, error.reason, str(error)) from error

    async def Drain(
        self,
        request: pb.DrainRequest,
    ) -> pb.DrainResponse:
        """Finishes what is in flight."""
        return pb.DrainResponse(copies_open=await self._process.drain())

    async def InspectNonce(self, request: pb.InspectNonceRequest) -> pb.InspectNonceResponse:
        """What is known of the key's nonce."""
        return pb.InspectNonceResponse(report=await self._process.nonce_report())

    async def FindCoins(self, request: pb.FindCoinsRequest) -> pb.FindCoinsResponse:
        """What the exchange lists under names of coins."""
        try:
            coins = await self._process.find_coins(request.names)
        except ExchangeError as error:
            message = f"the exchange's tables could not be read ({error}); try again"
            raise refusal(Status.UNAVAILABLE, "EXCHANGE", message) from error
        return pb.FindCoinsResponse(coins=coins)

    def _check_epoch(self, epoch: int) -> None:
        mine = self._process.spec.epoch
        if epoch != mine:
            message = f"this process belongs to run {mine} of the supervisor, not {epoch}"
            raise refusal(Status.FAILED_PRECONDITION, "EPOCH_MISMATCH", message)


def _rename(copier: Copier, renames: Iterable[pb.AssetRename]) -> None:
    """Coins that have other names by the journal; repeated ones do nothing. Raises LedgerFault."""
    for rename in renames:
        copier.rename_coin(rename.number, rename.old_name, rename.new_name)
