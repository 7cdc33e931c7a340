"""Every value is read from a message with every field, and from one with none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message_factory import GetMessageClass

from krakencopy.client.sdk.errors import ServerFault
from krakencopy.client.sdk.generated import enums, values
from krakencopy.client.sdk.open_enum import OpenEnum
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import answers_pb2
from tests.support.sdk import GENERATED, MODULES, rendered, written
from tests.support.sdk_samples import whole
from tests.support.sdk_values import answers

ANSWERS = answers()


def test_what_is_committed_is_what_is_made() -> None:
    assert written() == MODULES.keys(), "run `python -m tests.support.sdk`"
    for name in MODULES:
        assert (GENERATED / name).read_text() == rendered(name), "run `python -m tests.support.sdk`"


def value(message: Any) -> Value[Any]:
    kind: type[Value[Any]] = getattr(values, message.DESCRIPTOR.name)
    return kind(message)


def hints(kind: type[Value[Any]], name: str) -> Any:
    return get_args(get_type_hints(kind)[name])[0]


@pytest.mark.parametrize("descriptor", ANSWERS, ids=lambda each: each.name)
def test_each_field_is_read_as_what_it_is_said_to_be(descriptor: Descriptor) -> None:
    full = value(whole(descriptor))
    for field in descriptor.fields:
        found, hint = getattr(full, field.name), str(hints(type(full), field.name))
        assert found not in (None, (), {}), field.name
        one = found[0] if isinstance(found, tuple) else found
        one = next(iter(one.values())) if isinstance(one, Mapping) else one
        is_decimal = field.GetOptions().Extensions[answers_pb2.decimal]
        assert isinstance(one, Decimal) is is_decimal, field.name
        assert ("Decimal" in hint) is is_decimal
        if field.enum_type is not None:
            assert isinstance(one, getattr(enums, field.enum_type.name))
        elif isinstance(one, datetime):
            assert one.tzinfo is UTC
        elif field.message_type is not None and not isinstance(one, str | int | Decimal | timedelta):
            assert isinstance(one, Value)
    assert repr(full).startswith(f"{descriptor.name}(") or not descriptor.fields


@pytest.mark.parametrize("descriptor", ANSWERS, ids=lambda each: each.name)
def test_of_an_empty_message_only_what_is_always_there_is_missed(descriptor: Descriptor) -> None:
    empty = value(GetMessageClass(descriptor)())
    for field in descriptor.fields:
        try:
            found = getattr(empty, field.name)
        except ServerFault:
            assert field.GetOptions().Extensions[answers_pb2.always], field.name
        else:
            assert found is None or not found or isinstance(found, Value | OpenEnum)


def test_no_field_hides_the_message() -> None:
    assert [field.full_name for each in ANSWERS for field in each.fields if hasattr(Value, field.name)] == []


#: Names by which decimals go, and texts that have such a name and are none.
DECIMAL_NAMES = (
    "amount",
    "volume",
    "price",
    "cost",
    "equity",
    "position",
    "percent",
    "cash",
    "bought",
    "sold",
)
NO_DECIMALS = {
    "Order.price",  # may be relative: "+5%"
}


def test_a_field_by_a_decimals_name_is_declared_to_be_one() -> None:
    lacking = {
        f"{message.name}.{field.name}"
        for message in ANSWERS
        for field in message.fields
        if field.cpp_type == field.CPPTYPE_STRING
        and field.name.endswith(DECIMAL_NAMES)
        and not field.GetOptions().Extensions[answers_pb2.decimal]
    }
    assert lacking == NO_DECIMALS, "declare it in the proto (answers.proto), or name it here"
