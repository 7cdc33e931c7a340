"""Which accounts a command is about: a group's id stands for those who belong to it, and all ids are checked
before anything is done with the first one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import BadInput, NotFound, Refused
from krakencopy.client.views.rows import copies
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

#: Commands for accounts that copy.
_OF_COPYING = frozenset({"pause"})


def chosen_ids(supervisor: MessageClient, command: str, ids: Iterable[str], *, everyone: bool) -> list[str]:
    """The accounts that ``command`` acts on, in order. With ``everyone`` those that it cannot act on are left
    out, and named on standard error; else they are refused. Raises Refused that names each id that is wrong.
    """
    if everyone:
        return _all_ids(supervisor, command)
    asked = list(dict.fromkeys(ids))
    chosen: dict[str, None] = {}
    groups: dict[str, list[str]] | None = None
    wrong: list[Refused] = []
    for account_id in asked:
        try:
            account = supervisor.get_account(account_id)
            chosen[account_id] = None
            if why := _why_not(account, command):
                kind, reason = (NotFound, "ACCOUNT_NOT_FOUND") if account.removed else (Refused, "NOT_A_USER")
                wrong.append(kind(why, reason=reason))
        except NotFound as error:
            groups = _groups(supervisor.get_status()) if groups is None else groups
            chosen |= dict.fromkeys(groups.get(account_id, ()))
            if account_id not in groups:
                wrong.append(error)
            elif not groups[account_id]:
                nobody = f"nobody belongs to the group {account_id}"
                wrong.append(NotFound(nobody, reason="ACCOUNT_NOT_FOUND"))
    if wrong:
        for one in wrong[:-1]:
            complain(str(one))
        nothing = "; nothing was done" if len(asked) > 1 else ""
        last = wrong[-1]
        raise type(last)(f"{last.message}{nothing}", reason=last.reason)
    return list(chosen)


def members_of(status: pb.GetStatusResponse, group: str) -> list[str]:
    """The accounts of a group. Raises BadInput where there is none."""
    groups = _groups(status)
    if group not in groups:
        known = f"there are {', '.join(groups)}" if groups else "the configuration has none"
        raise BadInput(f"there is no group {group!r}; {known}")
    return groups[group]


def keep_group(status: pb.GetStatusResponse, group: str) -> None:
    """Leaves only the accounts of a group in a status. Raises as ``members_of``."""
    members = members_of(status, group)
    kept = [account for account in status.accounts if account.id in members]
    del status.accounts[:]
    status.accounts.extend(kept)


def _groups(status: pb.GetStatusResponse) -> dict[str, list[str]]:
    return {group.id: list(group.account_ids) for group in status.groups}


def _all_ids(supervisor: MessageClient, command: str) -> list[str]:
    left_out: dict[str, list[str]] = {}
    ids = []
    for account in supervisor.list_accounts():
        if why := _why_not(account, command):
            left_out.setdefault(why.partition(" ")[2], []).append(account.id)
        else:
            ids.append(account.id)
    for why, whose in left_out.items():
        complain(f"left out: {', '.join(whose)} ({why})")
    # Users before the master, as in a shutdown.
    return ids[::-1] if command == "stop" else ids


def _why_not(account: nouns.Account, command: str) -> str:
    """Why the command cannot be about this account; empty if it can."""
    if account.removed:
        return f"{account.id} is not in the configuration any more and only finishes what is in flight"
    if command not in _OF_COPYING or copies(account):
        return ""
    if account.role == nouns.ROLE_MASTER:
        return f"{account.id} is a master: only what copies can be paused"
    return f"{account.id} is at {account.broker} and copies nobody: only what copies can be paused"
