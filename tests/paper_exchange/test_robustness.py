"""Whatever a client sends, the exchange answers in Kraken's words and never falls over."""

import json
import random
from contextlib import suppress
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.account import TRADING_PERMISSIONS, Account, ApiKey
from krakencopy.paper_exchange.accounts.auth import methods, signature
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.accounts.tokens import TOKEN_LIFE_S
from krakencopy.paper_exchange.rest import private as rest_private
from krakencopy.paper_exchange.rest import public as rest_public
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.time_format import rfc3339
from krakencopy.paper_exchange.venue.admission import SignedRequest, admit
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.websocket.public_channels import PublicFeed
from krakencopy.paper_exchange.websocket.session import Session
from tests.support.paper_venue import asset_named

NOW_US = 1_700_000_000_000_000
SECRET = b"secret"
nonces = count(1)

words = st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "1.5",
        "0.01",
        "1e3",
        "9" * 30,
        "9" * 5000,
        "NaN",
        "true",
        "False",
        "XBTUSD",
        "ETH/XBT,XBTUSD",
        ",",
        "buy",
        "sell",
        "market",
        "limit",
        "IOC",
        "GTC",
        "post",
        "fcib,post",
        "open",
        "ZUSD",
        "XBT",
        "50000",
        "70000.1",
        "both",
        "2023-11-14T22:13:30Z",
        "OAAAAA-BBBBB-CCCCCC",
        "6d1b345e-2821-40e2-ad83-4ecb18a06876",
        "all",
        "\u0663",
        "\x00",
    ]
) | st.text(max_size=8)
names = st.sampled_from(
    [
        "pair",
        "type",
        "ordertype",
        "volume",
        "price",
        "price2",
        "timeinforce",
        "oflags",
        "userref",
        "cl_ord_id",
        "deadline",
        "validate",
        "txid",
        "trades",
        "start",
        "end",
        "ofs",
        "closetime",
        "asset",
        "assetVersion",
        "info",
        "count",
        "since",
        "interval",
        "aclass",
        "consolidate_taker",
        "without_count",
        "leverage",
        "close",
        "stptype",
        "reduce_only",
    ]
)
arguments = st.dictionaries(names, words, max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return new_exchange()


def new_exchange() -> Exchange:
    made = Exchange(seed=1, replay=None, ids=random.Random(3), now_us=NOW_US)  # noqa: S311 - no secret
    account, usd = Account("a", Tier.PRO), asset_named("ZUSD")
    account.credit(usd, Decimal(10**9))
    made.accounts.add_account(account)
    made.accounts.add_key(ApiKey("k", SECRET, account, TRADING_PERMISSIONS, 0, 0, 0))
    return made


def send(exchange: Exchange, method: str, body: bytes, nonce: str, kind: str) -> str:
    """The outcome of a well signed request."""
    path = f"/0/private/{method}"
    sign = signature(SECRET, path, nonce, body)
    request = SignedRequest(method, path, "k", sign, body, kind, 0)
    try:
        rest_private.call(exchange, request, NOW_US)
    except KrakenError as error:
        return error.text
    return "ok"


def is_krakens(outcome: str) -> bool:
    return outcome == "ok" or (outcome[0] == "E" and not outcome.startswith("EGeneral:Internal"))


@given(st.sampled_from(sorted(methods())), arguments)
def test_any_form_is_answered_without_a_fault(
    exchange: Exchange, method: str, params: dict[str, str]
) -> None:
    nonce = str(next(nonces))
    body = urlencode({"nonce": nonce, **params}, errors="surrogatepass").encode()
    outcome = send(exchange, method, body, nonce, "application/x-www-form-urlencoded")
    assert is_krakens(outcome)
    assert exchange.requests.after(exchange.requests.count - 1, 1)[0][1].outcome == outcome


@given(st.sampled_from(sorted(methods())), st.dictionaries(names, json_values, max_size=6))
def test_any_json_is_answered_without_a_fault(
    exchange: Exchange, method: str, params: dict[str, Any]
) -> None:
    nonce = str(next(nonces))
    body = json.dumps({"nonce": nonce, **params}).encode()
    assert is_krakens(send(exchange, method, body, nonce, "application/json"))


@given(
    st.sampled_from(sorted(methods())),
    st.binary(max_size=60),
    st.sampled_from(["application/json", "text/plain"]),
)
def test_any_bytes_are_answered_without_a_fault(
    exchange: Exchange, method: str, body: bytes, kind: str
) -> None:
    assert is_krakens(send(exchange, method, body, "", kind))


@given(
    st.sampled_from(
        ["Time", "SystemStatus", "Assets", "AssetPairs", "Ticker", "Depth", "Trades", "OHLC", "X"]
    ),
    arguments,
)
def test_any_public_query_is_answered_without_a_fault(
    exchange: Exchange, method: str, params: dict[str, str]
) -> None:
    try:
        json.dumps(rest_public.call(exchange, method, Params(params), NOW_US))
        outcome = "ok"
    except KrakenError as error:
        outcome = error.text
    assert is_krakens(outcome)


channels = st.sampled_from(["executions", "ticker", "trade", "instrument"])
ws_requests = st.fixed_dictionaries(
    {"method": st.sampled_from(["subscribe", "unsubscribe", "ping"]) | json_values},
    optional={
        "req_id": json_values,
        "params": json_values
        | st.fixed_dictionaries(
            {"channel": channels},
            optional={
                "symbol": st.lists(st.sampled_from(["BTC/USD", "XBT/USD"])) | json_values,
                "token": json_values,
                "snapshot": st.booleans() | json_values,
                "event_trigger": st.sampled_from(["bbo", "trades"]) | json_values,
            },
        ),
    },
)


@given(st.lists(ws_requests.map(json.dumps) | st.text(max_size=20), max_size=8))
def test_any_websocket_message_is_answered_with_json(exchange: Exchange, texts: list[str]) -> None:
    session = Session(exchange, PublicFeed(exchange.market), 1)
    for text in texts:
        answers = session.handle(text, NOW_US)
        assert answers or '"symbol": []' in text
        for answer in answers:
            assert isinstance(json.loads(answer), dict)


# --- tokens, whose time cannot be waited for


def subscribed(exchange: Exchange, token: str, now_us: int) -> tuple[Session, bool]:
    """A session, and whether it could subscribe to executions with the token."""
    session = Session(exchange, PublicFeed(exchange.market), 1)
    request = {"method": "subscribe", "params": {"channel": "executions", "token": token}}
    return session, bool(json.loads(session.handle(json.dumps(request), now_us)[0])["success"])


def test_a_token_lives_15_minutes_or_as_long_as_a_subscription() -> None:
    exchange = new_exchange()
    key = exchange.accounts.key("k")
    assert key is not None
    late_us = NOW_US + TOKEN_LIFE_S * 1_000_000
    token = exchange.tokens.mint(key, NOW_US).text
    assert not subscribed(exchange, token, late_us)[1]
    _, success = subscribed(exchange, token, late_us - 1)
    assert success
    assert subscribed(exchange, token, late_us)[1], "it is bound to a subscription"
    assert exchange.tokens.mint(key, late_us).text != token


def test_a_token_whose_subscription_ended_is_no_longer_kept_alive_by_it() -> None:
    exchange = new_exchange()
    key = exchange.accounts.key("k")
    assert key is not None
    token = exchange.tokens.mint(key, NOW_US).text
    session, _ = subscribed(exchange, token, NOW_US)
    session.close()
    assert not subscribed(exchange, token, NOW_US + TOKEN_LIFE_S * 1_000_000)[1]


def test_a_revoked_key_takes_its_tokens_with_it() -> None:
    exchange = new_exchange()
    key = exchange.accounts.key("k")
    assert key is not None
    token = exchange.tokens.mint(key, NOW_US).text
    assert subscribed(exchange, token, NOW_US)[1]
    exchange.revoke_sessions(key)
    assert not subscribed(exchange, token, NOW_US)[1]


# --- requests that wait between the door and the engine


def acted(wait_us: int, **order: str) -> str:
    """The outcome of an order that the engine looks at `wait_us` after it was admitted."""
    exchange, path = new_exchange(), "/0/private/AddOrder"
    body = urlencode({"nonce": "1", "pair": "XBTUSD", "type": "buy", "ordertype": "market", **order}).encode()
    sign = signature(SECRET, path, "1", body)
    request = SignedRequest("AddOrder", path, "k", sign, body, "application/x-www-form-urlencoded", 0)
    admission = admit(exchange, request, NOW_US)
    assert (admission.refusal, exchange.requests.count) == (None, 0)
    with suppress(KrakenError):
        rest_private.act(exchange, admission, NOW_US + wait_us)
    ((_, row),) = exchange.requests.after(0, 2)
    return row.outcome


def test_a_deadline_is_measured_from_the_door_and_kept_by_the_engine() -> None:
    order = {"volume": "0.01", "deadline": rfc3339(NOW_US + 10_000_000)}
    assert acted(9_999_999, **order) == "ok", "less than the two seconds that were needed at the door"
    assert acted(10_000_000, **order) == "EService:Deadline elapsed"
