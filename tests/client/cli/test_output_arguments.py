"""How results are to look, as it is typed."""

from __future__ import annotations

import io

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.cli.output_arguments import in_colours
from krakencopy.client.sdk.errors import BadInput
from tests.support.typed_lines import Typed


def test_without_options_it_is_a_table_of_all_columns() -> None:
    arguments = parse(["status"])
    assert (arguments.output, arguments.columns, arguments.color) == ("table", (), "auto")


def test_columns_are_read_in_their_order_once_each() -> None:
    assert parse(["fills", "--columns", "Pair, seq,pair"]).columns == ("pair", "seq")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fills --columns ,", "no list of columns"),
        ("fills --columns id -o json", "json always has all fields"),
        ("-o yaml fills --columns id", "yaml always has all fields"),
        ("halt --all --columns account", "unrecognized arguments: --columns"),
        ("status --color blue", "invalid choice: 'blue'"),
    ],
)
def test_what_cannot_be_meant_is_refused(line: str, expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        parse(line.split())


@pytest.mark.parametrize(
    ("wish", "terminal", "environment", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_colours_are_of_terminals_unless_something_else_is_said(
    wish: str, environment: dict[str, str], *, terminal: bool, expected: bool
) -> None:
    stream = Typed() if terminal else io.StringIO()
    assert in_colours(wish, stream, environment) is expected
