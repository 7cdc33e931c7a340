"""Where a setting stands in a document, and what its text means."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.supervisor.config.set_document import set_in, toml_text, toml_value, written_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.05", Decimal("0.05")),
        ("30", 30),
        ("true", True),
        ('"50 USD"', "50 USD"),
        ("50 USD", "50 USD"),
        ("fixed_ratio", "fixed_ratio"),
        ('["BTC/*", "*/EUR"]', ["BTC/*", "*/EUR"]),
        ("[", "["),
        ("5 # five", "5 # five"),
        ("1\nother = 2", "1\nother = 2"),
        ("9" * 5000, "9" * 5000),
        ("[" * 5000, "[" * 5000),
        ("", ""),
    ],
)
def test_a_text_is_what_it_would_be_in_the_file_or_itself(text: str, value: object) -> None:
    assert toml_value(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (Decimal("0.10"), "0.10"),
        (30, "30"),
        ("50 USD", "50 USD"),
        (["BTC/*", 2], '["BTC/*", 2]'),
        ({"*/USD": "*/EUR"}, '{ "*/USD" = "*/EUR" }'),
    ],
)
def test_a_value_is_shown_as_it_may_be_set(value: object, text: str) -> None:
    assert toml_text(value) == text
    if value is not None:
        assert toml_value(text) == value


DOCUMENT = {
    "copy": {"order": "market"},
    "groups": [{"id": "clients"}],
    "accounts": [{"id": "master"}, "odd", {"id": "anna", "copy": {"ratio": 2}}, {"id": "ben", "copy": 3}],
}


def test_a_setting_stands_in_the_copy_table_of_its_target_and_the_document_stays_as_it_is() -> None:
    settings = {
        ("", "order"): "limit_ioc",
        ("clients", "ratio"): "1",
        ("anna", "order"): "market",
        ("anna", "ratio"): "3",
        ("ben", "ratio"): "3",
        ("nobody", "ratio"): "3",
    }
    made, paths = set_in(DOCUMENT, settings)
    assert made == {
        "copy": {"order": "limit_ioc"},
        "groups": [{"id": "clients", "copy": {"ratio": 1}}],
        "accounts": [
            {"id": "master"}, "odd", {"id": "anna", "copy": {"ratio": 3, "order": "market"}},
            {"id": "ben", "copy": 3},
        ],
    }  # fmt: skip
    assert paths == {
        "copy.order": ("", "order"),
        "groups[0].copy.ratio": ("clients", "ratio"),
        "accounts[2].copy.order": ("anna", "order"),
        "accounts[2].copy.ratio": ("anna", "ratio"),
    }
    assert DOCUMENT["copy"] == {"order": "market"}
    assert DOCUMENT["accounts"][2] == {"id": "anna", "copy": {"ratio": 2}}  # type: ignore[index]
    assert set_in({}, {("", "ratio"): "1", ("anna", "ratio"): "1"}) == (
        {"copy": {"ratio": 1}},
        {"copy.ratio": ("", "ratio")},
    )


def test_what_the_document_itself_says_is_known() -> None:
    assert written_value(DOCUMENT, ("anna", "ratio")) == 2
    assert written_value(DOCUMENT, ("", "order")) == "market"
    assert written_value(DOCUMENT, ("ben", "ratio")) is None
    assert written_value(DOCUMENT, ("nobody", "ratio")) is None
