from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.orders import OrderRequest, TimeInForce
from krakencopy.paper_exchange.order_entry.new_order import parse_order
from krakencopy.paper_exchange.order_entry.trading_conditions import Conditions
from krakencopy.paper_exchange.values.decimals import parse_plain, rounded_down
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.ids import client_order_key
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.values.time_format import rfc3339

NOW_US = 1_700_000_000_000_000
LIMIT = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000.1", "volume": "0.01"}
MARKET = {"pair": "XBTUSD", "type": "sell", "ordertype": "market", "volume": "0.01"}


def read(order: dict[str, str], **changes: str) -> OrderRequest:
    return parse_order(Params(order | changes), NOW_US, MarketAt("50000"), Conditions())


class MarketAt:
    """A market that has one price for everyone."""

    def __init__(self, price: str) -> None:
        self.price = Decimal(price)

    def best_price(self, pair: Pair, side: Side) -> Decimal:
        assert (pair.symbol, side in Side) == ("BTC/USD", True)
        return self.price

    def last_price(self, pair: Pair) -> Decimal:
        assert pair.symbol == "BTC/USD"
        return self.price

    def bought_for(self, pair: Pair, cash: Decimal) -> Decimal:
        return rounded_down(cash / self.price, pair.lot_step)


def refusal(order: dict[str, str], **changes: str) -> str:
    with pytest.raises(KrakenError) as caught:
        read(order, **changes)
    return caught.value.text


def test_a_limit_order_is_read_with_all_digits_of_its_pair() -> None:
    order = read(LIMIT, timeinforce="IOC", oflags="fcib,nompp", userref="-7")
    assert (f"{order.price:f}", f"{order.volume:f}") == ("50000.1", "0.01000000")
    assert order.time_in_force is TimeInForce.IOC
    assert order.fee_in_base
    assert order.userref == -7


@pytest.mark.parametrize("spelling", ["XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD"])
def test_a_pair_is_found_under_each_of_its_four_names(spelling: str) -> None:
    assert read(LIMIT, pair=spelling).pair.id == "XXBTZUSD"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"pair": "XBTXXX"}, "EQuery:Unknown asset pair"),
        ({"pair": ""}, "EGeneral:Invalid arguments:pair"),
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "settle-position"}, "EGeneral:Invalid arguments:ordertype"),
        ({"timeinforce": "GTX"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
        ({"volume": "0"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "-1"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "1e-2"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.123456789"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "NaN"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "\u0661"}, "EGeneral:Invalid arguments:volume"),
        ({"price": "5e4"}, "EGeneral:Invalid arguments:price"),
        ({"price": "0"}, "EGeneral:Invalid arguments:price"),
        ({"price": "+x%"}, "EGeneral:Invalid arguments:price"),
        ({"price": "5%"}, "EGeneral:Invalid arguments:price"),
        ({"price": "50000.11"}, "EOrder:Invalid price: BTC/USD price can only be specified up to 1 decimals"),
        ({"volume": "0.00004999"}, "EGeneral:Invalid arguments:volume minimum not met"),
        ({"price": "0.1", "volume": "4.9"}, "EGeneral:Invalid arguments:cost minimum not met"),
        ({"oflags": "viqc"}, "EGeneral:Invalid arguments:viqc"),
        ({"oflags": "fcib,fciq"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "post", "timeinforce": "IOC"}, "EGeneral:Invalid arguments:oflags"),
        ({"leverage": "2"}, "EGeneral:Invalid arguments:leverage"),
        ({"close[ordertype]": "limit"}, "EGeneral:Invalid arguments:close[price]"),
        ({"close[ordertype]": "market"}, "EGeneral:Invalid arguments:close[ordertype]"),
        ({"expiretm": "+4"}, "EGeneral:Invalid arguments:expiretm"),
        ({"expiretm": "+30", "timeinforce": "GTC"}, "EGeneral:Invalid arguments:expiretm"),
        ({"userref": "2147483648"}, "EGeneral:Invalid arguments:userref"),
        ({"userref": "x"}, "EGeneral:Invalid arguments:userref"),
        ({"userref": "1", "cl_ord_id": "a"}, "EGeneral:Invalid arguments"),
    ],
)
def test_a_bad_argument_is_refused_in_the_words_of_the_exchange(changes: dict[str, str], error: str) -> None:
    assert refusal(LIMIT, **changes) == error


def test_post_only_needs_a_limit_order() -> None:
    assert refusal(MARKET, oflags="post") == "EGeneral:Invalid arguments:oflags"


def test_a_market_order_has_its_cost_checked_at_the_best_price() -> None:
    cheap = read(MARKET, volume="0.00005")
    assert cheap.price is None
    with pytest.raises(KrakenError, match="EGeneral:Invalid arguments:cost minimum not met"):
        parse_order(Params(MARKET | {"volume": "0.00005"}), NOW_US, MarketAt("9999"), Conditions())


@pytest.mark.parametrize("ahead_s", [2, 30, 60])
def test_a_deadline_may_lie_2_to_60_seconds_ahead(ahead_s: int) -> None:
    deadline_us = NOW_US + ahead_s * 1_000_000
    assert read(LIMIT, deadline=rfc3339(deadline_us)).deadline_us == deadline_us


@pytest.mark.parametrize(
    ("deadline", "error"),
    [
        (rfc3339(NOW_US + 1_999_999), "EGeneral:Invalid arguments:deadline"),
        (rfc3339(NOW_US + 60_000_001), "EGeneral:Invalid arguments:deadline"),
        (rfc3339(NOW_US), "EService:Deadline elapsed"),
        ("1700000010", "EGeneral:Invalid arguments:deadline"),
        ("2023-13-01T00:00:00Z", "EGeneral:Invalid arguments:deadline"),
        ("", "EGeneral:Invalid arguments:deadline"),
    ],
)
def test_any_other_deadline_is_refused(deadline: str, error: str) -> None:
    assert refusal(LIMIT, deadline=deadline) == error


@pytest.mark.parametrize(
    "cl_ord_id",
    ["6d1b345e-2821-40e2-ad83-4ecb18a06876", "da8e4ad59b78481c93e589746b0cf91f", "arb-20240509-00010", "x"],
)
def test_the_three_forms_of_a_client_order_id_are_taken(cl_ord_id: str) -> None:
    assert read(LIMIT, cl_ord_id=cl_ord_id).cl_ord_id == cl_ord_id


@pytest.mark.parametrize(
    "cl_ord_id",
    ["", "meme-20240509-00010", "da8e4ad59b78481c93e589746b0cf91", "nineteen characters", "ä", "a b"],
)
def test_any_other_client_order_id_is_refused(cl_ord_id: str) -> None:
    assert refusal(LIMIT, cl_ord_id=cl_ord_id) == "EGeneral:Invalid arguments:cl_ord_id"


def test_both_spellings_of_a_uuid_are_the_same_id() -> None:
    dashed = "6D1B345e-2821-40e2-ad83-4ecb18a06876"
    assert client_order_key(dashed) == client_order_key(dashed.replace("-", "").lower())


@given(st.decimals(0, 10**10 - 1, places=8))
def test_plain_decimals_are_read_exactly(amount: Decimal) -> None:
    assert parse_plain(f"{amount:f}") == amount


@given(st.text(max_size=12))
def test_what_is_read_as_a_decimal_holds_digits_and_a_point_alone(text: str) -> None:
    if parse_plain(text) is not None:
        assert set(text) <= set("0123456789.")
