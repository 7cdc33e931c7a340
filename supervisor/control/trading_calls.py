"""What operators say of trading, over ControlService: states for accounts, groups and all, and that what
copying bought is to be sold. A thin shell over accounts/trading_watch.py and accounts/trading_acks.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.trading_states import (
    ALL,
    LIFTED_OTHERWISE,
    LIMIT,
    ON_LEAVE,
    STRICTNESS,
    StateSetting,
    StatesUnreadable,
    TradingState,
    TradingStates,
    account_scope,
    group_scope,
)
from krakencopy.account_proc.contract.trading_status import PB_STATE, taken_back_words
from krakencopy.supervisor.accounts.account_detail import show_detail
from krakencopy.supervisor.accounts.account_view import account_message
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.trading_acks import Kept
from krakencopy.supervisor.accounts.trading_changes import account_of, lift_words, said_words
from krakencopy.supervisor.control.answered_once import SOMEBODY, AnsweredOnce, digest_of
from krakencopy.supervisor.control.holdings import planned_sales
from krakencopy.supervisor.control.known_accounts import NAMED_MAX, find_account, find_user
from krakencopy.supervisor.control.principals import Role, principal_of
from krakencopy.supervisor.control.refusals import Context, check_request_id, refuse, refuse_field
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc, types_pb2

STATE = {number: state for state, number in PB_STATE.items()}

Answer = TypeVar("Answer", bound=Message)


class TradingCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(self, supervisor: Supervisor, answers: RememberedAnswers) -> None:
        self._of_trading = supervisor
        self._said_once = AnsweredOnce(answers)

    async def SetTradingState(
        self, request: pb.SetTradingStateRequest, context: Context
    ) -> pb.SetTradingStateResponse:
        """Says what accounts may trade, and answers when they keep to it."""
        await check_request_id(request.request_id, context)
        state = STATE.get(request.state)
        if state is None:
            await refuse_field(context, "state", "is not given; it is ACTIVE, REDUCING or HALTED")
        target = await self._read_target(request.target, context, lifts=state is TradingState.ACTIVE)
        scopes = _scopes(target)
        setting = StateSetting(state=state, by=request.by or SOMEBODY, reason=request.reason, at=time.time())
        is_owner = principal_of(context).role is Role.OWNER
        if is_owner and (held := _stricter(self._of_trading.trading.states, scopes, setting)):
            words = (
                f"{held.state} was said by {held.by or SOMEBODY}; an owner never lifts it, ask an operator"
            )
            await refuse(context, grpc.StatusCode.PERMISSION_DENIED, "OWNERS_NEVER_LIFT", words)

        def change(states: TradingStates) -> TradingStates:
            return states.with_state(_left_to_owner(states, scopes, setting) if is_owner else scopes, setting)

        async def say() -> pb.SetTradingStateResponse:
            trading = self._of_trading.trading
            note = await trading.change(change, setting.by, setting.reason, renew=target.all)
            concerned = self._concerned(scopes)
            version = trading.states.version
            kept = await self._of_trading.trading_acks.ask(list(concerned), version)
            acknowledged = self._acknowledgements(concerned, kept, scopes, state, note)
            return pb.SetTradingStateResponse(accounts=acknowledged, version=version)

        return await self._say(request, pb.SetTradingStateResponse, say, context)

    async def FlattenAccounts(
        self, request: pb.FlattenAccountsRequest, context: Context
    ) -> pb.FlattenAccountsResponse:
        """Has users sell what copying bought, or says what they would sell."""
        if not request.dry_run:
            await check_request_id(request.request_id, context)
        users = await self._users(await self._read_target(request.target, context, lifts=False), context)
        if request.dry_run:
            return pb.FlattenAccountsResponse(positions=await self._plan(users))
        by, at = request.by or SOMEBODY, time.time()
        if request.cancel:
            return await self._say(
                request, pb.FlattenAccountsResponse, lambda: self._take_back(users, by, request.reason, at),
                context,
            )  # fmt: skip

        async def say() -> pb.FlattenAccountsResponse:
            # What processes show before they begin to sell; of those that have shown nothing yet, and of
            # users without one, what their ledgers say.
            journal = self._of_trading.journal
            links = {key: user.process.link for key, user in users.items()}
            living = {
                key: users[key] for key, link in links.items() if link and link.snapshot.positions_known
            }
            plan = [each for user in living.values() for each in planned_sales(journal, self._shown(user))]
            trading = self._of_trading.trading
            note = await trading.change(
                lambda states: states.with_flatten(users, by, request.reason, at), by, request.reason,
                renew=False,
            )  # fmt: skip
            others = {key: user for key, user in users.items() if key not in living}
            kept, by_ledgers = await asyncio.gather(
                self._of_trading.trading_acks.ask(list(users), trading.states.version), self._plan(others)
            )
            plan = sorted((*plan, *by_ledgers), key=lambda each: list(users).index(each.account_id))
            scopes = {account_scope(account_id) for account_id in users}
            acknowledged = self._acknowledgements(users, kept, scopes, TradingState.REDUCING, note)
            return pb.FlattenAccountsResponse(positions=plan, accounts=acknowledged)

        return await self._say(request, pb.FlattenAccountsResponse, say, context)

    async def _take_back(
        self, users: dict[str, SupervisedAccount], by: str, reason: str, at: float
    ) -> pb.FlattenAccountsResponse:
        """What users have not sold yet of their last flatten is held again; what they may trade stays."""
        trading = self._of_trading.trading
        before = trading.states
        shown = {key: self._of_trading.trading_acks.status(user) for key, user in users.items()}
        note = await trading.change(
            lambda states: states.with_flatten_taken_back(users, by, reason, at), by, reason, renew=False
        )
        kept = await self._of_trading.trading_acks.ask(list(users), trading.states.version)
        acknowledged = list(self._acknowledgements(users, kept, set(), TradingState.ACTIVE, note))
        for each in acknowledged:
            words = taken_back_words(before, trading.states, each.account_id, shown[each.account_id])
            each.message = "; ".join(filter(None, (words, each.message)))
        return pb.FlattenAccountsResponse(accounts=acknowledged)

    async def _say(
        self, request: Message, kind: type[Answer], say: Callable[[], Awaitable[Answer]], context: Context
    ) -> Answer:
        """Once for each request id and what is asked with it."""
        try:
            return await self._said_once.answer((kind.DESCRIPTOR.name, digest_of(request)), kind, say)
        except StatesUnreadable as error:
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "STATES_UNREADABLE", str(error))
        except OSError as error:
            words = (
                f"{self._of_trading.place.states} could not be written ({error.strerror or error}): nothing "
                "of it holds; see to it, or stop accounts with `krakencopy stop`"
            )
            await refuse(context, grpc.StatusCode.INTERNAL, "STATES_NOT_WRITTEN", words)

    # -- whom it is about -----------------------------------------------------------------------------------

    async def _read_target(
        self, target: pb.TradingTarget, context: Context, *, lifts: bool
    ) -> pb.TradingTarget:
        """The target, where all that it names is there. A group among the accounts' ids, which is none of
        theirs, is that group. What was said of an account that is not any more may be lifted.
        """
        if not (target.all or target.account_ids or target.groups):
            words = "names neither accounts, nor groups, nor all"
            await refuse_field(context, "target", words, "NO_ACCOUNTS")
        supervisor = self._of_trading
        said = set(supervisor.trading.states.states) if lifts else set()
        accounts, groups = supervisor.accounts, supervisor.config.groups
        as_groups = [each for each in target.account_ids if each in groups and each not in accounts]
        target = pb.TradingTarget(
            all=target.all, groups=[*target.groups, *as_groups],
            account_ids=[each for each in target.account_ids if each not in as_groups],
        )  # fmt: skip
        for account_id in target.account_ids:
            if account_scope(account_id) not in said:
                await find_account(accounts, account_id, context)
        for group in target.groups:
            if group not in groups and group_scope(group) not in said:
                known = f"there are {', '.join(groups[:NAMED_MAX])}" if groups else "there are no groups"
                words = f"no group {group!r}; {known}"
                await refuse(context, grpc.StatusCode.NOT_FOUND, "GROUP_NOT_FOUND", words)
        return target

    def _concerned(self, scopes: set[str]) -> dict[str, SupervisedAccount]:
        """The accounts that these scopes hold for, in the order in which they are shown."""
        return {
            account_id: account
            for account_id, account in self._of_trading.accounts.items()
            if scopes & {ALL, account_scope(account_id), group_scope(account.config.group or "")}
        }

    async def _users(self, target: pb.TradingTarget, context: Context) -> dict[str, SupervisedAccount]:
        """Those that copy; an account that is named itself and does not is refused."""
        concerned = self._concerned(_scopes(target))
        for account_id in target.account_ids:
            await find_user(concerned, account_id, context, "only what copying bought is sold")
        users = {key: one for key, one in concerned.items() if one.config.copies and not one.removed}
        if not users:
            words = "none of these accounts copies anybody: only what copying bought is sold"
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_A_USER", words)
        return users

    # -- what is answered -----------------------------------------------------------------------------------

    def _acknowledgements(
        self, accounts: dict[str, SupervisedAccount], kept: dict[str, Kept], scopes: set[str],
        state: TradingState, note: str,
    ) -> Iterable[pb.TradingAcknowledgement]:  # fmt: skip
        states, acks = self._of_trading.trading.states, self._of_trading.trading_acks
        for account_id, account in accounts.items():
            status = acks.status(account)
            still = _still(states, account_id, account.config.group or "", scopes, state)
            held = _held_otherwise(status, account_id, state)
            parts = (kept[account_id].message, *still, *held, note)
            yield pb.TradingAcknowledgement(
                account_id=account_id, trading=status, acknowledged=kept[account_id].acknowledged,
                message="; ".join(filter(None, parts)),
            )  # fmt: skip

    async def _plan(self, users: dict[str, SupervisedAccount]) -> list[pb.FlattenPosition]:
        """What would be sold; of those without a process by their ledgers."""
        plan: list[pb.FlattenPosition] = []
        supervisor = self._of_trading
        for account_id, user in users.items():
            message, link = self._shown(user), user.process.link
            ledger = supervisor.place.ledger(account_id)
            snapshot = None if link is None else link.snapshot
            if snapshot is None or not snapshot.positions_known:
                await show_detail(message, user.config, supervisor.config, ledger, snapshot)
            plan += planned_sales(supervisor.journal, message)
        return plan

    @staticmethod
    def _shown(user: SupervisedAccount) -> types_pb2.Account:
        return account_message(user, None, 0)


def _stricter(states: TradingStates, scopes: set[str], setting: StateSetting) -> StateSetting | None:
    """What holds of these scopes already, and would be lifted by the setting."""
    said = (states.states.get(scope) for scope in scopes)
    return next((one for one in said if one and STRICTNESS[one.state] > STRICTNESS[setting.state]), None)


def _left_to_owner(states: TradingStates, scopes: set[str], setting: StateSetting) -> set[str]:
    """The scopes of which nobody has said as much already."""
    said = {scope: states.states.get(scope) for scope in scopes}
    return {s for s, one in said.items() if not one or STRICTNESS[one.state] < STRICTNESS[setting.state]}


def _scopes(target: pb.TradingTarget) -> set[str]:
    named = {*map(group_scope, target.groups), *map(account_scope, target.account_ids)}
    return named | {ALL} if target.all else named


def _still(
    states: TradingStates, account_id: str, group: str, scopes: set[str], state: TradingState
) -> Iterable[str]:
    """What was said of others, and lets the account trade less than was said now."""
    for scope, said in states.settings_of(account_id, group).items():
        if scope not in scopes and STRICTNESS[said.state] > STRICTNESS[state]:
            since = timestamp(said.at).ToJsonString()
            yield (
                f"still {said.state} for {'itself' if account_of(scope) else scope}, since {since}, "
                f"{said_words(said.by, said.reason)}: lift it with `{lift_words(scope)}`"
            )


def _held_otherwise(status: types_pb2.TradingStatus, account_id: str, state: TradingState) -> Iterable[str]:
    """Limits that were hit, and leaving, which nothing that is said of trading lifts."""
    for each in status.settings:
        if each.state <= PB_STATE[state] or not each.by.startswith(LIFTED_OTHERWISE):
            continue
        if each.by == ON_LEAVE:
            yield f"still {STATE[each.state]} by {each.by}: in the configuration again it stays"
        elif each.scope == account_scope(account_id):
            how = "`krakencopy reset-limit --total --reason TEXT`"
            yield f"still {STATE[each.state]} by {each.by}: lift it with {how}"
        elif each.scope.startswith(LIMIT):
            name = each.scope.removeprefix(LIMIT)
            yield (
                f"still {STATE[each.state]} by {each.by}, since {each.at.ToJsonString()} ({each.reason}): "
                f"lift it with `krakencopy reset-limit {account_id} {name} --reason TEXT`"
            )
