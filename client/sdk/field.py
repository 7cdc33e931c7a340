"""A field of a value, read from its message with Python's type when it is asked for.

How a field is read follows from its descriptor in the protos, with the options of answers.proto: ``decimal``,
a text that is a number, and ``always``, what every answer has.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Generic, Never, Self, TypeVar, overload

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from krakencopy.client.sdk.errors import ServerFault
from krakencopy.v1 import answers_pb2

T = TypeVar("T")

#: What makes a value of a message, or a member of a number.
Make = Callable[[Any], Any]
#: Finds it for the kind of a field.
Find = Callable[[Descriptor | EnumDescriptor], Make]

#: Messages of Google's that are Python's own types.
_TIMES: dict[str, Make] = {
    "google.protobuf.Timestamp": lambda stamp: stamp.ToDatetime(UTC),
    "google.protobuf.Duration": lambda duration: duration.ToTimedelta(),
}


class Field(Generic[T]):
    """What a value has by this name; read-only."""

    __slots__ = ("_descriptor", "_find", "_read")

    def __init__(self, descriptor: FieldDescriptor, find: Find) -> None:
        """``find``: what the field's messages and enums are made by, asked when it is first read."""
        self._descriptor = descriptor
        self._find = find
        self._read: Callable[[Message], T] | None = None

    @overload
    def __get__(self, value: None, owner: type) -> Self: ...
    @overload
    def __get__(self, value: object, owner: type) -> T: ...
    def __get__(self, value: Any, owner: type) -> Self | T:
        if value is None:
            return self
        if self._read is None:
            self._read = _reader(self._descriptor, self._find)
        return self._read(value.raw)

    def __set__(self, value: object, new: Never) -> None:
        raise AttributeError(f"{self._descriptor.name} is read from the answer, and cannot be set")


def _reader(field: FieldDescriptor, find: Find) -> Callable[[Message], Any]:
    """What reads a field; None for what is not there. Its own errors: ServerFault for a text that is no
    decimal, and for a number or a time that every answer should have.
    """
    if field.is_repeated:
        return _reader_of_many(field, find)
    name, options, make = field.name, field.GetOptions(), _maker(field, find)
    is_value = field.message_type is not None and field.message_type.full_name not in _TIMES
    if options.Extensions[answers_pb2.always]:
        return (lambda raw: make(getattr(raw, name))) if is_value else _reader_of_what_is_sure(field, make)
    if options.Extensions[answers_pb2.decimal]:
        return lambda raw: make(text) if (text := getattr(raw, name)) else None
    if is_value:  # a message in which nothing is set is none: an amount that is not known
        return lambda raw: make(part) if (part := getattr(raw, name)).ByteSize() else None
    if field.has_presence:
        return lambda raw: make(getattr(raw, name)) if raw.HasField(name) else None
    return lambda raw: make(getattr(raw, name))


def _reader_of_what_is_sure(field: FieldDescriptor, make: Make) -> Callable[[Message], Any]:
    name = field.name

    def read(raw: Message) -> Any:
        part = getattr(raw, name)
        if part == "" or (field.has_presence and not raw.HasField(name)):
            words = f"the answer has no {name} in its {_owner(field)}"
            raise ServerFault(f"{words}: it is of another version than this client")
        return make(part)

    return read


def _reader_of_many(field: FieldDescriptor, find: Find) -> Callable[[Message], Any]:
    name, kind = field.name, field.message_type
    if kind is None or not kind.GetOptions().map_entry:
        make = _maker(field, find)
        return lambda raw: tuple(map(make, getattr(raw, name)))
    if field.GetOptions().Extensions[answers_pb2.decimal]:
        number = _decimal(field)
        return lambda raw: MappingProxyType(
            {key: number(text) for key, text in getattr(raw, name).items() if text}
        )
    make = _maker(kind.fields_by_name["value"], find)
    return lambda raw: MappingProxyType({key: make(value) for key, value in getattr(raw, name).items()})


def _maker(field: FieldDescriptor, find: Find) -> Make:
    """What makes Python's value of one that is there."""
    if field.GetOptions().Extensions[answers_pb2.decimal]:
        return _decimal(field)
    if field.enum_type is not None:
        return find(field.enum_type)
    if field.message_type is not None:
        return _TIMES.get(field.message_type.full_name) or find(field.message_type)
    return _as_it_is


def _decimal(field: FieldDescriptor) -> Callable[[str], Decimal]:
    def make(text: str) -> Decimal:
        try:
            return Decimal(text)
        except InvalidOperation:
            raise ServerFault(f"{_owner(field)}.{field.name} is {text!r}, which is no decimal") from None

    return make


def _owner(field: FieldDescriptor) -> str:
    assert field.containing_type is not None
    return field.containing_type.name


def _as_it_is(part: T) -> T:
    return part
