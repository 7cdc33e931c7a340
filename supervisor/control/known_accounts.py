"""Accounts by the ids that operators write. One that is not known is refused with those that are, the
nearest first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import grpc

from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.control.principals import Principal, Role
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


async def find_user(
    accounts: Mapping[str, SupervisedAccount], account_id: str, context: Context, why: str
) -> SupervisedAccount:
    """The account of this id, which copies and is configured. ``why``: none that copies nobody would do."""
    account = await find_account(accounts, account_id, context)
    await check_configured(account, context)
    if not account.config.copies:
        words = f"{account_id} copies nobody: {why}"
        await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_A_USER", words)
    return account


def seen_by(principal: Principal, accounts: Mapping[str, Account]) -> list[Account]:
    """Those that somebody sees: an owner its own alone."""
    is_owner = principal.role is Role.OWNER
    return [one for key, one in accounts.items() if not is_owner or key == principal.account]


async def check_configured(account: SupervisedAccount, context: Context) -> None:
    """Refuses one that only ends."""
    if account.removed:
        words = (
            f"{account.config.id} is not in the configuration any more and only finishes what is in flight"
        )
        await refuse(context, grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", words)


def unknown_account(account_id: str, known: Sequence[str], what: str = "account") -> str:
    """That there is no such account, and which there are."""
    near = difflib.get_close_matches(account_id.lower(), known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ";"
    named = ", ".join(known[:NAMED_MAX])
    more = f" and {len(known) - NAMED_MAX} more" if len(known) > NAMED_MAX else ""
    return f"there is no {what} {account_id!r} in the configuration{meant} there are {named}{more}"
