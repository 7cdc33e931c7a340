"""Requests to every RPC, made from the protobuf descriptors: the bytes that a client might send, right ones,
odd ones and broken ones. Drawn by Hypothesis, so that a seed plays them again.

They are written as they travel and not as messages, since a message cannot hold what is looked for: halves of
a character, values that an enum does not have, fields that nobody knows, numbers in the place of texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor
from hypothesis import strategies as st

#: How a value is written (protobuf's encoding): a number of up to ten bytes, eight bytes, a length and so
#: many bytes, four bytes.
VARINT, EIGHT_BYTES, COUNTED, FOUR_BYTES = 0, 1, 2, 5
#: Values that make a request meaningful, by the name of their field.
Plausible = Mapping[str, Sequence[Any]]

ODD_TEXTS = (
    "", " ", "0", "-1", "+1", "1e400", "1e9999", "1_000", " 1", "1 ", "1.", ".5", "0x10", "NaN", "Infinity",
    "\u0661\u0662", "\uff11", "1" * 20, "1" * 21, "0." + "1" * 20, "0." + "1" * 21, "x" * 128, "x" * 129,
    "x" * 5_000, "x" * 70_000, "\ud800", "a\udfff/b", "a\u202eb", "\u2066", "\x1b[2J", "\x9b31m", "a\nb",
    "a\r", "a\x00b", "\x7f", "\ufffe", "\U0010ffff", "\U000e0001", "\u0378", "\u200b", "e\u0301" * 40,
    "../../etc/passwd", "'; DROP TABLE fills; --", "%s%n", "{}", "=1+1",
)  # fmt: skip
ODD_NUMBERS = (
    0, 1, 2, 3, 5, 100, 999, 1_000, 1_001, 100_000, 100_001, -1, -2, 2**31 - 1, 2**31, -(2**31), 2**53, 2**62,
    2**63 - 1, 2**63, 2**64 - 1, -(2**63), 253_402_300_799, 253_402_300_800, -62_135_596_801,
)  # fmt: skip
#: A list that is longer than its bound, where what is in it is short.
MANY = 1_200


@dataclass(frozen=True, slots=True)
class Generated:
    """One call: which RPC, and what is sent."""

    method: str
    #: The bytes of each request; one of them, but where the client streams.
    requests: tuple[bytes, ...]


def varint(number: int) -> bytes:
    """A number as protobuf writes it; negative ones as 64 bits of two's complement."""
    number &= 2**64 - 1
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def field_bytes(number: int, kind: int, value: bytes) -> bytes:
    """A field with its value, as it travels."""
    length = varint(len(value)) if kind == COUNTED else b""
    return varint(number << 3 | kind) + length + value


def text_field(number: int, text: str) -> bytes:
    """A text; halves of characters as they are, which is no UTF-8."""
    return field_bytes(number, COUNTED, text.encode("utf-8", "surrogatepass"))


#: By their place, as Hypothesis would write all of them down.
_ODD_TEXTS = st.integers(0, len(ODD_TEXTS) - 1).map(ODD_TEXTS.__getitem__)
_NUMBERS = st.one_of(st.sampled_from(ODD_NUMBERS), st.integers(-(2**63), 2**64 - 1), st.integers(0, 9))
_TEXTS = st.one_of(
    _ODD_TEXTS,
    st.text(st.characters(), max_size=20),
    st.builds("{}.{}".format, st.integers(0, 10**6), st.integers(0, 10**9)),
)
#: Fields that no message has, in each of the ways in which a value is written, and what is none at all.
_UNKNOWN = st.one_of(
    st.builds(
        lambda number, value: field_bytes(number, VARINT, varint(value)), st.integers(100, 5_000), _NUMBERS
    ),
    st.builds(
        lambda number, value: field_bytes(number, COUNTED, value),
        st.integers(100, 5_000),
        st.binary(max_size=40),
    ),
    st.builds(
        lambda number, value: field_bytes(number, FOUR_BYTES, value),
        st.integers(1, 5_000),
        st.binary(min_size=4, max_size=4),
    ),
    st.builds(
        lambda number, value: field_bytes(number, EIGHT_BYTES, value),
        st.integers(1, 5_000),
        st.binary(min_size=8, max_size=8),
    ),
)
_KINDS_OF_NUMBER = {
    FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64,
}  # fmt: skip


class Requests:
    """Strategies for the requests of one service."""

    def __init__(
        self, service: ServiceDescriptor, plausible: Plausible,
        openings: Mapping[str, tuple[bytes, ...]] | None = None,
    ) -> None:  # fmt: skip
        """``openings``: how a conversation begins rightly, by its RPC."""
        self._service = service
        self._openings = openings or {}
        self._plausible = plausible
        self._messages: dict[str, st.SearchStrategy[bytes]] = {}

    def calls(self) -> st.SearchStrategy[Generated]:
        """A call of any of its RPCs."""
        return st.one_of([self._call(method) for method in self._service.methods])

    def _call(self, method: Any) -> st.SearchStrategy[Generated]:
        one = self.message(method.input_type)
        if not method.client_streaming:
            return one.map(lambda request: Generated(method.name, (request,)))
        return st.builds(
            lambda opening, more: Generated(method.name, (*opening, *more)),
            st.sampled_from([(), self._openings.get(method.name, ())]),
            st.lists(one, min_size=1, max_size=3),
        )

    def message(self, descriptor: Descriptor) -> st.SearchStrategy[bytes]:
        """Its bytes, mostly as they should be."""
        name = descriptor.full_name
        if name not in self._messages:
            self._messages[name] = self._of_fields(descriptor)
        return self._messages[name]

    def _of_fields(self, descriptor: Descriptor) -> st.SearchStrategy[bytes]:
        fields = [(field, self._field(field)) for field in descriptor.fields]
        everything = 2 ** len(fields) - 1

        @st.composite
        def drawn(draw: st.DrawFn) -> bytes:
            # One number says which fields there are: each draw costs, and a fill has thirty fields.
            present = everything if draw(st.integers(0, 2)) else draw(st.integers(0, everything))
            chosen = {
                group.name: draw(st.sampled_from(list(group.fields))).name for group in descriptor.oneofs
            }
            whole = b"".join(
                draw(value)
                for place, (field, value) in enumerate(fields)
                if present >> place & 1
                and (field.containing_oneof is None or chosen[field.containing_oneof.name] == field.name)
            )
            way = draw(st.integers(0, 19))
            return whole if way > 4 else _damaged(way, whole, draw(_UNKNOWN), draw(st.integers(0, 2**16)))

        return drawn()

    def _field(self, field: FieldDescriptor) -> st.SearchStrategy[bytes]:
        """The field with its value, or with several."""
        one = self._value(field)
        if not field.is_repeated:
            return one
        few = st.lists(one, max_size=2).map(b"".join)
        many = one.map(lambda value: value * (MANY if len(value) < 40 else 2))
        return st.one_of(few, few, few, many)

    def _value(self, field: FieldDescriptor) -> st.SearchStrategy[bytes]:
        number = field.number
        if field.message_type is not None:
            inner = self.message(field.message_type)
            return inner.map(lambda value: field_bytes(number, COUNTED, value))
        known = self._plausible.get(field.name, ())
        if field.type == FieldDescriptor.TYPE_STRING:
            texts = _with(_TEXTS, known)
            return texts.map(lambda text: text_field(number, text))
        if field.enum_type is not None:
            known = sorted(field.enum_type.values_by_number)
        assert field.type in _KINDS_OF_NUMBER, f"{field.full_name}: a type that is not generated yet"
        numbers = _with(_NUMBERS, known)
        return numbers.map(lambda value: field_bytes(number, VARINT, varint(value)))


def _with(odd: st.SearchStrategy[Any], known: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Mostly a value that has a meaning, where there are any."""
    if not known:
        return odd
    meaningful = st.sampled_from(known)
    return st.integers(0, 7).flatmap(lambda dice: meaningful if dice else odd)


def _damaged(way: int, whole: bytes, unknown: bytes, place: int) -> bytes:
    """The bytes of a message as they are, or in one of some ways otherwise."""
    at = place % (len(whole) + 1)
    match way:
        case 0:
            return whole + unknown
        case 1:
            return unknown + whole
        case 2:
            return whole[:at]
        case 3 if whole:
            at %= len(whole)
            return whole[:at] + bytes((whole[at] ^ (1 << place % 8),)) + whole[at + 1 :]
        case 4:
            return whole[:at] + unknown + whole[at:]
        case _:
            return whole
