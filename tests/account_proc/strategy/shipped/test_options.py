"""Options of a shipped strategy are read with errors that name the option and say what to write."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.strategy.shipped.options import Options

Read = Callable[[Options], Any]


def seed(options: Options) -> Any:
    return options.text("x", "none")


def ticks(options: Options) -> Any:
    return options.whole("x", 5, least=2)


def share(options: Options) -> Any:
    return options.number("x", "0.05", most=Decimal(1))


def lines(options: Options) -> Any:
    return options.texts("x")


@pytest.mark.parametrize(
    ("read", "given", "value"),
    [
        (seed, "7", "7"),
        (ticks, 2, 2),
        (share, "0.5", Decimal("0.5")),
        (share, 1, Decimal(1)),
        (share, 0.1, Decimal("0.1")),
        (lines, ["a", "b"], ["a", "b"]),
    ],
)
def test_what_can_be_meant_is_read(read: Read, given: object, value: object) -> None:
    assert read(Options({"x": given})) == value


def test_what_is_not_given_is_the_default() -> None:
    options = Options({})
    assert [seed(options), ticks(options), share(options), lines(options)] == ["none", 5, Decimal("0.05"), []]
    options.done()


@pytest.mark.parametrize(
    ("read", "given", "says"),
    [
        (seed, 7, 'x must be a string, such as x = "none"'),
        (seed, "  ", "x must be a string"),
        (ticks, 1, "x must be a whole number from 2, such as x = 5"),
        (ticks, True, "x must be a whole number"),
        (ticks, 2.0, "x must be a whole number"),
        (share, 0, 'x must be a number over 0 and up to 1, such as x = "0.05"'),
        (share, "1.01", "x must be a number over 0 and up to 1"),
        (share, "NaN", "x must be a number"),
        (share, "much", "x must be a number"),
        (lines, "a", "x must be an array of strings"),
        (lines, ["a", 1], "x must be an array of strings"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(read: Read, given: object, says: str) -> None:
    with pytest.raises(ValueError, match=r"^x must be") as refused:
        read(Options({"x": given}))
    assert str(refused.value).startswith(says)


def test_a_number_without_a_bound_may_be_any_over_0() -> None:
    assert Options({"x": "1000000"}).number("x", "1") == 1_000_000
    assert Options({"x": Decimal("1e6")}).number("x", "1") == 1_000_000
    for text in ("-1", "1e6", "1_000", "\u0661", "nan"):
        with pytest.raises(ValueError, match="x must be a number over 0, such as"):
            Options({"x": text}).number("x", "1")


def test_an_option_that_nobody_read_is_named_with_those_that_are_known() -> None:
    options = Options({"fast": 3, "quick": 3})
    options.whole("fast", 5, least=1)
    options.whole("slow", 20, least=1)
    with pytest.raises(ValueError, match=r"^quick is not known here; known: fast, slow$"):
        options.done()
