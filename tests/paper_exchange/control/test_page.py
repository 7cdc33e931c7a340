"""docs/paper-exchange.md: each call of the control API has an example there, each kind of fault has one, and
all of them work in the order of the page.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from krakencopy.paper_exchange.control.api import Control
from krakencopy.paper_exchange.faults.table import FaultKind
from krakencopy.paper_exchange.venue.exchange import Exchange
from tests.support.paper_server import Server

PAGE = (Path(__file__).parents[3] / "docs" / "paper-exchange.md").read_text()
CALLS = re.findall(r"^(GET|POST|DELETE) (\S+)(?: (\{.*\}))?$", PAGE, re.MULTILINE)
FAULTS = re.findall(r'^\| `(\{"kind".*?\})` \|', PAGE, re.MULTILINE)


def test_each_example_works_in_the_order_of_the_page(server: Server) -> None:
    for method, path, body in CALLS:
        answer = server.control(method, f"/{path}", json.loads(body) if body else None)
        assert answer.status_code == 200, f"{method} {path} {body}: {answer.text}"


@pytest.mark.parametrize("body", FAULTS)
def test_each_example_of_a_fault_works(server: Server, body: str) -> None:
    set_fault = server.control("POST", "/faults", json.loads(body))
    assert set_fault.status_code == 200, set_fault.text
    number = set_fault.json()["id"]
    assert server.control("DELETE", f"/faults/{number}", None).status_code == 200


def test_each_call_and_each_kind_of_fault_has_an_example() -> None:
    routes: Any = Control(cast("Exchange", None), dict).routes()
    shown = [(method, path.partition("?")[0]) for method, path, _ in CALLS] + [("DELETE", "faults/1")]
    for route in routes:
        pattern = re.sub(r"\\?\{\w+(:\.\+)?\\?\}", r"[^ ]+", route.path.removeprefix("/paper/v1/"))
        assert any(route.method == method and re.fullmatch(pattern, path) for method, path in shown), route
    assert {json.loads(body)["kind"] for body in FAULTS} == set(FaultKind)
