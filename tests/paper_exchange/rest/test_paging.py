import random
from decimal import Decimal

import pytest

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.market.market import quote_of
from krakencopy.paper_exchange.rest.paging import closed_orders, matching, past_fills
from krakencopy.paper_exchange.rest.rows import fill_row, fills_of, order_row
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.sides import OrderType, Side
from krakencopy.paper_exchange.venue.audit_log import NumberedLog
from krakencopy.paper_exchange.venue.exchange import Exchange
from tests.support.paper_venue import asset_named, pair_named

START_S = 1_700_000_000


@pytest.fixture
def account() -> Account:
    """An account that bought 120 times, once a second, two matches each."""
    exchange = Exchange(seed=1, replay=None, ids=random.Random(2), now_us=START_S * 10**6)  # noqa: S311 - no secret
    owner, usd, pair = Account("a", Tier.PRO), asset_named("ZUSD"), pair_named("XBTUSD")
    owner.credit(usd, Decimal(10**9))
    exchange.accounts.add_account(owner)
    exchange.pin(pair, quote_of(pair, Decimal(50_000), Decimal(50_000), Decimal(1)), START_S * 10**6)
    for second in range(120):
        request = OrderRequest(
            pair,
            Side.BUY,
            OrderType.MARKET,
            Decimal("1.50000000"),
            userref=second % 3,
            cl_ord_id=f"id-{second % 2}",
        )
        exchange.place(owner, request, (START_S + second) * 10**6 + 500_000)
    return owner


def opened(orders: list[Order]) -> list[int]:
    """The second, counted from the start, in which each order was made."""
    return [order.opened_us // 10**6 - START_S for order in orders]


def closed(account: Account, **params: str) -> list[int]:
    return opened(list(closed_orders(account, Params(params)).rows))


def test_a_page_has_50_rows_newest_first_and_the_count_of_all(account: Account) -> None:
    page = closed_orders(account, Params({"ofs": "100"}))
    assert page.count == 120
    assert closed(account) == list(range(119, 69, -1))
    assert closed(account, ofs="100") == list(range(19, -1, -1))
    assert closed(account, ofs="120") == []


def test_start_is_exclusive_to_the_second_and_end_inclusive(account: Account) -> None:
    assert closed(account, start=str(START_S + 117)) == [119, 118, 117]
    assert closed(account, start=f"{START_S + 117}.9") == [119, 118, 117]
    assert closed(account, end=f"{START_S + 2}.5") == [2, 1, 0]
    assert closed(account, end=f"{START_S + 2}.49") == [1, 0]


def test_start_may_be_the_id_of_an_order_or_of_a_trade(account: Account) -> None:
    third = list(account.orders.values())[117]
    assert closed(account, start=third.txid) == [119, 118]
    fills = past_fills(account, Params({"start": third.trades[0].exec_id}))
    assert len(fills.rows) == 2
    with pytest.raises(KrakenError, match="EGeneral:Invalid arguments:start"):
        closed(account, start="OAAAAA-AAAAA-AAAAAA")


def test_orders_are_found_by_userref_and_client_id(account: Account) -> None:
    found = [
        order
        for order in account.orders.values()
        if matching(Params({"userref": "2", "cl_ord_id": "id-1"}))(order)
    ]
    assert opened(found)[:3] == [5, 11, 17]
    assert closed_orders(account, Params({"cl_ord_id": "id-9"})).count == 0


def test_matches_of_a_taker_order_are_one_row_unless_asked_otherwise(account: Account) -> None:
    merged = past_fills(account, Params({}))
    apart = past_fills(account, Params({"consolidate_taker": "false"}))
    assert (merged.count, apart.count) == (120, 240)
    order = list(account.orders.values())[-1]
    row = fill_row(merged.rows[0])
    assert row["vol"] == "1.50000000"
    assert Decimal(row["cost"]) == order.cost
    assert Decimal(row["fee"]) == order.fee
    assert row["price"] == "50001.66667"
    assert [fill_row(fill)["vol"] for fill in apart.rows[:2]] == ["0.50000000", "1.00000000"]


def test_an_order_lists_the_trades_that_history_shows_for_it(account: Account) -> None:
    order = next(iter(account.orders.values()))
    ids = [trade.exec_id for trade in order.trades]
    assert order_row(order, trades=True)["trades"] == ids[:1]
    assert order_row(order, trades=True, consolidate=False)["trades"] == ids
    assert "trades" not in order_row(order, trades=False)
    assert [fill.exec_id for fill in fills_of(order.trades, consolidate=True)] == ids[:1]


@pytest.mark.parametrize(
    "bad", [{"ofs": "-1"}, {"ofs": "x"}, {"closetime": "never"}, {"start": "-5"}, {"end": "1e9"}]
)
def test_a_bad_argument_is_named(account: Account, bad: dict[str, str]) -> None:
    with pytest.raises(KrakenError, match=f"EGeneral:Invalid arguments:{next(iter(bad))}"):
        closed_orders(account, Params(bad))


def test_a_log_keeps_its_numbers_when_the_oldest_rows_are_dropped() -> None:
    log: NumberedLog[str] = NumberedLog(rows_most=10)
    for number in range(1, 26):
        assert log.append(f"row {number}") == number
    for after in range(30):
        rows = log.after(after, 4)
        expected = range(max(after, 15) + 1, min(max(after, 15) + 4, 25) + 1)
        assert rows == [(number, f"row {number}") for number in expected]
