"""Reading TOML so that every fault is found and reported in one line that says what to write instead.

A ``Table`` hands out checked values; what is wrong becomes a ``Fault`` in a list, and reading goes on. It
must not know what the keys mean: that is config/reader.py's part. Nothing here opens a file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.pair_spellings import coin_name

Choice = TypeVar("Choice", bound=StrEnum)

#: Longer values are cut where they are shown, so that a fault stays one line.
SHOWN_LENGTH_MAX = 60
#: More decimal places are a slip, and bound the arithmetic that follows.
DECIMAL_PLACES_MAX = 18
#: Of an amount of money, in any currency.
MONEY_MAX = 1_000_000_000
#: Longer than every key that there is, and shorter than every API key.
KEY_LENGTH_MAX = 32
#: As Kraken displays assets: USD, BTC, 1INCH.
_ASSET = re.compile(r"[A-Z0-9]{2,12}", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_TOML_PLACE = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)", re.DOTALL)
_SET_TWICE = re.compile(
    r"Cannot overwrite|Cannot declare|Cannot mutate|Cannot redefine|"
    r"Duplicate inline table key '(?P<key>[\w-]+)'",
    re.ASCII,
)
_KEY_OF_LINE = re.compile(r"\s*\[{0,2}\s*(?P<key>[\w.-]{1,64})\s*[\]=]", re.ASCII)
#: A configuration with these has a secret in it; the value is never shown.
_SECRET_KEYS = frozenset({"api_key", "apikey", "api_secret", "key", "private_key", "secret"})


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One thing that is wrong, and what to do about it."""

    #: The file, or what stands for it ("environment").
    source: str
    #: Key path with tables counted from 0 (``accounts[2].copy.max_user_risk``), ``line 7``, or an account;
    #: may be empty.
    where: str
    problem: str
    remedy: str
    #: The id of the account whose table it is in, if it has one.
    account: str = ""
    #: The setting that it is about, as target and key: a value that was set while running.
    setting: tuple[str, str] | None = None
    #: It cannot be compared with what another level says.
    is_clash: bool = False

    def __str__(self) -> str:
        place = f"{self.source}: {self.where}" if self.where else self.source
        place += f" ({show(self.account)})" if self.account else ""
        # Paths may hold anything; a line of a fault is one line on any terminal.
        return _printable(f"{place}: {self.problem}; {self.remedy}")


class ConfigFaults(Exception):
    """What was read cannot be used. ``str`` has one line for each fault."""

    def __init__(self, faults: Collection[ConfigFault]) -> None:
        assert faults, "an error without a fault"
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def show(value: object) -> str:
    """A value much as it stood in the file, in one bounded line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return _kind(value)
    text = _printable(str(value))
    if len(text) > SHOWN_LENGTH_MAX:
        text = f"{text[: SHOWN_LENGTH_MAX - 3]}..."
    return f'"{text}"' if isinstance(value, str) else text


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _cut_key(key: str) -> str:
    """The key, unless it is longer than any that there is: then it may be a secret in a wrong place, and
    is not shown.
    """
    return key if len(key) <= KEY_LENGTH_MAX else f"(a key of {len(key)} characters)"


def _kind(value: object) -> str:
    names: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "a boolean"),
        (str, "a string"),
        ((int, Decimal), "a number"),
        (list, "an array"),
        (dict, "a table"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")


def read_toml(text: str, source: str) -> dict[str, Any]:
    """The document as plain values, floats as ``Decimal`` of their text.

    Raises ConfigFaults (one fault, with its line) for text that is not TOML; that includes keys set twice.
    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff"), parse_float=Decimal)
    except RecursionError:
        problem, where, remedy = (
            "arrays or tables are nested too deep",
            "",
            "no key needs more than one level",
        )
    # ValueError: TOMLDecodeError, and integers of thousands of digits. ArithmeticError: exponents out of all
    # bounds.
    except (ValueError, ArithmeticError) as error:
        problem, where, remedy = _toml_problem(str(error), text)
    raise ConfigFaults([ConfigFault(source, where, problem, remedy)])


def _toml_problem(message: str, text: str) -> tuple[str, str, str]:
    found = _TOML_PLACE.fullmatch(message)
    if found is None:
        return "a number has too many digits", "", "write a number of ordinary size"
    # tomllib says where a value ends; at the end of the document that is its last line. It counts "\n" alone.
    lines = text.split("\n")
    at = int(found["line"]) if found["line"] else len(lines)
    if (twice := _SET_TWICE.match(found["what"])) is None:
        return (
            f"not TOML: {_printable(found['what'])}",
            f"line {at}",
            "see https://toml.io for how values are written",
        )
    # Only a key is shown, never a value: that may be anything, a secret too.
    line = _KEY_OF_LINE.match(lines[at - 1])
    named = _cut_key(twice["key"] or (line["key"] if line else "a key"))
    return f"{named} is set a second time", f"line {at}", "keep one of the two"


class Table:
    """One table of the document; every method returns None where it added a fault, or where the key is not
    there.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        where: str,
        report: Callable[[str, str, str], None],
        known: Collection[str],
        elsewhere: Mapping[str, str] | None = None,
    ) -> None:
        """``report(where, problem, remedy)`` takes a fault; ``elsewhere`` names the place of keys of other
        tables.
        """
        self._raw = raw
        self._where = where
        self._report = report
        for key in sorted(raw.keys() - set(known)):
            self._unknown(key, known, elsewhere or {})

    def _unknown(self, key: str, known: Collection[str], elsewhere: Mapping[str, str]) -> None:
        if key.lower() in _SECRET_KEYS:
            remedy = (
                "take it out, and replace the key if others could read this file: keys come from the "
                "environment"
            )
            remedy += ", credentials_file or credentials_command"
        elif key in elsewhere:
            remedy = f"it belongs in {elsewhere[key]}"
        elif near := difflib.get_close_matches(key.lower(), sorted(known), n=1):
            remedy = f"did you mean {near[0]}?"
        elif known:
            remedy = f"known here: {', '.join(sorted(known))}"
        else:
            remedy = "no key is known here"
        self._report(self.path(key), "unknown key", remedy)

    def path(self, key: str) -> str:
        """The key's full path, quoted where TOML would."""
        is_bare = re.fullmatch(r"[A-Za-z0-9_-]+", key, re.ASCII) or len(key) > KEY_LENGTH_MAX
        shown = _cut_key(key) if is_bare else show(key)
        return f"{self._where}.{shown}" if self._where else shown

    def fault(self, key: str, problem: str, remedy: str) -> None:
        """Report what only the caller can know to be wrong."""
        self._report(self.path(key), problem, remedy)

    def has(self, key: str) -> bool:
        """Whether the key stands there, good or bad."""
        return key in self._raw

    @property
    def keys(self) -> frozenset[str]:
        """Those that stand there, good or bad."""
        return frozenset(self._raw)

    def keys_of(self, key: str) -> frozenset[str]:
        """Those that stand in a table of this one; none without it."""
        inner = self._raw.get(key)
        return frozenset(inner) if isinstance(inner, Mapping) else frozenset()

    def text(self, key: str, remedy: str) -> str | None:
        """A string that is not empty."""
        value = self._raw.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(key, f"{_kind(value)} where a string is needed", remedy)
            return None
        if not value.strip():
            self.fault(key, "empty", remedy)
            return None
        return value

    def texts(self, key: str, remedy: str) -> tuple[str, ...] | None:
        """An array of strings, none of them empty, at least one."""
        value = self._raw.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            self.fault(key, f"{_kind(value)} where an array of strings is needed", remedy)
            return None
        if not value:
            self.fault(key, "empty", remedy)
            return None
        bad = next((item for item in value if not isinstance(item, str) or not item.strip()), None)
        if bad is not None:
            what = "an empty string" if isinstance(bad, str) else _kind(bad)
            self.fault(key, f"{what} in an array of strings", remedy)
            return None
        return tuple(value)

    def flag(self, key: str, remedy: str) -> bool | None:
        """True or false."""
        value = self._raw.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.fault(key, f"{_kind(value)} where true or false is needed", remedy)
        return None

    def choice(self, key: str, choices: type[Choice]) -> Choice | None:
        """One of an enumeration's values."""
        options = " or ".join(f'"{option.value}"' for option in choices)
        value = self.text(key, f"write {options}")
        if value is None:
            return None
        if value not in set(choices):
            self.fault(key, f"{show(value)} is not known", f"write {options}")
            return None
        return choices(value)

    def number(self, key: str, fits: Callable[[Decimal], bool], rule: str, *, quoted: bool) -> Decimal | None:
        """A finite number that ``fits``; ``quoted`` allows it as a string too. ``rule`` is the remedy."""
        return self._number(key, self._raw.get(key), fits, rule, quoted=quoted)

    def _number(
        self, key: str, value: Any, fits: Callable[[Decimal], bool], rule: str, *, quoted: bool
    ) -> Decimal | None:
        if value is None:
            return None
        kinds = (int, Decimal, str) if quoted else (int, Decimal)
        if isinstance(value, bool) or not isinstance(value, kinds):
            self.fault(key, f"{_kind(value)} where a number is needed", rule)
            return None
        if isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value):
            self.fault(key, f"{show(value)} is not a plain number", rule)
            return None
        number = Decimal(value)
        if not number.is_finite() or not fits(number):
            self.fault(key, f"{show(value)} is out of bounds", rule)
            return None
        places = -int(number.as_tuple().exponent)
        if places > DECIMAL_PLACES_MAX:
            self.fault(key, f"more than {DECIMAL_PLACES_MAX} decimal places", rule)
            return None
        return number

    def amount(self, key: str, fits: Callable[[Decimal], bool], rule: str) -> tuple[Decimal, str] | None:
        """A number that ``fits`` and the asset that it is an amount of, as ``"50 USD"``; the asset is
        empty where none is named.
        """
        value = self._raw.get(key)
        written, _, asset = value.partition(" ") if isinstance(value, str) else (value, "", "")
        if asset and not _ASSET.fullmatch(asset):
            self.fault(key, f"{show(asset)} is no asset's name", rule)
            return None
        number = self._number(key, written, fits, rule, quoted=True)
        return None if number is None else (number, asset)

    def money(self, key: str, rule: str = "") -> Money | None:
        """An amount with its currency: a bare number means something else in each pair's quote."""
        rule = rule or f'write an amount over 0 and up to {MONEY_MAX} with its currency: {key} = "100 USD"'
        found = self.amount(key, lambda amount: 0 < amount <= MONEY_MAX, rule)
        if found is None:
            return None
        amount, asset = found
        if not asset:
            self.fault(key, f"{amount} names no currency", f'write {key} = "{amount} USD"')
            return None
        return Money(amount, coin_name(asset))

    def money_or_percent(self, key: str, rule: str) -> Decimal | Money | None:
        """An amount with its currency, or a share in percent."""
        written = self.text(key, rule)
        if written is None:
            return None
        return self.percent(key, rule) if written.endswith("%") else self.money(key, rule)

    def percent(self, key: str, rule: str) -> Decimal | None:
        """A share that is written in percent, as ``"50%"``: over 0, and up to all of it."""
        written = self.text(key, rule)
        if written is None:
            return None
        number = self._number(
            key, written.removesuffix("%"), lambda percent: 0 < percent <= 100, rule, quoted=True
        )
        return None if number is None else number / 100

    def whole(self, key: str, least: int, most: int, rule: str) -> int | None:
        """An integer within bounds, written as one."""
        value = self._raw.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            shown = show(value) if isinstance(value, Decimal) else _kind(value)
            self.fault(key, f"{shown} where a whole number is needed", rule)
            return None
        if not least <= value <= most:
            self.fault(key, f"{show(value)} is out of bounds", rule)
            return None
        return value

    def table(self, key: str, remedy: str) -> Mapping[str, Any] | None:
        """A table's raw values."""
        value = self._raw.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fault(key, f"{_kind(value)} where a table is needed", remedy)
            return None
        return value

    def inner(self, key: str, raw: Mapping[str, Any], known: Collection[str] | None = None) -> Table:
        """A table of it, whose keys are free names unless some are ``known``; its faults are reported with
        their whole path.
        """
        return Table(raw, self.path(key), self._report, raw.keys() if known is None else known)

    def item(self, key: str, index: int, raw: Mapping[str, Any], known: Collection[str]) -> Table:
        """One of an array of tables; its faults are reported with its index."""
        return Table(raw, f"{self.path(key)}[{index}]", self._report, known)

    def is_empty_list(self, key: str) -> bool:
        """Whether an array without anything in it is there."""
        return self._raw.get(key) == []

    def tables(self, key: str, remedy: str) -> list[tuple[int, Mapping[str, Any]]] | None:
        """The tables of an array of tables, each with its index; what is not a table is a fault and left out.

        Empty where the key is missing; None where it is no array.
        """
        value = self._raw.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(key, f"{_kind(value)} where an array of tables is needed", remedy)
            return None
        found: list[tuple[int, Mapping[str, Any]]] = []
        for index, item in enumerate(value):
            if isinstance(item, dict):
                found.append((index, item))
            else:
                self._report(f"{self.path(key)}[{index}]", f"{_kind(item)} where a table is needed", remedy)
        return found
