"""AmendOrder keeps an order and its ids, EditOrder puts another in its place."""

from decimal import Decimal

import pytest

from krakencopy.paper_exchange.accounts.orders import Order, OrderStatus
from krakencopy.paper_exchange.rest.paging import revisions
from krakencopy.paper_exchange.rest.rows import order_row, revision_row
from krakencopy.paper_exchange.values.errors import KrakenError
from tests.support.paper_venue import USD, XBTUSD, Venue, state, venue


def amend_refusal(market: Venue, order: Order, **changes: str) -> str:
    with pytest.raises(KrakenError) as caught:
        market.amend(order, **changes)
    return caught.value.text


def edit_refusal(market: Venue, order: Order, **changes: str) -> str:
    with pytest.raises(KrakenError) as caught:
        market.edit(order, **changes)
    return caught.value.text


def test_an_amended_order_keeps_its_ids_and_holds_what_it_needs_now() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000", cl_ord_id="mine")
    amend_id = market.amend(order, order_qty="2", limit_price="41000")
    assert amend_id.startswith("T")
    assert market.account.open_order_of("mine") is order
    assert market.account.held(USD) == Decimal(82_000) + Decimal(328)
    assert market.kinds(order) == ["pending_new", "new", "amended"]
    assert market.events[-1].amend_id == amend_id
    assert order_row(order, trades=False)["misc"] == "amended"


def test_an_amend_across_the_market_trades_at_once() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000")
    market.amend(order, limit_price="50000.1")
    assert market.kinds(order) == ["pending_new", "new", "amended", "trade", "filled"]


def test_a_post_only_amend_across_the_market_is_refused_and_changes_nothing() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000")
    held = market.account.held(USD)
    assert amend_refusal(market, order, limit_price="50000.1", post_only="true") == "EOrder:Post only order"
    assert (order.request.price, order.amended, market.account.held(USD)) == (Decimal(40_000), False, held)


def test_an_amend_that_cannot_be_paid_is_refused_and_changes_nothing() -> None:
    market = venue(usd="41000")
    order = market.add("buy 1 limit 40000")
    assert amend_refusal(market, order, order_qty="2") == "EOrder:Insufficient funds"
    assert market.account.held(USD) == Decimal(40_160)
    market.amend(order, limit_price="40500")


def test_an_amend_below_what_is_filled_ends_the_order() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000")
    market.trade("40000.0", "0.5")
    market.amend(order, order_qty="0.5")
    assert (order.status, order.vol_exec) == (OrderStatus.CANCELED, Decimal("0.5"))
    assert market.account.held(USD) == 0


def test_more_volume_or_another_price_costs_the_place_in_the_queue_and_less_volume_does_not() -> None:
    market = venue()
    first, second, third = (market.add("buy 1 limit 40000") for _ in range(3))
    market.amend(first, order_qty="2")
    market.amend(second, order_qty="0.5")
    market.events.clear()
    market.trade("40000.0", "0.1")
    assert [event.order for event in market.events] == [second, third, first]


def test_what_an_order_was_is_kept() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000")
    (only,) = revisions(order)
    assert (only.kind, only.amend_id) == ("original", order.txid)
    market.trade("40000.0", "0.25")
    market.wait(1)
    amend_id = market.amend(order, limit_price="39000")
    first, second = (revision_row(revision, XBTUSD) for revision in revisions(order))
    assert (first["amend_type"], first["limit_price"], second["limit_price"]) == (
        "original",
        "40000.0",
        "39000.0",
    )
    assert second == {
        "amend_id": amend_id,
        "amend_type": "user",
        "order_qty": "1.00000000",
        "remaining_qty": "0.75000000",
        "limit_price": "39000.0",
        "post_only": False,
        "reason": "User requested",
        "timestamp": market.now_us // 1000,
    }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, "EGeneral:Invalid arguments"),
        ({"order_qty": "0.123456789"}, "EGeneral:Invalid arguments:order_qty"),
        ({"order_qty": "0.00001"}, "EGeneral:Invalid arguments:volume minimum not met"),
        (
            {"limit_price": "40000.01"},
            "EOrder:Invalid price: BTC/USD price can only be specified up to 1 decimals",
        ),
        ({"limit_price": "x"}, "EGeneral:Invalid arguments:limit_price"),
        ({"trigger_price": "45000"}, "EGeneral:Invalid arguments:trigger_price"),
        ({"display_qty": "0.5"}, "EGeneral:Invalid arguments:display_qty"),
        ({"order_qty": "2", "pair": "ETHUSD"}, "EGeneral:Invalid arguments:pair"),
        ({"order_qty": "2", "deadline": "2001-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
    ],
)
def test_a_bad_amend_is_refused(changes: dict[str, str], error: str) -> None:
    market = venue()
    assert amend_refusal(market, market.add("buy 1 limit 40000"), **changes) == error


def test_a_gone_order_and_one_with_a_close_cannot_be_amended() -> None:
    market = venue()
    gone = market.add("buy 1 market")
    assert amend_refusal(market, gone, order_qty="2") == "EOrder:Unknown order"
    closing = market.add("buy 1 limit 40000", **{"close[ordertype]": "limit", "close[price]": "60000"})
    assert amend_refusal(market, closing, order_qty="2") == "EOrder:Invalid order"
    assert edit_refusal(market, closing, volume="2") == "EOrder:Invalid order"


def test_a_trigger_is_amended_while_it_waits() -> None:
    market = venue()
    order = market.add("sell 1 stop-loss-limit 49000 48000")
    market.amend(order, trigger_price="49500", limit_price="49400")
    market.trade("49500.0")
    assert order.status is OrderStatus.CLOSED
    assert order.stop_price == Decimal("49500.0")


def test_a_trailing_stop_is_amended_by_its_distance() -> None:
    market = venue()
    order = market.add("sell 1 trailing-stop +1000")
    assert amend_refusal(market, order, trigger_price="49500") == "EGeneral:Invalid arguments:trigger_price"
    market.amend(order, trigger_price="+500")
    assert order.stop_price == Decimal("49500.1")


def test_a_triggered_stop_limit_is_amended_as_the_limit_order_that_it_is() -> None:
    market = venue()
    order = market.add("sell 1 stop-loss-limit 49000 60000")
    market.trade("49000.0")
    market.amend(order, limit_price="50000")
    assert order.status is OrderStatus.CLOSED


def test_an_icebergs_shown_volume_is_amended_within_its_own_rules() -> None:
    market = venue()
    order = market.add("buy 15 iceberg 40000", displayvol="1")
    market.amend(order, display_qty="2")
    assert order.request.display == 2
    says = amend_refusal(market, order, order_qty="40")
    assert says == "EGeneral:Invalid arguments:display_qty", "at least a fifteenth is shown"
    edited = market.edit(order, volume="20", displayvol="3")
    assert (edited.request.volume, edited.request.display) == (Decimal(20), Decimal(3))
    assert market.edit(edited, volume="2").request.display == 2, "no more than there is"


@pytest.mark.parametrize(
    ("text", "changes", "error"),
    [
        ("sell 1 stop-loss 49000", {"limit_price": "48000"}, "EOrder:Invalid limit price"),
        (
            "sell 1 stop-loss 49000",
            {"order_qty": "2", "post_only": "true"},
            "EGeneral:Invalid arguments:post_only",
        ),
        ("sell 1 trailing-stop +1000", {"trigger_price": "-500"}, "EGeneral:Invalid arguments:trigger_price"),
        ("sell 1 trailing-stop +1000", {"trigger_price": "+0"}, "EGeneral:Invalid arguments:trigger_price"),
        (
            "sell 1 trailing-stop-limit +1000 -10",
            {"limit_price": "48000"},
            "EGeneral:Invalid arguments:limit_price",
        ),
    ],
)
def test_an_amend_that_does_not_fit_the_kind_of_order_is_refused(
    text: str, changes: dict[str, str], error: str
) -> None:
    market = venue()
    assert amend_refusal(market, market.add(text), **changes) == error


def test_a_trailing_limit_is_amended_by_its_distance() -> None:
    market = venue()
    order = market.add("sell 1 trailing-stop-limit +1000 -10")
    market.amend(order, limit_price="-20")
    assert str(order.request.limit_offset) == "-20"


def test_a_scheduled_order_is_amended_before_its_time() -> None:
    market = venue()
    order = market.add("buy 1 limit 60000", starttm="+10")
    market.amend(order, limit_price="40000")
    assert state(order) == ("pending", "0")
    market.wait(10)
    assert state(order) == ("open", "0")


def test_an_edited_order_is_another_one_without_the_client_id() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000", cl_ord_id="mine", oflags="post")
    edited = market.edit(order, price="41000")
    assert edited.txid != order.txid
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "User requested")
    assert (edited.request.price, edited.request.cl_ord_id, edited.request.post_only) == (
        Decimal("41000.0"),
        None,
        True,
    )
    assert [order.txid for order in market.account.open_orders.values()] == [edited.txid]


def test_flags_and_reference_are_edited_alone() -> None:
    market = venue()
    edited = market.edit(market.add("buy 1 limit 40000"), oflags="post,fcib", userref="7")
    assert (edited.request.post_only, edited.request.fee_in_base, edited.request.userref) == (True, True, 7)
    assert edited.request.price == 40_000


def test_what_was_filled_counts_towards_the_edited_volume() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000")
    market.trade("40000.0", "0.25")
    assert edit_refusal(market, order, volume="0.25") == "EGeneral:Invalid arguments:volume"
    assert market.edit(order, volume="2").request.volume == Decimal("1.75")


def test_an_edit_that_cannot_be_paid_leaves_the_order_alone() -> None:
    market = venue(usd="41000")
    order = market.add("buy 1 limit 40000")
    held = market.account.held(USD)
    assert edit_refusal(market, order, volume="2") == "EOrder:Insufficient funds"
    assert (order.status, market.account.held(USD)) == (OrderStatus.OPEN, held)
    assert market.edit(order, price="40500").status is OrderStatus.OPEN, "the old hold is free for it"


def test_a_stop_is_edited_by_its_price() -> None:
    market = venue()
    order = market.add("sell 1 stop-loss-limit 49000 48000")
    edited = market.edit(order, price="49500")
    assert (edited.stop_price, edited.request.price) == (Decimal("49500.0"), Decimal("48000.0"))
    market.trade("49000.0")
    assert edit_refusal(market, edited, price="1") == "EOrder:Unknown order"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"pair": "ETHUSD"}, "EOrder:Invalid order"),
        ({"cl_ord_id": "new"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"price": "0.01"}, "EOrder:Invalid price: BTC/USD price can only be specified up to 1 decimals"),
        ({"oflags": "viqc"}, "EGeneral:Invalid arguments:oflags"),
        ({"volume": "0.00001"}, "EGeneral:Invalid arguments:volume minimum not met"),
    ],
)
def test_a_bad_edit_is_refused(changes: dict[str, str], error: str) -> None:
    market = venue()
    assert edit_refusal(market, market.add("buy 1 limit 40000"), **changes) == error
