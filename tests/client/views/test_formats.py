"""Single values as people read them."""

from __future__ import annotations

import time

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.views.formats import (
    because,
    clock_time,
    is_some,
    local_time,
    plain,
    short,
    table_time,
    word,
    zoned,
)
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


@pytest.mark.parametrize(
    "enum", list(nouns.DESCRIPTOR.enum_types_by_name.values()), ids=lambda enum: enum.name
)
def test_states_are_shown_without_the_enums_prefix(enum: object) -> None:
    for value in enum.values:  # type: ignore[attr-defined]  # a descriptor; pytest's ids want an object
        shown = word(enum, value.number)  # type: ignore[arg-type]  # as above
        assert value.name.endswith(f"_{shown}" if value.number else "_UNSPECIFIED")
        assert not shown.startswith(value.name.split("_")[0] + "_")


def test_a_state_that_this_client_does_not_know_is_shown_as_its_number() -> None:
    assert word(nouns.CopyState.DESCRIPTOR, 99) == "99"
    assert word(nouns.CopyState.DESCRIPTOR, nouns.COPY_STATE_PART_FILLED) == "PART_FILLED"


def test_times_are_local_and_say_so() -> None:
    assert local_time(samples.at(123)) == "2026-01-02 04:04:05.123+01:00"
    assert local_time(Timestamp()) == ""
    assert clock_time(samples.at(123)) == "04:04:05.123"


def test_a_tables_times_are_short_and_its_title_says_of_which_zone_they_are() -> None:
    assert zoned("SINCE") == "SINCE (+01:00)"
    assert table_time(samples.at(123)) == "01-02 04:04:05.123"
    assert table_time(Timestamp()) == ""


def test_a_tables_times_are_all_of_the_zone_in_its_title(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-1YYY-2,M3.5.0,M10.5.0")  # an hour more in summer, whenever this test runs
    time.tzset()
    hour = int(zoned("AT")[len("AT (+") :][:2])
    summer = Timestamp(seconds=samples.START_S + 180 * 86400)
    assert [table_time(samples.at())[6:8], table_time(summer)[6:8]] == [f"{3 + hour:02}", f"{3 + hour:02}"]


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.00050000", "0.00050000"), ("1.234567891", "1.23456789"), ("", "")]
)
def test_no_more_decimals_are_shown_than_an_order_has(amount: str, shown: str) -> None:
    assert short(amount) == shown


@pytest.mark.parametrize(
    ("amount", "some"), [("", False), ("0", False), ("0.00", False), ("0.001", True), ("10", True)]
)
def test_nothing_and_not_known_are_no_amounts(amount: str, some: bool) -> None:
    assert is_some(amount) is some


@given(st.text())
def test_what_a_server_says_can_not_steer_the_terminal(text: str) -> None:
    assert plain(text).isprintable()
    assert len(plain(text)) == len(text)


def test_reason_and_message_are_shown_when_there_are_any() -> None:
    assert because("A", "b") == "A: b"
    assert because("A", "") == "A"
    assert because("", "") == ""
