"""Who keeps to what was said of trading: each account's process is asked when something is said, and says so
in its snapshot as well. One that does not is named for as long as that lasts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grpclib.const import Status

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.trading_states import LIMIT, TradingStates
from krakencopy.account_proc.contract.trading_status import NO_VERSION, PB_STATE, trading_status
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.trading_watch import TradingWatch
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

#: How long all processes together have to say that they keep to it, in seconds.
ACKNOWLEDGE_S = 1.0
#: Before one that could not be reached is asked again, in seconds.
AGAIN_S = 0.05
#: A process that says nothing of it for so long after a change is named, in seconds: it looks at the file
#: every 2.5 s by itself.
LATE_S = 3.0
#: Why a process that answers does not keep to it yet.
ORDER_OUT = "an order that left before is not answered yet and may still arrive; none leaves after it"
#: Between two looks, in seconds.
LOOK_S = 1.0
NOT_KEPT = "TRADING_STATE_NOT_KEPT"


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether no order can leave an account against what was said."""

    acknowledged: bool
    #: Why it is not, or that there is no process.
    message: str = ""


class TradingAcks:
    """Of all accounts of one supervisor. What it records raises JournalFault."""

    def __init__(
        self, watch: TradingWatch, events: EventLog, accounts: Callable[[], Mapping[str, SupervisedAccount]]
    ) -> None:
        self._watch = watch
        self._events = events
        self._accounts = accounts
        #: By account, what its process of this instance has answered last.
        self._answers: dict[str, tuple[str, pb.TradingStatus]] = {}
        #: By account, the last order to sell that was seen to be done.
        self._sold: dict[str, int] = {}
        #: By account, since when (Unix seconds) it is named.
        self._late: dict[str, float] = {}
        #: The version that all have said to keep to.
        self._all_keep_to = NO_VERSION
        self._looked_at = 0.0
        self._asking: set[asyncio.Task[object]] = set()

    # -- what is asked --------------------------------------------------------------------------------------

    async def ask(self, account_ids: list[str], version: int) -> dict[str, Kept]:
        """Whether each keeps to this version or a later one; all at once, within ACKNOWLEDGE_S."""
        until = time.monotonic() + ACKNOWLEDGE_S
        kept = await asyncio.gather(*(self._ask(account_id, version, until) for account_id in account_ids))
        return dict(zip(account_ids, kept, strict=True))

    async def _ask(self, account_id: str, version: int, until: float) -> Kept:
        why, cause = "it has not answered", ""
        while (account := self._accounts().get(account_id)) and (child := account.process.child):
            left = until - time.monotonic()
            if left <= 0:
                stuck = f"process {child.pid} may be stuck, and `krakencopy restart {account_id}` ends it"
                advice = cause or stuck
                return Kept(acknowledged=False, message=f"{why} within {ACKNOWLEDGE_S:g} s: {advice}")
            try:
                status = await self._ask_process(account, left)
                if status.version < version:
                    why = status.fault or f"it keeps to version {status.version} of {version}"
                    cause = "" if status.fault else ORDER_OUT
                elif self._is_as_strict(account, status):
                    return Kept(acknowledged=True)
                else:
                    why = "it goes by the group that it was in before the reload, and has not ended"
            except CallFailed as error:
                # Who is asked again with little time left has answered before.
                why = why if cause else f"it has not answered ({error})"
            await asyncio.sleep(min(AGAIN_S, max(until - time.monotonic(), 0)))
        return Kept(acknowledged=True, message="no process: it keeps to it from its start")

    def _is_as_strict(self, account: SupervisedAccount, status: pb.TradingStatus) -> bool:
        """Whether a process goes by what holds for its account. One that was started before a reload knows
        the group of then.
        """
        states, config = self._watch.states, account.config
        wanted = states.state_of(config.id, config.group or "")
        is_other = status.version != states.version
        return is_other or status.state >= PB_STATE[wanted]

    async def _ask_process(self, account: SupervisedAccount, within_s: float) -> pb.TradingStatus:
        process = account.process
        if process.link is None:
            raise CallFailed(Status.UNAVAILABLE, "it is being started")
        instance_id, request = process.instance_id, account_pb2.ReadTradingStatesRequest()
        answer = await process.link.ask("ReadTradingStates", request, within_s)
        status: pb.TradingStatus = answer.trading
        self._answers[account.config.id] = instance_id, status
        return status

    def tell_all(self) -> None:
        """Others have changed the states: each process looks now, and not a moment later by itself."""
        task = asyncio.get_running_loop().create_task(
            self.ask(list(self._accounts()), self._watch.states.version)
        )
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    # -- what is shown --------------------------------------------------------------------------------------

    def status(self, account: SupervisedAccount) -> pb.TradingStatus:
        """What an account may trade now, by all that was said."""
        said = self._said(account)
        known = max(said, key=lambda one: one.version, default=None)
        version = NO_VERSION if known is None else known.version
        states, config = self._watch.states, account.config
        status = trading_status(
            states, config.id, config.group or "", version=version, fault=self._watch.fault
        )
        if status.HasField("flatten"):
            self._show_flatten(config.id, status.flatten, said)
        if known is not None:
            held = [each for each in known.settings if each.scope.startswith(LIMIT)]
            status.settings.extend(held)
            status.state = max([status.state, *(each.state for each in held)])
        return status

    def _show_flatten(self, account_id: str, flatten: pb.Flatten, said: list[pb.TradingStatus]) -> None:
        """How far it has come, by snapshots alone; it never goes back, also where there is no process now."""
        same = [each.flatten.state for each in said if each.flatten.number == flatten.number]
        if self._sold.get(account_id) == flatten.number:
            same.append(pb.FLATTEN_STATE_DONE)
        flatten.state = max([flatten.state, *same])
        if flatten.state == pb.FLATTEN_STATE_DONE:
            self._sold[account_id] = flatten.number

    def _said(self, account: SupervisedAccount) -> list[pb.TradingStatus]:
        """What its process says of it: in its snapshot, and when it was asked last; nothing without one."""
        process = account.process
        if process.link is None:
            return []
        said = [process.link.snapshot.trading] if process.link.snapshot.HasField("trading") else []
        instance_id, answer = self._answers.get(account.config.id, ("", None))
        if answer is not None and instance_id == process.instance_id:
            said.append(answer)
        return said

    def look(self) -> None:
        """Once a second: sees what others have changed, and names those that do not keep to what was said."""
        now = steady_time.now()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        if self._watch.look():
            self.tell_all()
        states = self._watch.states
        if self._all_keep_to == states.version:
            return  # fills pass between these looks: hundreds of accounts are not gone through for nothing
        self._name_late(states, is_due=now - self._watch.changed_at > LATE_S)

    def _name_late(self, states: TradingStates, *, is_due: bool) -> None:
        """And those that do again."""
        behind = False
        for account_id, account in self._accounts().items():
            said = self._said(account)
            keeps = not said or max(each.version for each in said) >= states.version
            behind = behind or not keeps
            if keeps and account_id in self._late:
                del self._late[account_id]
                self._events.record(
                    pb.SEVERITY_INFO, account_id, f"{NOT_KEPT}_OVER", "over: it keeps to what was said"
                )
            elif not keeps and is_due and account_id not in self._late and not self._watch.fault:
                self._late[account_id] = time.time()
                notice = self.notice(account_id)
                assert notice is not None
                self._events.record(pb.SEVERITY_ERROR, account_id, NOT_KEPT, notice.message)
        for account_id in self._late.keys() - self._accounts().keys():
            del self._late[account_id]  # its process has ended, and it is not configured any more
            words = "over: its process has ended"
            self._events.record(pb.SEVERITY_INFO, account_id, f"{NOT_KEPT}_OVER", words)
        if not behind:
            self._all_keep_to = states.version

    def notice(self, account_id: str) -> pb.Notice | None:
        """That an account does not keep to what was said; None for one that does."""
        since = self._late.get(account_id)
        if since is None:
            return None
        words = (
            f"its process has not said that it keeps to version {self._watch.states.version} of the trading "
            f"states: orders may leave it; `krakencopy restart {account_id}`"
        )
        return pb.Notice(code=NOT_KEPT, message=words, first_at=timestamp(since), last_at=timestamp(since))
