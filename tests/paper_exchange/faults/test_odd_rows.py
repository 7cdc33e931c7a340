"""A row that no client expects stands before the others, where the method has its rows."""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.paper_exchange.faults.odd_rows import PLACES, with_odd_row
from krakencopy.paper_exchange.faults.table import FaultKind, FaultSpec

ROW = {"what": "is this"}


def spec(key: str = "") -> FaultSpec:
    return FaultSpec(kind=FaultKind.ODD_ROW, key=key, row=ROW)


@pytest.mark.parametrize("method", PLACES)
def test_the_odd_row_is_the_first_of_the_methods_rows(method: str) -> None:
    place = PLACES[method]
    rows = {"OTHER": {"vol": "1"}}
    result: dict[str, Any] = dict(rows) if place is None else {place: dict(rows), "count": 1}
    found = with_odd_row(method, result, spec("NEW"))
    assert list((found if place is None else found[place]).items()) == [("NEW", ROW), ("OTHER", {"vol": "1"})]
    assert place is None or found["count"] == 1
    assert "NEW" not in (result if place is None else result[place]), "the answer itself is left alone"


def test_it_takes_the_place_of_the_row_that_has_its_key() -> None:
    assert with_odd_row("Balance", {"XXBT": "1", "ZUSD": "2"}, spec("ZUSD")) == {"ZUSD": ROW, "XXBT": "1"}


def test_without_a_key_it_has_one_that_nothing_has() -> None:
    ((key, row), _) = with_odd_row("Balance", {"ZUSD": "2"}, spec()).items()
    assert (key, row) == ("ODDROW-ODDRO-ODDROW", ROW)
