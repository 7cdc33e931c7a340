"""The Python SDK: ControlService with plain arguments, protobuf messages as results, and errors of one tree.

One method for each RPC, named after it. Lists hide their pages, watches go on after a lost connection,
mutations make their own request_id. Threads may share one KrakenCopy. Knows nothing of the command line.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Self

import grpc

from krakencopy.client.sdk.access import Access, choose_access
from krakencopy.client.sdk.access_calls import AccessCalls
from krakencopy.client.sdk.audit_calls import AuditCalls
from krakencopy.client.sdk.config_calls import ConfigCalls
from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.copy_calls import CopyCalls
from krakencopy.client.sdk.endpoint import Endpoint, parse_endpoint
from krakencopy.client.sdk.errors import BadInput, ServerFault
from krakencopy.client.sdk.intervals import limits
from krakencopy.client.sdk.limit_calls import LimitCalls
from krakencopy.client.sdk.order_calls import OrderCalls
from krakencopy.client.sdk.pages import PAGE_SIZE_MAX, page_size, pages
from krakencopy.client.sdk.setting_calls import SettingCalls
from krakencopy.client.sdk.sync_calls import SyncCalls
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S, NONCE_TIMEOUT_S, PATIENCE_S, RELOAD_TIMEOUT_S
from krakencopy.client.sdk.trading_calls import TradingCalls
from krakencopy.client.sdk.watch_stream import Stream, Watch
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

FillWatch = Watch[pb.WatchFillsResponse, nouns.Fill]
CopyWatch = Watch[pb.WatchCopiesResponse, pb.WatchCopiesResponse]
EventWatch = Watch[pb.WatchEventsResponse, nouns.Event]


class KrakenCopy(
    SettingCalls,
    OrderCalls,
    TradingCalls,
    LimitCalls,
    CopyCalls,
    SyncCalls,
    AuditCalls,
    AccessCalls,
    ConfigCalls,
):
    """A connection to one supervisor, opened with the first call; a context manager.

    ``endpoint`` is ``unix:/path/control.sock``, or ``https://host:port`` by TLS. ``access``: the CA that the
    latter's certificate is from, and the client's own certificate or its token; the environment has what it
    leaves out (KRAKENCOPY_CA, KRAKENCOPY_CERTIFICATE, KRAKENCOPY_KEY, KRAKENCOPY_TOKEN). ``timeout_s`` limits
    each call that doesn't bring its own limit; watches and followed logs have none. A watch that lost its
    connection tries for ``patience_s``. ``channel`` replaces the connection; it belongs to the caller and
    stays open.

    Every method raises a KrakenCopyError: see sdk/errors.py. BadInput at once for an endpoint that can't be
    one.
    """

    def __init__(
        self,
        endpoint: str | Endpoint = "unix:data/run/control.sock",
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        patience_s: float = PATIENCE_S,
        channel: grpc.Channel | None = None,
        access: Access | None = None,
    ) -> None:
        self.endpoint = endpoint if isinstance(endpoint, Endpoint) else parse_endpoint(endpoint)
        connection = Connection(
            self.endpoint,
            timeout_s=timeout_s,
            patience_s=patience_s,
            channel=channel,
            access=choose_access(self.endpoint, access or Access(), os.environ),
        )
        super().__init__(connection)
        self._stub = self._connection.stub
        self._ask = self._connection.ask
        self._watch = self._connection.watch

    def close(self) -> None:
        """End the connection, and every watch on it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # -- the whole system -----------------------------------------------------------------------------------

    def get_status(self, *, timeout_s: float | None = None) -> pb.GetStatusResponse:
        """The whole system on one page."""
        return self._ask(self._stub.GetStatus, pb.GetStatusRequest(), timeout_s)

    def get_report(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout_s: float | None = None,
    ) -> pb.GetReportResponse:
        """What became of every fill at every user, or of those that were executed from ``since`` on and
        before ``until``. Raises ServerFault where the supervisor is too old to know them.
        """
        request = pb.GetReportRequest(**limits(since, until))
        answer = self._ask(self._stub.GetReport, request, timeout_s)
        knows = (since is None or answer.HasField("since")) and (until is None or answer.HasField("until"))
        if not knows:
            raise ServerFault("the supervisor is older than this client: it reports on all fills only")
        return answer

    def reload(
        self, *, dry_run: bool = False, request_id: str = "", timeout_s: float | None = None
    ) -> pb.ReloadResponse:
        """Have the supervisor read its configuration file again and apply what changed, or with ``dry_run``
        only say what would be.

        Raises BadConfiguration for a file that cannot be used, Refused for changes that need a restart. The
        supervisor may run commands for credentials, which takes as long as they take: ``timeout_s`` is a
        minute unless given.
        """
        request_id = request_id or _new_request_id()
        request = pb.ReloadRequest(request_id=request_id, dry_run=dry_run)
        limit_s = RELOAD_TIMEOUT_S if timeout_s is None else timeout_s
        return self._ask(self._stub.Reload, request, limit_s, request_id)

    def shutdown(
        self, *, now: bool = False, request_id: str = "", timeout_s: float | None = None
    ) -> pb.ShutdownResponse:
        """Begin to stop the supervisor. Returns at once; the supervisor is gone when calls raise Unavailable.

        ``now``: wait for nothing in flight longer than about a second, also where a shutdown has begun
        already.
        """
        request_id = request_id or _new_request_id()
        request = pb.ShutdownRequest(request_id=request_id, now=now)
        return self._ask(self._stub.Shutdown, request, timeout_s, request_id)

    # -- accounts -------------------------------------------------------------------------------------------

    def list_accounts(self, *, timeout_s: float | None = None) -> Iterator[nouns.Account]:
        """All accounts, the master first, then by id."""

        def page(token: str) -> tuple[Iterable[nouns.Account], str]:
            request = pb.ListAccountsRequest(page_size=PAGE_SIZE_MAX, page_token=token)
            response = self._ask(self._stub.ListAccounts, request, timeout_s)
            return response.accounts, response.next_page_token

        return pages(page, None)

    def get_account(self, account_id: str, *, timeout_s: float | None = None) -> nouns.Account:
        """One account. Raises NotFound."""
        request = pb.GetAccountRequest(account_id=account_id)
        return self._ask(self._stub.GetAccount, request, timeout_s).account

    def get_nonce(self, account_id: str, *, timeout_s: float | None = None) -> nouns.NonceReport:
        """What is known of the nonce of an account's API key. Raises NotFound.

        The exchange is asked as well: ``timeout_s`` is 20 s unless given.
        """
        request = pb.GetNonceRequest(account_id=account_id)
        limit_s = NONCE_TIMEOUT_S if timeout_s is None else timeout_s
        return self._ask(self._stub.GetNonce, request, limit_s).report

    def start_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> nouns.Account:
        """Want the account's process to run; the way out of FAILED. Gives the account as it stands right
        after.
        """
        request_id = request_id or _new_request_id()
        request = pb.StartAccountRequest(request_id=request_id, account_id=account_id)
        return self._ask(self._stub.StartAccount, request, timeout_s, request_id).account

    def stop_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> nouns.Account:
        """Want no process; it finishes what is in flight. Gives the account as it stands right after."""
        request_id = request_id or _new_request_id()
        request = pb.StopAccountRequest(request_id=request_id, account_id=account_id)
        return self._ask(self._stub.StopAccount, request, timeout_s, request_id).account

    def restart_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> nouns.Account:
        """Stop the process and start it again. Gives the account as it stands right after."""
        request_id = request_id or _new_request_id()
        request = pb.RestartAccountRequest(request_id=request_id, account_id=account_id)
        return self._ask(self._stub.RestartAccount, request, timeout_s, request_id).account

    def pause_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> nouns.Account:
        """Hand a user no more fills; they wait in the journal. Gives the account as it stands right after."""
        request_id = request_id or _new_request_id()
        request = pb.PauseAccountRequest(request_id=request_id, account_id=account_id)
        return self._ask(self._stub.PauseAccount, request, timeout_s, request_id).account

    def resume_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> nouns.Account:
        """Hand a user fills again: exits of the pause are done, entries that are too old skipped."""
        request_id = request_id or _new_request_id()
        request = pb.ResumeAccountRequest(request_id=request_id, account_id=account_id)
        return self._ask(self._stub.ResumeAccount, request, timeout_s, request_id).account

    def rename_asset(
        self, old_name: str, new_name: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> pb.RenameAssetResponse:
        """Have positions follow a coin that has another name from now on (MATIC is POL). Repeating it does
        nothing.

        Gives the master's counted position in it. Raises BadInput (no names) or Refused (renamed to something
        else before).
        """
        request_id = request_id or _new_request_id()
        request = pb.RenameAssetRequest(request_id=request_id, old_name=old_name, new_name=new_name)
        return self._ask(self._stub.RenameAsset, request, timeout_s, request_id)

    # -- fills, copies, events ------------------------------------------------------------------------------

    def list_fills(
        self,
        *,
        pair: str = "",
        after_seq: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[nouns.Fill]:
        """Fills of the master, the latest first; with ``after_seq`` those after it, ascending. At most
        ``limit``. ``pair``: in any spelling (XBTUSD, btc-usd). ``since`` and ``until``: only those that were
        executed from then on, and before then.
        """
        limited = limits(since, until)

        def page(token: str) -> tuple[Iterable[nouns.Fill], str]:
            request = pb.ListFillsRequest(
                page_size=page_size(limit), page_token=token, pair=pair, after_seq=after_seq, **limited
            )
            response = self._ask(self._stub.ListFills, request, timeout_s)
            return response.fills, response.next_page_token

        return pages(page, limit)

    def watch_fills(self, after_seq: int | None = None, *, pair: str = "") -> FillWatch:
        """Fills after a seq (0: from the beginning), then live ones; without a seq only new ones. ``pair``:
        only of this one, in any spelling.
        """

        def open_stream(after: int | None) -> Stream[pb.WatchFillsResponse]:
            return self._stub.WatchFills(pb.WatchFillsRequest(after_seq=after, pair=pair))

        return self._watch(open_stream, lambda response: (response.fill.seq, response.fill), after_seq)

    def list_copies(
        self,
        *,
        account_id: str = "",
        fill_seq: int = 0,
        state: nouns.CopyState.ValueType = nouns.COPY_STATE_UNSPECIFIED,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[nouns.Copy]:
        """Copies of one or all users, the one that changed last first. At most ``limit``. ``since`` and
        ``until``: only those whose last hop was from then on, and before then.
        """
        limited = limits(since, until)

        def page(token: str) -> tuple[Iterable[nouns.Copy], str]:
            request = pb.ListCopiesRequest(
                page_size=page_size(limit),
                page_token=token,
                account_id=account_id,
                fill_seq=fill_seq,
                state=state,
                **limited,
            )
            response = self._ask(self._stub.ListCopies, request, timeout_s)
            return response.copies, response.next_page_token

        return pages(page, limit)

    def watch_copies(self, after_change: int | None = None, *, account_id: str = "") -> CopyWatch:
        """Changes of copies after a change number (0: from the beginning), then live ones; without a
        number only new ones.
        """

        def open_stream(after: int | None) -> Stream[pb.WatchCopiesResponse]:
            request = pb.WatchCopiesRequest(after_change=after, account_id=account_id)
            return self._stub.WatchCopies(request)

        return self._watch(open_stream, lambda response: (response.change, response), after_change)

    def list_events(
        self,
        *,
        account_id: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[nouns.Event]:
        """Events, the latest first. At most ``limit``. ``since`` and ``until``: only those from then on, and
        before then.
        """
        limited = limits(since, until)

        def page(token: str) -> tuple[Iterable[nouns.Event], str]:
            request = pb.ListEventsRequest(
                page_size=page_size(limit), page_token=token, account_id=account_id, **limited
            )
            response = self._ask(self._stub.ListEvents, request, timeout_s)
            return response.events, response.next_page_token

        return pages(page, limit)

    def watch_events(self, after_seq: int | None = None) -> EventWatch:
        """Events after a seq (0: from the beginning), then live ones; without a seq only new ones."""

        def open_stream(after: int | None) -> Stream[pb.WatchEventsResponse]:
            return self._stub.WatchEvents(pb.WatchEventsRequest(after_seq=after))

        return self._watch(open_stream, lambda response: (response.event.seq, response.event), after_seq)

    def explain_fill(
        self, *, seq: int | None = None, exec_id: str | None = None, timeout_s: float | None = None
    ) -> pb.ExplainFillResponse:
        """One fill, by its seq or its execution id, and what every user made of it. Raises NotFound."""
        if seq is not None and exec_id is None:
            request = pb.ExplainFillRequest(seq=seq)
        elif exec_id is not None and seq is None:
            request = pb.ExplainFillRequest(exec_id=exec_id)
        else:
            raise BadInput("explain_fill wants either a seq or an exec_id")
        return self._ask(self._stub.ExplainFill, request, timeout_s)

    # -- logs ------------------------------------------------------------------------------------

    def read_log(
        self,
        account_id: str,
        *,
        lines: int = 100,
        follow: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[str]:
        """The last lines of an account's log, or of ``"supervisor"``; with ``follow`` then new ones, without
        end. ``since`` and ``until``: only those that were written from then on, and before then.

        A log has no positions: after a lost connection it raises Unavailable and does not go on.
        """
        request = pb.ReadLogRequest(account_id=account_id, lines=lines, follow=follow, **limits(since, until))
        return (
            response.line
            for response in self._connection.stream(self._stub.ReadLog, request, is_endless=follow)
        )


def _new_request_id() -> str:
    return str(uuid.uuid4())
