"""Who calls the control API: a name, what that one is, and from where. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from krakencopy.supervisor.config.model import CallerRole as Role

__all__ = ["Principal", "Role", "principal_of"]


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
    #: By what it is known, e.g. "token 4kq7zc2m"; empty for a process of this machine.
    credential: str = ""
    #: From when on it is refused, in Unix seconds; None where that is never.
    expires_at: float | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is a process of this machine that has shown nothing else."""
        return not self.credential

    def encoded(self) -> bytes:
        """As it travels beside a call."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def of(cls, encoded: bytes) -> Principal:
        """Raises ValueError for what is none."""
        found = json.loads(encoded)
        try:
            return cls(
                found["name"], Role(found["role"]), found["account"], found["origin"], found["credential"],
                found["expires_at"],
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise ValueError(f"no principal: {found!r}") from error


def principal_of(context: Any) -> Principal:
    """Who makes the call of this context (call_answerer.py), whose type is gRPC's."""
    found: Principal = context.principal
    return found
