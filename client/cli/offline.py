"""`halt|exit-only|resume|flatten --offline`: says what accounts may trade without the supervisor, which may
be stuck or dead. It writes the file that each account's process looks at before each order
(account_proc/runtime/trading_state_file.py), waits until those that live have said that they keep to it, and
names those that have not. The supervisor finds the change when it runs again.
"""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.ledger_file import LedgerUnreadable, ledger_view
from krakencopy.account_proc.contract.trading_states import (
    ALL,
    StateSetting,
    TradingState,
    TradingStates,
    account_scope,
    group_scope,
)
from krakencopy.account_proc.contract.trading_status import (
    NO_VERSION,
    PB_STATE,
    taken_back_words,
    trading_status,
)
from krakencopy.account_proc.runtime.trading_state_file import (
    BELL,
    TradingStateFile,
    change_states,
    next_life,
    renew_states,
    states_path,
)
from krakencopy.client.cli.state_folder import StateFolder, chosen_folder
from krakencopy.client.sdk.errors import BadInput, NotFound, Refused, ServerFault
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.client.views.trading_pages import setting_words, state_word
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

#: How long processes have to say that they keep to it, in seconds.
ACKNOWLEDGE_S = 1.5
_LOOK_S = 0.02
_GROUPS = (
    "which accounts are in a group is in the configuration, which is not read offline: the state of each is "
    "what its process says"
)


def set_state(arguments: Namespace, word: str) -> pb.SetTradingStateResponse:
    """What is said holds, durably, for these accounts and groups, or for all. Raises KrakenCopyError."""
    folder = StateFolder(chosen_folder(arguments))
    state = TradingState(word)
    now = TradingStateFile(states_path(folder.path)).read()
    account_ids = _known(folder, arguments.ids, now, lifts=state is TradingState.ACTIVE)
    scopes = {*map(account_scope, account_ids), *map(group_scope, arguments.groups)}
    if arguments.all:
        scopes.add(ALL)
        if state is TradingState.ACTIVE:
            # As with the supervisor: what was said for each account as well.
            scopes |= {scope for scope in now.states if scope.startswith(account_scope(""))}
    setting = StateSetting(state=state, by=operator_name(), reason=arguments.reason, at=time.time())
    states, note = _change(folder, lambda said: said.with_state(scopes, setting), renew=arguments.all)
    concerned = account_ids if not (arguments.all or arguments.groups) else folder.account_ids()
    notes = [note]
    if arguments.groups:
        notes.append(_GROUPS)
    if state is TradingState.ACTIVE:
        notes.append("a pause is lifted by the supervisor alone")
    acknowledged = list(_acknowledgements(folder, concerned, now, states, notes))
    if state is TradingState.ACTIVE:
        for each in acknowledged:
            each.message = "; ".join(filter(None, (*_still(each.trading), each.message)))
    return pb.SetTradingStateResponse(accounts=acknowledged, version=states.version)


def _still(trading: types_pb2.TradingStatus) -> Iterator[str]:
    """What keeps an account from trading that was not lifted."""
    yield from (f"still {setting_words(each)}" for each in trading.settings)
    said = max((each.state for each in trading.settings), default=PB_STATE[TradingState.ACTIVE])
    if trading.state > said:
        yield (
            f"still {state_word(trading.state)}, by what was said of its group, or by a limit to losses: "
            "`krakencopy resume --group G --offline`, or reset-limit with a supervisor, lifts that"
        )


def flatten(arguments: Namespace, *, dry_run: bool) -> pb.FlattenAccountsResponse:
    """These users, or all, are to sell what copying bought; or what that would be. Raises KrakenCopyError."""
    folder, account_ids = _users(arguments)
    plan = [each for account_id in account_ids for each in _planned(folder, account_id)]
    if dry_run:
        return pb.FlattenAccountsResponse(positions=plan)
    now = TradingStateFile(states_path(folder.path)).read()
    by, at = operator_name(), time.time()
    states, note = _change(
        folder, lambda said: said.with_flatten(account_ids, by, arguments.reason, at), renew=False
    )
    acknowledged = _acknowledgements(folder, account_ids, now, states, [note])
    return pb.FlattenAccountsResponse(positions=plan, accounts=acknowledged)


def take_back_flatten(arguments: Namespace) -> pb.SetTradingStateResponse:
    """What these users, or all, have not sold yet of their flatten is held again. Raises KrakenCopyError."""
    folder, account_ids = _users(arguments)
    now = TradingStateFile(states_path(folder.path)).read()
    by, at = operator_name(), time.time()
    states, note = _change(
        folder, lambda said: said.with_flatten_taken_back(account_ids, by, arguments.reason, at), renew=False
    )
    acknowledged = list(_acknowledgements(folder, account_ids, now, states, [note]))
    for each in acknowledged:
        words = taken_back_words(now, states, each.account_id, types_pb2.TradingStatus())
        each.message = "; ".join(filter(None, (words, each.message)))
    return pb.SetTradingStateResponse(accounts=acknowledged, version=states.version)


def _users(arguments: Namespace) -> tuple[StateFolder, list[str]]:
    """The users that are named, or all. Raises BadInput, NotFound."""
    if arguments.groups:
        raise BadInput(f"{_GROUPS}; name the accounts, or --all")
    folder = StateFolder(chosen_folder(arguments))
    users = folder.user_ids()
    if unknown := [account_id for account_id in arguments.ids if account_id not in users]:
        raise NotFound(
            f"{', '.join(unknown)}: no user that copies, in {folder.path}; there are {_named(users)}",
            reason="NOT_A_USER",
        )
    return folder, list(dict.fromkeys(arguments.ids)) or users


def _known(folder: StateFolder, ids: Iterable[str], now: TradingStates, *, lifts: bool) -> list[str]:
    """The accounts that are named, each once; all of them must be there. Raises NotFound."""
    known = folder.account_ids()
    ids = list(dict.fromkeys(ids))
    unknown = [
        account_id
        for account_id in ids
        if account_id not in known and not (lifts and account_scope(account_id) in now.states)
    ]
    if unknown:
        words = f"no account {', '.join(unknown)} has run in {folder.path}; there are {_named(known)}"
        raise NotFound(f"{words}; nothing was done", reason="ACCOUNT_NOT_FOUND")
    return ids


def _named(account_ids: list[str]) -> str:
    return ", ".join(account_ids) or "none"


def _change(
    folder: StateFolder, change: Callable[[TradingStates], TradingStates], *, renew: bool
) -> tuple[TradingStates, str]:
    """What holds from now on, and what else there is to say of it. Raises Refused, ServerFault."""
    path = states_path(folder.path)
    try:
        folder.become_owner()
        found = TradingStateFile(path)
        found.read()
        if not found.fault:
            return change_states(path, change), ""
        if not renew:
            raise Refused(
                f"{found.fault}; all accounts are HALTED, until something is said for --all: that makes the "
                "file anew, and what was said before is lost",
                reason="STATES_UNREADABLE",
            )
        kept = (folder.kept(account_id) for account_id in folder.account_ids())
        states = change(next_life(max((each.version for each in kept if each is not None), default=0)))
        renew_states(path, states)
    except OSError as error:
        words = f"{path} could not be written ({error.strerror or error}): nothing of it holds"
        raise ServerFault(words, reason="STATES_NOT_WRITTEN") from error
    return states, "the file was made anew, what was said before is lost"


def _acknowledgements(
    folder: StateFolder, account_ids: Iterable[str], before: TradingStates, states: TradingStates,
    notes: Iterable[str],
) -> Iterator[pb.TradingAcknowledgement]:  # fmt: skip
    account_ids = list(account_ids)
    late = _wait(folder, account_ids, states.version)
    living = folder.living()
    for account_id in account_ids:
        kept = folder.kept(account_id) if account_id in living else None
        status = trading_status(states, account_id, version=NO_VERSION if kept is None else kept.version)
        if kept is not None and kept.version >= states.version:
            status.state = PB_STATE[kept.state]  # its group's as well
        words = [*_lifted(account_id, before, states), *notes]
        if account_id in late:
            words.insert(0, _late_words(late[account_id]))
        elif account_id not in living:
            words.insert(0, "no process: it keeps to it from its start")
        yield pb.TradingAcknowledgement(
            account_id=account_id, trading=status, acknowledged=account_id not in late,
            message="; ".join(filter(None, words)),
        )  # fmt: skip


def _late_words(pid: int) -> str:
    return f"process {pid} has not said within {ACKNOWLEDGE_S:g} s that it keeps to it; it may be stuck"


def _wait(folder: StateFolder, account_ids: Iterable[str], version: int) -> dict[str, int]:
    """By account, the processes that live and have not said in time that they keep to this version."""
    for pid in folder.living().values():
        with suppress(OSError):  # it has ended, or is another user's and looks by itself
            os.kill(pid, BELL)
    until = time.monotonic() + ACKNOWLEDGE_S
    while True:
        living = folder.living()
        late = {
            account_id: living[account_id]
            for account_id in account_ids
            if account_id in living and not _keeps(folder, account_id, living[account_id], version)
        }
        if not late or time.monotonic() > until:
            return late
        time.sleep(_LOOK_S)


def _keeps(folder: StateFolder, account_id: str, pid: int, version: int) -> bool:
    kept = folder.kept(account_id)
    return kept is not None and kept.pid == pid and kept.version >= version


def _lifted(account_id: str, before: TradingStates, states: TradingStates) -> list[str]:
    was, now = (trading_status(each, account_id).settings for each in (before, states))
    held = {each.scope for each in now}
    return [f"lifted: {setting_words(each)}" for each in was if each.scope not in held]


def _planned(folder: StateFolder, account_id: str) -> Iterator[pb.FlattenPosition]:
    """What an account's ledger says that copying holds."""
    try:
        view = ledger_view(folder.ledger(account_id))
    except LedgerUnreadable as error:
        yield pb.FlattenPosition(account_id=account_id, message=str(error))
        return
    for coin, position in sorted(view.positions.items() if view is not None else ()):
        # Money that came in for coins is cash again.
        if position.volume > 0 and (position.pair or coin not in FIAT):
            yield pb.FlattenPosition(
                account_id=account_id, asset=coin, volume=plain(position.volume), pair=position.pair or coin
            )
