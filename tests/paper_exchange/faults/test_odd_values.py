"""Values that cannot be true stand in one to three places of an answer; the answer itself is left alone."""

from __future__ import annotations

import copy
import json
from typing import Any

from krakencopy.paper_exchange.faults.odd_values import VALUES, with_odd_values
from krakencopy.paper_exchange.faults.table import Fault, FaultKind, FaultSpec
from krakencopy.paper_exchange.values import exact_json

ANSWER: dict[str, Any] = {"open": {"O1": {"vol": "1", "trades": ["T1", "T2"], "descr": {"pair": "XBTUSD"}}}}


def fired(times: int, seed: int = 0) -> Fault:
    return Fault(1, FaultSpec(kind=FaultKind.ODD_VALUES, seed=seed), fired=times)


def test_places_are_drawn_by_the_seed_and_by_how_often_it_has_fired() -> None:
    before = copy.deepcopy(ANSWER)
    found = [json.dumps(with_odd_values(ANSWER, fired(times))) for times in range(50)]
    assert before == ANSWER
    assert len(set(found)) > 30
    assert json.dumps(ANSWER) not in found
    assert found == [json.dumps(with_odd_values(ANSWER, fired(times))) for times in range(50)]
    assert found != [json.dumps(with_odd_values(ANSWER, fired(times, seed=1))) for times in range(50)]


def test_each_value_can_be_sent_and_an_answer_without_places_is_sent_as_it_is() -> None:
    for value in VALUES:
        json.loads(exact_json.dumps({"a": value}))
    assert with_odd_values({}, fired(1)) == {}
