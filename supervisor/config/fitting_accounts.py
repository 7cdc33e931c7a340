"""Whether the accounts of a configuration fit together: no two have one id, and one is the master.

What is wrong becomes a fault of the account's table, and reading goes on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.config.brokers import KRAKEN
from krakencopy.supervisor.config.toml_table import Table, show


@dataclass(frozen=True, slots=True)
class Seen:
    """What is compared between accounts, good or bad."""

    table: Table
    account_id: str | None
    role: Role | None
    broker: str | None

    def variables_clash(self, other: Seen) -> bool:
        """Whether two ids are one name of environment variables."""
        assert self.account_id is not None
        assert other.account_id is not None
        same = self.account_id.lower().replace("-", "_") == other.account_id.lower().replace("-", "_")
        return same and self.role is Role.USER and other.role is Role.USER


def check_last_id(seen: list[Seen], groups: Collection[str]) -> None:
    """Compare the account read last with those before it, and with ids of groups: commands take both."""
    *before, last = seen
    if last.account_id is None:
        return
    for other in before:
        if other.account_id is None:
            continue
        if last.account_id.lower() == other.account_id.lower():
            problem = f"{show(last.account_id)} is also the id of {other.table.path('id')[: -len('.id')]}"
            last.table.fault("id", problem, "give each account its own id")
        elif last.broker == other.broker and last.variables_clash(other):
            named = f"{show(last.account_id)} and {other.table.path('id')} {show(other.account_id)}"
            problem = f"{named} mean the same environment variables"
            last.table.fault("id", problem, "change one of the ids: - and _ are the same there")
    if last.account_id.lower() in {group.lower() for group in groups}:
        problem = f"{show(last.account_id)} is also the id of a group, and commands take both"
        last.table.fault("id", problem, "change one of the ids")


def check_masters(seen: list[Seen]) -> str:
    """That no broker has two, and Kraken one; of the latter what is wrong, empty for nothing."""
    first: dict[str, Seen] = {}
    for account in seen:
        if account.role is not Role.MASTER or account.broker is None:
            continue
        other = first.setdefault(account.broker, account)
        if other is not account:
            at = "" if account.broker == KRAKEN else f" at {account.broker}"
            problem = f"a second master{at} ({other.table.path('role')} is the first)"
            account.table.fault("role", problem, 'write role = "user"')
    is_read = all(account.role is not None and account.broker is not None for account in seen)
    return f"no master{' at Kraken' if first else ''}" if is_read and KRAKEN not in first else ""
