"""What a new configuration changes in the running one, as one value: who comes, who goes, what is changed,
what cannot be.

Pure. It goes by the fields of the configuration's dataclasses, so a key that one of them is given shows up
here by itself. It must not know how a difference is applied (supervisor.py) or where the configuration comes
from (control/reloader.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from krakencopy.account_proc.contract.loss_limits import percent
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.supervisor.config.model import (
    AccountConfig,
    Config,
    PrincipalConfig,
    StartupConfig,
    Written,
)
from krakencopy.supervisor.config.toml_table import show

#: Parts of a configuration that a running supervisor can take; whatever else there is needs a restart. Of
#: ``copy`` each account has its share; ``source`` and ``written`` are for messages.
_TAKEN = frozenset(
    {
        "startup", "copy", "accounts", "groups", "principals", "source", "written", "credential_sources",
    }
)  # fmt: skip
#: What makes an account the one that it is: its process, its files and its place in the system follow from
#: them.
_KEPT_BY_ACCOUNTS = frozenset({"id", "role", "broker", "mode"})
#: Keys whose values are lists of patterns or names.
LISTS = ("include", "exclude", "names")
#: Keys whose values are lists of limits.
LIMITS = ("limits",)
#: Keys whose values are written in percent where they are shares.
SHARES = ("allocated_capital",)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key that has another value; both values in words, empty for one that is not set."""

    key: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.key} {self.old or '(not set)'} -> {self.new or '(not set)'}"


@dataclass(frozen=True, slots=True)
class Changed:
    """An account that is configured before and after, as it is to be, with the keys that differ."""

    account: AccountConfig
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What makes one configuration of another. Accounts by id."""

    added: tuple[AccountConfig, ...]
    removed: tuple[AccountConfig, ...]
    changed: tuple[Changed, ...]
    #: Keys of [startup] and of [[control.principals]], which hold at once.
    settings: tuple[Setting, ...]
    startup: StartupConfig
    copy: CopyRules
    groups: tuple[str, ...]
    principals: tuple[PrincipalConfig, ...]
    written: Written
    credential_sources: tuple[str, ...]
    #: What a running supervisor cannot take, in words. While there is any, nothing may be applied.
    fixed: tuple[str, ...]

    @property
    def touched(self) -> frozenset[str]:
        """Accounts that get a process with other settings than anyone had before."""
        return frozenset(account.id for account in (*self.added, *(one.account for one in self.changed)))

    def applied_to(self, running: Config) -> Config:
        """The running configuration with this difference; new accounts stand behind the others."""
        assert not self.fixed, "this needs a restart"
        accounts = {account.id: account for account in running.accounts}
        for account in self.removed:
            del accounts[account.id]
        for account in (*self.added, *(one.account for one in self.changed)):
            accounts[account.id] = account
        return replace(
            running, startup=self.startup, copy=self.copy, groups=self.groups,
            principals=self.principals, written=self.written, accounts=tuple(accounts.values()),
            credential_sources=self.credential_sources,
        )  # fmt: skip

    def __str__(self) -> str:
        parts = [
            f"{word} {', '.join(account.id for account in accounts)}"
            for word, accounts in (("added", self.added), ("removed", self.removed))
            if accounts
        ]
        parts += [f"changed {one.account.id} ({_listed(one.settings)})" for one in self.changed]
        parts += map(str, self.settings)
        return "; ".join(parts) or "nothing has changed"


def compare(running: Config, new: Config) -> Difference:
    """What ``new`` changes in ``running``."""
    before = {account.id: account for account in running.accounts}
    after = {account.id: account for account in new.accounts}
    settings = {
        account_id: tuple(_settings("", before[account_id], after[account_id]))
        for account_id in sorted(before.keys() & after.keys())
    }
    fixed = [
        str(setting)
        for part in fields(Config)
        if part.name not in _TAKEN
        for setting in _settings(part.name, getattr(running, part.name), getattr(new, part.name))
    ]
    if running.master.id != new.master.id:
        fixed.append(f"the master's id {running.master.id} -> {new.master.id}")
    fixed += [
        f"{account_id}: {setting}"
        for account_id, found in settings.items()
        for setting in found
        if setting.key in _KEPT_BY_ACCOUNTS
    ]
    return Difference(
        added=tuple(after[account_id] for account_id in sorted(after.keys() - before.keys())),
        removed=tuple(before[account_id] for account_id in sorted(before.keys() - after.keys())),
        changed=tuple(Changed(after[account_id], found) for account_id, found in settings.items() if found),
        settings=(
            *_settings("startup", running.startup, new.startup),
            *_settings("control.principals", _by_name(running), _by_name(new)),
        ),
        startup=new.startup,
        copy=new.copy,
        groups=new.groups,
        principals=new.principals,
        written=new.written,
        credential_sources=new.credential_sources,
        fixed=tuple(fixed),
    )


def _by_name(config: Config) -> dict[str, str]:
    """What each principal may do, for people."""
    return {
        each.name: f"{each.role} of {each.account}" if each.account else str(each.role)
        for each in config.principals
    }


def _settings(key: str, old: Any, new: Any) -> Iterator[Setting]:
    """The keys below ``key`` whose values differ."""
    if old == new:
        return
    if is_dataclass(old) and type(old) is type(new) and not isinstance(old, Money):
        after = _parts(new)
        for name, value in _parts(old).items():
            yield from _settings(f"{key}.{name}" if key else name, value, after[name])
        return
    if isinstance(old or new, Mapping) and all(isinstance(value, Mapping | None) for value in (old, new)):
        # Of a table that only one has, each key is shown with its value.
        before, after = old or {}, new or {}
        for name in sorted(before.keys() | after.keys()):
            yield from _settings(f"{key}.{name}", before.get(name), after.get(name))
        return
    was, is_now = value_words(old, key), value_words(new, key)
    yield Setting(key, was, is_now if is_now != was else f"{is_now} (changed)")


def _parts(value: Any) -> dict[str, Any]:
    """The fields of a dataclass; an amount whose asset stands beside it is one of money."""
    parts = {part.name: getattr(value, part.name) for part in fields(value)}
    asset = parts.pop("notional_asset", "")
    if asset and parts["notional"] is not None:
        parts["notional"] = Money(parts["notional"], asset)
    return parts


def value_words(value: Any, key: str = "") -> str:
    """A setting's value as people read it; empty for one that is not set."""
    match value:
        case None:
            return ""
        case StrEnum() | Money():
            return str(value)
        case Decimal() if key.endswith(SHARES):
            return percent(value)
        case Decimal():
            return format(value, "f")
        case float():
            return f"{value:g}"
        case tuple() if key.endswith(LISTS):
            return ", ".join(value)
        case tuple() if key.endswith(LIMITS):
            return "; ".join(map(str, value))
        case tuple() if value:
            # A command: who wrote a secret into its arguments should not find it in an event.
            return f"{show(value[0])} and its arguments" if len(value) > 1 else show(value[0])
        case _:
            return show(value)


def _listed(settings: tuple[Setting, ...]) -> str:
    return ", ".join(map(str, settings))
