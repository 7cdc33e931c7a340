"""Arguments for each method of the SDK's clients, and messages with every field set or none."""

from __future__ import annotations

import ast
from datetime import timedelta
from decimal import Decimal
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from krakencopy.v1 import answers_pb2
from tests.support.sdk_methods import Method, methods

#: By the annotation of a parameter that must be given.
_BY_KIND: dict[str, Any] = {
    "str": "bob",
    "int": 7,
    "Decimal": Decimal("0.5"),
    "timedelta": timedelta(days=30),
    "SideWord": "buy",
    "StateWord": "HALTED",
    "Mapping[str, str]": {"multiplier": "2"},
    "Iterable[str]": ["bob"],
}
#: Of methods that want one of several.
_CHOSEN: dict[str, dict[str, Any]] = {
    "explain_fill": {"seq": 7},
    "copy_fill": {"seq": 7},
    "set_settings": {"target": "bob"},
    "create_token": {"role": "viewer"},
    "issue_certificate": {"role": "viewer"},
}


def arguments(method: Method) -> dict[str, Any]:
    """What a method is called with."""
    args = method.node.args
    needed = args.args[: len(args.args) - len(args.defaults)]
    needed += [arg for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is None]
    found = {}
    for arg in needed:
        assert arg.annotation is not None
        found[arg.arg] = _BY_KIND[ast.unparse(arg.annotation)]
    return found | _CHOSEN.get(method.name, {})


#: All methods with what they are called with.
CALLED = {method.name: (method, arguments(method)) for method in methods()}


def whole(descriptor: Descriptor, depth: int = 0) -> Any:
    """A message with something in each field."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            _fill_map(message, field)
        elif kind is not None and field.is_repeated:
            getattr(message, field.name).append(whole(kind, depth + 1))
        elif kind is not None:
            getattr(message, field.name).CopyFrom(whole(kind, depth + 1))
        elif field.is_repeated:
            getattr(message, field.name).append(_plain(field))
        else:
            setattr(message, field.name, _plain(field))
    return message


def _fill_map(message: Message, field: FieldDescriptor) -> None:
    assert field.message_type is not None
    value = field.message_type.fields_by_name["value"]
    text = "1.5" if field.GetOptions().Extensions[answers_pb2.decimal] else _plain(value)
    getattr(message, field.name)["key"] = text


def _plain(field: FieldDescriptor) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return "1.5" if field.GetOptions().Extensions[answers_pb2.decimal] else "text"
    return True if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else 1
