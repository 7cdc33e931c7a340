"""Accounts and groups as they are configured, and what was changed, for people. Pure: messages in, lines
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from krakencopy.client.views.formats import local_time, plain, word
from krakencopy.client.views.pages import change_line
from krakencopy.client.views.table import Column
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def owner_word(owner: nouns.ConfigOwner.ValueType) -> str:
    """Who has configured something: file, api."""
    return word(nouns.ConfigOwner.DESCRIPTOR, owner).lower() if owner else ""


def change_page(answer: Any, what: str, done: str) -> list[str]:
    """What was done, and what follows for which account."""
    lines = [f"{plain(what)}: {done}" if answer.applied else f"{plain(what)}: would be {done}"]
    lines += [change_line(change) for change in answer.accounts]
    if not answer.accounts:
        lines.append("nothing follows for any account's process")
    lines += [f"kept: {plain(line)}" for line in answer.kept]
    lines += [f"warning: {plain(line)}" for line in answer.warnings]
    return lines if answer.applied else [*lines, "only validated: nothing of this was applied"]


def account_columns() -> list[Column]:
    """Of the table of accounts."""
    return [
        Column(title) for title in ("ACCOUNT", "OWNER", "ROLE", "BROKER", "MODE", "GROUP", "KEY", "CHANGED")
    ]


def account_row(account: pb.AccountConfig) -> list[str]:
    """One account."""
    return [
        plain(account.account_id), owner_word(account.owner), plain(account.role), plain(account.broker),
        plain(account.mode), plain(account.group), plain(account.key_source),
        _changed(account) + ("; left out" if account.left_out else ""),
    ]  # fmt: skip


def account_page(account: pb.AccountConfig) -> list[str]:
    """One account, a line for each field that it has."""
    owner = owner_word(account.owner)
    lines = [f"{plain(account.account_id)}: {owner}, {plain(account.role)} at {plain(account.broker)}"]
    named = {
        "mode": account.mode, "group": account.group, "tier": account.tier,
        "credentials_file": account.credentials_file, "key": account.key_source,
        "strategy": account.strategy, "strategy_risk": account.strategy_risk,
    }  # fmt: skip
    lines += [f"  {field} = {plain(value)}" for field, value in named.items() if value]
    for field in ("copy", "reserve", "strategy_options"):
        lines += [f"  {line}" for line in _rules(getattr(account, field), f"{field}.")]
    if account.etag:
        lines.append(f"  etag {plain(account.etag)}, changed {_changed(account)}")
    if account.left_out:
        lines.append(f"  does not run: {plain(account.left_out)}")
    return lines


def group_columns() -> list[Column]:
    """Of the table of groups."""
    return [Column(title) for title in ("GROUP", "OWNER", "MEMBERS", "RULES", "ETAG", "CHANGED")]


def group_row(group: pb.GroupConfig) -> list[str]:
    """One group."""
    return [
        plain(group.group_id), owner_word(group.owner), ", ".join(map(plain, group.account_ids)),
        ", ".join(_rules(group.copy)), plain(group.etag), _changed(group),
    ]  # fmt: skip


def change_columns() -> list[Column]:
    """Of the table of changes."""
    return [Column(title) for title in ("AT", "WHAT", "ID", "DONE", "BY", "CALLER", "BEFORE -> AFTER")]


def change_row(change: pb.ConfigChange) -> list[str]:
    """One change."""
    old, new = change.old_values, change.new_values
    words = [f"{plain(path)} {_value(old, path)} -> {_value(new, path)}" for path in sorted({*old, *new})]
    return [
        local_time(change.at), "group" if change.is_group else "account", plain(change.id),
        word(pb.ConfigAction.DESCRIPTOR, change.action).lower().replace("_", " "), plain(change.changed_by),
        plain(change.principal), "; ".join(words),
    ]  # fmt: skip


def rotation_page(account_id: str, answer: pb.RotateCredentialsResponse) -> list[str]:
    """What came of a key that was tried."""
    outcome = word(pb.RotationOutcome.DESCRIPTOR, answer.outcome).lower().replace("_", " ")
    state = word(nouns.AccountState.DESCRIPTOR, answer.account.state)
    return [f"{plain(account_id)}: {outcome}: {plain(answer.message)}", f"{plain(account_id)} is {state}"]


def _value(values: Mapping[str, str], path: str) -> str:
    return plain(values.get(path, "")) or "(not set)"


def _rules(rules: Mapping[str, str], prefix: str = "") -> list[str]:
    return [f"{prefix}{plain(key)} = {plain(value)}" for key, value in sorted(rules.items())]


def _changed(found: pb.AccountConfig | pb.GroupConfig) -> str:
    return f"{local_time(found.changed_at)} by {plain(found.changed_by)}" if found.etag else ""
