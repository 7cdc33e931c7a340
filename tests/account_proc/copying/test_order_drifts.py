"""What of the exchange's record of orders does not agree with the ledger, and how that is said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.copying.order_drifts import (
    DriftCode,
    disagreement,
    drift_of_execution,
    drift_of_order,
)
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.kraken.rest.messages import OrderRow
from krakencopy.account_proc.state.ledger import NO_COPY
from tests.support.copying import NOW
from tests.support.order_samples import FIRST, SECOND, copy, row
from tests.support.scripted_kraken import execution


@pytest.mark.parametrize(
    ("order", "owner", "record", "code"),
    [
        (row(None), None, None, None),
        (row("9ce3b826-0000-4000-8000-000000000000"), None, None, None),
        (row(), "c1", copy(), None),
        (row(), NO_COPY, None, None),
        (row(), None, None, DriftCode.ORDER_UNINTENDED),
        (row(), "c1", None, DriftCode.ORDER_UNINTENDED),
        (row(vol_exec=Decimal("0.02")), "c1", copy(), DriftCode.VOLUME_DIFFERS),
        (row(status="canceled", vol_exec=Decimal(0)), "c1", copy(filled=Decimal(0), order_id=""), None),
        # Given up, and sent again under another id.
        (row(), "c1", copy(cl_ord_id=SECOND), DriftCode.ORDER_FOUND_LATE),
        (row(status="open", vol_exec=Decimal(0)), "c1", copy(cl_ord_id=SECOND), DriftCode.ORDER_FOUND_LATE),
        # Given up for good.
        (
            row(),
            "c1",
            copy(state=CopyState.REJECTED, order_id="", filled=Decimal(0)),
            DriftCode.ORDER_FOUND_LATE,
        ),
        # Under its id, and not the one that it made: the same ledger is at work twice.
        (row(), "c1", copy(order_id="O7"), DriftCode.ORDER_UNINTENDED),
        # Still looked for.
        (row(), "c1", copy(state=CopyState.UNKNOWN, order_id="", filled=Decimal(0)), None),
        (row(), "c1", copy(state=CopyState.SENT, order_id="", filled=Decimal(0)), None),
        (row(status="open", vol_exec=Decimal("0.005")), "c1", copy(state=CopyState.ACKNOWLEDGED), None),
    ],
)
def test_what_disagrees_and_what_does_not(
    order: OrderRow, owner: str | None, record: CopyRecord | None, code: DriftCode | None
) -> None:
    assert disagreement(order, owner, record) is code


@pytest.mark.parametrize(
    ("code", "record", "words"),
    [
        (
            DriftCode.ORDER_FOUND_LATE,
            copy(),
            "of copy c1 had been proven not to exist and was there after all",
        ),
        (DriftCode.VOLUME_DIFFERS, copy(), "its copy says 0.01; compare both by hand"),
        (DriftCode.ORDER_UNINTENDED, None, "another installation has traded this account, or an old ledger"),
        (DriftCode.ORDER_MADE_ELSEWHERE, None, "another installation trades this account now"),
    ],
)
def test_each_code_is_said_in_words_with_the_order_and_what_it_filled(
    code: DriftCode, record: CopyRecord | None, words: str
) -> None:
    drift = drift_of_order(code, row(), record, NOW)
    assert (drift.code, drift.order_id, drift.cl_ord_id, drift.found_at) == (code, "O1", FIRST, NOW)
    assert drift.copy_id == ("" if record is None else "c1")
    assert words in drift.message
    assert "buy 0.01 BTC/USD" in drift.message or code is DriftCode.VOLUME_DIFFERS


def test_an_order_that_the_feed_tells_of_is_said_with_what_it_trades() -> None:
    drift = drift_of_execution(execution("new", "O3", cl_ord_id=SECOND), NOW)
    assert (drift.code, drift.order_id, drift.cl_ord_id) == ("ORDER_MADE_ELSEWHERE", "O3", SECOND)
    assert "order O3 (" in drift.message
    assert "another installation trades this account now" in drift.message
