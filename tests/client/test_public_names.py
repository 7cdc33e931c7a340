"""What a program may import from the package itself."""

from __future__ import annotations

import pytest

import krakencopy.client as package
from tests.support.sdk_values import enums


@pytest.mark.parametrize("name", package.__all__)
def test_each_public_name_is_there_and_comes_from_the_sdk(name: str) -> None:
    assert getattr(package, name).__module__.startswith("krakencopy.client.sdk.")


def test_another_name_is_none_of_its() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Supervisor'"):
        _ = package.Supervisor


def test_every_enum_is_a_public_name() -> None:
    assert {enum.name for enum in enums()} <= set(package.__all__)
