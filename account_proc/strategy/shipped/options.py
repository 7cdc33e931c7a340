"""Reads the options of a shipped strategy, with errors that name the option and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from krakencopy.account_proc.contract.decimal_text import read_decimal


class Options:
    """Options by name; what was not read when ``done`` is called is unknown. All methods raise ValueError."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = dict(given)
        self._known: set[str] = set()

    def text(self, name: str, default: str) -> str:
        """A string."""
        value = self._take(name, default)
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f'{name} must be a string, such as {name} = "{default}"')
        return value

    def texts(self, name: str) -> list[str]:
        """An array of strings; none by default."""
        value = self._take(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name} must be an array of strings")
        return value

    def whole(self, name: str, default: int, *, least: int) -> int:
        """An integer."""
        value = self._take(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be a whole number from {least}, such as {name} = {default}")
        return value

    def number(self, name: str, default: str, *, most: Decimal | None = None) -> Decimal:
        """A number over 0."""
        value = self._take(name, default)
        try:
            # TOML's own numbers are Decimals or integers by now.
            number = read_decimal(value) if isinstance(value, str) else Decimal(str(value))
        except (InvalidOperation, ValueError):
            number = Decimal("NaN")
        if not number.is_finite() or number <= 0 or (most is not None and number > most):
            up_to = "" if most is None else f" and up to {most}"
            raise ValueError(f'{name} must be a number over 0{up_to}, such as {name} = "{default}"')
        return number

    def done(self) -> None:
        """Nothing else may be given."""
        unknown = sorted(self._given.keys() - self._known)
        if unknown:
            raise ValueError(f"{unknown[0]} is not known here; known: {', '.join(sorted(self._known))}")

    def _take(self, name: str, default: object) -> Any:
        self._known.add(name)
        return self._given.get(name, default)
