"""Requests and answers of WebSocket v2 have Kraken's form and words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.websocket import messages
from krakencopy.paper_exchange.websocket.messages import MessageRefusal

#: 2025-11-11T00:17:04.000001Z
NOW_US = 1_762_820_224_000_001
TIMES = {"time_in": "2025-11-11T00:17:04.000001Z", "time_out": "2025-11-11T00:17:04.000001Z"}


def refusal(read: Callable[[], Any]) -> MessageRefusal:
    with pytest.raises(MessageRefusal) as refused:
        read()
    return refused.value


def test_what_was_done_is_acknowledged_with_the_clients_number() -> None:
    told = json.loads(messages.ack({"method": "ping", "req_id": 7}, {"a": 1}, NOW_US, warnings=["w"]))
    assert told == {
        "method": "ping", "result": {"a": 1}, "success": True, "warnings": ["w"], "req_id": 7, **TIMES,
    }  # fmt: skip


@pytest.mark.parametrize("req_id", [None, "7", True, 7.5])
def test_a_number_that_is_none_is_left_out(req_id: object) -> None:
    assert "req_id" not in json.loads(messages.ack({"method": "ping", "req_id": req_id}, {}, NOW_US))


@pytest.mark.parametrize(("method", "shown"), [("subscribe", "subscribe"), (None, ""), (["x"], "")])
def test_a_refusal_is_one_text_with_what_it_is_about(method: object, shown: str) -> None:
    told = json.loads(messages.refused({"method": method}, MessageRefusal("no", symbol="X/Y"), NOW_US))
    assert told == {"error": "no", "method": shown, "success": False, "symbol": "X/Y", **TIMES}


def test_what_a_message_is_about_comes_before_its_data() -> None:
    told = messages.message("book", "update", [1], timestamp="t")
    assert told == '{"channel":"book","type":"update","timestamp":"t","data":[1]}'


def test_the_first_field_that_there_is_not_is_named_with_the_method_in_words() -> None:
    params = {"symbol": 1, "colour": 2, "size": 3}
    refused = refusal(lambda: messages.check_names(params, {"symbol"}, "add_order"))
    assert refused.text == "Unsupported field: 'colour' for the given msg type: add order"
    messages.check_names(params, params.keys(), "add_order")


def test_a_flag_is_a_boolean_and_no_other_spelling() -> None:
    assert messages.flag({"snapshot": False}, "snapshot", "subscribe", default=True) is False
    assert messages.flag({}, "snapshot", "subscribe", default=True) is True
    for value in (1, "true", None):
        refusal(lambda value=value: messages.flag({"x": value}, "x", "subscribe", default=True))  # type: ignore[misc]


def test_a_choice_is_one_of_those_there_are() -> None:
    assert messages.choice({"depth": 25}, "depth", "subscribe", (10, 25), 10) == 25
    assert messages.choice({}, "depth", "subscribe", (10, 25), 10) == 10
    for value in (True, 11, [25], None):
        refusal(lambda value=value: messages.choice({"x": value}, "x", "subscribe", (1, 25), 1))  # type: ignore[misc]


def test_each_symbol_counts_once() -> None:
    assert messages.symbols({"symbol": ["A/B", "C/D", "A/B"]}, "subscribe") == ["A/B", "C/D"]
    for value in (None, [], "A/B", ["A/B", 1]):
        refusal(lambda value=value: messages.symbols({"symbol": value}, "subscribe"))  # type: ignore[misc]


def test_a_symbol_that_is_none_is_refused_by_what_it_looks_like() -> None:
    catalogue = Catalogue()
    assert messages.pair_of(catalogue, "BTC/USD").id == "XXBTZUSD"
    unknown = refusal(lambda: messages.pair_of(catalogue, "XBT/USD"))
    assert (unknown.text, unknown.about) == ("Currency pair not supported XBT/USD", {"symbol": "XBT/USD"})
    assert refusal(lambda: messages.pair_of(catalogue, "XBTUSD")).text == (
        "Currency pair not in ISO 4217-A3 format XBTUSD"
    )
