"""Accounts and groups as messages, and as they are kept (config/api_fields.py)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.supervisor.accounts.kept_tables import KeptTables
from krakencopy.supervisor.config.api_fields import ACCOUNT, GROUP, Body, Kind, differences
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.secret_texts import looks_secret
from krakencopy.supervisor.config.set_document import toml_text
from krakencopy.supervisor.config.toml_table import show
from krakencopy.supervisor.journal.config_changes import CREATED, DELETED, ROTATED, UPDATED, ConfigRow
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import types_pb2

ACTIONS = {
    CREATED: pb.CONFIG_ACTION_CREATED,
    UPDATED: pb.CONFIG_ACTION_UPDATED,
    DELETED: pb.CONFIG_ACTION_DELETED,
    ROTATED: pb.CONFIG_ACTION_KEY_ROTATED,
}


def body_of(kind: Kind, message: Any) -> dict[str, Any]:
    """The fields that are given. What answers alone say is not looked at."""
    body: dict[str, Any] = {}
    for field in sorted(kind.fields):
        value = getattr(message, field)
        if value:
            body[field] = dict(value) if field in kind.maps else value.strip()
    return {field: value for field, value in body.items() if value}


def secret_field(message: Message, where: str = "") -> str:
    """The first field with a text that looks like a key or a secret; empty for none."""
    for field, value in message.ListFields():
        path = f"{where}{field.name}"
        if isinstance(value, str) and looks_secret(value):
            return path
        if isinstance(value, Message):
            found = secret_field(value, f"{path}.")
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            found = next((path for key, text in value.items() if looks_secret(key) or looks_secret(text)), "")
        elif field.is_repeated:
            found = _in_items(value, path)
        else:
            found = ""
        if found:
            return found
    return ""


def _in_items(values: Iterable[Any], path: str) -> str:
    for index, value in enumerate(values):
        if isinstance(value, str) and looks_secret(value):
            return f"{path}[{index}]"
        if isinstance(value, Message) and (found := secret_field(value, f"{path}[{index}].")):
            return found
    return ""


class ConfigViews:
    """What is shown of one supervisor's configuration."""

    def __init__(self, tables: KeptTables, leaving: Callable[[], Collection[str]]) -> None:
        """``leaving``: accounts that stay only until copying holds nothing of them."""
        self._tables = tables
        self._leaving = leaving

    def owner(self, account_id: str) -> types_pb2.ConfigOwner.ValueType:
        """Who has configured an account."""
        if self._tables.row(ACCOUNT, account_id) is not None:
            return types_pb2.CONFIG_OWNER_API
        is_leaving = account_id in self._leaving()
        return types_pb2.CONFIG_OWNER_LEAVING if is_leaving else types_pb2.CONFIG_OWNER_FILE

    def account(self, config: Config, account_id: str, body: Body | None = None) -> pb.AccountConfig | None:
        """As it is configured, or as ``body`` says; None for one that is not there."""
        row, is_to_be = self._tables.row(ACCOUNT, account_id), body is not None
        message = pb.AccountConfig(account_id=account_id, role="user", owner=types_pb2.CONFIG_OWNER_API)
        if body is None and row is not None:
            body = self._tables.owned.accounts[account_id]
        there = {account.id: account for account in config.accounts}.get(account_id)
        if body is not None:
            _fill(ACCOUNT, message, body)
        elif there is None:
            return None
        else:
            raw = _table(config, "accounts", account_id)
            _fill(ACCOUNT, message, _body_of_table(raw))
            message.owner, message.role = self.owner(account_id), there.role
        if there is not None:
            message.key_source = key_source(there)
            message.broker, message.mode, message.tier = there.broker, there.mode, there.tier
        self._mark(message, row, account_id, is_to_be=is_to_be)
        return message

    def group(self, config: Config, group_id: str, body: Body | None = None) -> pb.GroupConfig | None:
        """The same of a group."""
        row, is_to_be = self._tables.row(GROUP, group_id), body is not None
        message = pb.GroupConfig(
            group_id=group_id, owner=types_pb2.CONFIG_OWNER_API, account_ids=config.members(group_id)
        )
        if body is None and row is not None:
            body = self._tables.owned.groups[group_id]
        if body is not None:
            _fill(GROUP, message, body)
        elif group_id not in config.groups:
            return None
        else:
            _fill(GROUP, message, _body_of_table(_table(config, "groups", group_id)))
            message.owner = types_pb2.CONFIG_OWNER_FILE
        self._mark(message, row, group_id, is_to_be=is_to_be)
        return message

    def _mark(self, message: Any, row: Any, owner_id: str, *, is_to_be: bool) -> None:
        if row is None:
            return
        message.etag, message.changed_by = self._tables.etag(row), row.changed_by
        message.created_at.CopyFrom(timestamp(row.created_at))
        message.changed_at.CopyFrom(timestamp(row.changed_at))
        if not is_to_be:
            message.left_out = self._tables.left_out.get(owner_id, "")

    def ids(self, config: Config, kind: Kind) -> list[str]:
        """Of all: the file's in its order, then the API's; without those that only leave."""
        owned, leaving = self._tables.owned.of(kind), self._leaving()
        there = [account.id for account in config.accounts if account.id not in leaving]
        if kind is GROUP:
            there = list(config.groups)
        return [*(one for one in there if one not in owned), *sorted(owned)]


def key_source(account: AccountConfig) -> str:
    """Where an account's key is from, for people; of a command only which program."""
    if account.credentials_command is not None:
        return f"command {show(account.credentials_command[0])}"
    if account.credentials_file is not None:
        return f"file {account.credentials_file}"
    return f"environment {' and '.join(account.credential_variables)}"


def change_message(row: ConfigRow, bodies: tuple[Body | None, Body | None]) -> pb.ConfigChange:
    """One change, as it is shown."""
    old, new = differences(*bodies)
    return pb.ConfigChange(
        number=row.number, is_group=row.kind == GROUP.name, id=row.id, action=ACTIONS[row.action],
        at=timestamp(row.at), changed_by=row.changed_by, principal=row.principal, request_id=row.request_id,
        old_values=old, new_values=new,
    )  # fmt: skip


def _fill(kind: Kind, message: Any, body: Body) -> None:
    for field in kind.fields & body.keys():
        if field in kind.maps:
            getattr(message, field).update(body[field])
        else:
            setattr(message, field, body[field])


def _table(config: Config, name: str, owner_id: str) -> Mapping[str, Any]:
    tables: Iterator[Mapping[str, Any]] = iter(config.written.document.get(name, ()))
    return next((table for table in tables if table.get("id") == owner_id), {})


def _body_of_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """What the file says, as texts."""
    body: dict[str, Any] = {}
    for field in ACCOUNT.fields & table.keys():
        value = table[field]
        if isinstance(value, Mapping):
            body[field] = {key: toml_text(each) for key, each in value.items()}
        else:
            body[field] = toml_text(value)
    return body
