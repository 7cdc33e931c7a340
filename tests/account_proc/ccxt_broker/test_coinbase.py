"""Coinbase over ccxt, against a server that answers as Coinbase's API documents: a stranger's forms and
signatures, our promises.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from krakencopy.account_proc.ccxt_broker.broker import CcxtBroker
from krakencopy.account_proc.ccxt_broker.client import HABITS, CcxtClient, Habits
from krakencopy.account_proc.contract.errors import ExchangeError, ExchangeRefused, KeyRefused, OutcomeUnknown
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.trading.broker import BrokerOrder, Ending, FoundOrder
from krakencopy.account_proc.trading.timing import Timing
from tests.support.coinbase import KEY_NAME, Coinbase

#: The server is near and its reads do not trail.
TIMING = Timing(deadline=0.7, margin=0.1, visibility_lag=0.2, poll=0.1, retry=0.05)


@pytest.fixture
def coinbase() -> Iterator[Coinbase]:
    with Coinbase() as server:
        yield server


async def connected(server: Coinbase, secret: str | None = None) -> CcxtBroker:
    client = CcxtClient("coinbase", server.url, Credentials(KEY_NAME, secret or server.secret), paced=False)
    broker = CcxtBroker(client, TIMING, request_life_s=0.0)
    await broker.load()
    await broker.refresh()
    return broker


def order(side: Side = Side.BUY, volume: str = "0.001", limit: str | None = None) -> BrokerOrder:
    price = None if limit is None else Decimal(limit)
    return BrokerOrder(
        cl_ord_id=str(uuid.uuid4()),
        pair="BTC/USD",
        side=side,
        volume=Decimal(volume),
        limit_price=price,
        ioc=price is not None,
        deadline=time.time() + TIMING.deadline,
    )


def in_time(one: BrokerOrder) -> BrokerOrder:
    """Connecting has taken its time, which is none of the order's."""
    return replace(one, deadline=time.time() + TIMING.deadline)


def traded(server: Coinbase, *orders: BrokerOrder) -> list[Ending]:
    async def trade() -> list[Ending]:
        broker = await connected(server)
        endings = []
        for one in orders:
            ack = await broker.send(in_time(one))
            endings.append(await broker.end(one, ack.order_id))
        broker.close()
        return endings

    return asyncio.run(trade())


def refusal(server: Coinbase, one: BrokerOrder) -> ExchangeError:
    """What sending said."""

    async def send() -> ExchangeError:
        broker = await connected(server)
        with pytest.raises(ExchangeError) as raised:
            await broker.send(in_time(one))
        broker.close()
        return raised.value

    return asyncio.run(send())


def test_rules_balances_equity_and_prices_are_read(coinbase: Coinbase) -> None:
    async def read() -> None:
        broker = await connected(coinbase)
        market = broker.market("btc-usd")
        assert market is not None
        assert (market.name, market.lot, market.tick) == ("BTC/USD", Decimal("0.00000001"), Decimal("0.01"))
        assert (market.ordermin, market.costmin) == (Decimal("0.00000001"), Decimal(1))
        assert broker.market("ETH/USD") is None
        held = broker.holdings(market)
        assert (held.cash, held.base, held.equity) == (Decimal(1000), Decimal("0.5"), Decimal("31002.5"))
        quote = await broker.quote("BTC/USD")
        assert (quote.bid, quote.ask, quote.last) == (Decimal(60000), Decimal(60010), Decimal(60005))
        broker.close()

    asyncio.run(read())
    assert "GET /api/v3/brokerage/accounts" in coinbase.calls


def test_a_market_order_to_buy_is_an_ioc_order_of_the_volume_that_was_asked_for(coinbase: Coinbase) -> None:
    # ccxt buys for an amount of quote only; the volume would hang on the price.
    asked = order()
    (ending,) = traded(coinbase, asked)
    assert (ending.filled, ending.cost, ending.fees) == (
        Decimal("0.001"),
        Decimal("60.01"),
        {"USD": Decimal("0.36006")},
    )
    (body,) = coinbase.asked
    assert body["client_order_id"] == asked.cl_ord_id
    assert body["order_configuration"] == {"sor_limit_ioc": {"base_size": "0.001", "limit_price": "60610.1"}}


def test_a_market_order_to_sell_is_one(coinbase: Coinbase) -> None:
    (ending,) = traded(coinbase, order(Side.SELL))
    assert (ending.filled, ending.cost, ending.fees) == (
        Decimal("0.001"),
        Decimal(60),
        {"USD": Decimal("0.36")},
    )
    assert coinbase.asked[0]["order_configuration"] == {"market_market_ioc": {"base_size": "0.001"}}


def test_an_ioc_order_that_meets_nobody_ends_with_nothing(coinbase: Coinbase) -> None:
    (ending,) = traded(coinbase, order(limit="59000"))
    assert (ending.filled, ending.cost, ending.fees) == (Decimal(0), Decimal(0), {})


@pytest.mark.parametrize(("lost", "exists"), [("drop_reply", True), ("drop_request", False), ("500", False)])
def test_a_lost_answer_is_resolved_by_our_own_id(coinbase: Coinbase, lost: str, exists: bool) -> None:
    async def send_and_look() -> FoundOrder | None:
        broker = await connected(coinbase)
        coinbase.next_order = lost
        asked = order()
        with pytest.raises(OutcomeUnknown):
            await broker.send(asked)
        found = await broker.find(asked)
        broker.close()
        return found

    found = asyncio.run(send_and_look())
    assert len(coinbase.asked) == 1, "nothing is sent twice"
    assert len(coinbase.orders) == exists
    if exists:
        assert found is not None
        assert found.ending is not None
        assert (found.order_id, found.ending.filled) == ("order-1", Decimal("0.001"))
    else:
        assert found is None


def test_an_answer_without_an_order_is_no_answer(coinbase: Coinbase) -> None:
    coinbase.next_order = {"hello": "world"}
    assert isinstance(refusal(coinbase, order()), OutcomeUnknown)


@pytest.mark.parametrize(
    ("error", "preview", "kind"),
    [
        ("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND", ExchangeRefused),
        ("UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL", ExchangeRefused),
        ("INVALID_LIMIT_PRICE_POST_ONLY", "", ExchangeRefused),
        ("UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON", OutcomeUnknown),
        ("UNKNOWN_FAILURE_REASON", "", OutcomeUnknown),
    ],
)
def test_only_a_reason_that_is_told_is_a_refusal(
    coinbase: Coinbase, error: str, preview: str, kind: type[ExchangeError]
) -> None:
    response = {"error": error, "message": "", "error_details": "", "preview_failure_reason": preview}
    coinbase.next_order = {"success": False, "error_response": response}
    assert type(refusal(coinbase, order())) is kind


def test_too_little_money_is_a_refusal(coinbase: Coinbase) -> None:
    said = refusal(coinbase, order(volume="1"))
    assert isinstance(said, ExchangeRefused)
    assert "Insufficient" in str(said)
    assert not coinbase.orders


def test_a_key_that_is_refused_for_an_order_has_made_none(coinbase: Coinbase) -> None:
    coinbase.next_order = "401"
    assert isinstance(refusal(coinbase, order()), KeyRefused)


@pytest.mark.parametrize(
    "secret", [Coinbase().secret, "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----"]
)
def test_another_secret_is_a_refused_key_and_is_not_shown(coinbase: Coinbase, secret: str) -> None:
    with pytest.raises(KeyRefused) as raised:
        asyncio.run(connected(coinbase, secret))
    assert not any(line in str(raised.value) for line in secret.splitlines())


def test_an_order_that_ccxt_would_send_without_our_id_is_not_sent(coinbase: Coinbase) -> None:
    async def send() -> None:
        client = CcxtClient("coinbase", coinbase.url, Credentials(KEY_NAME, coinbase.secret), paced=False)
        client.habits = Habits()  # ccxt drops its own clientOrderId for this exchange
        broker = CcxtBroker(client, TIMING)
        await broker.load()
        with pytest.raises(ExchangeRefused, match="no id of ours"):
            await broker.send(order())
        broker.close()

    asyncio.run(send())
    assert coinbase.asked == []


def test_no_token_outlives_the_search_for_a_lost_order(coinbase: Coinbase) -> None:
    traded(coinbase, order())
    assert max(coinbase.token_lives_s) <= HABITS["coinbase"].request_life_s
