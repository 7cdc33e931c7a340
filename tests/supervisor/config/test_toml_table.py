"""Values are read with their type, and what is wrong is told in one line that says what to write."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.config.toml_table import (
    DECIMAL_PLACES_MAX,
    SHOWN_LENGTH_MAX,
    ConfigFault,
    ConfigFaults,
    Table,
    read_toml,
    show,
)

REMEDY = "write something else"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Reading:
    """One table with one key, and the faults that were told."""

    def __init__(self, value: Any, key: str = "x", where: str = "copy") -> None:
        self.faults: list[tuple[str, str, str]] = []
        raw = {} if value is None else {key: value}
        self.table = Table(raw, where, lambda *fault: self.faults.append(fault), raw.keys())

    def problem(self) -> str:
        ((where, problem, remedy),) = self.faults
        assert (where, bool(remedy)) == ("copy.x", True)
        return problem


def over_0(number: Decimal) -> bool:
    return number > 0


def text(table: Table) -> Any:
    return table.text("x", REMEDY)


def texts(table: Table) -> Any:
    return table.texts("x", REMEDY)


def flag(table: Table) -> Any:
    return table.flag("x", REMEDY)


def choice(table: Table) -> Any:
    return table.choice("x", Colour)


def number(table: Table) -> Any:
    return table.number("x", over_0, REMEDY, quoted=True)


def bare(table: Table) -> Any:
    return table.number("x", over_0, REMEDY, quoted=False)


def amount(table: Table) -> Any:
    return table.amount("x", over_0, REMEDY)


def whole(table: Table) -> Any:
    return table.whole("x", 1, 10, REMEDY)


def inner_table(table: Table) -> Any:
    return table.table("x", REMEDY)


READERS = [text, texts, flag, choice, number, bare, amount, whole, inner_table]
Read = Callable[[Table], Any]


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (text, "a", "a"),
        (texts, ["a", "b"], ("a", "b")),
        (flag, False, False),
        (choice, "red", Colour.RED),
        (number, "0.10", Decimal("0.10")),
        (number, 3, Decimal(3)),
        (bare, Decimal("1.5"), Decimal("1.5")),
        (amount, "50 USD", (Decimal(50), "USD")),
        (amount, "50", (Decimal(50), "")),
        (amount, Decimal("0.5"), (Decimal("0.5"), "")),
        (whole, 10, 10),
        (inner_table, {"a": 1}, {"a": 1}),
    ],
)
def test_a_value_of_its_type_is_read(read: Read, value: object, expected: object) -> None:
    reading = Reading(value)
    assert read(reading.table) == expected
    assert reading.faults == []
    assert reading.table.has("x")


@pytest.mark.parametrize("read", READERS)
def test_what_is_not_there_is_none_and_no_fault(read: Read) -> None:
    reading = Reading(None)
    assert read(reading.table) is None
    assert reading.faults == []
    assert not reading.table.has("x")


@pytest.mark.parametrize(
    ("read", "value", "problem"),
    [
        (text, 3, "a number where a string is needed"),
        (text, "  ", "empty"),
        (texts, "a", "a string where an array of strings is needed"),
        (texts, [], "empty"),
        (texts, ["a", ""], "an empty string in an array of strings"),
        (texts, ["a", True], "a boolean in an array of strings"),
        (flag, "true", "a string where true or false is needed"),
        (choice, "green", '"green" is not known'),
        (choice, 1, "a number where a string is needed"),
        (number, True, "a boolean where a number is needed"),
        (number, "1e5", '"1e5" is not a plain number'),
        (number, Decimal("NaN"), "NaN is out of bounds"),
        (number, 0, "0 is out of bounds"),
        (number, f"0.{'1' * (DECIMAL_PLACES_MAX + 1)}", f"more than {DECIMAL_PLACES_MAX} decimal places"),
        (bare, "1", "a string where a number is needed"),
        (amount, "50 usd", '"usd" is no asset\'s name'),
        (amount, "50  USD", '" USD" is no asset\'s name'),
        (amount, "much USD", '"much" is not a plain number'),
        (whole, Decimal("1.5"), "1.5 where a whole number is needed"),
        (whole, "1", "a string where a whole number is needed"),
        (whole, 11, "11 is out of bounds"),
        (inner_table, [1], "an array where a table is needed"),
    ],
)
def test_a_value_that_is_none_is_a_fault_at_its_key(read: Read, value: object, problem: str) -> None:
    reading = Reading(value)
    assert read(reading.table) is None
    assert reading.problem() == problem


def test_the_tables_of_an_array_come_with_their_place_and_the_rest_is_a_fault_each() -> None:
    reading = Reading([{"a": 1}, 2, {"b": 3}])
    assert reading.table.tables("x", REMEDY) == [(0, {"a": 1}), (2, {"b": 3})]
    assert reading.faults == [("copy.x[1]", "a number where a table is needed", REMEDY)]
    assert Reading(None).table.tables("x", REMEDY) == []
    other = Reading({"a": 1})
    assert other.table.tables("x", REMEDY) is None
    assert other.problem() == "a table where an array of tables is needed"


# -- keys --------------------------------------------------------------------------------------------------


def told_of(key: str, known: set[str], **elsewhere: str) -> tuple[str, str]:
    faults: list[tuple[str, str, str]] = []
    Table({key: 1}, "", lambda *fault: faults.append(fault), known, elsewhere)
    ((where, problem, remedy),) = faults
    assert problem == "unknown key"
    return where, remedy


def test_an_unknown_key_is_told_with_the_one_that_was_meant() -> None:
    assert told_of("Ratoi", {"ratio", "order"}) == ("Ratoi", "did you mean ratio?")
    assert told_of("colour", {"ratio", "order"}) == ("colour", "known here: order, ratio")
    assert told_of("colour", set()) == ("colour", "no key is known here")
    assert told_of("tier", {"ratio"}, tier="[[accounts]]") == ("tier", "it belongs in [[accounts]]")


@pytest.mark.parametrize("key", ["api_key", "SECRET", "private_key"])
def test_a_key_that_holds_a_secret_is_told_to_be_taken_out(key: str) -> None:
    assert told_of(key, {"id"})[1].startswith("take it out, and replace the key")


def test_a_path_is_written_as_in_toml_and_shows_no_key_that_may_be_a_secret() -> None:
    table = Reading(None).table
    assert table.path("a-b_1") == "copy.a-b_1"
    assert table.path("a b") == 'copy."a b"'
    assert table.path("k" * 33) == "copy.(a key of 33 characters)"
    assert Reading(None, where="").table.path("a") == "a"


def test_faults_of_a_table_inside_are_told_with_their_whole_path() -> None:
    reading = Reading({"BTC": "much"})
    inner = reading.table.inner("x", {"BTC": "much"})
    assert inner.number("BTC", over_0, REMEDY, quoted=True) is None
    assert reading.faults == [("copy.x.BTC", '"much" is not a plain number', REMEDY)]
    inner.fault("BTC", "no coin", REMEDY)
    assert reading.faults[1] == ("copy.x.BTC", "no coin", REMEDY)


# -- faults and documents ----------------------------------------------------------------------------------


def test_a_fault_is_one_line_whatever_the_path_holds() -> None:
    fault = ConfigFault("a\nb.toml", "accounts[0].id", "missing", "write one", "anna")
    assert str(fault) == 'a\\u000ab.toml: accounts[0].id ("anna"): missing; write one'
    assert str(ConfigFaults([fault, ConfigFault("x", "", "no", "yes")])).splitlines()[1] == "x: no; yes"


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists, max_leaves=3))
def test_any_value_is_shown_in_one_bounded_line(value: object) -> None:
    shown = show(value)
    assert shown.isprintable()
    assert len(shown) <= SHOWN_LENGTH_MAX + 2


def test_numbers_keep_their_text_and_a_mark_of_an_editor_is_no_fault() -> None:
    document = read_toml("\ufeffrisk = 0.10\nday = 2026-11-28", "x")
    assert document["risk"] == Decimal("0.10")
    assert show([document["day"]]) == "an array"
    assert Reading(document["day"]).table.text("x", REMEDY) is None


@pytest.mark.parametrize(
    ("document", "where", "problem"),
    [
        ("a = 1\na = 2", "line 2", "a is set a second time"),
        ("a = 1\n[a]\nb = 2\n", "line 2", "a is set a second time"),
        ("x = {b = 1, b = 2}", "line 1", "b is set a second time"),
        (f"{'k' * 40} = 1\n{'k' * 40} = 2", "line 2", "(a key of 40 characters) is set a second time"),
        ("a = ", "line 1", "not TOML: Invalid value"),
        ("a = 1\nb = 'x", "line 2", "not TOML: "),
        (f"a = {'[' * 100_000}", "", "nested too deep"),
        (f"a = {'1' * 5000}", "", "a number has too many digits"),
        ("a = 1e999999999999999999999", "", "a number has too many digits"),
    ],
)
def test_what_is_not_toml_is_one_fault_with_its_line(document: str, where: str, problem: str) -> None:
    with pytest.raises(ConfigFaults) as raised:
        read_toml(document, "krakencopy.toml")
    (fault,) = raised.value.faults
    assert fault.where == where
    assert problem in fault.problem
