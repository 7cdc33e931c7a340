"""Users that were taken out of the configuration and stay until copying holds nothing of theirs: they buy
nothing any more (REDUCING), sell as the master does or at once, and end when nothing is left that could be
sold.

What has to be done follows from what is kept alone: who leaves (journal/leaving_users.py), what was said of
trading (accounts/trading_watch.py), and what the user's process shows. So it goes on after a restart of
whatever, at any step. What was said here for one that is in the configuration again is lifted again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from functools import partial
from typing import NoReturn

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.account_proc.contract.trading_states import (
    ON_LEAVE,
    StateSetting,
    StatesUnreadable,
    TradingState,
    TradingStates,
    account_scope,
)
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.trading_changes import account_of
from krakencopy.supervisor.accounts.trading_watch import Change
from krakencopy.supervisor.config.diff import compare
from krakencopy.supervisor.config.leaving_accounts import Leaver, without_account
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Who has said what is said here, and why it is lifted.
BY, NO_MORE = ON_LEAVE, "it does not leave any more"
#: Between two looks, in seconds.
LOOK_S = 0.5


class Leaving:
    """Of one supervisor."""

    def __init__(self, supervisor: Supervisor, turn: asyncio.Lock) -> None:
        """``turn``: held by who changes the configuration."""
        self._supervisor = supervisor
        self._turn = turn
        supervisor.trading.keep_leaving = self.keep
        #: Why it could not be said what they may trade, as it was logged last.
        self._trouble = ""

    async def run(self) -> NoReturn:
        """Goes on with all of them, for ever."""
        while True:
            try:
                await self.look()
            except JournalFault as error:
                self._supervisor.fail(error)
            except (OSError, StatesUnreadable) as error:
                if str(error) != self._trouble:
                    log.warning("what users that leave may trade cannot be said: %s", error)
                self._trouble = str(error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Does what is to be done now. Raises JournalFault, OSError and StatesUnreadable."""
        supervisor = self._supervisor
        if supervisor.shutdown.begun:
            return
        await supervisor.trading.enforce(BY, NO_MORE)
        for account_id, leaver in supervisor.leavers.leaving().items():
            account = supervisor.accounts.get(account_id)
            if account is not None and is_over(account, leaver, supervisor):
                async with self._turn:
                    self._end(account_id, account)

    def keep(self) -> Change:
        """What must hold for users that leave, and for those that leave no more."""
        supervisor = self._supervisor
        there = {account_id for account_id, one in supervisor.accounts.items() if not one.removed}
        return partial(with_leaving, leaving=supervisor.leavers.leaving(), there=there, now=time.time())

    def _end(self, account_id: str, account: SupervisedAccount) -> None:
        """Nothing is left: it is configured no more."""
        supervisor = self._supervisor
        leaver = supervisor.leavers.by_id.get(account_id)
        if leaver is None or not leaver.leaves or supervisor.shutdown.begun:
            return
        # Another configuration may have been taken meanwhile, by which it was here again and leaves anew.
        is_here = supervisor.accounts.get(account_id) is account
        if not is_here or not is_said(account_id, leaver, supervisor.trading.states):
            return
        if not is_over(account, leaver, supervisor):
            return
        kept = {key: one for key, one in supervisor.leavers.by_id.items() if key != account_id}
        left = ", ".join(f"{held.volume} {held.asset}" for held in _snapshot(account).positions)
        words = "it has left: nothing that copying held can be sold any more, and its process ends"
        words += f"; too little to sell, and its own now: {left}" if left else ""
        supervisor.events.record_wishes(
            partial(supervisor.leavers.put, kept),
            [event_of(pb.SEVERITY_INFO, account_id, "ACCOUNT_LEFT", words)],
        )
        supervisor.take(compare(supervisor.config, without_account(supervisor.config, account_id)), {})


def said_here(states: TradingStates) -> list[str]:
    """Scopes that have a state for no other reason than that somebody leaves."""
    return [scope for scope, said in states.states.items() if said.by == BY and account_of(scope)]


def is_said(account_id: str, leaver: Leaver, states: TradingStates) -> bool:
    """Whether all that a user that leaves may do no more was said."""
    if account_scope(account_id) not in states.states:
        return False
    return leaver.policy is not OnLeave.CLOSE_ALL or is_ordered(account_id, leaver, states)


def is_ordered(account_id: str, leaver: Leaver, states: TradingStates) -> bool:
    """Whether it is to sell all, by whomever that was ordered since it leaves."""
    order = states.flattens.get(account_id)
    return order is not None and not order.taken_back and order.at >= leaver.since


def say_leaving(account_id: str, leaver: Leaver, states: TradingStates, now: float) -> TradingStates:
    """The next version of the states, in which that is said."""
    reason = f"it was taken out of the configuration, on_leave = {leaver.policy}"
    if leaver.policy is OnLeave.CLOSE_ALL and not is_ordered(account_id, leaver, states):
        # Of now: what was bought since it leaves, while that could not be written, is to be sold as well.
        return states.with_flatten([account_id], BY, reason, max(now, leaver.since))
    setting = StateSetting(state=TradingState.REDUCING, by=BY, reason=reason, at=leaver.since)
    return states.with_state([account_scope(account_id)], setting)


def with_leaving(
    states: TradingStates, leaving: Mapping[str, Leaver], there: Collection[str], now: float
) -> TradingStates:
    """These states with what those that leave may do no more, and without what was said for those that leave
    no more: what of their coins is not sold by then is held again, if they are ``there``. The same object
    where nothing is to be changed. Pure.
    """
    for account_id, leaver in leaving.items():
        if not is_said(account_id, leaver, states):
            states = say_leaving(account_id, leaver, states, now)
    if lifted := [scope for scope in said_here(states) if account_of(scope) not in leaving]:
        active = StateSetting(state=TradingState.ACTIVE, by=BY, reason=NO_MORE, at=now)
        states = states.with_state(lifted, active)
    by_leaving = [account_id for account_id, order in states.flattens.items() if order.by == BY]
    back = [account_id for account_id in by_leaving if account_id in there and account_id not in leaving]
    owed = [account_id for account_id in back if states.may_take_back(account_id, BY)]
    return states.with_flatten_taken_back(owed, BY, NO_MORE, now) if owed else states


def is_over(account: SupervisedAccount, leaver: Leaver, supervisor: Supervisor) -> bool:
    """Whether the process shows that nothing is left to be sold, and keeps to what was said."""
    shown = _snapshot(account)
    keeps = shown.trading.version >= supervisor.trading.states.version
    if not keeps or not shown.positions_known or shown.holds_copied or shown.copies_open:
        return False
    order = supervisor.trading.states.flattens.get(account.config.id)
    if leaver.policy is not OnLeave.CLOSE_ALL or order is None:
        return True
    flatten = shown.trading.flatten
    return flatten.number == order.number and flatten.state == pb.FLATTEN_STATE_DONE


def _snapshot(account: SupervisedAccount) -> account_pb2.WatchSnapshotResponse:
    link = account.process.link
    return account_pb2.WatchSnapshotResponse() if link is None else link.snapshot
