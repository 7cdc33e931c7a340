"""What operators are told of an account while it lasts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.kraken.exchange_clock import Clock
from krakencopy.account_proc.notices.current import CurrentNotice, clock_notice, front_notice, funds_notice
from tests.support.scripted_kraken import TABLE

USD_PAIRS = ("BTC/USD", "ETH/USD")


@pytest.mark.parametrize("clock", [None, Clock(0.0, 0.0), Clock(2.4, 0.5)])
def test_a_clock_that_is_right_or_not_known_is_nothing_to_tell(clock: Clock | None) -> None:
    assert list(clock_notice(clock)) == []


def test_a_clock_that_is_wrong_is_told() -> None:
    (notice,) = clock_notice(Clock(-40.0, 0.5))
    assert notice.code == "CLOCK_OFF"
    assert "40 s ahead of the exchange's" in notice.message


def test_ways_that_are_refused_are_told_together() -> None:
    assert list(front_notice("", "")) == []
    assert list(front_notice("HTTP 429", "", "the feed: HTTP 403")) == [
        CurrentNotice("FRONT_REFUSES", "FRONT REFUSES: HTTP 429; the feed: HTTP 403")
    ]


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
    found = list(funds_notice(traded, lambda _: Decimal(usable), lambda _: Decimal(owned), TABLE))
    assert found == ([CurrentNotice("NO_FUNDS", says)] if says else [])
