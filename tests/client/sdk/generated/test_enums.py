"""Enums have the numbers of the protos, and names without the prefix."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import EnumDescriptor

from krakencopy.client.sdk.generated import enums
from tests.support.sdk_values import enums as all_enums


@pytest.mark.parametrize("descriptor", all_enums(), ids=lambda each: each.name)
def test_each_enum_has_each_value_of_its_proto(descriptor: EnumDescriptor) -> None:
    made = getattr(enums, descriptor.name)
    assert [int(member) for member in made] == [value.number for value in descriptor.values]
    for member, value in zip(made, descriptor.values, strict=True):
        assert value.name.endswith(f"_{member.name}")
    assert made(0).name == "UNSPECIFIED"
