"""A fill of the master's process is a fault if it is outside its bounds, or another than the journal's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from krakencopy.supervisor.accounts.fill_check import bad_fill, other_content
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import fill


def test_a_fill_of_the_exchange_is_taken() -> None:
    assert bad_fill(fill(1)) is None
    assert bad_fill(fill(1, marks={"ETH": "2000.5"}, master_position="-0.001")) is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"exec_id": ""}, "exec_id is missing"),
        ({"order_id": ""}, "order_id is missing"),
        ({"pair": ""}, "pair is missing"),
        ({"side": pb.SIDE_UNSPECIFIED}, "side is missing"),
        ({"side": 7}, "side has no value 7"),
        ({"volume": ""}, "volume must be above zero"),
        ({"volume": "0.000"}, "volume must be above zero"),
        ({"price": "-1"}, "price must be above zero"),
        ({"price": "1e400"}, "price must be a decimal number"),
        ({"volume": "NaN"}, "volume must be a decimal number"),
        ({"exec_id": "E" * 65}, "exec_id has 65 characters"),
        ({"pair": "BTC\x1b[2J/USD"}, "pair has characters that cannot be shown"),
        ({"marks": {"ETH": "much"}}, "marks"),
    ],
)
def test_a_fill_that_is_outside_its_bounds_is_named(fields: dict[str, Any], words: str) -> None:
    found = bad_fill(fill(1, **fields))
    assert found is not None
    assert found.reason == "FILL_INVALID"
    assert words in str(found)
    assert str(found).isprintable()


def test_a_repeated_fill_is_no_fault_and_one_with_other_content_is_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.append([fill(1)], 1)
    assert other_content(journal, [fill(1), fill(1, volume="0.0050", price="1e4", pair="XBT/USD")]) is None
    for fields in ({"volume": "0.006"}, {"price": "9999"}, {"side": pb.SIDE_SELL}, {"order_id": "O7"}):
        found = other_content(journal, [fill(1, **fields)])
        assert found is not None
        assert found.reason == "FILL_DIFFERS"
        assert "in the journal, as fill 1, buy 0.005 BTC/USD at 10000 of order O1" in str(found)
    journal.close()
