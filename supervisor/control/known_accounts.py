"""Accounts by the ids that operators write. One that is not known is refused with those that are, the
nearest first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import grpc

from krakencopy.supervisor.control.refusals import Context, refuse

#: Ids that a refusal names at most: its text is short (account_proc/contract/refusals.py).
NAMED_MAX = 8

Account = TypeVar("Account")


async def find_account(
    accounts: Mapping[str, Account], account_id: str, context: Context, also: Iterable[str] = ()
) -> Account:
    """The account of this id. ``also``: other words that would have been taken in its place."""
    account = accounts.get(account_id)
    if account is None:
        message = unknown_account(account_id, list(dict.fromkeys((*accounts, *also))))
        await refuse(context, grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", message)
    return account


def unknown_account(account_id: str, known: Sequence[str], what: str = "account") -> str:
    """That there is no such account, and which there are."""
    near = difflib.get_close_matches(account_id.lower(), known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ";"
    named = ", ".join(known[:NAMED_MAX])
    more = f" and {len(known) - NAMED_MAX} more" if len(known) > NAMED_MAX else ""
    return f"there is no {what} {account_id!r} in the configuration{meant} there are {named}{more}"
