"""A copy in the public API is the copy that the process remembers, and a fill of the journal is what the
rules see.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import ENDS, TRANSITIONS, CopyState, Reason
from krakencopy.account_proc.contract.proto_time import seconds, timestamp, utc
from krakencopy.account_proc.domain.copy_record import (
    PB_COPY_STATE,
    PB_SIDE,
    SIDE_OF_PB,
    CopyRecord,
    master_fill,
)
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import NOW

COPY = CopyRecord(
    copy_id="c7",
    fill_seqs=(7, 8),
    pair="BTC/USD",
    side=Side.BUY,
    state=CopyState.ACKNOWLEDGED,
    reason=Reason.SCALED,
    detail="because",
    planned=Decimal("0.0030"),
    ordered=Decimal("0.002"),
    filled=Decimal("0.0015"),
    cost=Decimal("75.15"),
    fee=Decimal("0.30"),
    fee_asset="USD",
    order_id="OAAAAA",
    cl_ord_id="mine",
    attempts=2,
    joined_copy_id="c9",
    carried_in=("c3", "c5"),
    user_equity=Decimal("1E+2"),
    revision=12,
    received_at=NOW,
    decided_at=NOW + 0.000001,
)

#: RFC 3339's years; protobuf keeps microseconds here.
times = st.integers(1, 4_000_000_000_000_000).map(lambda micros: micros / 1_000_000)


def test_a_copy_in_the_public_api_says_what_the_process_remembers() -> None:
    copy = COPY.to_proto("tania")
    assert (copy.account_id, copy.copy_id, list(copy.fill_seqs), copy.pair) == (
        "tania",
        "c7",
        [7, 8],
        "BTC/USD",
    )
    assert (copy.side, copy.state, copy.reason) == (pb.SIDE_BUY, pb.COPY_STATE_ACKNOWLEDGED, "SCALED")
    assert (copy.planned_volume, copy.ordered_volume, copy.filled_volume) == ("0.003", "0.002", "0.0015")
    assert (copy.avg_price, copy.fee.amount, copy.fee.asset) == ("50100", "0.3", "USD")
    assert (copy.order_id, copy.cl_ord_id, copy.attempts) == ("OAAAAA", "mine", 2)
    assert (copy.joined_copy_id, list(copy.carried_in)) == ("c9", ["c3", "c5"])
    assert (copy.user_equity, copy.revision, copy.detail) == ("100", 12, "because")
    assert seconds(copy.decided_at) - seconds(copy.received_at) == pytest.approx(0.000001, abs=5e-7)


def test_what_it_has_traded_is_in_the_names_of_now_and_its_fees_by_coin() -> None:
    assert COPY.fees == {"USD": Decimal("0.30")}
    in_both = replace(COPY, fee_base=Decimal("0.0001"))
    assert in_both.fees == {"BTC": Decimal("0.0001"), "USD": Decimal("0.30")}
    in_base = replace(COPY, fee_asset="BTC", fee_base=Decimal("0.30"))
    assert in_base.fees == {"BTC": Decimal("0.30")}
    renamed = in_both.exchanged(lambda coin: {"BTC": "XBT"}.get(coin, coin))
    assert renamed == Exchanged(
        base="XBT", quote="USD", volume=COPY.filled, cost=COPY.cost,
        fees={"XBT": Decimal("0.0001"), "USD": Decimal("0.30")},
    )  # fmt: skip
    assert COPY.exchanged().fees == COPY.fees


def test_what_has_not_happened_is_not_there() -> None:
    copy = replace(COPY, filled=Decimal(0), cost=Decimal(0), fee=Decimal(0), fee_asset="").to_proto("tania")
    assert copy.avg_price == ""
    assert not copy.HasField("fee")
    assert not copy.HasField("sent_at")
    assert not copy.HasField("finished_at")


@given(times)
def test_a_time_survives_to_the_microsecond(at: float) -> None:
    assert seconds(timestamp(at)) == pytest.approx(at, abs=1e-6, rel=0)
    assert utc(at).utcoffset() == utc(0).utcoffset()


def test_sides_and_states_have_one_name_each_in_the_api() -> None:
    assert {SIDE_OF_PB[PB_SIDE[side]] for side in Side} == set(Side)
    assert len({PB_COPY_STATE[state] for state in CopyState}) == len(CopyState)


def test_a_copy_moves_by_the_table_and_says_why_each_time() -> None:
    copy = replace(COPY)
    copy.move(CopyState.PART_FILLED, NOW + 5, reason="CUT", detail="half of it")
    assert (copy.state, copy.reason, copy.detail) == (CopyState.PART_FILLED, "CUT", "because; half of it")
    assert copy.finished_at == NOW + 5
    with pytest.raises(AssertionError):
        copy.move(CopyState.SENT, NOW)


@pytest.mark.parametrize(
    ("before", "after"), [(one, two) for one in CopyState for two in sorted(TRANSITIONS[one])]
)
def test_only_an_end_has_a_time_of_its_own(before: CopyState, after: CopyState) -> None:
    copy = replace(COPY, state=before, detail="")
    copy.move(after, NOW, detail="first words")
    assert copy.finished_at == (NOW if after in ENDS else 0)
    assert (copy.reason, copy.detail) == (Reason.SCALED, "first words")


FILL = pb.Fill(
    seq=7,
    order_id="O1",
    pair="BTC/USD",
    side=pb.SIDE_SELL,
    price="50000.1",
    volume="0.25",
    master_equity="1000",
    master_cash="10.5",
    master_position_before="2",
    order_filled_before="0.5",
    master_position="1.5",
    margin=True,
    executed_at=timestamp(NOW),
)


def test_a_fill_of_the_journal_is_what_the_rules_see() -> None:
    fill = master_fill(FILL)
    assert (fill.seq, fill.order_id, fill.pair, fill.side) == (7, "O1", "BTC/USD", Side.SELL)
    assert (str(fill.price), str(fill.volume)) == ("50000.1", "0.25")
    assert (str(fill.master_equity), str(fill.master_cash)) == ("1000", "10.5")
    assert str(fill.master_position) == "1.5"
    assert (fill.margin, fill.executed_at) == (True, NOW)


def test_what_the_master_did_not_know_counts_as_nothing() -> None:
    fill = master_fill(pb.Fill(side=pb.SIDE_BUY, price="1", volume="1"))
    assert not fill.master_equity
    assert not fill.master_cash
    assert not fill.master_position


@pytest.mark.parametrize("field", ["price", "volume"])
@pytest.mark.parametrize("text", ["", "much", "NaN", "Infinity"])
def test_a_fill_without_a_number_where_one_must_be_is_refused(field: str, text: str) -> None:
    broken = pb.Fill()
    broken.CopyFrom(FILL)
    setattr(broken, field, text)
    with pytest.raises((ValueError, ArithmeticError)):
        master_fill(broken)


def test_a_fill_without_a_side_is_refused() -> None:
    broken = pb.Fill()
    broken.CopyFrom(FILL)
    broken.side = pb.SIDE_UNSPECIFIED
    with pytest.raises(KeyError):
        master_fill(broken)
