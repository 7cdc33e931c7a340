"""The books stay right whatever happens: properties over random orders, cancels and market moves."""

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.orders import ExecType, OrderRequest, OrderStatus, TimeInForce
from krakencopy.paper_exchange.engine.outcomes import Cut
from krakencopy.paper_exchange.faults.table import FaultKind, FaultSpec
from krakencopy.paper_exchange.market.market import MarketTrade, quote_of
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.pairs import Asset
from krakencopy.paper_exchange.values.sides import OrderType, Side
from krakencopy.paper_exchange.values.trading_mode import MarketMode
from tests.support.paper_venue import START_US, USD, XBT, XBTUSD, Venue, venue


def test_a_market_order_larger_than_the_first_level_fills_in_several_trades_at_worse_prices() -> None:
    market = venue()
    order = market.place(Side.BUY, "2.5")
    assert [(f"{t.price:f}", f"{t.volume:f}") for t in order.trades] == [
        ("50000.1", "1.00000000"),
        ("50005.2", "1.00000000"),
        ("50010.3", "0.50000000"),
    ]
    assert len({trade.exec_id for trade in order.trades}) == 3
    assert market.kinds(order) == ["pending_new", "new", "trade", "trade", "trade", "filled"]


def test_the_next_order_finds_the_book_as_the_first_one_did() -> None:
    market = venue()
    assert market.place(Side.BUY, "1").trades[0].price == market.place(Side.BUY, "1").trades[0].price


def test_a_buy_pays_cost_and_fee_in_quote_rounded_half_up() -> None:
    market = venue(usd="1000", xbt="0")
    market.pin("60508.7", "60508.8")
    trade = market.place(Side.BUY, "0.00006").trades[0]
    assert (f"{trade.cost:f}", f"{trade.fee:f}") == ("3.63053", "0.02904")
    assert market.account.balance(USD) == Decimal("996.34043")
    assert market.account.balance(XBT) == Decimal("0.00006")


def test_with_fcib_the_fee_is_taken_from_what_was_bought() -> None:
    market = venue()
    trade = market.place(Side.BUY, "1", fee_in_base=True).trades[0]
    assert (trade.fee, trade.fee_asset, trade.fee_in_quote) == (
        Decimal("0.008"),
        XBT,
        trade.cost * Decimal("0.008"),
    )
    assert market.account.balance(XBT) == Decimal("100.992")
    assert market.account.balance(USD) == 1_000_000 - trade.cost


def test_a_resting_buy_holds_its_cost_and_maker_fee_until_it_is_cancelled() -> None:
    market = venue()
    order = market.place(Side.BUY, "1", "40000.0")
    assert market.account.held(USD) == Decimal(40_000) + Decimal(160)
    market.exchange.cancel(market.account, [order], market.now_us)
    assert market.account.held(USD) == 0
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "User requested")
    assert market.kinds(order) == ["pending_new", "new", "canceled"]


def test_a_resting_order_fills_at_its_own_price_as_maker_when_the_market_trades_through_it() -> None:
    market = venue()
    order = market.place(Side.BUY, "1", "49000.0")
    market.exchange.engine.market_traded(
        MarketTrade(XBTUSD, Decimal("48999.9"), Decimal("0.4"), Side.SELL), market.now_us
    )
    (trade,) = order.trades
    assert (trade.price, trade.volume, trade.maker) == (Decimal("49000.0"), Decimal("0.4"), True)
    assert order.status is OrderStatus.OPEN
    assert trade.fee == trade.cost * Decimal("0.004")


def test_a_trade_above_a_resting_buy_leaves_it_alone() -> None:
    market = venue()
    order = market.place(Side.BUY, "1", "49000.0")
    trade = MarketTrade(XBTUSD, Decimal("49000.1"), Decimal(5), Side.SELL)
    assert market.exchange.engine.market_traded(trade, market.now_us) == []
    assert not order.trades


def test_setting_the_market_fills_the_resting_orders_that_it_crosses() -> None:
    market = venue()
    crossed, spared = market.place(Side.SELL, "1", "51000.0"), market.place(Side.SELL, "1", "52000.0")
    market.pin("51500.0", "51500.0")
    assert (crossed.status, spared.status) == (OrderStatus.CLOSED, OrderStatus.OPEN)
    assert crossed.trades[0].price == Decimal("51000.0")
    assert market.exchange.market.of(XBTUSD).tape.last.price == Decimal("51500.0")


def test_what_an_immediate_order_does_not_get_is_cancelled() -> None:
    market = venue()
    order = market.place(Side.BUY, "2", "50000.1", time_in_force=TimeInForce.IOC)
    assert (order.status, order.vol_exec) == (OrderStatus.CANCELED, Decimal(1))
    assert market.account.held(USD) == 0
    assert market.kinds(order) == ["pending_new", "new", "trade", "canceled"]


def test_an_immediate_order_without_liquidity_is_accepted_and_cancelled() -> None:
    market = venue()
    order = market.place(Side.BUY, "2", "50000.0", time_in_force=TimeInForce.IOC)
    assert market.kinds(order) == ["pending_new", "new", "canceled"]


@pytest.mark.parametrize(
    ("side", "volume", "price", "usd", "xbt"),
    [
        (Side.BUY, "1", None, "50400.09", "0"),
        (Side.BUY, "1", "50000.1", "50400.09", "0"),
        (Side.BUY, "1", "40000.0", "40159.99", "0"),
        (Side.SELL, "1", None, "0", "0.99999999"),
        (Side.SELL, "1", "60000.0", "0", "0.99999999"),
    ],
)
def test_an_order_needs_funds_for_cost_and_fee(
    side: Side, volume: str, price: str | None, usd: str, xbt: str
) -> None:
    market = venue(usd, xbt)
    with pytest.raises(KrakenError, match="EOrder:Insufficient funds"):
        market.place(side, volume, price)
    enough = venue(str(Decimal(usd) + Decimal("0.02")), str(Decimal(xbt) + Decimal("0.00000001")))
    assert enough.place(side, volume, price).txid


def test_held_money_cannot_be_spent_again() -> None:
    market = venue(usd="50000")
    market.place(Side.BUY, "1", "49000.0")
    with pytest.raises(KrakenError, match="EOrder:Insufficient funds"):
        market.place(Side.BUY, "1", "49000.0")


def test_a_post_only_order_that_would_take_is_refused() -> None:
    market = venue()
    with pytest.raises(KrakenError, match="EOrder:Post only order"):
        market.place(Side.BUY, "1", "50000.1", post_only=True)
    assert market.place(Side.BUY, "1", "50000.0", post_only=True).status is OrderStatus.OPEN


def test_a_client_order_id_is_unique_among_open_orders_only() -> None:
    market = venue()
    first = market.place(Side.BUY, "1", "40000.0", cl_ord_id="mine")
    with pytest.raises(KrakenError, match="EGeneral:Invalid arguments:cl_ord_id not unique"):
        market.place(Side.BUY, "1", cl_ord_id="mine")
    market.exchange.cancel(market.account, [first], market.now_us)
    bought = [market.place(Side.BUY, "1", cl_ord_id="mine") for _ in range(2)]
    assert len({order.txid for order in bought}) == 2
    assert all(order.status is OrderStatus.CLOSED for order in bought)


def test_an_order_that_reaches_the_engine_after_its_deadline_is_refused() -> None:
    market = venue()
    with pytest.raises(KrakenError, match="EService:Deadline elapsed"):
        market.place(Side.BUY, "1", deadline_us=START_US)
    assert not market.account.orders


def test_the_fee_falls_with_the_volume_of_30_days_and_rises_again_after_them() -> None:
    market = venue()
    fees = [market.place(Side.BUY, "1").trades[0] for _ in range(2)]
    assert [trade.fee / trade.cost * 100 for trade in fees] == [Decimal("0.8"), Decimal("0.3")]
    market.now_us += 31 * 24 * 3600 * 1_000_000
    late = market.place(Side.BUY, "0.001").trades[0]
    assert round(late.fee / late.cost * 100, 3) == Decimal("0.8")


def test_nothing_trades_in_a_mode_that_matches_nothing() -> None:
    market = venue()
    market.exchange.market.of(XBTUSD).pinned = False
    market.exchange.tick(START_US)
    quote = market.exchange.market.of(XBTUSD).quote
    order = market.place(Side.BUY, "0.001", f"{quote.bid:f}")
    fault = market.exchange.set_fault(
        FaultSpec(kind=FaultKind.MARKET_MODE, mode=MarketMode.CANCEL_ONLY), START_US
    )
    printed = market.exchange.market.of(XBTUSD).tape.last.trade_id
    for _ in range(100):
        market.exchange.tick(START_US)
    assert order.status is OrderStatus.OPEN
    assert market.exchange.market.of(XBTUSD).tape.last.trade_id == printed
    assert market.exchange.lift_faults([fault.id, 99], START_US) == [fault.id]
    for _ in range(100):
        market.exchange.tick(START_US)
    assert market.kinds(order)[-1] is ExecType.FILLED


# --- properties

prices = st.integers(400_000, 600_000).map(lambda ticks: Decimal(ticks) / 10)
volumes = st.integers(5_000, 300_000_000).map(lambda lots: Decimal(lots).scaleb(-8))
orders = st.builds(
    OrderRequest,
    pair=st.just(XBTUSD),
    side=st.sampled_from(Side),
    ordertype=st.just(OrderType.LIMIT),
    volume=volumes,
    price=prices,
    time_in_force=st.sampled_from(TimeInForce),
    fee_in_base=st.booleans(),
)
market_orders = st.builds(
    OrderRequest,
    pair=st.just(XBTUSD),
    side=st.sampled_from(Side),
    ordertype=st.just(OrderType.MARKET),
    volume=volumes,
    fee_in_base=st.booleans(),
)
trades = st.builds(MarketTrade, st.just(XBTUSD), prices, volumes, st.sampled_from(Side))
quotes = st.builds(
    lambda bid, spread, depth: quote_of(XBTUSD, bid, bid + Decimal(spread) / 10, depth),
    prices,
    st.integers(0, 1000),
    st.none() | volumes,
)
cancels = st.integers(0, 5)
# What the engine ends early, by a fault.
cuts = st.tuples(
    orders | market_orders,
    st.builds(Cut, st.integers(0, 999).map(lambda thousandths: Decimal(thousandths) / 1000), st.booleans()),
)
steps = st.lists(orders | market_orders | cuts | trades | quotes | cancels, max_size=40)


def run(market: Venue, script: list[object]) -> None:
    """Play a script of orders, market trades, quotes and cancels; refusals are part of the game."""
    for step in script:
        market.now_us += 1_000
        if isinstance(step, OrderRequest | tuple):
            request, cut = step if isinstance(step, tuple) else (step, None)
            try:
                market.exchange.place(market.account, request, market.now_us, cut)
            except KrakenError as error:
                assert error.text == "EOrder:Insufficient funds"  # noqa: PT017 - any other refusal is a bug
        elif isinstance(step, MarketTrade):
            market.events += market.exchange.engine.market_traded(step, market.now_us)
        elif isinstance(step, int):
            some = list(market.account.open_orders.values())[step : step + 1]
            market.exchange.cancel(market.account, some, market.now_us)
        else:
            market.exchange.pin(XBTUSD, step, market.now_us)  # type: ignore[arg-type]  # a Quote is what is left
        books_are_right(market.account)


def books_are_right(account: Account) -> None:
    for asset in (USD, XBT):
        assert 0 <= account.held(asset) <= account.balance(asset)
        held = sum(order.held for order in account.open_orders.values() if order.paying_asset is asset)
        assert account.held(asset) == held
    for order in account.orders.values():
        assert sum(trade.volume for trade in order.trades) == order.vol_exec <= order.request.volume
        assert sum(trade.cost for trade in order.trades) == order.cost
        assert (order.status is OrderStatus.CLOSED) == (order.vol_exec == order.request.volume)
        assert (order.txid in account.open_orders) == (order.status is OrderStatus.OPEN)


@given(steps, st.integers(0, 300_000), st.integers(0, 500_000_000))
def test_no_money_is_made_or_lost_but_by_trades_and_their_fees(
    script: list[object], usd: int, lots: int
) -> None:
    market = venue(str(usd), str(Decimal(lots).scaleb(-8)))
    run(market, script)
    moved: dict[Asset, Decimal] = defaultdict(Decimal)
    for trade in market.account.trades:
        sign = 1 if trade.order.side is Side.BUY else -1
        moved[XBT] += sign * trade.volume
        moved[USD] -= sign * trade.cost
        moved[trade.fee_asset] -= trade.fee
        assert trade.fee >= 0
    assert market.account.balance(USD) == usd + moved[USD]
    assert market.account.balance(XBT) == Decimal(lots).scaleb(-8) + moved[XBT]


@given(steps)
def test_the_events_of_an_order_tell_its_whole_story_in_order(script: list[object]) -> None:
    market = venue()
    run(market, script)
    for order in market.account.orders.values():
        events = [event for event in market.events if event.order is order]
        assert [event.kind for event in events[:2]] == ["pending_new", "new"]
        middle = events[2:] if order.status is OrderStatus.OPEN else events[2:-1]
        assert [event.trade for event in middle] == order.trades
        totals = [event.cum_qty for event in events]
        assert totals == sorted(totals)
        assert totals[-1] == order.vol_exec
        if order.status is not OrderStatus.OPEN:
            assert events[-1].kind == ("filled" if order.status is OrderStatus.CLOSED else "canceled")


@given(steps)
def test_no_order_ever_trades_at_worse_than_its_limit(script: list[object]) -> None:
    market = venue()
    run(market, script)
    for trade in market.account.trades:
        limit = trade.order.request.price
        if limit is None:
            continue
        assert trade.price <= limit if trade.order.side is Side.BUY else trade.price >= limit
        assert not trade.maker or trade.price == limit
