"""What the SDK's values are made of: messages read with Python's types. The values themselves are made from
the protos: generated/values.py, generated/enums.py.

Decimals are Decimal, times are datetime in UTC (to the microsecond), durations timedelta, enums IntEnum; what
is not known or not there is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Generic, Self, TypeVar

from google.protobuf.message import Message

from krakencopy.client.sdk.errors import ServerFault

M = TypeVar("M", bound=Message)
V = TypeVar("V")


class OpenEnum(IntEnum):
    """An enum of the API; its numbers are the protos'. One that this version does not know, as it is newer,
    is a member of its own: ``UNRECOGNIZED_7``.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNRECOGNIZED_{value}"
        member._value_ = value
        return member

    def __str__(self) -> str:
        return self.name


class Value(Generic[M]):
    """A message of the API, read with Python's types. It does not change. ``raw`` is the message."""

    __slots__ = ("raw",)
    raw: M

    def __init__(self, raw: M) -> None:
        self.raw = raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and type(self) is type(other) and bool(self.raw == other.raw)

    def __hash__(self) -> int:
        return hash((type(self), self.raw.SerializeToString(deterministic=True)))

    def __repr__(self) -> str:
        given = (field.name for field, _ in self.raw.ListFields())
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in given)
        return f"{type(self).__name__}({said})"

    def _decimal(self, name: str) -> Decimal | None:
        text: str = getattr(self.raw, name)
        return self._read_decimal(name, text) if text else None

    def _sure_decimal(self, name: str) -> Decimal:
        return self._sure(name, self._decimal(name))

    def _read_decimal(self, name: str, text: str) -> Decimal:
        try:
            return Decimal(text)
        except InvalidOperation:
            raise ServerFault(f"{type(self).__name__}.{name} is {text!r}, which is no decimal") from None

    def _decimals(self, name: str) -> Mapping[str, Decimal]:
        entries = getattr(self.raw, name).items()
        return MappingProxyType({key: self._read_decimal(name, text) for key, text in entries if text})

    def _time(self, name: str) -> datetime | None:
        stamp: Any = self._part(name)
        return None if stamp is None else stamp.ToDatetime(UTC)

    def _sure_time(self, name: str) -> datetime:
        return self._sure(name, self._time(name))

    def _duration(self, name: str) -> timedelta | None:
        duration: Any = self._part(name)
        return None if duration is None else duration.ToTimedelta()

    def _value(self, name: str, make: Callable[[Any], V]) -> V | None:
        """A message in which nothing is set is none: an amount that is not known."""
        part = self._part(name)
        is_nothing = part is None or (isinstance(part, Message) and not part.ByteSize())
        return None if is_nothing else make(part)

    def _part(self, name: str) -> Any:
        """A part that may be absent: None then."""
        return getattr(self.raw, name) if self.raw.HasField(name) else None

    def _sure(self, name: str, value: V | None) -> V:
        if value is None:
            words = f"the answer has no {name} in its {type(self).__name__}"
            raise ServerFault(f"{words}: it is of another version than this client")
        return value


def each(make: Callable[[Any], V]) -> Callable[[Iterable[Any]], list[V]]:
    """Makes a value of each."""
    return lambda found: [make(one) for one in found]
