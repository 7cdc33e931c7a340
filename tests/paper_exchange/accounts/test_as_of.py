"""Reads that trail the engine show exactly what was there at an earlier instant."""

import random
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.as_of import account_as_of
from krakencopy.paper_exchange.accounts.orders import OrderRequest, TimeInForce
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.market.market import quote_of
from krakencopy.paper_exchange.rest.paging import revisions
from krakencopy.paper_exchange.rest.rows import fill_row, fills_of, order_row
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.sides import OrderType, Side
from krakencopy.paper_exchange.venue.exchange import Exchange
from tests.support.paper_venue import asset_named, pair_named

START_US = 1_700_000_000_000_000
STEP_US = 1_000


def seen(account: Account) -> dict[str, Any]:
    """Everything that a reader can ask for."""
    orders = {txid: order_row(order, trades=True) for txid, order in account.orders.items()}
    return {
        "balances": {asset.id: amount for asset, amount in account.balances.items() if amount},
        "holds": {asset.id: held for asset, held in account.holds.items() if held},
        "open": {txid: orders[txid] for txid in account.open_orders},
        "closed": [orders[order.txid] for order in account.closed_orders],
        "orders": orders,
        "trades": [fill_row(fill) for fill in fills_of(account.trades, consolidate=False)],
        "ledger": list(account.ledger),
        "amends": {txid: list(revisions(order)) for txid, order in account.orders.items() if order.amended},
    }


steps = st.one_of(
    st.tuples(st.just("market"), st.sampled_from(Side), st.integers(1, 30)),
    st.tuples(st.just("limit"), st.sampled_from(Side), st.integers(90, 110)),
    st.tuples(st.just("pin"), st.integers(90, 110), st.integers(1, 20)),
    st.tuples(st.just("cancel"), st.just(0), st.just(0)),
    st.tuples(st.just("amend"), st.integers(1, 20), st.integers(90, 110)),
)


@given(st.lists(steps, max_size=25), st.booleans())
def test_an_account_as_of_an_instant_is_the_account_that_it_was_then(
    story: list[tuple[Any, ...]], fee_in_base: bool
) -> None:
    exchange = Exchange(seed=1, replay=None, ids=random.Random(1), now_us=START_US)  # noqa: S311 - no secret
    account, pair, usd = Account("a", Tier.PRO), pair_named("SOLUSD"), asset_named("ZUSD")
    account.credit(usd, Decimal(10_000))
    account.credit(pair.base, Decimal(100))
    exchange.accounts.add_account(account)
    exchange.pin(pair, quote_of(pair, Decimal(100), Decimal(100), Decimal(5)), START_US)
    history = [seen(account)]
    for number, (what, first, second) in enumerate(story, start=1):
        at_us = START_US + number * STEP_US
        if what == "pin":
            price = Decimal(first)
            exchange.pin(pair, quote_of(pair, price, price, Decimal(second)), at_us)
        elif what == "amend" and account.open_orders:
            order = next(iter(account.open_orders.values()))
            changed = replace(order.request, volume=Decimal(first), price=Decimal(second))
            with suppress(KrakenError):
                exchange.amend(order, changed, at_us)
        elif what in {"cancel", "amend"}:
            exchange.cancel(account, list(account.open_orders.values())[:1], at_us)
        else:
            limit = what == "limit"
            request = OrderRequest(
                pair,
                first,
                OrderType.LIMIT if limit else OrderType.MARKET,
                Decimal(7) if limit else Decimal(second),
                Decimal(second) if limit else None,
                TimeInForce.GTC,
                fee_in_base=fee_in_base and first is Side.BUY,
            )
            if account.available(request.pair.quote) > 4_000 and account.available(pair.base) > 31:
                exchange.place(account, request, at_us)
        history.append(seen(account))
    now_us = START_US + len(story) * STEP_US
    for number, then in enumerate(history):
        past = seen(account_as_of(account, START_US + number * STEP_US, now_us))
        del past["holds"], then["holds"]  # by the fee of now, see below
        assert past == then


def test_a_hold_is_that_of_what_was_left_of_an_order() -> None:
    exchange = Exchange(seed=1, replay=None, ids=random.Random(1), now_us=START_US)  # noqa: S311 - no secret
    account, pair, usd = Account("a", Tier.PRO), pair_named("SOLUSD"), asset_named("ZUSD")
    account.credit(usd, Decimal(1_004))
    exchange.accounts.add_account(account)
    exchange.pin(pair, quote_of(pair, Decimal(101), Decimal(101), None), START_US)
    request = OrderRequest(pair, Side.BUY, OrderType.LIMIT, Decimal(10), Decimal(100))
    order = exchange.place(account, request, START_US + 1)
    exchange.pin(pair, quote_of(pair, Decimal(100), Decimal(100), Decimal(4)), START_US + 2)
    exchange.cancel(account, [order], START_US + 3)
    held = [account_as_of(account, START_US + ago, START_US + 3).held(usd) for ago in range(4)]
    assert held == [0, Decimal(1_004), Decimal("602.4"), 0]
