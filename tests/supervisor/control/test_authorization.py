"""Whether somebody may make a call; all methods and roles are in test_roles_of_methods.py."""

from __future__ import annotations

import pytest

from krakencopy.supervisor.control.authorization import Denied, check_allowed
from krakencopy.supervisor.control.principals import Principal, Role
from krakencopy.v1 import control_pb2 as pb


def test_a_refusal_says_what_would_be_needed() -> None:
    check_allowed(Principal("vera", Role.VIEWER), "GetStatus", pb.GetStatusRequest())
    with pytest.raises(Denied) as raised:
        check_allowed(Principal("vera", Role.VIEWER), "PlaceOrder", pb.PlaceOrderRequest())
    assert raised.value.reason == "PERMISSION_MISSING"
    assert raised.value.metadata == {"permission": "trade", "role": "viewer", "principal": "vera"}
    assert str(raised.value) == "PlaceOrder needs the permission trade; vera is viewer, which lacks it"


def test_an_owner_is_told_whose_account_it_may_name() -> None:
    owner = Principal("anna", Role.OWNER, account="user-7")
    check_allowed(owner, "GetAccount", pb.GetAccountRequest(account_id="user-7"))
    with pytest.raises(Denied) as raised:
        check_allowed(owner, "GetAccount", pb.GetAccountRequest(account_id="user-8"))
    assert raised.value.reason == "NOT_YOUR_ACCOUNT"
    assert raised.value.metadata["account"] == "user-7"
    assert "user-8" not in str(raised.value)
