"""Who calls the control API: a name, what that one is, and from where. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is, and so may do: see ``permissions.py``."""

    #: Sees everything, changes nothing.
    VIEWER = "viewer"
    #: Starts, stops, halts and sells what copying bought.
    OPERATOR = "operator"
    #: Orders on the master.
    TRADER = "trader"
    #: All of it.
    ADMIN = "admin"
    #: The owner of one account, who sees and stops only that.
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a call."""

    #: By which the audit knows it: of a process of this machine, the name of its user.
    name: str
    role: Role
    #: Of an owner: the account's id.
    account: str = ""
    #: From where, e.g. "unix pid 4711".
    origin: str = ""

    def encoded(self) -> bytes:
        """As it travels beside a call."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def of(cls, encoded: bytes) -> Principal:
        """Raises ValueError for what is none."""
        found = json.loads(encoded)
        try:
            return cls(found["name"], Role(found["role"]), found["account"], found["origin"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"no principal: {found!r}") from error
