"""Methods that give typed values, for asyncio.

Made from client/sdk/calls by tests/support/sdk.py: not to be edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from krakencopy.client.sdk.async_connection import AsyncConnection
from krakencopy.client.sdk.async_streams import AsyncItems, AsyncLines
from krakencopy.client.sdk.async_watch import AsyncWatch
from krakencopy.client.sdk.calls import (
    access_calls,
    account_calls,
    audit_calls,
    config_calls,
    copy_calls,
    event_calls,
    fill_calls,
    limit_calls,
    order_calls,
    setting_calls,
    status_calls,
    sync_calls,
    trading_calls,
)
from krakencopy.client.sdk.calls.order_calls import SideWord
from krakencopy.client.sdk.calls.trading_calls import StateWord
from krakencopy.client.sdk.generated import values
from krakencopy.client.sdk.generated.enums import CopyState
from krakencopy.client.sdk.value import each
from krakencopy.v1 import audit_pb2 as audit
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


class AsyncMethods:
    """A method for each RPC of ControlService."""

    _connection: AsyncConnection

    async def who_am_i(self, *, timeout_s: float | None = None) -> values.WhoAmIResponse:
        """Who the caller is to the supervisor, and what that one may do."""
        return await self._connection.ask(
            access_calls.who_am_i(timeout_s=timeout_s).then(values.WhoAmIResponse)
        )

    async def create_token(
        self,
        name: str,
        role: str,
        ttl: timedelta,
        *,
        account_id: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.CreateTokenResponse:
        """Make a token for ``name``, which is in the answer and kept nowhere. ``role``: "viewer", "operator",
        "trader", "admin", or "owner" with its ``account_id``. Raises BadInput, NotFound, Refused.
        """
        return await self._connection.ask(
            access_calls.create_token(
                name, role, ttl, account_id=account_id, request_id=request_id, timeout_s=timeout_s
            ).then(values.CreateTokenResponse)
        )

    async def list_tokens(self, *, timeout_s: float | None = None) -> list[values.Credential]:
        """All tokens, the latest first, without their secrets."""
        return await self._connection.ask(
            access_calls.list_tokens(timeout_s=timeout_s).then(each(values.Credential))
        )

    async def revoke_token(
        self, token_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> values.Credential:
        """Have a token refused from now on; what it runs ends. Raises NotFound."""
        return await self._connection.ask(
            access_calls.revoke_token(token_id, request_id=request_id, timeout_s=timeout_s).then(
                values.Credential
            )
        )

    async def issue_certificate(
        self,
        name: str,
        role: str,
        ttl: timedelta,
        certificate_request: str,
        *,
        account_id: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.IssueCertificateResponse:
        """Have a certificate issued by the supervisor's own CA for the key of ``certificate_request`` (PKCS #10,
        DER in base64), which stays where it was made. Raises BadInput, NotFound, Refused.
        """
        return await self._connection.ask(
            access_calls.issue_certificate(
                name,
                role,
                ttl,
                certificate_request,
                account_id=account_id,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.IssueCertificateResponse)
        )

    async def list_principals(self, *, timeout_s: float | None = None) -> list[values.Credential]:
        """All who may call from elsewhere: names of the configuration, certificates, tokens."""
        return await self._connection.ask(
            access_calls.list_principals(timeout_s=timeout_s).then(each(values.Credential))
        )

    async def revoke_principal(
        self, name: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> list[values.Credential]:
        """Have all tokens and certificates of a name refused from now on. Raises NotFound, Refused for a name of
        the configuration.
        """
        return await self._connection.ask(
            access_calls.revoke_principal(name, request_id=request_id, timeout_s=timeout_s).then(
                each(values.Credential)
            )
        )

    def list_accounts(self, *, timeout_s: float | None = None) -> AsyncItems[values.Account]:
        """All accounts, the master first, then by id."""
        return self._connection.items(account_calls.list_accounts(timeout_s=timeout_s).each(values.Account))

    async def get_account(self, account_id: str, *, timeout_s: float | None = None) -> values.Account:
        """One account. Raises NotFound."""
        return await self._connection.ask(
            account_calls.get_account(account_id, timeout_s=timeout_s).then(values.Account)
        )

    async def get_nonce(self, account_id: str, *, timeout_s: float | None = None) -> values.NonceReport:
        """What is known of the nonce of an account's API key. Raises NotFound.

        The exchange is asked as well: ``timeout_s`` is 20 s unless given.
        """
        return await self._connection.ask(
            account_calls.get_nonce(account_id, timeout_s=timeout_s).then(values.NonceReport)
        )

    async def start_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> values.Account:
        """Want the account's process to run; the way out of FAILED. Gives the account as it stands right
        after.
        """
        return await self._connection.ask(
            account_calls.start_account(account_id, request_id=request_id, timeout_s=timeout_s).then(
                values.Account
            )
        )

    async def stop_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> values.Account:
        """Want no process; it finishes what is in flight. Gives the account as it stands right after."""
        return await self._connection.ask(
            account_calls.stop_account(account_id, request_id=request_id, timeout_s=timeout_s).then(
                values.Account
            )
        )

    async def restart_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> values.Account:
        """Stop the process and start it again. Gives the account as it stands right after."""
        return await self._connection.ask(
            account_calls.restart_account(account_id, request_id=request_id, timeout_s=timeout_s).then(
                values.Account
            )
        )

    async def pause_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> values.Account:
        """Hand a user no more fills; they wait in the journal. Gives the account as it stands right after."""
        return await self._connection.ask(
            account_calls.pause_account(account_id, request_id=request_id, timeout_s=timeout_s).then(
                values.Account
            )
        )

    async def resume_account(
        self, account_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> values.Account:
        """Hand a user fills again: exits of the pause are done, entries that are too old skipped."""
        return await self._connection.ask(
            account_calls.resume_account(account_id, request_id=request_id, timeout_s=timeout_s).then(
                values.Account
            )
        )

    async def rename_asset(
        self, old_name: str, new_name: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> values.RenameAssetResponse:
        """Have positions follow a coin that has another name from now on (MATIC is POL). Repeating it does
        nothing.

        Gives the master's counted position in it. Raises BadInput (no names) or Refused (renamed to something
        else before).
        """
        return await self._connection.ask(
            account_calls.rename_asset(old_name, new_name, request_id=request_id, timeout_s=timeout_s).then(
                values.RenameAssetResponse
            )
        )

    def list_audit_entries(
        self,
        *,
        principal: str = "",
        account_id: str = "",
        method: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        each_entry: bool = False,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> AsyncItems[values.AuditEntry]:
        """Calls that changed something, or were to, the latest first, each once with what came of it. At most
        ``limit``. ``principal``: only calls of this one; ``account_id``: that name this account, or all;
        ``method``: of this RPC ("StopAccount"); ``since`` and ``until``: from then on, and before then. With
        ``each_entry`` the beginning of a call is an entry of its own.
        """
        return self._connection.items(
            audit_calls.list_audit_entries(
                principal=principal,
                account_id=account_id,
                method=method,
                since=since,
                until=until,
                each_entry=each_entry,
                limit=limit,
                timeout_s=timeout_s,
            ).each(values.AuditEntry)
        )

    def watch_audit(
        self, after_number: int | None = None, *, with_lines: bool = False
    ) -> AsyncWatch[audit.WatchAuditResponse, values.AuditEntry]:
        """Entries behind a number (0: from the beginning), then new ones as they are durable; without a number
        only new ones. ``with_lines``: each with its line as it stands in the log: written to a file, one a line,
        they are a copy that can be verified.
        """
        return self._connection.watch(
            audit_calls.watch_audit(after_number, with_lines=with_lines).each(values.AuditEntry)
        )

    async def verify_audit(
        self, *, head: str = "", timeout_s: float | None = None
    ) -> values.VerifyAuditResponse:
        """Whether the audit log is what was written: ``intact``, or what is wrong with which entry. ``head``: a
        hash that was noted earlier, which must be among the entries'. ``timeout_s`` is a minute unless given.
        """
        return await self._connection.ask(
            audit_calls.verify_audit(head=head, timeout_s=timeout_s).then(values.VerifyAuditResponse)
        )

    async def create_account(
        self,
        account_id: str,
        fields: Mapping[str, Any] | None = None,
        *,
        validate_only: bool = False,
        changed_by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.CreateAccountResponse:
        """Configure a new account. ``fields`` are those of ``AccountConfig``: ``credentials_file``,
        ``group``, ``mode``, ``copy={"max_user_risk": "0.05"}`` and so on.

        It is durable when this returns, and the answer says what follows. With ``validate_only`` all is
        checked and nothing changed. ``changed_by``: who asks, this machine user unless given. Raises Refused
        (``ALREADY_EXISTS``), BadInput with a line for each fault.
        """
        return await self._connection.ask(
            config_calls.create_account(
                account_id,
                fields,
                validate_only=validate_only,
                changed_by=changed_by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.CreateAccountResponse)
        )

    async def update_account(
        self,
        account_id: str,
        fields: Mapping[str, Any] | None = None,
        *,
        paths: Iterable[str] = (),
        etag: str = "",
        validate_only: bool = False,
        changed_by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.UpdateAccountResponse:
        """Change an account of the API: all ``fields`` that are given, or those that ``paths`` name
        (``"copy.max_user_risk"``); what is named and not given is taken out.

        With an ``etag`` only if nobody has changed it since that was read. Raises as ``create_account``, and
        NotFound, Refused (``ETAG_NOT_CURRENT``, ``OWNED_BY_FILE``).
        """
        return await self._connection.ask(
            config_calls.update_account(
                account_id,
                fields,
                paths=paths,
                etag=etag,
                validate_only=validate_only,
                changed_by=changed_by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.UpdateAccountResponse)
        )

    async def delete_account(
        self,
        account_id: str,
        *,
        on_leave: str = "",
        etag: str = "",
        validate_only: bool = False,
        changed_by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.DeleteAccountResponse:
        """Delete an account of the API. ``on_leave``: what becomes of what copying bought: ``"keep"``,
        ``"close_only"``, ``"close_all"``; as its rules say without it. Raises as ``update_account``.
        """
        return await self._connection.ask(
            config_calls.delete_account(
                account_id,
                on_leave=on_leave,
                etag=etag,
                validate_only=validate_only,
                changed_by=changed_by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.DeleteAccountResponse)
        )

    async def get_account_config(
        self, account_id: str, *, timeout_s: float | None = None
    ) -> values.AccountConfig:
        """An account as it is configured, by the file or the API. Raises NotFound."""
        return await self._connection.ask(
            config_calls.get_account_config(account_id, timeout_s=timeout_s).then(values.AccountConfig)
        )

    def list_account_configs(self, *, timeout_s: float | None = None) -> AsyncItems[values.AccountConfig]:
        """All accounts as they are configured: the file's, then the API's."""
        return self._connection.items(
            config_calls.list_account_configs(timeout_s=timeout_s).each(values.AccountConfig)
        )

    async def create_group(
        self,
        group_id: str,
        copy: Mapping[str, str] | None = None,
        *,
        validate_only: bool = False,
        changed_by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.CreateGroupResponse:
        """Configure a new group, with rules of copying that its members share. Raises as
        ``create_account``.
        """
        return await self._connection.ask(
            config_calls.create_group(
                group_id,
                copy,
                validate_only=validate_only,
                changed_by=changed_by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.CreateGroupResponse)
        )

    async def update_group(
        self,
        group_id: str,
        copy: Mapping[str, str] | None = None,
        *,
        paths: Iterable[str] = (),
        etag: str = "",
        validate_only: bool = False,
        changed_by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.UpdateGroupResponse:
        """Change a group of the API. Raises as ``update_account``."""
        return await self._connection.ask(
            config_calls.update_group(
                group_id,
                copy,
                paths=paths,
                etag=etag,
                validate_only=validate_only,
                changed_by=changed_by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.UpdateGroupResponse)
        )

    async def delete_group(
        self,
        group_id: str,
        *,
        etag: str = "",
        validate_only: bool = False,
        changed_by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.DeleteGroupResponse:
        """Delete a group of the API. Raises as ``update_account``, and Refused (``GROUP_HAS_MEMBERS``)."""
        return await self._connection.ask(
            config_calls.delete_group(
                group_id,
                etag=etag,
                validate_only=validate_only,
                changed_by=changed_by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.DeleteGroupResponse)
        )

    def list_groups(self, *, timeout_s: float | None = None) -> AsyncItems[values.GroupConfig]:
        """All groups as they are configured: the file's, then the API's."""
        return self._connection.items(config_calls.list_groups(timeout_s=timeout_s).each(values.GroupConfig))

    async def rotate_credentials(
        self,
        account_id: str,
        *,
        validate_only: bool = False,
        changed_by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.RotateCredentialsResponse:
        """Have an account use the key that its source gives now: fetched, tried at the exchange, then given
        to a new process once the old one has finished what is in flight. Answers when that one trades.

        Raises Refused where the new key is not taken (``KEY_REFUSED``, ``KEY_LACKS_PERMISSION``,
        ``OTHER_ACCOUNT`` and so on): the old one is in use then, and nothing was changed.
        """
        return await self._connection.ask(
            config_calls.rotate_credentials(
                account_id,
                validate_only=validate_only,
                changed_by=changed_by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.RotateCredentialsResponse)
        )

    def list_config_changes(
        self, config_id: str = "", *, limit: int | None = None, timeout_s: float | None = None
    ) -> AsyncItems[values.ConfigChange]:
        """What was changed over the API, of one account or group or of all: the latest first."""
        return self._connection.items(
            config_calls.list_config_changes(config_id, limit=limit, timeout_s=timeout_s).each(
                values.ConfigChange
            )
        )

    def list_copies(
        self,
        *,
        account_id: str = "",
        fill_seq: int = 0,
        state: CopyState | nouns.CopyState.ValueType = CopyState.UNSPECIFIED,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> AsyncItems[values.Copy]:
        """Copies of one or all users, the one that changed last first. At most ``limit``. ``since`` and
        ``until``: only those whose last hop was from then on, and before then.
        """
        return self._connection.items(
            copy_calls.list_copies(
                account_id=account_id,
                fill_seq=fill_seq,
                state=state,
                since=since,
                until=until,
                limit=limit,
                timeout_s=timeout_s,
            ).each(values.Copy)
        )

    def watch_copies(
        self, after_change: int | None = None, *, account_id: str = ""
    ) -> AsyncWatch[pb.WatchCopiesResponse, values.WatchCopiesResponse]:
        """Changes of copies after a change number (0: from the beginning), then live ones; without a number only
        new ones.
        """
        return self._connection.watch(
            copy_calls.watch_copies(after_change, account_id=account_id).each(values.WatchCopiesResponse)
        )

    def list_events(
        self,
        *,
        account_id: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> AsyncItems[values.Event]:
        """Events, the latest first. At most ``limit``. ``since`` and ``until``: only those from then on, and
        before then.
        """
        return self._connection.items(
            event_calls.list_events(
                account_id=account_id, since=since, until=until, limit=limit, timeout_s=timeout_s
            ).each(values.Event)
        )

    def watch_events(self, after_seq: int | None = None) -> AsyncWatch[pb.WatchEventsResponse, values.Event]:
        """Events after a seq (0: from the beginning), then live ones; without a seq only new ones."""
        return self._connection.watch(event_calls.watch_events(after_seq).each(values.Event))

    def read_log(
        self,
        account_id: str,
        *,
        lines: int = 100,
        follow: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncLines[pb.ReadLogResponse, str]:
        """The last lines of an account's log, or of ``"supervisor"``; with ``follow`` then new ones, without end.
        ``since`` and ``until``: only those that were written from then on, and before then.

        A log has no positions: after a lost connection it raises Unavailable and does not go on.
        """
        return self._connection.stream(
            event_calls.read_log(account_id, lines=lines, follow=follow, since=since, until=until)
        )

    def list_fills(
        self,
        *,
        pair: str = "",
        after_seq: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> AsyncItems[values.Fill]:
        """Fills of the master, the latest first; with ``after_seq`` those after it, ascending. At most ``limit``.
        ``pair``: in any spelling (XBTUSD, btc-usd). ``since`` and ``until``: only those that were executed from
        then on, and before then.
        """
        return self._connection.items(
            fill_calls.list_fills(
                pair=pair, after_seq=after_seq, since=since, until=until, limit=limit, timeout_s=timeout_s
            ).each(values.Fill)
        )

    def watch_fills(
        self, after_seq: int | None = None, *, pair: str = ""
    ) -> AsyncWatch[pb.WatchFillsResponse, values.Fill]:
        """Fills after a seq (0: from the beginning), then live ones; without a seq only new ones. ``pair``: only
        of this one, in any spelling.
        """
        return self._connection.watch(fill_calls.watch_fills(after_seq, pair=pair).each(values.Fill))

    async def explain_fill(
        self, *, seq: int | None = None, exec_id: str | None = None, timeout_s: float | None = None
    ) -> values.ExplainFillResponse:
        """One fill, by its seq or its execution id, and what every user made of it. Raises NotFound."""
        return await self._connection.ask(
            fill_calls.explain_fill(seq=seq, exec_id=exec_id, timeout_s=timeout_s).then(
                values.ExplainFillResponse
            )
        )

    async def copy_fill(
        self,
        *,
        seq: int | None = None,
        exec_id: str | None = None,
        account_ids: Iterable[str] = (),
        dry_run: bool = False,
        by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.CopyFillResponse:
        """Have users copy one fill, by its seq or its execution id: those named, the users of groups named, or
        without any all that copy. With ``dry_run`` only say what each would do.

        Whatever is asked how often, a user copies a fill at most once: one that has is named with what became of
        it. The answer has one entry for each user: copied, waiting, already copied, refused, or not reached.
        ``by``: who asks, this machine user unless given. Raises NotFound, Refused.
        """
        return await self._connection.ask(
            fill_calls.copy_fill(
                seq=seq,
                exec_id=exec_id,
                account_ids=account_ids,
                dry_run=dry_run,
                by=by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.CopyFillResponse)
        )

    async def list_limits(
        self, account_ids: Iterable[str] = (), *, timeout_s: float | None = None
    ) -> list[values.LossLimit]:
        """Limits to losses of these accounts or of all, with how much of each is lost. Raises NotFound."""
        return await self._connection.ask(
            limit_calls.list_limits(account_ids, timeout_s=timeout_s).then(each(values.LossLimit))
        )

    async def reset_limit(
        self,
        account_id: str,
        name: str = "",
        *,
        reason: str,
        by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.ResetLimitResponse:
        """Have a limit of an account that was hit, or all that were, begin anew: it is on the disk when this
        returns, and the account trades as far as nothing else keeps it from that.

        ``reason``: why it may go on; needed. ``by``: who says so, this machine user unless given. Raises
        NotFound, Refused (``NOT_CONNECTED``: the account needs a process), BadInput without a reason.
        """
        return await self._connection.ask(
            limit_calls.reset_limit(
                account_id, name, reason=reason, by=by, request_id=request_id, timeout_s=timeout_s
            ).then(values.ResetLimitResponse)
        )

    async def place_order(
        self,
        side: SideWord,
        pair: str,
        volume: Decimal,
        *,
        limit_price: Decimal | None = None,
        validate: bool = False,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.PlaceOrderResponse:
        """Place an order on the master account; a market order without ``limit_price``.

        ``volume`` is in base, ``limit_price`` in quote. The same ``request_id`` always gives the same order:
        after Unavailable, TimedOut or ServerFault ask again with the error's ``request_id``. With ``validate``
        the exchange only checks it: nothing is placed.
        """
        return await self._connection.ask(
            order_calls.place_order(
                side,
                pair,
                volume,
                limit_price=limit_price,
                validate=validate,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.PlaceOrderResponse)
        )

    def list_orders(
        self,
        *,
        account_id: str = "",
        pair: str = "",
        side: SideWord | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> AsyncItems[values.Order]:
        """Open orders of the master, or of another account at Kraken, of any origin, the oldest first. At most
        ``limit``. Those that cannot be read come last and have their id alone.
        """
        return self._connection.items(
            order_calls.list_orders(
                account_id=account_id, pair=pair, side=side, limit=limit, timeout_s=timeout_s
            ).each(values.Order)
        )

    async def get_order(
        self, order_id: str, *, account_id: str = "", timeout_s: float | None = None
    ) -> values.Order:
        """One order of the master, or of another account at Kraken, open or over: by the exchange's id, its
        client order id or its request id. Raises NotFound.
        """
        return await self._connection.ask(
            order_calls.get_order(order_id, account_id=account_id, timeout_s=timeout_s).then(values.Order)
        )

    async def cancel_order(
        self, order_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> values.CancelOrderResponse:
        """Cancel one order of the master, of any origin, by the exchange's id, its client order id or its request
        id. What of it was filled before is copied as every fill is.

        Raises NotFound, Refused (a user's order, a key that may not, the exchange's refusal). Asking again does
        no harm.
        """
        return await self._connection.ask(
            order_calls.cancel_order(order_id, request_id=request_id, timeout_s=timeout_s).then(
                values.CancelOrderResponse
            )
        )

    async def cancel_orders(
        self,
        *,
        pair: str = "",
        side: SideWord | None = None,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.CancelOrdersResponse:
        """Cancel all open orders of the master, of any origin, or those of one pair or side. Some may be
        ``left``, with the reason in ``message``.
        """
        return await self._connection.ask(
            order_calls.cancel_orders(pair=pair, side=side, request_id=request_id, timeout_s=timeout_s).then(
                values.CancelOrdersResponse
            )
        )

    async def set_settings(
        self,
        settings: Mapping[str, str],
        *,
        target: str = "",
        everyone: bool = False,
        validate_only: bool = False,
        set_by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.SetSettingsResponse:
        """Change values of the copy rules of an account or a group (``target``), or those for all (``everyone``),
        until they are taken back: an empty value lets the file's hold again.

        Values are written as in the file, without the quotes of a text. With ``validate_only`` nothing is
        changed. ``set_by``: who asks, for the record. Raises NotFound, Refused for an account that does not copy,
        BadInput with a line for each fault.
        """
        return await self._connection.ask(
            setting_calls.set_settings(
                settings,
                target=target,
                everyone=everyone,
                validate_only=validate_only,
                set_by=set_by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.SetSettingsResponse)
        )

    async def get_status(self, *, timeout_s: float | None = None) -> values.GetStatusResponse:
        """The whole system on one page."""
        return await self._connection.ask(
            status_calls.get_status(timeout_s=timeout_s).then(values.GetStatusResponse)
        )

    async def get_report(
        self, *, since: datetime | None = None, until: datetime | None = None, timeout_s: float | None = None
    ) -> values.GetReportResponse:
        """What became of every fill at every user, or of those that were executed from ``since`` on and before
        ``until``. Raises ServerFault where the supervisor is too old to know them.
        """
        return await self._connection.ask(
            status_calls.get_report(since=since, until=until, timeout_s=timeout_s).then(
                values.GetReportResponse
            )
        )

    async def reload(
        self, *, dry_run: bool = False, request_id: str = "", timeout_s: float | None = None
    ) -> values.ReloadResponse:
        """Have the supervisor read its configuration file again and apply what changed, or with ``dry_run`` only
        say what would be.

        Raises BadConfiguration for a file that cannot be used, Refused for changes that need a restart. The
        supervisor may run commands for credentials, which takes as long as they take: ``timeout_s`` is a minute
        unless given.
        """
        return await self._connection.ask(
            status_calls.reload(dry_run=dry_run, request_id=request_id, timeout_s=timeout_s).then(
                values.ReloadResponse
            )
        )

    async def shutdown(
        self, *, now: bool = False, request_id: str = "", timeout_s: float | None = None
    ) -> values.ShutdownResponse:
        """Begin to stop the supervisor. Returns at once; the supervisor is gone when calls raise Unavailable.

        ``now``: wait for nothing in flight longer than about a second, also where a shutdown has begun already.
        """
        return await self._connection.ask(
            status_calls.shutdown(now=now, request_id=request_id, timeout_s=timeout_s).then(
                values.ShutdownResponse
            )
        )

    async def resync_account(
        self,
        account_id: str,
        *,
        not_worse: bool = False,
        dry_run: bool = False,
        reason: str = "",
        by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.ResyncAccountResponse:
        """Have a user buy its share of what the master holds, as far as its rules and caps allow, and sell what
        copying holds beyond that; with ``dry_run`` only say what that would be. ``not_worse``: nothing is bought
        that costs more than the master has paid on average.

        Returns when it is asked for durably, and not when it is done: its copies say what became of it. Raises
        NotFound and Refused (``NOT_A_USER``, ``NOT_CONNECTED``, ``MASTER_EQUITY_UNKNOWN``).
        """
        return await self._connection.ask(
            sync_calls.resync_account(
                account_id,
                not_worse=not_worse,
                dry_run=dry_run,
                reason=reason,
                by=by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.ResyncAccountResponse)
        )

    async def set_trading_state(
        self,
        state: StateWord,
        *,
        account_ids: Iterable[str] = (),
        groups: Iterable[str] = (),
        everyone: bool = False,
        reason: str = "",
        by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.SetTradingStateResponse:
        """Say what accounts may trade, until ``"ACTIVE"`` is said for the same ones: with ``"REDUCING"`` they buy
        nothing, with ``"HALTED"`` no order leaves.

        It is on the disk when this returns, and holds across restarts. The answer names each account with whether
        its process has ``acknowledged`` it within a second, and what else keeps it from trading. ``by``: who says
        so, this machine user unless given. Raises NotFound, Refused (``STATES_UNREADABLE``: all are HALTED; say
        ``"ACTIVE"`` for ``everyone``), ServerFault (``STATES_NOT_WRITTEN``).
        """
        return await self._connection.ask(
            trading_calls.set_trading_state(
                state,
                account_ids=account_ids,
                groups=groups,
                everyone=everyone,
                reason=reason,
                by=by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.SetTradingStateResponse)
        )

    async def flatten_accounts(
        self,
        *,
        account_ids: Iterable[str] = (),
        groups: Iterable[str] = (),
        everyone: bool = False,
        dry_run: bool = False,
        cancel: bool = False,
        reason: str = "",
        by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> values.FlattenAccountsResponse:
        """Have users sell all that copying bought and still holds, never coins of their own, and buy nothing from
        then on; with ``dry_run`` only say what that would be. Of ``groups`` and ``everyone`` those that copy.
        ``cancel`` takes it back: what is not sold yet is held again.

        Returns when it is on the disk, and not when it is sold: ``Account.trading.flatten`` shows how far it has
        come. Raises as ``set_trading_state`` does, and Refused for an account that copies nobody.
        """
        return await self._connection.ask(
            trading_calls.flatten_accounts(
                account_ids=account_ids,
                groups=groups,
                everyone=everyone,
                dry_run=dry_run,
                cancel=cancel,
                reason=reason,
                by=by,
                request_id=request_id,
                timeout_s=timeout_s,
            ).then(values.FlattenAccountsResponse)
        )
