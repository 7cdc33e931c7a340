"""A user's process can tell a repeated fill from another one of the same number."""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.account_proc.copying.last_fills import KEPT_MAX, LastFills
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import fill


def _numbered(seq: int, **fields: Any) -> pb.Fill:
    made = fill(seq, **fields)
    made.seq = seq
    return made


def test_the_same_fill_is_no_other_one_whatever_its_pair_is_called() -> None:
    last = LastFills()
    last.add_fill(_numbered(1))
    assert not last.had_other(_numbered(1))
    assert not last.had_other(_numbered(1, pair="XBT/USD"))
    assert not last.had_other(_numbered(2))


@pytest.mark.parametrize("field", ["exec_id", "order_id", "volume", "price"])
def test_another_fill_of_a_known_number_is_one(field: str) -> None:
    last = LastFills()
    last.add_fill(_numbered(1))
    assert last.had_other(_numbered(1, **{field: "7"}))


def test_only_the_last_ones_are_kept() -> None:
    last = LastFills()
    for seq in range(1, KEPT_MAX + 2):
        last.add_fill(_numbered(seq))
    assert not last.had_other(_numbered(1, volume="7"))
    assert last.had_other(_numbered(2, volume="7"))
