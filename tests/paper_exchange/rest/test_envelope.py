"""Results and refusals are in Kraken's envelope, both with HTTP status 200."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from krakencopy.paper_exchange.rest.envelope import answered, refused


def content(response: web.Response) -> Any:
    assert (response.status, response.content_type, response.charset) == (200, "application/json", "utf-8")
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def test_a_result_stands_beside_an_empty_list_of_errors() -> None:
    assert content(answered({"ZUSD": "1.0000"})) == {"error": [], "result": {"ZUSD": "1.0000"}}
    assert content(answered([])) == {"error": [], "result": []}


def test_an_answer_may_have_no_result() -> None:
    assert content(answered(None)) == {"error": []}


def test_a_refusal_is_krakens_text_and_no_result() -> None:
    assert content(refused("EOrder:Unknown order")) == {"error": ["EOrder:Unknown order"]}
