"""A field has Python's type; what is not there is None, what cannot be is an error that names it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client import Account, Fill, Money, ServerFault, Side
from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.values import AccountReport, Copy, FillOutcome
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def test_a_fill_has_pythons_types() -> None:
    raw = nouns.Fill(
        seq=7, side=nouns.SIDE_SELL, price="60000.10", volume="0.5", marks={"BTC": "60000", "X": ""},
        fee=nouns.Money(amount="0.1", asset="USD"), executed_at=Timestamp(seconds=1, nanos=5_000),
    )  # fmt: skip
    fill = Fill(raw)
    assert (fill.price * fill.volume, fill.side) == (Decimal("30000.05"), Side.SELL)
    assert fill.executed_at == datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)
    assert dict(fill.marks) == {"BTC": Decimal(60000)}
    assert fill.fee == Money(nouns.Money(amount="0.1", asset="USD"))
    assert fill.master_equity is None
    assert fill.raw is raw


def test_what_is_not_known_is_none() -> None:
    copy = Copy(nouns.Copy())
    assert (copy.avg_price, copy.fee, copy.sent_at, copy.state.name) == (None, None, None, "UNSPECIFIED")
    assert Account(nouns.Account(equity=nouns.Money())).equity is None
    outcome = FillOutcome(pb.FillOutcome(latency=Duration(nanos=4_000_000)))
    assert outcome.latency == timedelta(milliseconds=4)
    assert FillOutcome(pb.FillOutcome()).latency is None


def test_what_every_answer_has_and_this_one_has_not_is_another_versions() -> None:
    with pytest.raises(ServerFault, match="no price in its Fill: it is of another version"):
        _ = Fill(nouns.Fill()).price
    with pytest.raises(ServerFault, match="no executed_at"):
        _ = Fill(nouns.Fill()).executed_at


def test_a_text_that_is_no_decimal_is_named() -> None:
    with pytest.raises(ServerFault, match=r"Fill.price is 'much', which is no decimal"):
        _ = Fill(nouns.Fill(price="much")).price
    with pytest.raises(ServerFault, match=r"AccountReport.bought is 'x'"):
        _ = AccountReport(pb.AccountReport(bought={"USD": "x"})).bought


def test_a_field_cannot_be_set_by_a_program_nor_by_a_type_checker() -> None:
    fill = Fill(nouns.Fill(price="1"))
    with pytest.raises(AttributeError, match="price is read from the answer"):
        fill.price = Decimal(2)  # type: ignore[assignment]  # that is what is tested
    assert fill.price == Decimal(1)


def test_a_field_of_a_kind_of_values_itself_is_there_to_be_looked_at() -> None:
    assert isinstance(Fill.price, Field)
