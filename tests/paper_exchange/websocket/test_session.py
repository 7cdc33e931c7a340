"""One client's session without a socket: whatever it sends is answered, and what it may not do is not
done.
"""

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.account import TRADING_PERMISSIONS, Account, ApiKey
from krakencopy.paper_exchange.accounts.ledger import LedgerKind
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.accounts.tokens import TOKEN_LIFE_S
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.pairs import USD
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.websocket.public_channels import PublicFeed
from krakencopy.paper_exchange.websocket.session import Session
from krakencopy.paper_exchange.websocket.trading import METHODS
from tests.support.paper_venue import XBT

NOW_US = 1_700_000_000_000_000

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(-1e6, 1e6, allow_nan=False)
    | st.sampled_from(["buy", "limit", "market", "BTC/USD", "gtc", "ioc", "static", "pct", "", "O", "1"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["price", "order_type"]), inner, max_size=2)
    ),
    max_leaves=4,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "symbol": st.just("BTC/USD") | values,
        "side": st.sampled_from(["buy", "sell"]) | values,
        "order_type": st.sampled_from(["limit", "market", "stop-loss", "trailing-stop-limit", "iceberg"])
        | values,
        "order_qty": st.sampled_from([0.001, 0.01, 100, 1e-5]) | values,
        "cash_order_qty": st.sampled_from([5, 100]) | values,
        "limit_price": st.sampled_from([40000, 60000, 70000.5]) | values,
        "limit_price_type": st.sampled_from(["static", "pct", "quote"]) | values,
        "triggers": st.fixed_dictionaries({"price": st.sampled_from([50000, 1])}) | values,
        "conditional": st.fixed_dictionaries({"order_type": st.just("limit"), "limit_price": st.just(65000)})
        | values,
        "time_in_force": st.sampled_from(["gtc", "ioc", "fok", "gtd"]) | values,
        "post_only": values,
        "display_qty": values,
        "cl_ord_id": st.sampled_from(["a", "b"]) | values,
        "order_userref": st.sampled_from([1, 2]) | values,
        "fee_preference": st.sampled_from(["base", "quote"]) | values,
        "stp_type": st.sampled_from(["cancel_newest", "cancel_both"]) | values,
        "deadline": st.just("2023-11-14T22:13:22Z") | values,
        "expire_time": st.just("2023-11-14T22:14:22Z") | values,
        "validate": values,
        "order_id": st.lists(values, max_size=2) | values,
        "orders": st.lists(
            st.dictionaries(st.sampled_from(["side", "order_type", "order_qty"]), values), max_size=3
        )
        | values,
        "timeout": st.sampled_from([0, 60]) | values,
    },
)
# Fields that a method does not have are refused at once, so most requests have only those of theirs.
BASIC = frozenset({"symbol", "side", "order_type", "order_qty", "limit_price", "time_in_force", "cl_ord_id"})
requests = st.tuples(
    st.sampled_from(sorted(METHODS)),
    fields | fields.map(lambda row: {n: v for n, v in row.items() if n in BASIC}),
)


def new_exchange() -> Exchange:
    made = Exchange(seed=1, replay=None, ids=random.Random(3), now_us=NOW_US)  # noqa: S311 - no secret
    account = Account("a", Tier.PRO)
    account.book("L1", "Q1", NOW_US, LedgerKind.DEPOSIT, USD, Decimal(10**6), ZERO)
    account.book("L2", "Q2", NOW_US, LedgerKind.DEPOSIT, XBT, Decimal(10), ZERO)
    made.accounts.add_account(account)
    made.accounts.add_key(ApiKey("k", b"secret", account, TRADING_PERMISSIONS, 0, 0, 0))
    return made


def token_of(exchange: Exchange) -> str:
    key = exchange.accounts.key("k")
    assert key is not None
    return exchange.tokens.mint(key, NOW_US).text


def told(session: Session, method: str, now_us: int = NOW_US, **params: Any) -> Any:
    (text,) = session.handle(json.dumps({"method": method, "params": params}), now_us)
    return json.loads(text)


@settings(deadline=None)
@given(st.lists(requests, max_size=6))
def test_any_trading_request_is_answered_and_no_balance_goes_below_zero(
    story: list[tuple[str, dict[str, Any]]],
) -> None:
    exchange = new_exchange()
    session = Session(exchange, PublicFeed(exchange.market), 1)
    token = token_of(exchange)
    for number, (method, params) in enumerate(story):
        request = {"method": method, "params": params | {"token": token}, "req_id": number}
        answers = [json.loads(text) for text in session.handle(json.dumps(request), NOW_US)]
        assert answers
        for answer in answers:
            assert (answer["method"], answer["req_id"]) == (method, number)
            assert ("result" in answer) == answer["success"] == ("error" not in answer)
            assert "Internal error" not in answer.get("error", "")
    account = exchange.accounts.get("a")
    assert account is not None
    assert all(amount >= account.held(asset) >= 0 for asset, amount in account.balances.items())
    assert exchange.requests.count == len(story)


def test_a_trading_request_needs_a_token_that_is_alive() -> None:
    exchange = new_exchange()
    session = Session(exchange, PublicFeed(exchange.market), 1)
    token = token_of(exchange)
    late_us = NOW_US + TOKEN_LIFE_S * 1_000_000
    assert told(session, "cancel_all", token=token)["success"]
    assert told(session, "cancel_all", late_us, token=token)["error"] == "ESession:Invalid session"
    assert told(session, "cancel_all")["error"] == "Token(s) not found"


@pytest.mark.parametrize("channel", ["executions", "balances"])
def test_a_subscription_keeps_its_token_alive_for_trading_too(channel: str) -> None:
    exchange = new_exchange()
    session = Session(exchange, PublicFeed(exchange.market), 1)
    token = token_of(exchange)
    late_us = NOW_US + TOKEN_LIFE_S * 1_000_000
    subscribe = {"method": "subscribe", "params": {"channel": channel, "token": token}}
    assert len(session.handle(json.dumps(subscribe), NOW_US)) == 2
    assert told(session, "cancel_all", late_us, token=token)["success"]
    assert told(session, "unsubscribe", late_us, channel=channel, token=token)["success"]
    assert told(session, "cancel_all", late_us, token=token)["error"] == "ESession:Invalid session"


def test_what_clients_ask_for_is_counted_and_what_there_is_not_twice() -> None:
    exchange = new_exchange()
    session = Session(exchange, PublicFeed(exchange.market), 1)
    told(session, "subscribe", channel="ticker", symbol=["BTC/USD"], snapshot=False)
    told(session, "subscribe", channel="level3", symbol=["BTC/USD"])
    told(session, "short_everything")
    assert exchange.called == {"ws subscribe ticker": 1, "ws subscribe level3": 1, "ws short_everything": 1}
    assert exchange.unknown == {"ws subscribe level3": 1, "ws short_everything": 1}
