"""Who calls, as it travels beside a call."""

from __future__ import annotations

import json

import pytest

from krakencopy.supervisor.control.principals import Principal, Role


def test_a_principal_comes_as_it_left() -> None:
    owner = Principal("anna", Role.OWNER, account="user-7", origin="10.0.0.2:4711, certificate")
    assert Principal.of(owner.encoded()) == owner
    assert json.loads(owner.encoded())["role"] == "owner"


@pytest.mark.parametrize(
    "encoded", [b"", b"x", b"[]", b"{}", b'{"name": "a", "role": "king", "account": "", "origin": ""}', b"1"]
)
def test_what_is_no_principal_is_refused(encoded: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's, the role's or ours
        Principal.of(encoded)
