"""Orders that wait, end by themselves, or must not meet their own account."""

from decimal import Decimal

import pytest

from krakencopy.paper_exchange.accounts.orders import OrderStatus
from krakencopy.paper_exchange.rest.rows import describe, order_row
from krakencopy.paper_exchange.values.errors import KrakenError
from tests.support.paper_venue import USD, XBT, Venue, state, venue


def refusal(market: Venue, text: str, **rest: str) -> str:
    with pytest.raises(KrakenError) as caught:
        market.add(text, **rest)
    return caught.value.text


# --- fill or kill, good till date, scheduled


def test_fill_or_kill_takes_all_or_nothing() -> None:
    market = venue()
    killed = market.add("buy 1.5 limit 50000.1", timeinforce="FOK")
    assert (*state(killed), killed.reason) == ("canceled", "0", "Fill or kill")
    assert market.kinds(killed) == ["pending_new", "new", "canceled"]
    filled = market.add("buy 1 limit 50000.1", timeinforce="FOK")
    assert filled.status is OrderStatus.CLOSED


def test_fill_or_kill_is_for_limit_orders() -> None:
    assert refusal(venue(), "buy 1 market", timeinforce="FOK") == "EGeneral:Invalid arguments:timeinforce"


def test_an_order_expires_at_its_date_and_gives_back_what_it_held() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000", timeinforce="GTD", expiretm="+30")
    market.wait(29.999)
    assert order.status is OrderStatus.OPEN
    market.wait(0.001)
    assert (order.status, order.reason) == (OrderStatus.EXPIRED, "Order expired")
    assert market.kinds(order) == ["pending_new", "new", "expired"]
    assert market.account.held(USD) == 0


def test_an_order_that_is_gone_does_not_expire() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000", expiretm="+30")
    assert order_row(order, trades=False)["expiretm"] == market.now_us / 1e6 + 30
    market.cancel(order)
    market.wait(60)
    assert order.status is OrderStatus.CANCELED


def test_a_scheduled_order_is_pending_until_its_time() -> None:
    market = venue()
    order = market.add("buy 1 market", starttm="+10")
    assert order_row(order, trades=False)["status"] == "pending"
    assert order.txid in market.account.open_orders
    assert market.account.held(USD) == Decimal("50400.1008"), "the best price and the taker's fee"
    market.wait(10)
    assert market.kinds(order) == ["pending_new", "new", "trade", "filled"]
    assert market.account.held(USD) == 0


def test_a_scheduled_order_can_be_cancelled_before_its_time() -> None:
    market = venue()
    order = market.add("buy 1 limit 60000", starttm="+10")
    market.cancel(order)
    market.wait(20)
    assert state(order) == ("canceled", "0")


def test_a_scheduled_post_only_order_that_would_take_is_cancelled_by_the_engine() -> None:
    market = venue()
    order = market.add("buy 1 limit 60000", oflags="post", starttm="+10")
    market.wait(10)
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "Post only order")


# --- triggers


@pytest.mark.parametrize(
    ("text", "spared", "fires"),
    [
        ("sell 1 stop-loss 49000", "49000.1", "49000.0"),
        ("buy 1 stop-loss 51000", "50999.9", "51000.0"),
        ("sell 1 take-profit 51000", "50999.9", "51000.0"),
        ("buy 1 take-profit 49000", "49000.1", "49000.0"),
    ],
)
def test_a_trigger_fires_when_the_last_price_reaches_it(text: str, spared: str, fires: str) -> None:
    market = venue()
    order = market.add(text)
    market.trade(spared)
    assert state(order) == ("open", "0")
    market.trade(fires)
    assert state(order) == ("closed", "1")
    assert market.kinds(order) == ["pending_new", "new", "status", "trade", "filled"]
    misc = order_row(order, trades=False)["misc"]
    assert misc == ("touched" if "take-profit" in text else "stopped")


def test_a_trigger_that_is_reached_already_fires_at_once() -> None:
    market = venue()
    assert market.add("sell 1 stop-loss 50001").status is OrderStatus.CLOSED


def test_a_stop_limit_rests_at_its_limit_once_it_is_triggered() -> None:
    market = venue()
    order = market.add("sell 1 stop-loss-limit 49000 50500")
    assert describe(order.request) == "sell 1.00000000 XBTUSD @ stop loss 49000.0 -> limit 50500.0"
    market.trade("50600.0")
    assert not order.trades, "it waits for its trigger, not for its limit"
    market.trade("48000.0")
    assert (order.status, order.waits) == (OrderStatus.OPEN, False)
    market.trade("50600.0")
    assert (order.status, order.trades[0].price, order.trades[0].maker) == (
        OrderStatus.CLOSED,
        Decimal("50500.0"),
        True,
    )


def test_a_trailing_stop_follows_the_market_and_never_turns_back() -> None:
    market = venue()
    order = market.add("sell 1 trailing-stop +1000")
    levels = []
    for last in ("50500.0", "51000.0", "50200.0", "50000.1"):
        market.trade(last)
        levels.append(order.stop_price)
    assert levels == [Decimal("49500.0"), Decimal("50000.0"), Decimal("50000.0"), Decimal("50000.0")]
    assert state(order) == ("open", "0")
    market.trade("50000.0")
    assert state(order) == ("closed", "1")
    assert describe(order.request) == "sell 1.00000000 XBTUSD @ trailing stop +1000"


def test_a_trailing_limit_sets_its_limit_from_the_level_it_reached() -> None:
    market = venue()
    order = market.add("buy 1 trailing-stop-limit +1% -0.5%")
    assert describe(order.request) == "buy 1.00000000 XBTUSD @ trailing stop +1.0000% -> limit -0.5000%"
    market.trade("40000.0")
    assert order.stop_price == Decimal("40400.0")
    market.trade("40500.0")
    assert (order.status, order.request.price) == (OrderStatus.OPEN, Decimal("40198.0"))


def test_a_triggered_order_whose_money_is_gone_is_cancelled() -> None:
    market = venue(usd="60000", xbt="0")
    market.exchange.rules.holds = False
    stop = market.add("buy 1 stop-loss 51000")
    market.add("buy 1 market")
    market.trade("51000.0")
    assert (stop.status, stop.reason) == (OrderStatus.CANCELED, "Insufficient funds")


def test_a_stop_needs_and_holds_what_it_is_expected_to_cost() -> None:
    market = venue(usd="51000", xbt="1")
    assert refusal(market, "buy 1 stop-loss 51000") == "EOrder:Insufficient funds"
    market.add("sell 1 stop-loss 49000")
    assert market.account.held(XBT) == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("sell 1 stop-loss", "EGeneral:Invalid arguments:price"),
        ("sell 1 stop-loss 49000 48000", "EGeneral:Invalid arguments:price2"),
        ("sell 1 stop-loss-limit 49000", "EGeneral:Invalid arguments:price2"),
        (
            "sell 1 stop-loss 49000.01",
            "EOrder:Invalid price: BTC/USD price can only be specified up to 1 decimals",
        ),
        ("sell 1 trailing-stop 49000", "EGeneral:Invalid arguments:price"),
        ("sell 1 trailing-stop -5%", "EGeneral:Invalid arguments:price"),
        ("sell 1 trailing-stop-limit +5% 49000", "EGeneral:Invalid arguments:price2"),
        ("sell 1 limit 51000 52000", "EGeneral:Invalid arguments:price2"),
    ],
)
def test_a_trigger_that_is_badly_written_is_refused(text: str, error: str) -> None:
    assert refusal(venue(), text) == error


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("trigger", "index", "EGeneral:Invalid arguments:Index unavailable"),
        ("trigger", "first", "EGeneral:Invalid arguments:trigger"),
        ("reduce_only", "true", "EOrder:Reduce only:No position exists"),
        ("stptype", "cancel-none", "EGeneral:Invalid arguments:stptype"),
    ],
)
def test_what_needs_an_index_or_margin_is_refused(field: str, value: str, error: str) -> None:
    assert refusal(venue(), "sell 1 stop-loss 49000", **{field: value}) == error


# --- relative prices


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("buy 1 limit -100", "49900.1"),
        ("buy 1 limit -1%", "49500.1"),
        ("buy 1 limit #100", "49900.1"),
        ("sell 1 limit #100", "50100.1"),
        ("sell 1 limit +0.1%", "50050.1"),
    ],
)
def test_a_relative_limit_is_measured_from_the_last_price(text: str, price: str) -> None:
    market = venue()
    market.trade("50000.1")
    assert market.add(text).request.price == Decimal(price)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("sell 1 stop-loss #100", "49900"),
        ("buy 1 stop-loss #100", "50100"),
        ("sell 1 take-profit #100", "50100"),
    ],
)
def test_a_hash_means_the_side_on_which_the_order_waits(text: str, level: str) -> None:
    market = venue()
    market.trade("50000.0")
    assert market.add(text).stop_price == Decimal(level)


# --- volume in quote


def test_a_market_buy_may_name_what_it_spends() -> None:
    market = venue()
    order = market.add("buy 75000 market", oflags="viqc")
    row = order_row(order, trades=False)
    assert order.status is OrderStatus.CLOSED
    assert 74_999 < order.cost <= 75_000
    assert (row["vol"], row["vol_exec"]) == ("75000.00000000", f"{order.cost:.8f}")
    assert (row["cost"], row["oflags"]) == (f"{order.vol_exec:.8f}", "fciq,viqc")


@pytest.mark.parametrize(
    ("text", "oflags", "error"),
    [
        ("sell 100 market", "viqc", "EGeneral:Invalid arguments:viqc"),
        ("buy 100 limit 50000", "viqc", "EGeneral:Invalid arguments:viqc"),
        ("buy 0.000001 market", "viqc", "EGeneral:Invalid arguments:volume"),
        ("buy 0.4 market", "viqc", "EGeneral:Invalid arguments:volume minimum not met"),
    ],
)
def test_volume_in_quote_is_for_market_buys_of_some_size(text: str, oflags: str, error: str) -> None:
    assert refusal(venue(), text, oflags=oflags) == error


# --- post-only, icebergs


def test_the_house_rules_may_let_a_post_only_order_in_and_cancel_it() -> None:
    market = venue()
    market.exchange.rules.post_only_cancels = True
    order = market.add("buy 1 limit 50000.1", oflags="post")
    assert (order.reason, market.kinds(order)) == ("Post only order", ["pending_new", "new", "canceled"])


def test_an_iceberg_shows_its_next_part_when_one_is_gone() -> None:
    market = venue()
    order = market.add("buy 1 iceberg 49000", displayvol="0.1")
    market.trade("49000.0", "0.05")
    market.trade("49000.0", "0.05")
    market.trade("49000.0", "5")
    assert market.kinds(order)[2:] == ["trade", "trade", "iceberg_refill", "trade", "filled"]


@pytest.mark.parametrize("displayvol", ["0.06", "1.1", "0"])
def test_an_iceberg_shows_a_fifteenth_or_more(displayvol: str) -> None:
    error = refusal(venue(), "buy 1 iceberg 49000", displayvol=displayvol)
    assert error == "EGeneral:Invalid arguments:displayvol"


# --- self-trade prevention


def test_the_newest_order_ends_where_it_would_meet_its_own_account() -> None:
    market = venue()
    market.pin("49000.0", "51000.0", "1")
    resting = market.add("sell 1 limit 50000")
    bought = market.add("buy 0.5 market")
    assert (bought.status, bought.reason) == (OrderStatus.CANCELED, "Self trade prevention")
    assert resting.status is OrderStatus.OPEN


def test_what_the_market_offers_first_is_still_taken() -> None:
    market = venue()
    market.add("sell 1 limit 50003")
    bought = market.add("buy 3 market")
    assert (*state(bought), bought.reason) == ("canceled", "1", "Self trade prevention")


def test_the_oldest_order_may_go_instead() -> None:
    market = venue()
    near, far = market.add("sell 1 limit 50003"), market.add("sell 1 limit 60000")
    bought = market.add("buy 3 market", stptype="cancel-oldest")
    assert (bought.status, near.status, far.status) == (
        OrderStatus.CLOSED,
        OrderStatus.CANCELED,
        OrderStatus.OPEN,
    )
    assert near.reason == "Self trade prevention"


def test_both_may_go() -> None:
    market = venue()
    resting = market.add("buy 1 limit 49999")
    sold = market.add("sell 3 limit 49990", stptype="cancel-both")
    assert (state(sold), state(resting)) == (("canceled", "1"), ("canceled", "0"))


def test_a_post_only_order_that_would_meet_its_own_account_is_refused() -> None:
    market = venue()
    market.pin("49000.0", "51000.0")
    market.add("sell 1 limit 50000")
    assert refusal(market, "buy 1 limit 50000", oflags="post") == "EOrder:Post only order"
    assert market.add("buy 1 limit 49999", oflags="post").status is OrderStatus.OPEN


# --- holds as a house rule


def test_without_holds_an_order_dies_where_its_money_is_gone() -> None:
    market = venue(usd="50000", xbt="0")
    market.exchange.rules.holds = False
    order = market.add("buy 1 limit 49000")
    assert market.account.held(USD) == 0
    market.add("buy 0.5 market")
    market.trade("48000.0", "0.25")
    market.trade("48000.0", "0.75")
    assert (order.vol_exec, order.status, order.reason) == (
        Decimal("0.25"),
        OrderStatus.CANCELED,
        "Insufficient funds",
    )


# --- the cap on open orders


def test_a_tier_has_a_cap_on_the_open_orders_of_a_pair() -> None:
    market = venue(limited=True)
    market.account.tier = type(market.account.tier).STARTER
    for _ in range(60):
        market.wait(2)
        market.add("buy 0.001 limit 40000")
    assert refusal(market, "buy 0.001 limit 40000") == "EOrder:Orders limit exceeded"
    assert market.add("buy 0.001 market").status is OrderStatus.CLOSED
