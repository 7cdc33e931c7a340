"""Whether somebody may make a call, before it is passed on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from krakencopy.supervisor.control.owner_scope import NotOwned, check_request
from krakencopy.supervisor.control.permissions import ALLOWED, PERMISSIONS
from krakencopy.supervisor.control.principals import Principal, Role

PERMISSION_MISSING = "PERMISSION_MISSING"


class Denied(Exception):
    """Somebody may not. ``reason`` is stable; ``metadata`` says what would be needed."""

    def __init__(self, reason: str, words: str, metadata: Mapping[str, str]) -> None:
        self.reason, self.words, self.metadata = reason, words, metadata
        super().__init__(words)


def check_allowed(principal: Principal, method: str, request: Any) -> None:
    """Raises Denied where the principal may not make this call of this method."""
    needed = PERMISSIONS[method]
    metadata = {"permission": str(needed), "role": str(principal.role), "principal": principal.name}
    if principal.role is Role.OWNER:
        metadata["account"] = principal.account
        try:
            check_request(method, request, principal.account)
        except NotOwned as error:
            raise Denied(error.reason, error.words, metadata) from error
        return
    if needed not in ALLOWED[principal.role]:
        words = (
            f"{method} needs the permission {needed}; {principal.name} is {principal.role}, which lacks it"
        )
        raise Denied(PERMISSION_MISSING, words, metadata)
