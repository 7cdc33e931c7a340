"""What is written into a row is read from it again, and what is none is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given

from krakencopy.account_proc.domain.copy_plan import OrderPlan, Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.state.ledger_rows import (
    copy_body,
    copy_from,
    plan_body,
    plan_from,
    read_decimal,
    slice_from,
    slice_row,
    to_json,
)
from tests.support.ledger_any import copies, plans, slices
from tests.support.ledger_samples import copy


@given(copies)
def test_a_copy_is_read_as_it_was_written(record: CopyRecord) -> None:
    assert copy_from(json.loads(copy_body(record))) == record


@given(plans)
def test_a_plan_is_read_as_it_was_written(plan: OrderPlan) -> None:
    assert plan_from(json.loads(plan_body(plan))) == plan


@given(slices)
def test_slices_are_read_as_they_were_written(pieces: list[Slice]) -> None:
    rows = json.loads(to_json([slice_row(piece) for piece in pieces]))
    assert [slice_from(row) for row in rows] == pieces


def test_decimals_of_earlier_versions_are_read_as_well() -> None:
    assert read_decimal("1.50") == read_decimal({"amount": "1.50"}) == Decimal("1.5")


def test_a_copy_of_an_earlier_version_does_not_say_what_there_was() -> None:
    row = json.loads(copy_body(copy("c1")))
    del row["account_equity"], row["free_cash"]
    found = copy_from(row)
    assert (found.account_equity, found.free_cash) == (None, None)


@pytest.mark.parametrize("lost", ["copy_id", "state", "planned", "slices", "limit_price"])
def test_a_row_that_lacks_a_field_is_no_copy(lost: str) -> None:
    row = json.loads(copy_body(copy("c1")))
    del row[lost]
    with pytest.raises((KeyError, TypeError)):
        copy_from(row)
