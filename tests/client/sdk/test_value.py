"""What is not there is None, what cannot be is an error that names it, what is new is kept."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client import Account, Fill, Money, ServerFault, Side
from krakencopy.client.sdk.generated.values import AccountReport, Copy, FillOutcome
from krakencopy.client.sdk.value import each
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


def test_a_value_of_an_enum_that_is_newer_is_a_member_of_its_own() -> None:
    fill = Fill(nouns.Fill(side=99))  # type: ignore[arg-type]  # of a newer server
    assert (str(fill.side), int(fill.side), fill.side == Side.BUY) == ("UNRECOGNIZED_99", 99, False)
    assert str(Side.BUY) == "BUY"
    with pytest.raises(ValueError, match="'BUY' is not a valid Side"):
        Side("BUY")  # type: ignore[arg-type]  # that is what is tested


def test_values_are_compared_hashed_shown_and_kept_by_what_they_hold() -> None:
    one, same, other = (Money(nouns.Money(amount=amount, asset="USD")) for amount in ("1", "1", "2"))
    assert (one == same, one == other, len({one, same, other})) == (True, False, 2)
    assert one != nouns.Money(amount="1", asset="USD")
    assert repr(one) == "Money(amount=Decimal('1'), asset='USD')"
    assert repr(Fill(nouns.Fill(seq=7, price="1", volume="2"))).startswith("Fill(seq=7, price=Decimal('1')")
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own
    assert each(Money)([one.raw, other.raw]) == [one, other]
