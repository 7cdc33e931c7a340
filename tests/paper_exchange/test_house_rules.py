"""What the exchange assumes where Kraken is silent or reports differ: each rule both ways."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.paper_exchange.support import Client, Server

DEFAULTS = {"earn_form_tradable": True, "sell_fee_default": "fciq", "minimum_words": "arguments"}


@pytest.fixture
def house(server: Server) -> Iterator[Server]:
    """An exchange whose assumptions are the default ones afterwards."""
    server.pin("XBTUSD", price="50000")
    yield server
    assert server.control("POST", "/house", DEFAULTS).status_code == 200


def assume(house: Server, **rules: Any) -> None:
    assert house.control("POST", "/house", rules).status_code == 200


def order(client: Client, side: str, volume: str, **rest: str) -> Any:
    wanted = {"pair": "XBTUSD", "type": side, "ordertype": "market", "volume": volume}
    return client.answer("AddOrder", **wanted | rest)


def test_the_assumptions_are_shown(house: Server) -> None:
    shown = house.control("GET", "/house").json()
    assert {name: shown[name] for name in DEFAULTS} == DEFAULTS
    assert shown == house.control("GET", "/rules").json()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"earn_form_tradable": "yes"}, "earn_form_tradable"),
        ({"sell_fee_default": "quote"}, "sell_fee_default"),
        ({"minimum_words": None}, "minimum_words"),
    ],
)
def test_a_bad_assumption_is_refused_by_its_name(house: Server, body: dict[str, Any], field: str) -> None:
    answer = house.control("POST", "/house", body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("words", "volume", "cost"),
    [
        # As logged in 2025 and 2026.
        (
            "arguments",
            "EGeneral:Invalid arguments:volume minimum not met",
            "EGeneral:Invalid arguments:cost minimum not met",
        ),
        # As documented.
        ("order", "EOrder:Order minimum not met", "EOrder:Cost minimum not met"),
    ],
)
def test_an_order_that_is_too_small_is_refused_in_either_words(
    house: Server, words: str, volume: str, cost: str
) -> None:
    assume(house, minimum_words=words)
    client = house.account(ZUSD="1000")
    assert order(client, "buy", "0.00004999")["error"] == [volume]
    wanted = {"ordertype": "limit", "price": "5000.0"}
    assert order(client, "buy", "0.00005", **wanted)["error"] == [cost]
    (txid,) = order(client, "buy", "0.0002", **wanted)["result"]["txid"]
    assert client.error("AmendOrder", txid=txid, order_qty="0.00001") == volume
    assert client.error("EditOrder", txid=txid, pair="XBTUSD", volume="0.00001") == volume
