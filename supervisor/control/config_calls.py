"""What operators ask about accounts and groups that are configured over the API, over ControlService."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import grpc
from google.protobuf.message import Message

from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.account_proc.contract.spec import OnLeave, Role
from krakencopy.supervisor.config.api_fields import (
    ACCOUNT,
    GROUP,
    Body,
    Kind,
    UnknownPath,
    fixed_changes,
    merged,
)
from krakencopy.supervisor.config.toml_table import show
from krakencopy.supervisor.control.answered_once import AnsweredOnce, digest_of
from krakencopy.supervisor.control.change_refused import ChangeRefused, refuse_change
from krakencopy.supervisor.control.config_messages import ConfigViews, body_of, change_message, secret_field
from krakencopy.supervisor.control.configurator import (
    ALREADY_EXISTS,
    BAD_ACCOUNT,
    Asker,
    Configurator,
    Wanted,
)
from krakencopy.supervisor.control.known_accounts import unknown_account
from krakencopy.supervisor.control.page_tokens import PageTokens
from krakencopy.supervisor.control.pages import END, page_size, page_start, read_page
from krakencopy.supervisor.control.refusals import Context, check_request_id, refuse, refuse_field
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.journal.config_changes import ROTATED, ConfigRow
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import control_pb2, control_pb2_grpc

if TYPE_CHECKING:
    from krakencopy.supervisor.control.call_answerer import CallContext

Answer = TypeVar("Answer", bound=Message)

ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
GROUP_NOT_FOUND = "GROUP_NOT_FOUND"
POLICIES = {
    pb.ON_LEAVE_KEEP: OnLeave.KEEP,
    pb.ON_LEAVE_CLOSE_ONLY: OnLeave.CLOSE_ONLY,
    pb.ON_LEAVE_CLOSE_ALL: OnLeave.CLOSE_ALL,
}
_CODES = {
    "BAD_CONFIGURATION": grpc.StatusCode.INVALID_ARGUMENT,
    ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    "ACCOUNT_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "GROUP_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "ETAG_NOT_CURRENT": grpc.StatusCode.ABORTED,
    "OWNED_BY_FILE": grpc.StatusCode.FAILED_PRECONDITION,
    "NOT_A_USER": grpc.StatusCode.FAILED_PRECONDITION,
    "GROUP_HAS_MEMBERS": grpc.StatusCode.FAILED_PRECONDITION,
    "SHUTTING_DOWN": grpc.StatusCode.FAILED_PRECONDITION,
    "PAPER_EXCHANGE": grpc.StatusCode.FAILED_PRECONDITION,
}


async def refuse_secrets(request: Message, context: Context) -> None:
    """Refuses a request with a text that looks like a key or a secret; the text is shown nowhere."""
    if field := secret_field(request):
        words = (
            "looks like an API key or a secret, and is not taken: keys never pass the API; put it into a "
            "file on the supervisor's machine, and name that as credentials_file. Replace it if it was one"
        )
        await refuse_field(context, field, words, "LOOKS_LIKE_A_SECRET")


def asker_of(request: Any, context: Context) -> Asker:
    """Who asks, and with which request."""
    principal = cast("CallContext", context).principal.name
    return Asker(request.changed_by or principal, principal, request.request_id, _digest(request))


def _digest(request: Message) -> str:
    return f"{request.DESCRIPTOR.name} {digest_of(request)}"


class ConfigCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(
        self, supervisor: Supervisor, reloader: Reloader, tokens: PageTokens, answers: RememberedAnswers
    ) -> None:
        self._configured = supervisor
        self._config_reloader, self._config_tables = reloader, reloader.tables
        self._config_tokens = tokens
        self._configured_once = AnsweredOnce(answers)
        self._configurator = Configurator(supervisor, reloader)
        self.config_views = ConfigViews(reloader.tables, supervisor.leavers.leaving)

    # -- the file -------------------------------------------------------------------------------------------

    async def Reload(
        self, request: control_pb2.ReloadRequest, context: Context
    ) -> control_pb2.ReloadResponse:
        """Reads the configuration again and applies what it changes."""
        await check_request_id(request.request_id, context)
        key, reload = (_digest(request),), partial(self._config_reloader.reload, dry_run=request.dry_run)
        try:
            return await self._configured_once.answer(key, control_pb2.ReloadResponse, reload)
        except ChangeRefused as refused:
            await refuse_change(refused, context, _CODES, grpc.StatusCode.FAILED_PRECONDITION)

    # -- accounts -------------------------------------------------------------------------------------------

    async def CreateAccount(
        self, request: pb.CreateAccountRequest, context: Context
    ) -> control_pb2.CreateAccountResponse:
        """Configures a new account."""
        owner_id, body = await self._account_of(request.account, context)
        return await self._change(
            request, context, lambda: self._new(ACCOUNT, owner_id, body), control_pb2.CreateAccountResponse
        )

    async def UpdateAccount(
        self, request: pb.UpdateAccountRequest, context: Context
    ) -> control_pb2.UpdateAccountResponse:
        """Changes an account of the API."""
        owner_id, body = await self._account_of(request.account, context)
        return await self._change(
            request, context, lambda: self._other(ACCOUNT, owner_id, body, request),
            control_pb2.UpdateAccountResponse,
        )  # fmt: skip

    async def DeleteAccount(
        self, request: pb.DeleteAccountRequest, context: Context
    ) -> control_pb2.DeleteAccountResponse:
        """Deletes an account of the API, which leaves."""
        owner_id = await self._id_of(request.account_id, "account_id", context)
        return await self._change(
            request, context, lambda: self._gone(ACCOUNT, owner_id, request),
            control_pb2.DeleteAccountResponse,
        )  # fmt: skip

    async def GetAccountConfig(
        self, request: pb.GetAccountConfigRequest, context: Context
    ) -> pb.GetAccountConfigResponse:
        """An account as it is configured."""
        found = self.config_views.account(self._configured.config, request.account_id)
        if found is None:
            words = unknown_account(request.account_id, self._ids(ACCOUNT))
            await refuse(context, grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", words)
        return pb.GetAccountConfigResponse(account=found)

    async def ListAccountConfigs(
        self, request: pb.ListAccountConfigsRequest, context: Context
    ) -> pb.ListAccountConfigsResponse:
        """All accounts as they are configured."""
        page, token = await self._page(request, self._ids(ACCOUNT), context)
        views, config = self.config_views, self._configured.config
        return pb.ListAccountConfigsResponse(
            accounts=filter(None, (views.account(config, one) for one in page)), next_page_token=token
        )

    # -- groups ---------------------------------------------------------------------------------------------

    async def CreateGroup(
        self, request: pb.CreateGroupRequest, context: Context
    ) -> control_pb2.CreateGroupResponse:
        """Configures a new group."""
        owner_id = await self._id_of(request.group.group_id, "group.group_id", context)
        body = body_of(GROUP, request.group)
        return await self._change(
            request, context, lambda: self._new(GROUP, owner_id, body), control_pb2.CreateGroupResponse
        )

    async def UpdateGroup(
        self, request: pb.UpdateGroupRequest, context: Context
    ) -> control_pb2.UpdateGroupResponse:
        """Changes a group of the API."""
        owner_id = await self._id_of(request.group.group_id, "group.group_id", context)
        body = body_of(GROUP, request.group)
        return await self._change(
            request, context, lambda: self._other(GROUP, owner_id, body, request),
            control_pb2.UpdateGroupResponse,
        )  # fmt: skip

    async def DeleteGroup(
        self, request: pb.DeleteGroupRequest, context: Context
    ) -> control_pb2.DeleteGroupResponse:
        """Deletes a group of the API to which nobody belongs."""
        owner_id = await self._id_of(request.group_id, "group_id", context)
        return await self._change(
            request, context, lambda: self._gone(GROUP, owner_id, request), control_pb2.DeleteGroupResponse
        )

    async def ListGroups(self, request: pb.ListGroupsRequest, context: Context) -> pb.ListGroupsResponse:
        """All groups as they are configured."""
        page, token = await self._page(request, self._ids(GROUP), context)
        views, config = self.config_views, self._configured.config
        return pb.ListGroupsResponse(
            groups=filter(None, (views.group(config, one) for one in page)), next_page_token=token
        )

    # -- the history ----------------------------------------------------------------------------------------

    async def ListConfigChanges(
        self, request: pb.ListConfigChangesRequest, context: Context
    ) -> pb.ListConfigChangesResponse:
        """What was changed, the latest first."""
        journal = self._configured.journal

        def read(start: int, most: int) -> list[ConfigRow]:
            return journal.config_changes_before(start, most, request.id)

        rows, token = await read_page(
            self._config_tokens, request, END, read, lambda row: row.number, context
        )
        return pb.ListConfigChangesResponse(
            changes=[change_message(row, _bodies(row)) for row in rows], next_page_token=token
        )

    # -- how ------------------------------------------------------------------------------------------------

    async def _change(
        self, request: Any, context: Context, wanted_of: Callable[[], Wanted | None], kind: type[Answer]
    ) -> Answer:
        """Does what is wanted, once for each request; the answer is kept with it. None: it is so already."""
        await refuse_secrets(request, context)
        await check_request_id(request.request_id, context)
        journal = self._configured.journal
        async with self._configurator.turn:
            known = journal.config_answer(_digest(request))
            if known is not None:
                return kind.FromString(known)
            try:
                wanted = wanted_of()
                if wanted is None:
                    return self._as_it_is(request, kind)
                plan = await self._configurator.plan(wanted)
                answer = kind()
                changes = self._configurator.answer(plan, applied=not request.validate_only)
                made: Any = answer
                made.applied = not request.validate_only
                made.accounts.extend(changes.accounts)
                made.kept.extend(changes.kept)
                made.warnings.extend(self._configurator.warnings(plan))
                self._show(made, wanted, plan.new)
                if not request.validate_only:
                    await self._configurator.carry_out(plan, asker_of(request, context), made)
            except ChangeRefused as refused:
                await refuse_change(refused, context, _CODES, grpc.StatusCode.INVALID_ARGUMENT)
            return answer

    def _show(self, answer: Any, wanted: Wanted, config: Any) -> None:
        """It as it is to be; one that is deleted as it was."""
        body = wanted.body
        if wanted.kind is ACCOUNT:
            shown: Any = self.config_views.account(config, wanted.id, body)
            answer.account.CopyFrom(shown)
        else:
            shown = self.config_views.group(config, wanted.id, body)
            answer.group.CopyFrom(shown)

    def _as_it_is(self, request: Any, kind: type[Answer]) -> Answer:
        """The answer to an update that changes nothing."""
        answer: Any = kind()
        answer.applied = not request.validate_only
        config = self._configured.config
        if request.DESCRIPTOR.fields_by_name.get("account") is not None:
            answer.account.CopyFrom(self.config_views.account(config, request.account.account_id))
        else:
            answer.group.CopyFrom(self.config_views.group(config, request.group.group_id))
        return answer  # type: ignore[no-any-return]

    def _new(self, kind: Kind, owner_id: str, body: Body) -> Wanted:
        config = self._configured.config
        there = {*self._ids(ACCOUNT), *self._ids(GROUP), *config.groups}
        # Ids are of small letters: another way to write one is a slip, and means the one that there is.
        found = owner_id.lower()
        if found in there:
            whose = "the API" if found in self._config_tables.owned.ids else "the configuration file"
            words = f"there is {found} already, and {whose} has it; choose another id, or change that one"
            raise ChangeRefused(ALREADY_EXISTS, words, {_id_field(kind): "is there already"})
        return Wanted(kind, owner_id, body)

    def _other(self, kind: Kind, owner_id: str, given: Body, request: Any) -> Wanted | None:
        old = self._owned(kind, owner_id)
        self._configurator.check_etag(kind, owner_id, request.etag)
        paths = list(request.update_mask)
        for path in paths:
            try:
                merged(kind, old, given, [path])
            except UnknownPath as error:
                message = cut_text(f"update_mask: {path!r} {error}")
                raise ChangeRefused("UNKNOWN_FIELD", message, {f"update_mask[{path}]": str(error)}) from None
        body = merged(kind, old, given, paths)
        if fixed := fixed_changes(kind, old, body):
            words = (
                f"{', '.join(fixed)} of {owner_id} cannot be changed: its ledger follows from it; "
                "delete it, then create another one under another id, with the same credentials_file"
            )
            fields = {f"{kind.name}.{field}": "cannot be changed" for field in fixed}
            raise ChangeRefused("CANNOT_CHANGE", words, fields)
        return (
            None
            if body == old and owner_id not in self._config_tables.left_out
            else Wanted(kind, owner_id, body)
        )

    def _gone(self, kind: Kind, owner_id: str, request: Any) -> Wanted:
        self._owned(kind, owner_id)
        self._configurator.check_etag(kind, owner_id, request.etag)
        config = self._configured.config
        if kind is GROUP:
            owned = self._config_tables.owned.accounts
            named = {key for key, body in owned.items() if body.get("group") == owner_id}
            if members := sorted(named | set(config.members(owner_id))):
                words = (
                    f"{', '.join(members[:8])} belong to {owner_id}; give them another group, or none, first"
                )
                raise ChangeRefused("GROUP_HAS_MEMBERS", cut_text(words))
            return Wanted(kind, owner_id, None)
        user = next((one for one in config.users if one.id == owner_id), None)
        policy = POLICIES.get(request.on_leave)
        if user is None and policy not in {None, OnLeave.KEEP}:
            words = f"{owner_id} copies nobody now: it can only leave with on_leave = keep"
            raise ChangeRefused("NOT_A_USER", words, {"on_leave": "needs an account that copies"})
        usual = OnLeave.KEEP if user is None else user.copy.on_leave
        return Wanted(kind, owner_id, None, policy or usual)

    def _owned(self, kind: Kind, owner_id: str) -> Body:
        """One of the API's. Raises ChangeRefused for another one."""
        owned = self._config_tables.owned.of(kind)
        if owner_id in owned:
            return owned[owner_id]
        if owner_id in self._ids(kind):
            words = (
                f"{owner_id} is configured in the file; change it there, then: krakencopy reload. Rules of "
                f"copying can be set over it: krakencopy set {owner_id} KEY=VALUE"
            )
            raise ChangeRefused("OWNED_BY_FILE", words)
        words = unknown_account(owner_id, self._ids(kind), kind.name)
        reason = ACCOUNT_NOT_FOUND if kind is ACCOUNT else GROUP_NOT_FOUND
        raise ChangeRefused(reason, cut_text(words))

    def _ids(self, kind: Kind) -> list[str]:
        return self.config_views.ids(self._configured.config, kind)

    async def _page(self, request: Any, ids: list[str], context: Context) -> tuple[list[str], str]:
        size = page_size(request.page_size)
        start = await page_start(self._config_tokens, request, 0, context)
        more = start + size < len(ids)
        return ids[start : start + size], self._config_tokens.token(request, start + size) if more else ""

    async def _account_of(self, account: pb.AccountConfig, context: Context) -> tuple[str, Body]:
        """Its id and the fields that are given."""
        owner_id = await self._id_of(account.account_id, "account.account_id", context)
        if account.role not in {"", Role.USER}:
            words = f"cannot be {show(account.role)}: an account of the API is a user, and copies the master"
            await refuse_field(context, "account.role", words, BAD_ACCOUNT)
        return owner_id, body_of(ACCOUNT, account)

    async def _id_of(self, written: str, field: str, context: Context) -> str:
        if not written:
            await refuse_field(context, field, "is empty; name it")
        return written


def _id_field(kind: Kind) -> str:
    return f"{kind.name}.{kind.name}_id"


def _bodies(row: ConfigRow) -> tuple[Body | None, Body | None]:
    """What was before and is after; of a key its fingerprint."""
    if row.action == ROTATED:
        return {"key": row.old or ""}, {"key": row.new or ""}
    before, after = (None if text is None else json.loads(text) for text in (row.old, row.new))
    return before, after
