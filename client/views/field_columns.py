"""Messages as columns by the fields that they have in the API: one column for each field, named as in JSON,
with a point before a field of a field (`equity.amount`). Pure.

Times, decimals and enums are written as in JSON; what may be there several times is JSON in its cell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

#: What JSON writes as one text.
_ONE_VALUE = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})
#: Fields of fields, so deep at most; what is below is JSON in its cell.
_DEPTH_MAX = 4
#: What the rows are of an answer that is about several of one thing; any other answer is one row.
LISTS: Mapping[str, str] = {
    "GetStatusResponse": "accounts",
    "GetReportResponse": "accounts",
    "ExplainFillResponse": "outcomes",
    "CopyFillResponse": "answers",
    "SetTradingStateResponse": "accounts",
    "FlattenAccountsResponse": "positions",
    "ResyncAccountResponse": "positions",
    "Simulation": "accounts",
}


def to_dict(message: Message) -> dict[str, Any]:
    """The message as JSON has it, in proto field names, with the fields that are empty."""
    return dict(
        MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    )


def rows_of(message: Message) -> Sequence[Message]:
    """What of an answer the rows are: its list where it is one of ``LISTS``, else the answer itself."""
    field = LISTS.get(message.DESCRIPTOR.name)
    return [message] if field is None else list(getattr(message, field))


def kind_of(message: Message) -> Descriptor:
    """Of which kind a message is."""
    return cast("Descriptor", message.DESCRIPTOR)  # the stub also names the class of protobuf's C code


def kind_of_rows(message: Message) -> Descriptor:
    """Of which kind the rows of ``rows_of`` are."""
    descriptor = kind_of(message)
    field = LISTS.get(descriptor.name)
    if field is None:
        return descriptor
    kind = descriptor.fields_by_name[field].message_type
    assert kind is not None, "a list of LISTS has messages"
    return kind


def field_names(*kinds: Descriptor) -> list[str]:
    """The columns of messages of these kinds, each once."""
    return list(dict.fromkeys(name for kind in kinds for name in _names(kind, "", 1)))


def _names(kind: Descriptor, prefix: str, depth: int) -> Iterable[str]:
    for field in kind.fields:
        inner = _inner(field)
        if inner is None or depth == _DEPTH_MAX:
            yield f"{prefix}{field.name}"
        else:
            yield from _names(inner, f"{prefix}{field.name}.", depth + 1)


def _inner(field: FieldDescriptor) -> Descriptor | None:
    """The fields of a field; None where it is one value, or several."""
    inner = field.message_type
    return None if field.is_repeated or inner is None or inner.full_name in _ONE_VALUE else inner


def cells(message: Message, names: Iterable[str]) -> list[str]:
    """What stands in these columns; a field that the message does not have is empty."""
    found = to_dict(message)
    return [_cell(found, name) for name in names]


def _cell(found: Mapping[str, Any], name: str) -> str:
    value: Any = found
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, str):
        return value
    return "" if value is None or value in ([], {}) else json.dumps(value, ensure_ascii=False)
