"""Each method needs a permission, and each role has some."""

from __future__ import annotations

import pytest

from krakencopy.supervisor.control.call_frames import SERVICE, URGENT
from krakencopy.supervisor.control.permissions import ALLOWED, PERMISSIONS, Permission, check_complete
from krakencopy.supervisor.control.principals import Role


def test_every_method_has_its_permission_and_none_is_left_over() -> None:
    check_complete(SERVICE)
    few = {name: permission for name, permission in PERMISSIONS.items() if name != "SetTradingState"}
    with pytest.raises(LookupError, match="no permission is named for SetTradingState"):
        check_complete(SERVICE, few)
    with pytest.raises(LookupError, match="no method MakeTea"):
        check_complete(SERVICE, {**PERMISSIONS, "MakeTea": Permission.READ})


def test_what_only_shows_is_named_so() -> None:
    """By the names of the methods alone: Google's AIPs 131, 132 and 136."""
    only_show = ("Get", "List", "Watch", "Explain", "Read", "Verify")
    shows = {name for name in PERMISSIONS if name.startswith(only_show)}
    # Who may call is an admin's to see.
    shows -= {"ListTokens", "ListPrincipals"}
    reads = {Permission.READ, Permission.AUDIT}
    assert {name for name, needed in PERMISSIONS.items() if needed in reads} == shows
    assert {name for name in shows if PERMISSIONS[name] is Permission.AUDIT} == {
        "ListAuditEntries", "WatchAudit", "VerifyAudit",
    }  # fmt: skip


def test_what_roles_may_do() -> None:
    assert ALLOWED.keys() == set(Role)
    may = {role: {name for name, needed in PERMISSIONS.items() if needed in ALLOWED[role]} for role in Role}
    assert may[Role.ADMIN] == PERMISSIONS.keys()
    assert not may[Role.VIEWER] & {"SetTradingState", "PlaceOrder", "SetSettings", "Shutdown", "WatchAudit"}
    assert may[Role.OPERATOR] >= URGENT | may[Role.VIEWER]
    assert not may[Role.OPERATOR] & {"PlaceOrder", "Reload"}
    assert may[Role.TRADER] - may[Role.VIEWER] == {"PlaceOrder", "CancelOrder", "CancelOrders"}
