"""Whether a user can pay for what its master buys."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.notices.funds import funds_missing
from tests.support.scripted_kraken import TABLE

USD_PAIRS = ("BTC/USD", "ETH/USD")


SMALL = "NO FUNDS IN USD: the master trades BTC/USD, and 0.4 USD is less than any order there costs"
LOCKED = (
    "NO FUNDS IN USD: the master trades BTC/USD, and the 700 USD that are there are reserved, or in a "
    "form that no order takes"
)


@pytest.mark.parametrize(
    ("traded", "usable", "owned", "says"),
    [
        ((), "0", "0", ""),
        (USD_PAIRS, "0.5", "0.5", ""),
        (("LUNA/USD",), "0", "0", ""),
        (USD_PAIRS, "0", "0", "NO FUNDS IN USD: the master trades BTC/USD, ETH/USD"),
        (("BTC/USD",), "0.4", "700", SMALL),
        (("BTC/USD",), "0", "700", LOCKED),
        (("BTC/USD",), "-300", "700", LOCKED),
    ],
)
def test_a_quote_that_is_traded_and_cannot_be_spent_is_told(
    traded: tuple[str, ...], usable: str, owned: str, says: str
) -> None:
    found = funds_missing(traded, lambda _: Decimal(usable), lambda _: Decimal(owned), TABLE)
    assert found == ({"USD": says} if says else {})
