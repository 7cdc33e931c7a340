"""ControlService over gRPC: what operators and other services may ask. A thin shell over the supervisor
and its journal.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.pair_spellings import find_pair
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.supervisor.accounts.account_detail import show_detail
from krakencopy.supervisor.accounts.account_view import account_message, nonce_message, standing
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.leaving_events import leaving_words
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.audit.log import AuditLog
from krakencopy.supervisor.control import log_tail
from krakencopy.supervisor.control.access_calls import AccessCalls
from krakencopy.supervisor.control.answered_once import AnsweredOnce
from krakencopy.supervisor.control.audit_calls import AuditCalls
from krakencopy.supervisor.control.copy_calls import CopyCalls
from krakencopy.supervisor.control.known_accounts import check_configured, find_account, find_user, seen_by
from krakencopy.supervisor.control.limit_calls import LimitCalls
from krakencopy.supervisor.control.order_calls import OrderCalls
from krakencopy.supervisor.control.page_tokens import PageTokens
from krakencopy.supervisor.control.pages import (
    END,
    PAGE_DEFAULT,
    change_of,
    follow,
    interval_of,
    page_size,
    page_start,
    read_page,
    seq_of,
    watch_start,
)
from krakencopy.supervisor.control.principals import principal_of
from krakencopy.supervisor.control.refusals import CODES, Context, check_request_id, refuse
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.control.remote_access import RemoteAccess
from krakencopy.supervisor.control.renames import asset_name, why_not_renamed
from krakencopy.supervisor.control.rotation_calls import RotationCalls
from krakencopy.supervisor.control.setting_calls import SettingCalls, groups_of, kept_settings
from krakencopy.supervisor.control.sync_calls import SyncCalls
from krakencopy.supervisor.control.trading_calls import TradingCalls
from krakencopy.supervisor.journal import report
from krakencopy.supervisor.journal.explanation import explain
from krakencopy.supervisor.journal.interval import last_hop
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

#: How long an answer waits for the loop to act, in seconds.
TURN_MAX_S = 1.0
#: Between the answer to Shutdown and its beginning, in seconds.
SHUTDOWN_PAUSE_S = 0.1

Answer = TypeVar("Answer", bound=Message)


def installed_version() -> str:
    """The version of this package; "unknown" when it runs from a bare checkout."""
    try:
        return version("krakencopy")
    except PackageNotFoundError:
        return "unknown"


class ControlServicer(
    SettingCalls, OrderCalls, TradingCalls, LimitCalls, CopyCalls, SyncCalls, AuditCalls, AccessCalls,
    RotationCalls,
):  # fmt: skip
    """Serves one supervisor."""

    def __init__(
        self, supervisor: Supervisor, reloader: Reloader, audit: AuditLog, access: RemoteAccess
    ) -> None:
        self._supervisor = supervisor
        self._reloader = reloader
        self._journal = supervisor.journal
        self._page_tokens = PageTokens(supervisor.journal.journal_id)
        self._answers = RememberedAnswers()
        self._acted_once = AnsweredOnce(self._answers)
        SettingCalls.__init__(self, supervisor, reloader, self._answers)
        OrderCalls.__init__(self, supervisor, self._page_tokens, self._answers)
        TradingCalls.__init__(self, supervisor, self._answers)
        LimitCalls.__init__(self, supervisor, self._answers)
        CopyCalls.__init__(self, supervisor, self._answers)
        SyncCalls.__init__(self, supervisor, self._answers)
        AuditCalls.__init__(self, audit, self._page_tokens)
        AccessCalls.__init__(self, supervisor, access, self._answers)
        RotationCalls.__init__(self, supervisor, reloader, self._page_tokens, self._answers, self._message)

    # -- the whole ------------------------------------------------------------------------------------------

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """The whole system on one page."""
        supervisor = self._supervisor
        why_not, place = supervisor.readiness(), supervisor.place
        return pb.GetStatusResponse(
            ready=not why_not, message=why_not, version=installed_version(), pid=os.getpid(),
            epoch=supervisor.epoch, started_at=timestamp(supervisor.started_at),
            exchange=pb.ExchangeStatus(
                mode=supervisor.config.exchange.mode, rest_url=place.rest_url, ws_url=place.ws_url
            ),
            accounts=[self._message(account) for account in supervisor.accounts.values()],
            head_seq=self._journal.head, copies=report.counts_in(self._journal, of_shadows=False),
            shadow_copies=report.counts_in(self._journal, of_shadows=True),
            head_change=self._journal.last_change, head_event=self._journal.last_event,
            pairs=sorted(self._journal.pairs),
            groups=groups_of(supervisor.config, self._reloader.tables),
            settings=kept_settings(self._journal, supervisor.config),
        )  # fmt: skip

    async def GetReport(self, request: pb.GetReportRequest, context: Context) -> pb.GetReportResponse:
        """What became of every fill at every user."""
        interval = await interval_of(request, context)
        users = [user.id for user in self._supervisor.config.users]
        answer = await report.report(self._journal, users, interval)
        if request.HasField("since"):
            answer.since.CopyFrom(request.since)
        if request.HasField("until"):
            answer.until.CopyFrom(request.until)
        return answer

    async def Shutdown(self, request: pb.ShutdownRequest, context: Context) -> pb.ShutdownResponse:
        """Users first, then the master, then the supervisor itself."""
        await check_request_id(request.request_id, context)
        # After the answer has left: the end of the server would lose it.
        supervisor = self._supervisor
        shutdown = supervisor.hurry_shutdown if request.now else supervisor.shutdown.begin
        asyncio.get_running_loop().call_later(SHUTDOWN_PAUSE_S, shutdown)
        return pb.ShutdownResponse()

    # -- accounts -------------------------------------------------------------------------------------------

    async def ListAccounts(
        self, request: pb.ListAccountsRequest, context: Context
    ) -> pb.ListAccountsResponse:
        """All accounts, masters first, then Kraken's users, then the others, each by id."""
        size, start = page_size(request.page_size), await page_start(self._page_tokens, request, 0, context)
        accounts = seen_by(principal_of(context), self._supervisor.accounts)
        more = start + size < len(accounts)
        return pb.ListAccountsResponse(
            accounts=[self._message(account) for account in accounts[start : start + size]],
            next_page_token=self._page_tokens.token(request, start + size) if more else "",
        )

    async def GetAccount(self, request: pb.GetAccountRequest, context: Context) -> pb.GetAccountResponse:
        """One account, with what its ledger says where its process does not."""
        account, supervisor = await self._account(request.account_id, context), self._supervisor
        message, link = self._message(account), account.process.link
        ledger = supervisor.place.ledger(request.account_id)
        snapshot = None if link is None else link.snapshot
        await show_detail(message, account.config, supervisor.config, ledger, snapshot)
        return pb.GetAccountResponse(account=message)

    async def GetNonce(self, request: pb.GetNonceRequest, context: Context) -> pb.GetNonceResponse:
        """What is known of an account's nonce."""
        account = await self._account(request.account_id, context)
        if not account.config.is_kraken:
            message = f"{request.account_id} is at {account.config.broker}, over ccxt: it keeps no nonce file"
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NO_NONCE", message)
        nonce_path = self._supervisor.place.nonce(account.config)
        return pb.GetNonceResponse(report=await nonce_message(account, nonce_path))

    async def StartAccount(
        self, request: pb.StartAccountRequest, context: Context
    ) -> pb.StartAccountResponse:
        """Wants the account's process to run."""
        return await self._mutate(request, context, self._supervisor.start, pb.StartAccountResponse)

    async def StopAccount(self, request: pb.StopAccountRequest, context: Context) -> pb.StopAccountResponse:
        """Wants no process."""
        return await self._mutate(request, context, self._supervisor.stop, pb.StopAccountResponse)

    async def RestartAccount(
        self, request: pb.RestartAccountRequest, context: Context
    ) -> pb.RestartAccountResponse:
        """Stops the process and starts it again."""
        return await self._mutate(request, context, self._supervisor.restart, pb.RestartAccountResponse)

    async def PauseAccount(
        self, request: pb.PauseAccountRequest, context: Context
    ) -> pb.PauseAccountResponse:
        """Hands no more fills to a user."""
        await self._user(request.account_id, context)
        return await self._mutate(request, context, self._supervisor.pause, pb.PauseAccountResponse)

    async def ResumeAccount(
        self, request: pb.ResumeAccountRequest, context: Context
    ) -> pb.ResumeAccountResponse:
        """Hands out fills again, those of the pause first."""
        await self._user(request.account_id, context)
        return await self._mutate(request, context, self._supervisor.resume, pb.ResumeAccountResponse)

    async def RenameAsset(self, request: pb.RenameAssetRequest, context: Context) -> pb.RenameAssetResponse:
        """Has positions follow a coin to its new name."""
        await check_request_id(request.request_id, context)
        old, new = [await asset_name(request, field, context) for field in ("old_name", "new_name")]
        await self._check_names(old, new, context)
        try:
            self._supervisor.names.rename_asset(old, new, "an operator's word")
        except ValueError as error:
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_RENAMED", str(error))
        return pb.RenameAssetResponse(journal_position=plain(self._journal.coins.position(new)))

    async def _check_names(self, old: str, new: str, context: Context) -> None:
        """Refuses a word on a coin's name that the exchange's tables contradict, and one that nobody can
        hold against them now.
        """
        accounts = self._supervisor.accounts.values()
        at_kraken = (each for each in accounts if each.config.is_kraken and each.serving)
        link = next((each.process.link for each in at_kraken if each.process.link is not None), None)
        if link is None:
            message = (
                "no account is connected to the exchange, whose tables tell two coins apart; say it "
                "again when one is"
            )
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOBODY_CONNECTED", message)
        try:
            listed = await link.find_coins([old, new])
        except CallFailed as error:
            await refuse(
                context,
                CODES[error.status],
                error.reason or "EXCHANGE",
                error.message,
                metadata=error.metadata,
            )
        why_not = why_not_renamed(old, listed[0], new, listed[1], has_traded=self._journal.has_traded(old))
        if why_not:
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_RENAMED", why_not)

    async def _user(self, account_id: str, context: Context) -> None:
        await find_user(self._supervisor.accounts, account_id, context, "only what copies can be paused")

    async def _mutate(
        self, request: Any, context: Context, act: Callable[[str], None], answer_type: type[Answer]
    ) -> Answer:
        """Acts once for each request id; the account as it stands right after."""
        account = await self._account(request.account_id, context)
        await check_configured(account, context)
        await check_request_id(request.request_id, context)
        key = (answer_type.DESCRIPTOR.name, request.account_id, request.request_id)

        async def mutate() -> Answer:
            seen = self._supervisor.changes.version
            act(request.account_id)
            # The loop has its turn, so that the answer shows what the action led to.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._supervisor.changes.wait(seen), TURN_MAX_S)
            return answer_type(account=self._message(account))

        return await self._acted_once.answer(key, answer_type, mutate)

    async def _check_known(self, account_id: str, context: Context, *also: str) -> None:
        """What was written of a user stays to be read when it is not configured any more."""
        also = (*self._journal.user_ids(), *also)
        if account_id not in also:
            await find_account(self._supervisor.accounts, account_id, context, also)

    def _message(self, account: SupervisedAccount) -> types_pb2.Account:
        account_id = account.config.id
        acked_seq = self._journal.mark(account_id).acked_seq if account.config.copies else 0
        message = account_message(account, self._supervisor.ends.of(account_id), acked_seq)
        message.owner = self.config_views.owner(account_id)
        message.settings_differ = len(self._supervisor.config.written.file_values.get(account_id, ()))
        leaver, master = self._supervisor.leavers.by_id.get(account_id), self._supervisor.registry.master
        message.leaving = leaving_words(leaver, account, master_serves=master.serving)
        message.trading.CopyFrom(self._supervisor.trading_acks.status(account))
        if (notice := self._supervisor.trading_acks.notice(account_id)) is not None:
            message.notices.append(notice)
        return message

    async def _account(self, account_id: str, context: Context) -> SupervisedAccount:
        return await find_account(self._supervisor.accounts, account_id, context)

    # -- fills and copies -----------------------------------------------------------------------------------

    async def ListFills(self, request: pb.ListFillsRequest, context: Context) -> pb.ListFillsResponse:
        """Fills of the master."""
        journal = self._journal
        if request.HasField("after_seq"):
            first, read = request.after_seq, journal.fills_after
        else:
            first, read = END, journal.fills_before
        interval = await interval_of(request, context)
        # Of a pair that was never traded there are no fills.
        pair = find_pair(request.pair, journal.pairs) or request.pair if request.pair else ""
        fills, token = await read_page(
            self._page_tokens,
            request,
            first,
            lambda start, most: read(start, most, pair),
            seq_of,
            context,
            None if interval.is_all else lambda fill: interval.holds(fill.executed_at),
        )
        return pb.ListFillsResponse(fills=fills, next_page_token=token)

    async def WatchFills(
        self, request: pb.WatchFillsRequest, context: Context
    ) -> AsyncIterator[pb.WatchFillsResponse]:
        """Fills after a seq, then live ones."""
        after = await watch_start(request, "after_seq", self._journal.head, context)
        change_signal = self._supervisor.fills.change_signal
        async for fill in follow(after, self._journal.fills_after, seq_of, change_signal):
            if not request.pair or find_pair(request.pair, (fill.pair,)):
                yield pb.WatchFillsResponse(fill=fill)

    async def ListCopies(self, request: pb.ListCopiesRequest, context: Context) -> pb.ListCopiesResponse:
        """Copies, the latest first."""
        if request.account_id:
            await self._check_known(request.account_id, context)

        def read(start: int, most: int) -> Sequence[tuple[int, types_pb2.Copy]]:
            return self._journal.copies_before(
                start, most, request.account_id, request.state, request.fill_seq
            )

        interval = await interval_of(request, context)
        keep = None if interval.is_all else lambda row: interval.holds(last_hop(row[1]))
        rows, token = await read_page(self._page_tokens, request, END, read, change_of, context, keep)
        return pb.ListCopiesResponse(copies=[copy for _, copy in rows], next_page_token=token)

    async def WatchCopies(
        self, request: pb.WatchCopiesRequest, context: Context
    ) -> AsyncIterator[pb.WatchCopiesResponse]:
        """Every change of a copy after a change number, then live ones."""
        if request.account_id:
            await self._check_known(request.account_id, context)
        after = await watch_start(request, "after_change", self._journal.last_change, context)

        def read(start: int, most: int) -> Sequence[tuple[int, types_pb2.Copy]]:
            return self._journal.copies_after(start, most, request.account_id)

        async for change, copy in follow(after, read, change_of, self._supervisor.reports.change_signal):
            yield pb.WatchCopiesResponse(change=change, copy=copy)

    async def ExplainFill(self, request: pb.ExplainFillRequest, context: Context) -> pb.ExplainFillResponse:
        """One fill and what every user made of it."""
        fill = self._journal.fill(request.seq, request.exec_id)
        if fill is None:
            message = (
                f"there is no fill {request.exec_id or request.seq}; the last one is {self._journal.head}"
            )
            await refuse(context, grpc.StatusCode.NOT_FOUND, "FILL_NOT_FOUND", message)
        users = [user.id for user in self._supervisor.config.users]
        accounts = self._supervisor.accounts
        return explain(self._journal, fill, users, lambda user_id: standing(accounts[user_id]))

    # -- events and logs ------------------------------------------------------------------------------------

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        """Events, the latest first."""
        if request.account_id:
            await self._check_known(request.account_id, context)
        interval = await interval_of(request, context)
        events, token = await read_page(
            self._page_tokens, request, END,
            lambda start, most: self._journal.events_before(start, most, request.account_id), seq_of, context,
            None if interval.is_all else lambda event: interval.holds(event.at),
        )  # fmt: skip
        return pb.ListEventsResponse(events=events, next_page_token=token)

    async def WatchEvents(
        self, request: pb.WatchEventsRequest, context: Context
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        """Events after a seq, then live ones."""
        after = await watch_start(request, "after_seq", self._journal.last_event, context)
        change_signal = self._supervisor.events.change_signal
        async for event in follow(after, self._journal.events_after, seq_of, change_signal):
            yield pb.WatchEventsResponse(event=event)

    async def ReadLog(
        self, request: pb.ReadLogRequest, context: Context
    ) -> AsyncIterator[pb.ReadLogResponse]:
        """The last lines of a log, then new ones if asked."""
        await self._check_known(request.account_id, context, "supervisor")
        path = self._supervisor.place.log(request.account_id)
        count = request.lines if request.lines > 0 else PAGE_DEFAULT
        interval = await interval_of(request, context)
        async for line in log_tail.lines(path, count, follow=request.follow, interval=interval):
            yield pb.ReadLogResponse(line=line)
