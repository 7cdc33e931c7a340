"""Arguments of a private request: the same whether they came as a form or as JSON, each one as the text
that was sent.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from krakencopy.paper_exchange.values import exact_json as wire_json
from krakencopy.paper_exchange.values.decimals import parse_plain
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.time_format import US_PER_S

_Choice = TypeVar("_Choice", bound=StrEnum)

_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"", "false", "0", "no"})


class Params:
    """Read-only arguments. A method that reads one raises `EGeneral:Invalid arguments:<name>` where it is
    bad.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values: Final = values

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "Params":
        """Arguments out of a JSON object whose numbers were read as text; null is as good as absent."""
        return cls({name: _as_text(value) for name, value in values.items() if value is not None})

    def rows(self, name: str) -> list[Any]:
        """A list, as JSON alone can carry it."""
        value = self.values.get(name)
        if not isinstance(value, list):
            raise invalid_arguments(name)
        return value

    def text(self, name: str, default: str = "") -> str:
        """The argument as text, or `default` where it is absent."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise invalid_arguments(name)
        return value

    def required(self, name: str) -> str:
        """The argument as text; it must be there and not empty."""
        value = self.text(name)
        if not value:
            raise invalid_arguments(name)
        return value

    def optional(self, name: str) -> str | None:
        """The argument as text, or None where it is absent."""
        return self.text(name) if name in self.values else None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean in any of the spellings that clients send (`true`, `True`, `1`)."""
        if name not in self.values:
            return default
        value = self.text(name).lower()
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        raise invalid_arguments(name)

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole number, possibly negative, or `default` where it is absent or empty."""
        value = self.text(name)
        if not value:
            return default
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
            raise invalid_arguments(name)
        return int(value)

    def decimal(self, name: str) -> Decimal:
        """A non-negative plain decimal that must be there; scientific notation is refused."""
        value = parse_plain(self.text(name))
        if value is None:
            raise invalid_arguments(name)
        return value

    def unix_us(self, name: str) -> int | None:
        """A time that was sent as unix seconds, in microseconds; None where it is absent or empty."""
        if not self.text(name):
            return None
        return int(self.decimal(name) * US_PER_S)

    def ids(self, name: str, most: int) -> list[str]:
        """A comma list of at least one and at most `most` ids."""
        found = [part.strip() for part in self.required(name).split(",")]
        if len(found) > most or not all(found):
            raise invalid_arguments(name)
        return found


def choice_of(kind: type[_Choice], text: str, field: str) -> _Choice:
    """The member of an enumeration that an argument names. Raises KrakenError."""
    try:
        return kind(text)
    except ValueError:
        raise invalid_arguments(field) from None


def parse_body(body: bytes, content_type: str) -> Params:
    """Read a request's body. JSON where the content type says so, else a form. Raises KrakenError."""
    if content_type == "application/json":
        try:
            values = wire_json.loads_as_text(body)
        except (ValueError, RecursionError):
            raise KrakenError("EAPI:Bad request") from None
        if not isinstance(values, dict):
            raise KrakenError("EAPI:Bad request")
        return Params.of_json(values)
    try:
        return Params(dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=1000)))
    except ValueError:
        raise KrakenError("EAPI:Bad request") from None


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
