"""The control API as its protos describe it: each method, message, enum and field with its comment, from
protoc's descriptors. What pages are made of it: api_pages.py.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor

from krakencopy.v1 import bounds_pb2, control_pb2
from tests.support.proto_rules import Part, compiled

ROOT = Path(__file__).parents[2]
SERVICE = control_pb2.DESCRIPTOR.services_by_name["ControlService"]
PACKAGE = f"{SERVICE.file.package}."
#: "NOT_FOUND/ACCOUNT_NOT_FOUND (the user)" in a method's comment.
_ERROR = re.compile(r"\b([A-Z][A-Z_]+)(?:/([A-Z][A-Z0-9_]+))?(?: \(([^()]*)\))?")
_ERRORS = re.compile(r"\bErrors\b[^:]*:\s*")
_AS_OF = re.compile(r"\bas of ([A-Z][A-Za-z]+)\b")
_TYPES = {getattr(FieldDescriptor, f"TYPE_{name.upper()}"): name for name in (
    "double", "float", "int64", "uint64", "int32", "uint32", "bool", "string", "bytes",
)}  # fmt: skip
#: What a number in a request may not be is said of these.
_NUMBERS = {"int64", "uint64", "int32", "uint32"}


@dataclass(frozen=True, slots=True)
class Error:
    """An error that a method's comment names."""

    status: str
    #: Empty where the comment names none.
    reason: str
    note: str


@cache
def _parts() -> tuple[Part, ...]:
    with tempfile.TemporaryDirectory() as folder:
        return tuple(compiled(ROOT / "protos", Path(folder) / "all.binpb").parts)


@cache
def _comments() -> Mapping[tuple[str, str], str]:
    """By the full name of the message, enum or service, and the name of its part; empty for itself."""
    found: dict[tuple[str, str], str] = {}
    for part in _parts():
        owner, name = (part, "") if part.kind in {"message", "enum", "service"} else (part.parent, part.name)
        names = [name for each in _line_of(owner) for name in (each.name,)]
        found[f"{part.file.package}.{'.'.join(names)}", name] = part.file.comment(part.path)
    return found


def _line_of(part: Part | None) -> list[Part]:
    return [] if part is None else [*_line_of(part.parent), part]


def comment(owner: Any, name: str = "") -> str:
    """What the protos say of a message, enum or service, or of a part of it, in one paragraph."""
    return " ".join(_comments()[owner.full_name, name].split())


@cache
def file_comment(name: str) -> str:
    """The first paragraph of what a file says of itself."""
    places = next(part.file for part in _parts() if part.file.name == name)
    for place in places.descriptor.source_code_info.location:
        if tuple(place.path) == (12,):  # its syntax
            first = place.leading_comments.strip().split("\n\n")[0]
            return " ".join(first.split())
    return ""


def methods() -> tuple[MethodDescriptor, ...]:
    """Those of ControlService, in order."""
    return tuple(SERVICE.methods)


def does(method: MethodDescriptor) -> str:
    """What a method does, without its errors."""
    return _ERRORS.split(comment(SERVICE, method.name))[0].strip()


def named_errors(method: MethodDescriptor) -> tuple[Error, ...]:
    """Those that its comment names, those of the method that it refers to included."""
    _, *rest = _ERRORS.split(comment(SERVICE, method.name), maxsplit=1)
    text = " ".join(rest)
    found = [Error(status, reason, note) for status, reason, note in _ERROR.findall(text)]
    statuses = {error.status for error in found} - _statuses()
    assert not statuses, f"{method.name}: {statuses} are no statuses of gRPC"
    for other in _AS_OF.findall(text):
        found += named_errors(SERVICE.methods_by_name[other])
    return tuple(dict.fromkeys(found))


@cache
def _statuses() -> frozenset[str]:
    from grpclib.const import Status

    return frozenset(status.name for status in Status)


def type_name(field: FieldDescriptor) -> str:
    """As the protos write it, without the package."""
    if field.message_type and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        return f"map of {type_name(key)} to {type_name(value)}"
    found: Any = field.message_type or field.enum_type
    name = _TYPES.get(field.type) or found.full_name.removeprefix(PACKAGE)
    return f"repeated {name}" if field.is_repeated else name


def of_type(field: FieldDescriptor) -> Descriptor | EnumDescriptor | None:
    """The message or enum of ours that a field holds."""
    if field.message_type and field.message_type.GetOptions().map_entry:
        return of_type(field.message_type.fields_by_name["value"])
    found = field.message_type or field.enum_type
    return found if found is not None and found.full_name.startswith(PACKAGE) else None


def bounds(field: FieldDescriptor) -> str:
    """What a field of a request may hold, in words (protos/krakencopy/v1/bounds.proto)."""
    said = field.GetOptions().Extensions[bounds_pb2.bounds]
    found = []
    if said.max_items:
        found.append(f"at most {said.max_items:,} of them")
    if said.max_length:
        found.append(f"at most {said.max_length:,} characters")
    if said.form == bounds_pb2.TEXT_FORM_DECIMAL:
        found.append("a decimal number, not negative")
    if said.form == bounds_pb2.TEXT_FORM_CALCULATED:
        found.append("a decimal number")
    if _TYPES.get(field.type) in _NUMBERS:
        found.append(f"0 to {said.maximum:,}" if said.maximum else "0 or more")
    if field.message_type and field.message_type.full_name == "google.protobuf.Timestamp":
        found.append("years 1 to 9999")
    return ", ".join(found)


def reached(start: Descriptor) -> Iterator[Descriptor | EnumDescriptor]:
    """A message, and all messages and enums of ours that it is made of, in the order of its fields."""
    seen: set[str] = set()

    def walk(node: Any) -> Iterator[Descriptor | EnumDescriptor]:
        if node is None or node.full_name in seen:
            return
        seen.add(node.full_name)
        yield node
        for field in getattr(node, "fields", ()):
            yield from walk(of_type(field))

    yield from walk(start)
