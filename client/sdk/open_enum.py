"""What the enums of the API are made of (generated/enums.py)."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class OpenEnum(IntEnum):
    """An enum of the API; its numbers are the protos'. One that this version does not know, as it is newer,
    is a member of its own: ``UNRECOGNIZED_7``.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNRECOGNIZED_{value}"
        member._value_ = value
        return member

    def __str__(self) -> str:
        return self.name
