"""What the audit notes of a call: what was asked of whom, how those accounts stand before and afterwards, and
what the answer says that was changed.

All of it is bounded: a request of 64 KiB leaves a few of its texts, and its hash. Of answers only what is
named here is noted, so that nothing secret gets in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.supervisor.config.secret_texts import looks_secret
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb

#: Accounts that are named in an entry, and those whose standing is noted.
NAMED_MAX, STANDING_MAX = 50, 20
#: Of one text, in bytes; items of one list or map; all that was asked as JSON, in characters.
TEXT_BYTES_MAX, ITEMS_MAX, ASKED_MAX = 200, 20, 2_000
#: Values that were changed by one call.
CHANGES_MAX = 60
#: In the place of a text that looks like a key or a secret.
HIDDEN = "(looks like a secret)"
#: For every account.
ALL = "(all)"
#: Fields of requests that have a place of their own in an entry.
_ELSEWHERE = (
    "request_id", "target", "account_id", "account_ids", "group_id", "by", "set_by", "changed_by", "reason",
)  # fmt: skip
#: By these a request only asks what would be.
_DRY = ("dry_run", "validate_only", "validate")
#: Fields of answers that say what was done.
_SHOWN = frozenset(
    {
        "applied", "already_over", "cancelled", "cl_ord_id", "description", "journal_position", "left",
        "names", "number", "order_id", "outcome", "version",
    }
)  # fmt: skip


class CallNotes:
    """Of one supervisor's accounts."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def asked(self, request: Message) -> dict[str, Any]:
        """Whom it is about, and what is asked."""
        encoded = request.SerializeToString(deterministic=True)
        accounts = list(self._targets(request))
        found: dict[str, Any] = {
            "request_id": _shown(getattr(request, "request_id", "")),
            "accounts": [cut_text(_shown(each), 64) for each in accounts[:NAMED_MAX]],
        }
        if len(accounts) > NAMED_MAX:
            found["accounts"].append(f"(and {len(accounts) - NAMED_MAX} more)")
        found["asked"] = _bounded(request)
        found["sha256"] = sha256(encoded).hexdigest()
        for name, fields in (("by", ("by", "set_by", "changed_by")), ("why", ("reason",))):
            said = next(filter(None, (getattr(request, field, "") for field in fields)), "")
            if said:
                found[name] = _cut(str(said))
        if any(getattr(request, field, False) for field in _DRY):
            found["dry_run"] = True
        return found

    def _targets(self, request: Message) -> Iterator[str]:
        """Accounts, groups as ``group:ID``, or all, as the request names them."""
        target = getattr(request, "target", None)
        if isinstance(target, pb.TradingTarget):
            yield from [ALL] if target.all else []
            yield from target.account_ids
            yield from (f"group:{group}" for group in target.groups)
        elif getattr(request, "account_id", ""):
            yield request.account_id  # type: ignore[attr-defined]  # as seen
        elif getattr(request, "account_ids", ()):
            yield from request.account_ids  # type: ignore[attr-defined]  # as seen
        elif isinstance(request, pb.SetSettingsRequest):
            yield request.id or ALL
        elif named := list(_configured(request)):
            yield from named
        elif isinstance(request, pb.PlaceOrderRequest | pb.CancelOrderRequest | pb.CancelOrdersRequest):
            yield self._supervisor.registry.master.config.id

    def standing(self, request: Message) -> dict[str, str]:
        """How the accounts stand that it is about: by ``ID.state`` and so on."""
        found: dict[str, str] = {}
        for account_id in self._concerned(self._targets(request)):
            account = self._supervisor.accounts[account_id]
            found[f"{account_id}.state"] = str(account.life.state)
            found[f"{account_id}.wanted"] = _word(account.wanted)
            if account.config.copies:
                found[f"{account_id}.paused"] = _word(account.paused)
            states = self._supervisor.trading.states
            found[f"{account_id}.trading"] = str(states.state_of(account_id, account.config.group or ""))
        return found

    def _concerned(self, targets: Iterable[str]) -> list[str]:
        targets = set(targets)
        found = [
            account_id
            for account_id, account in self._supervisor.accounts.items()
            if targets & {ALL, account_id, f"group:{account.config.group}", account.config.group}
        ]
        return found[:STANDING_MAX]

    @staticmethod
    def changed(before: dict[str, str], after: dict[str, str], answer: Message) -> dict[str, Any]:
        """What is otherwise now than before, and what the answer says was done."""
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        old, new = ({key: side[key] for key in keys if key in side} for side in (before, after))
        for key, was, now in _settings(answer):
            old |= {key: cut_text(was, TEXT_BYTES_MAX)}
            new |= {key: cut_text(now, TEXT_BYTES_MAX)}
        new |= dict(_said(answer))
        return {name: _first(side) for name, side in (("before", old), ("after", new)) if side}


def _configured(request: Message) -> Iterator[str]:
    """What a request is to configure: an account or a group, with its id."""
    if group_id := getattr(request, "group_id", ""):
        yield f"group:{group_id}"
    for name, prefix in (("account", ""), ("group", "group:")):
        made = getattr(request, name, None)
        if isinstance(made, Message):
            account_id = getattr(made, f"{name}_id", "") or getattr(made, "id", "")
            yield from [f"{prefix}{account_id}"] if account_id else []


def _word(value: bool) -> str:
    return "yes" if value else "no"


def _first(side: dict[str, str]) -> dict[str, str]:
    if len(side) <= CHANGES_MAX:
        return side
    return dict(list(side.items())[:CHANGES_MAX]) | {"more": str(len(side) - CHANGES_MAX)}


def _settings(answer: Message) -> Iterator[tuple[str, str, str]]:
    """Settings that are others now, of the whole or of an account: key, old and new value."""
    for change in getattr(answer, "settings", ()):
        if isinstance(change, pb.SettingChange):
            yield change.key, change.old_value, change.new_value
    for account in getattr(answer, "accounts", ()):
        if isinstance(account, pb.AccountChange):
            kind = pb.ChangeKind.Name(account.kind).removeprefix("CHANGE_KIND_")
            yield account.account_id, "", kind
            for change in account.settings:
                yield f"{account.account_id}.{change.key}", change.old_value, change.new_value


def _said(answer: Message) -> Iterator[tuple[str, str]]:
    for field, value in answer.ListFields():
        if field.name in _SHOWN:
            yield field.name, cut_text(_text(field, value), TEXT_BYTES_MAX)
    for each in getattr(answer, "answers", ()):
        if isinstance(each, pb.CopyFillAnswer):
            yield f"{each.account_id}.copy", each.reason or str(each.outcome)
    for each in getattr(answer, "positions", ()):
        if isinstance(each, pb.FlattenPosition) and each.volume:
            yield f"{each.account_id}.sells.{each.asset}", each.volume
    credential = getattr(answer, "credential", None)
    if isinstance(credential, Message):  # what it is good for stands beside it, and is a secret
        yield "credential", str(getattr(credential, "id", ""))
    if isinstance(answer, pb.CancelOrderResponse) and answer.order.order_id:
        yield "order_id", answer.order.order_id


def _text(field: Any, value: Any) -> str:
    if field.enum_type is not None and not field.is_repeated:
        return str(field.enum_type.values_by_number[value].name)
    return ", ".join(value) if field.is_repeated else str(value)


def _bounded(request: Message) -> dict[str, Any]:
    """What is asked, in names of the API, without what stands elsewhere; cut where it is long."""
    rest = type(request)()
    rest.CopyFrom(request)
    for name in _ELSEWHERE:
        if name in rest.DESCRIPTOR.fields_by_name:
            rest.ClearField(name)
    asked = MessageToDict(rest, preserving_proto_field_name=True)
    found = {name: _cut(value) for name, value in asked.items()}
    text = json.dumps(found)
    if len(text) <= ASKED_MAX:
        return found
    return {"cut": text[: ASKED_MAX // 2], "bytes": request.ByteSize()}


def _shown(text: str) -> str:
    """Without what looks like a key or a secret: who sends one where none belongs is not helped by a log that
    keeps it for ever.
    """
    return HIDDEN if looks_secret(text) else text


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return cut_text(_shown(value), TEXT_BYTES_MAX)
    if isinstance(value, list):
        more = [f"(and {len(value) - ITEMS_MAX} more)"] if len(value) > ITEMS_MAX else []
        return [*map(_cut, value[:ITEMS_MAX]), *more]
    if isinstance(value, dict):
        kept = {cut_text(_shown(str(key)), 64): _cut(each) for key, each in list(value.items())[:ITEMS_MAX]}
        return kept | ({"more": len(value) - ITEMS_MAX} if len(value) > ITEMS_MAX else {})
    return value
