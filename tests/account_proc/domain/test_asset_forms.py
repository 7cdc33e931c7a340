"""Forms of an asset: which there are, and what is done with one that nobody knows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.domain.asset_forms import by_use, earning, is_tradable, split_form


def is_asset(name: str) -> bool:
    return name in {"BTC", "DOT", "LUNA2", "BRK.Bx"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("BTC", ("BTC", "")),
        ("BTC.F", ("BTC", ".F")),
        ("DOT28.S", ("DOT", ".S")),
        ("LUNA2.S", ("LUNA2", ".S")),
        ("ETH2", ("ETH", ".S")),
        ("BTC.E", ("BTC", ".E")),
        ("DOT14.NEW", ("DOT", ".NEW")),
        # No form, as nobody lists what stands before it, or as it looks like none.
        ("NOPE.E", ("NOPE.E", "")),
        ("BRK.Bx", ("BRK.Bx", "")),
    ],
)
def test_a_name_is_an_asset_and_its_form(name: str, parts: tuple[str, str]) -> None:
    assert split_form(name, is_asset) == parts


def test_a_form_that_nobody_knows_is_there_and_distrusted_like_what_earns() -> None:
    balances = {"BTC": Decimal(1), "BTC.E": Decimal(2), "BTC.S": Decimal(4)}
    assert is_tradable(".E")
    assert by_use(balances, is_asset) == {"BTC": 3, "BTC.S": 4}
    assert earning(balances, is_asset) == {"BTC": 2}
