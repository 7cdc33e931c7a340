"""What requests may hold: the declarations are whole, and what is outside them is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from krakencopy.account_proc.contract.request_bounds import violations
from krakencopy.v1 import access_pb2, account_pb2, bounds_pb2, control_pb2, types_pb2

SERVICES = (
    control_pb2.DESCRIPTOR.services_by_name["ControlService"],
    account_pb2.DESCRIPTOR.services_by_name["AccountService"],
)


def _requests() -> Iterator[Descriptor]:
    for service in SERVICES:
        for method in service.methods:
            yield method.input_type


def _reachable(descriptor: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    if descriptor.full_name in seen or descriptor.full_name.startswith("google.protobuf"):
        return
    seen.add(descriptor.full_name)
    for field in descriptor.fields:
        yield field
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            yield from _reachable(field.message_type, seen)


def _said(*parts: Message) -> list[str]:
    return [str(violation) for part in parts for violation in violations(part)]


def test_every_text_and_every_list_of_every_request_has_bounds() -> None:
    seen: set[str] = set()
    lacking, looked_at = [], 0
    for request in _requests():
        for field in _reachable(request, seen):
            looked_at += 1
            bounds = field.GetOptions().Extensions[bounds_pb2.bounds]
            of_text = field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
            if of_text and not (bounds.max_length or bounds.form):
                lacking.append(f"{field.full_name}: max_length or form")
            if field.is_repeated and not bounds.max_items:
                lacking.append(f"{field.full_name}: max_items")
            if field.type in (
                FieldDescriptor.TYPE_BYTES,
                FieldDescriptor.TYPE_DOUBLE,
                FieldDescriptor.TYPE_FLOAT,
            ):
                lacking.append(f"{field.full_name}: a type that is not checked")
    assert lacking == []
    assert looked_at > 80


ORDER: dict[str, Any] = {"request_id": "a", "pair": "BTC/USD", "side": types_pb2.SIDE_BUY, "volume": "0.01"}


def test_a_request_within_its_bounds_is_not_named() -> None:
    assert _said(control_pb2.PlaceOrderRequest(**ORDER), control_pb2.ListFillsRequest(page_size=5)) == []


@pytest.mark.parametrize(
    "volume",
    ["1e5", "-1", "+1", "1_000", " 1", "1 ", "1.", ".5", "0x1", "NaN", "Infinity", "1,5", "١٢", "1" * 21,
     "0." + "1" * 21, "1\n"],
)  # fmt: skip
def test_what_is_no_plain_decimal_is_no_volume(volume: str) -> None:
    (words,) = _said(control_pb2.PlaceOrderRequest(**{**ORDER, "volume": volume}))
    assert words.startswith("volume must be a decimal number such as 0.005, not negative")


@pytest.mark.parametrize("volume", ["0", "1", "0.005", "1" * 20 + "." + "2" * 20, "0005"])
def test_plain_decimals_are_volumes(volume: str) -> None:
    assert _said(control_pb2.PlaceOrderRequest(**{**ORDER, "volume": volume})) == []


def test_long_texts_and_signs_that_cannot_be_shown_are_named() -> None:
    assert _said(control_pb2.PlaceOrderRequest(**{**ORDER, "request_id": "x" * 128})) == []
    assert _said(
        control_pb2.PlaceOrderRequest(**{**ORDER, "request_id": "x" * 129}),
        control_pb2.PlaceOrderRequest(**{**ORDER, "pair": "B" * 33}),
        control_pb2.GetAccountRequest(account_id="anna\x1b[2J"),
        control_pb2.GetAccountRequest(account_id="anna\u202e"),
        control_pb2.GetAccountRequest(account_id="anna\n"),
    ) == [
        "request_id has 129 characters; at most 128 are taken",
        "pair has 33 characters; at most 32 are taken",
        *["account_id has characters that cannot be shown"] * 3,
    ]


def test_numbers_are_not_negative_and_enums_known() -> None:
    assert _said(
        control_pb2.ListFillsRequest(page_size=-1, after_seq=-3),
        control_pb2.ReadLogRequest(lines=100_001),
        control_pb2.ListCopiesRequest(state=99),  # type: ignore[arg-type]
    ) == [
        "page_size must not be negative, and is -1",
        "after_seq must not be negative, and is -3",
        "lines must be at most 100000, and is 100001",
        "state has no value 99",
    ]


def test_what_is_wrong_within_a_message_is_named_with_its_place() -> None:
    fill = types_pb2.Fill(exec_id="T", fee=types_pb2.Money(amount="1e3", asset="USD"), marks={"BTC": "x"})
    fill.executed_at.nanos = -1
    fill.received_at.seconds = 253_402_300_800
    start = account_pb2.CopyStart(master_pairs=["BTC/USD", "B" * 65])
    assert _said(fill, types_pb2.Fill(marks={"E\0": "1"}), account_pb2.CopyFillsRequest(start=start)) == [
        "fee.amount must be a decimal number such as 0.005",
        "executed_at is no time between the years 1 and 9999",
        "received_at is no time between the years 1 and 9999",
        "marks[BTC] must be a decimal number such as 0.005",
        "marks's key has characters that cannot be shown",
        "start.master_pairs[1] has 65 characters; at most 64 are taken",
    ]


def test_items_are_counted_before_they_are_looked_at() -> None:
    many = account_pb2.FindCoinsRequest(names=["\0"] * 1_001)
    assert _said(many) == ["names has 1001 items; at most 1000 are taken"]


def test_fills_that_the_supervisor_has_checked_are_not_checked_by_every_user() -> None:
    request = account_pb2.CopyFillsRequest(fills=[types_pb2.Fill(price="not a price")])
    assert _said(request) == []
    assert _said(request.fills[0]) == ["price must be a decimal number such as 0.005"]


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ({"ETH": "1\n2", "SOL": "3"}, "marks[ETH] must be a decimal number such as 0.005"),
        ({"ETH": "1\n2"}, "marks[ETH] must be a decimal number such as 0.005"),
        ({"ETH": "1", "SOL": ""}, "marks[SOL] must be a decimal number such as 0.005"),
        ({"ETH": "1", "SOL": "1" * 41}, "marks[SOL] must be a decimal number such as 0.005"),
        ({"ETH": "1", "SOL": "0." + "1" * 65}, "marks[SOL] must be a decimal number such as 0.005"),
        ({"ETH": "1", "SO\nL": "1"}, "marks's key has characters that cannot be shown"),
        ({"ETH": "1", "S" * 129: "1"}, "marks's key has 129 characters; at most 128 are taken"),
    ],
)
def test_marks_are_looked_at_together_and_the_odd_one_is_named(marks: dict[str, str], words: str) -> None:
    assert _said(types_pb2.Fill(marks={f"C{n}": f"-{n}.5" for n in range(300)})) == []
    assert _said(types_pb2.Fill(marks=marks)) == [words]


@pytest.mark.parametrize(("seconds", "nanos"), [(-1, 0), (0, -1), (1, 1_000_000_000), (315_576_000_001, 0)])
def test_a_duration_is_a_length_of_time(seconds: int, nanos: int) -> None:
    asked = access_pb2.CreateTokenRequest(ttl=Duration(seconds=seconds, nanos=nanos))
    (found,) = violations(asked)
    assert str(found) == "ttl must be a length of time, not negative, up to 10000 years"
    assert not list(violations(access_pb2.CreateTokenRequest(ttl=Duration(seconds=315_576_000_000, nanos=1))))
