"""What the fields of requests may hold, as declared beside them in protos/krakencopy/v1 (bounds.proto): one
check for all services, before anything is done about a request.

What is checked of a message type is worked out once, from its descriptor, and only fields that are set are
looked at. Fills are checked once, where the supervisor takes them from the master's process: what it then
sends to every user is declared ``checked_by_sender``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from krakencopy.account_proc.contract.decimal_text import PLAIN
from krakencopy.v1 import bounds_pb2 as pb

PACKAGE = pb.DESCRIPTOR.package
#: The reason of google.rpc.ErrorInfo.
FIELD_INVALID = "FIELD_INVALID"
#: Violations that one answer names at most.
VIOLATIONS_MAX = 5
#: Timestamps that can be shown as a date: 0001-01-01 to 9999-12-31, in seconds since 1970 (timestamp.proto).
SECONDS_MIN, SECONDS_MAX = -62_135_596_800, 253_402_300_799
NANOS_MAX = 999_999_999
#: The longest duration, ten thousand years, in seconds (duration.proto). None that is asked for is negative.
DURATION_SECONDS_MAX = 315_576_000_000

#: Nothing in them has to be tried twice, which possessive quantifiers say (`++`, `?+`): half the time.
FORMS: dict[int, tuple[re.Pattern[str], str]] = {
    pb.TEXT_FORM_DECIMAL: (
        PLAIN,
        "must be a decimal number such as 0.005, not negative, up to 20 digits on each side of the point",
    ),
    pb.TEXT_FORM_CALCULATED: (
        re.compile(r"-?+[0-9]{1,40}+(?:\.[0-9]{1,64}+)?+", re.ASCII),
        "must be a decimal number such as 0.005",
    ),
}

#: What is wrong with a field's value, for people; empty for nothing.
Check = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that is outside its bounds."""

    #: Where: "volume", "fills[2].fee.amount".
    field: str
    #: What must be otherwise, for people.
    description: str

    def __str__(self) -> str:
        return f"{self.field} {self.description}"


class Unreadable:
    """What is in the place of a request whose bytes are no message of its type."""


def violations(message: Message) -> Iterator[Violation]:
    """Every field of a request that is outside its bounds, those of messages in it as well."""
    descriptor: Any = message.DESCRIPTOR
    if descriptor.file.package != PACKAGE:
        return  # of others' services, which declare nothing
    checks = _checks(descriptor)
    for field, value in message.ListFields():
        check = checks[field.number]
        if check is not None:
            yield from check(field.name, value)


# -- what is checked of a field, worked out once -------------------------------------------------------------

FieldCheck = Callable[[str, Any], Iterator[Violation]]
_CHECKS: dict[str, dict[int, FieldCheck | None]] = {}


def _checks(descriptor: Descriptor) -> dict[int, FieldCheck | None]:
    known = _CHECKS.get(descriptor.full_name)
    if known is None:
        known = {field.number: _field_check(field) for field in descriptor.fields}
        _CHECKS[descriptor.full_name] = known
    return known


def _field_check(field: FieldDescriptor) -> FieldCheck | None:
    bounds = field.GetOptions().Extensions[pb.bounds]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        return _of_map(
            bounds,
            _value_check(key, pb.Bounds(max_length=bounds.max_length)),
            _value_check(value, bounds),
            are_texts=(key.type == FieldDescriptor.TYPE_STRING, value.type == FieldDescriptor.TYPE_STRING),
        )
    if field.message_type is not None:
        of_one = _WELL_KNOWN.get(field.message_type.full_name, _inside)
        return _of_items(bounds, of_one) if field.is_repeated else of_one
    check = _value_check(field, bounds)
    if check is None:
        return None
    one = _named(check)
    return _of_items(bounds, one) if field.is_repeated else one


def _value_check(field: FieldDescriptor, bounds: pb.Bounds) -> Check | None:
    if field.type == FieldDescriptor.TYPE_STRING:
        return _of_text(bounds)
    if field.enum_type is not None:
        known = frozenset(field.enum_type.values_by_number)
        return lambda value: "" if value in known else f"has no value {value}"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return None
    largest = bounds.maximum or None
    return lambda value: _of_number(value, largest)


def _of_text(bounds: pb.Bounds) -> Check:
    if bounds.form in FORMS:
        pattern, words = FORMS[bounds.form]
        return lambda value: "" if pattern.fullmatch(value) else words
    longest = bounds.max_length

    def check(value: str) -> str:
        if len(value) > longest:
            return f"has {len(value)} characters; at most {longest} are taken"
        return "" if value.isprintable() else "has characters that cannot be shown"

    return check


def _of_number(value: int, largest: int | None) -> str:
    if value < 0:
        return f"must not be negative, and is {value}"
    return f"must be at most {largest}, and is {value}" if largest and value > largest else ""


def _named(check: Check) -> FieldCheck:
    def of_field(name: str, value: Any) -> Iterator[Violation]:
        if words := check(value):
            yield Violation(name, words)

    return of_field


def _of_items(bounds: pb.Bounds, of_one: FieldCheck) -> FieldCheck:
    def of_field(name: str, values: Any) -> Iterator[Violation]:
        if len(values) > bounds.max_items:
            yield Violation(name, f"has {len(values)} items; at most {bounds.max_items} are taken")
            return
        if bounds.checked_by_sender:
            return
        for index, value in enumerate(values):
            yield from of_one(f"{name}[{index}]", value)

    return of_field


def _of_map(
    bounds: pb.Bounds, of_key: Check | None, of_value: Check | None, *, are_texts: tuple[bool, bool]
) -> FieldCheck:
    """``are_texts``: whether keys and values are texts."""
    keys_at_once = _at_once(pb.Bounds(max_length=bounds.max_length)) if are_texts[0] else None
    values_at_once = _at_once(bounds) if are_texts[1] else None

    def of_field(name: str, values: Any) -> Iterator[Violation]:
        if len(values) > bounds.max_items:
            yield Violation(name, f"has {len(values)} items; at most {bounds.max_items} are taken")
            return
        if keys_at_once is not None and values_at_once is not None:
            # A third of what protobuf's items() takes, which is written in Python.
            keys = list(values)
            if keys_at_once(keys) and values_at_once(list(map(values.__getitem__, keys))):
                return
        for key, value in values.items():
            if of_key is not None and (words := of_key(key)):
                yield Violation(f"{name}'s key", words)
            elif of_value is not None and (words := of_value(value)):
                yield Violation(f"{name}[{key}]", words)

    return of_field


def _at_once(bounds: pb.Bounds) -> Callable[[Collection[str]], bool]:
    """Whether all of many texts are within their bounds, found out in a few steps for all of them: a fill
    comes with some hundred marks, and orders wait for it. Where it says no, each is looked at by itself.
    """
    if bounds.form in FORMS:
        lines = re.compile(rf"(?:{FORMS[bounds.form][0].pattern}\n)*+", re.ASCII)

        def are_numbers(texts: Collection[str]) -> bool:
            together = "\n".join([*texts, ""])
            # A text with a line's end in it would pass for two.
            return together.count("\n") == len(texts) and lines.fullmatch(together) is not None

        return are_numbers
    longest = bounds.max_length
    return lambda texts: "".join(texts).isprintable() and max(map(len, texts), default=0) <= longest


def _inside(name: str, value: Message) -> Iterator[Violation]:
    for violation in violations(value):
        yield Violation(f"{name}.{violation.field}", violation.description)


def _timestamp(name: str, value: Any) -> Iterator[Violation]:
    if not (SECONDS_MIN <= value.seconds <= SECONDS_MAX and 0 <= value.nanos <= NANOS_MAX):
        yield Violation(name, "is no time between the years 1 and 9999")


def _duration(name: str, value: Any) -> Iterator[Violation]:
    if not (0 <= value.seconds <= DURATION_SECONDS_MAX and 0 <= value.nanos <= NANOS_MAX):
        yield Violation(name, "must be a length of time, not negative, up to 10000 years")


_WELL_KNOWN: dict[str, FieldCheck] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
}
