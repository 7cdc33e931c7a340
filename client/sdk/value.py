"""What the SDK's values are made of: messages read with Python's types. The values themselves are made from
the protos: generated/values, generated/enums.py.

Decimals are Decimal, times are datetime in UTC (to the microsecond), durations timedelta, enums IntEnum; what
is not known or not there is None. A kind of value names its message, ``class Money(Value[types.Money])``, and
says for each field what a program gets: ``amount: Field[Decimal]``; how that is read is sdk/field.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, get_args

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.message import Message

from krakencopy.client.sdk.field import Field, Make

M = TypeVar("M", bound=Message)
V = TypeVar("V")

#: All kinds of values, by the full name of their message.
_KINDS: dict[str, type[Value[Any]]] = {}


class Value(Generic[M]):
    """A message of the API, read with Python's types. It does not change. ``raw`` is the message."""

    __slots__ = ("raw",)
    raw: M

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        (message,) = get_args(cls.__orig_bases__[0])  # type: ignore[attr-defined]  # as classes have them
        _KINDS[message.DESCRIPTOR.full_name] = cls
        for name in cls.__annotations__:
            setattr(cls, name, Field(message.DESCRIPTOR.fields_by_name[name], _kind))

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


def _kind(descriptor: Descriptor | EnumDescriptor) -> Make:
    """The value of a message, or the enum of an enum."""
    if isinstance(descriptor, Descriptor):
        return _KINDS[descriptor.full_name]
    # Here and not above: a value is there without all the enums.
    from krakencopy.client.sdk.generated import enums

    found: Make = getattr(enums, descriptor.name)
    return found


def each(make: Callable[[Any], V]) -> Callable[[Iterable[Any]], list[V]]:
    """Makes a value of each."""
    return lambda found: [make(one) for one in found]
