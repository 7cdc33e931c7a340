"""A request to each method of ControlService, as it is shown in docs/api: for grpcurl and curl as JSON, for
Python as a call.

Those that change something name an id, since each is done once for it. A method that has no entry gets what
the names of its fields suggest.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

SOCKET = "data/run/control.sock"
WIDTH = 110
GATEWAY = "http://127.0.0.1:8443"

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "GetStatus": {},
    "ListAccounts": {"page_size": 50},
    "GetReport": {},
    "SetTradingState": {
        "request_id": "halt-1", "target": {"all": True}, "state": "TRADING_STATE_HALTED",
        "reason": "Kraken is down",
    },
    "FlattenAccounts": {
        "request_id": "flatten-1", "target": {"account_ids": ["alice"]}, "reason": "alice leaves",
    },
    "ListLimits": {"account_ids": ["alice"]},
    "ResetLimit": {"request_id": "reset-1", "account_id": "alice", "name": "daily", "reason": "looked into"},
    "ResyncAccount": {"account_id": "alice", "dry_run": True},
    "RenameAsset": {"request_id": "rename-1", "old_name": "MATIC", "new_name": "POL"},
    "ListFills": {"pair": "BTC/USD", "page_size": 20},
    "WatchFills": {"after_seq": 1041},
    "ListCopies": {"account_id": "alice", "state": "COPY_STATE_SKIPPED"},
    "WatchCopies": {"account_id": "alice", "after_change": 77},
    "ExplainFill": {"seq": 1042},
    "CopyFill": {"request_id": "copy-1", "seq": 1042, "account_ids": ["alice"]},
    "PlaceOrder": {
        "request_id": "order-1", "pair": "BTC/USD", "side": "SIDE_BUY", "volume": "0.005",
        "limit_price": "60000",
    },
    "ListOrders": {"pair": "BTC/USD"},
    "GetOrder": {"order_id": "order-1"},
    "CancelOrder": {"request_id": "cancel-1", "order_id": "order-1"},
    "CancelOrders": {"request_id": "cancel-2", "pair": "BTC/USD", "side": "SIDE_BUY"},
    "ListEvents": {"account_id": "alice", "page_size": 20},
    "WatchEvents": {"after_seq": 310},
    "ReadLog": {"account_id": "supervisor", "lines": 50},
    "Reload": {"request_id": "reload-1", "dry_run": True},
    "SetSettings": {"request_id": "set-1", "id": "alice", "settings": {"max_user_risk": "0.02"}},
    "Shutdown": {"request_id": "stop-1"},
    "WatchAudit": {"after_number": 512},
    "CreateAccount": {
        "request_id": "create-1",
        "account": {"account_id": "dora", "group": "eu", "credentials_file": "dora.txt"},
    },
    "UpdateAccount": {
        "request_id": "update-1", "account": {"account_id": "dora", "copy": {"max_user_risk": "0.01"}},
        "update_mask": ["copy.max_user_risk"],
    },
    "DeleteAccount": {"request_id": "delete-1", "account_id": "dora", "on_leave": "ON_LEAVE_KEEP"},
    "CreateGroup": {
        "request_id": "create-2", "group": {"group_id": "eu", "copy": {"max_user_risk": "0.02"}},
    },
    "UpdateGroup": {
        "request_id": "update-2", "group": {"group_id": "eu", "copy": {"max_user_risk": "0.03"}},
        "update_mask": ["copy.max_user_risk"],
    },
    "DeleteGroup": {"request_id": "delete-2", "group_id": "eu"},
    "ListConfigChanges": {"id": "dora"},
    "CreateToken": {
        "request_id": "token-1", "name": "reports", "role": "ACCESS_ROLE_VIEWER", "ttl": "2592000s",
    },
    "RevokeToken": {"request_id": "revoke-1", "id": "4kq7zc2m"},
    "IssueCertificate": {
        "request_id": "certificate-1", "name": "olga", "role": "ACCESS_ROLE_OPERATOR", "ttl": "7776000s",
        "certificate_request": "MIHk...",
    },
    "RevokePrincipal": {"request_id": "revoke-2", "name": "olga"},
}  # fmt: skip
#: What fields of these names hold where a method has no example of its own.
SUGGESTED = {
    "account_id": "alice", "id": "alice", "name": "alice", "reason": "asked for", "request_id": "request-1",
    "page_size": 20,
}  # fmt: skip


def example(method: MethodDescriptor) -> Mapping[str, Any]:
    """A request, as protobuf's JSON with the protos' names of fields."""
    if method.name in EXAMPLES:
        return EXAMPLES[method.name]
    return {field.name: SUGGESTED[field.name] for field in _suggestible(method.input_type)}


def _suggestible(message: Descriptor) -> list[FieldDescriptor]:
    texts = {FieldDescriptor.TYPE_STRING: str, FieldDescriptor.TYPE_INT32: int}
    return [
        field for field in message.fields
        if field.name in SUGGESTED
        and not field.is_repeated
        and isinstance(SUGGESTED[field.name], texts.get(field.type, ()))
    ]  # fmt: skip


def path(method: MethodDescriptor) -> str:
    """By which a method is called."""
    return f"{method.containing_service.full_name}/{method.name}"


def grpcurl(method: MethodDescriptor) -> str:
    """A command line that asks it."""
    request = json.dumps(example(method), separators=(",", ":"))
    words = ["grpcurl", "-plaintext", "-unix", *(["-d", request] if example(method) else [])]
    return f"{shlex.join(words)} {SOCKET} {path(method)}"


def curl(method: MethodDescriptor) -> str:
    """The same through the gateway."""
    request = shlex.quote(json.dumps(example(method), separators=(",", ":")))
    return (
        f"curl -H 'content-type: application/json' -H \"authorization: Bearer $TOKEN\" \\\n"
        f"    -d {request} {GATEWAY}/{path(method)}"
    )


def module(message: Descriptor) -> str:
    """What the module of a message's class is called in examples."""
    stem = PurePosixPath(message.file.name).stem
    return "pb" if stem == "control" else f"{stem}_pb2"


def python(method: MethodDescriptor) -> str:
    """An expression of Python that asks it. ``control`` is a stub of the service."""
    known = method.input_type.fields_by_name
    given = [
        f"{name}={json_to_python(_of_field(known[name], value))}" for name, value in example(method).items()
    ]
    fields = ", ".join(given)
    asks, message = f"control.{method.name}", f"{module(method.input_type)}.{method.input_type.name}"
    # As ruff formats it, in pages as well.
    line, inner = f"{asks}({message}({fields}))", f"    {message}({fields})"
    if len(line) <= WIDTH:
        return line
    if len(inner) > WIDTH:
        if len(fields) + 8 > WIDTH:
            fields = "\n        ".join(f"{each}," for each in given)
        inner = f"    {message}(\n        {fields}\n    )"
    return f"{asks}(\n{inner}\n)"


def _of_field(field: FieldDescriptor, value: Any) -> Any:
    """A value of protobuf's JSON as a message's constructor takes it."""
    kind = field.message_type.full_name if field.message_type else ""
    return {"seconds": int(value.removesuffix("s"))} if kind == "google.protobuf.Duration" else value


def json_to_python(value: Any) -> str:
    """A value as Python writes it, with double quotes."""
    match value:
        case bool() | int():
            return repr(value)
        case str():
            return json.dumps(value)
        case list():
            return f"[{', '.join(map(json_to_python, value))}]"
        case dict():
            inside = ", ".join(f"{json.dumps(key)}: {json_to_python(each)}" for key, each in value.items())
            return f"{{{inside}}}"
        case _:
            raise TypeError(f"no example has {value!r}")
