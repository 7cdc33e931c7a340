"""Nonce arithmetic and the file's format, without files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import NonceFault
from krakencopy.account_proc.contract.nonce_file import (
    BLOCK_US,
    FILE_BYTES,
    FOREIGN_AHEAD_US_MAX,
    NONCE_MAX,
    SLOT_BYTES,
    decode_slot,
    encode_slot,
    encode_slots,
    is_top_up_due,
    next_nonce,
    recover,
    reservation,
)

NOW_US = 1_795_336_500_000_000
times = st.integers(0, 4 * NOW_US)


def content_of(reserved: int) -> bytes:
    content = bytearray(FILE_BYTES)
    for offset, slot in encode_slots(reserved):
        content[offset : offset + len(slot)] = slot
    return bytes(content)


@given(times, times)
def test_the_next_nonce_is_larger_than_the_last_and_never_behind_the_clock(last: int, now_us: int) -> None:
    nonce = next_nonce(last, now_us)
    assert nonce > last
    assert nonce >= now_us
    assert nonce in {last + 1, now_us}


def test_a_nonce_that_does_not_fit_into_64_bits_is_refused() -> None:
    with pytest.raises(NonceFault, match="64 bits"):
        next_nonce(NONCE_MAX, NOW_US)


@given(times, times)
def test_a_reservation_covers_the_nonce_and_is_not_due_again_at_once(last: int, now_us: int) -> None:
    nonce = next_nonce(last, now_us)
    reserved = reservation(nonce, now_us)
    assert reserved > nonce
    assert not is_top_up_due(reserved, last, now_us)
    assert is_top_up_due(reserved, reserved, now_us)
    assert is_top_up_due(reserved, last, reserved)


@given(st.integers(0, NONCE_MAX), st.sampled_from("AB"))
def test_a_slot_reads_back_what_was_written(reserved: int, name: str) -> None:
    raw = encode_slot(name, reserved)
    assert len(raw) == SLOT_BYTES
    assert raw.endswith(b"\n")
    assert decode_slot(name, raw) == reserved


@given(st.integers(0, NONCE_MAX), st.integers(0, SLOT_BYTES - 1), st.integers(1, 255))
def test_no_single_changed_byte_of_a_slot_goes_unnoticed(reserved: int, at: int, change: int) -> None:
    raw = bytearray(encode_slot("A", reserved))
    raw[at] ^= change
    assert decode_slot("A", bytes(raw)) is None


def test_a_slot_in_the_other_ones_place_is_not_taken() -> None:
    assert decode_slot("A", encode_slot("B", NOW_US)) is None


@given(times, times, st.integers(0, FILE_BYTES - 1), st.integers(1, 255))
def test_one_changed_byte_anywhere_loses_nothing_whatever_the_clock_says(
    reserved: int, now_us: int, at: int, change: int
) -> None:
    content = bytearray(content_of(reserved))
    content[at] ^= change
    assert recover(bytes(content), now_us).last >= reserved


@given(st.integers(0, BLOCK_US), st.integers(0, FILE_BYTES))
def test_a_file_cut_off_anywhere_is_made_up_for_by_a_clock_that_is_right(ahead_us: int, length: int) -> None:
    reserved = NOW_US + ahead_us
    assert recover(content_of(reserved)[:length], NOW_US).last >= reserved


def test_the_larger_slot_counts_and_a_torn_one_is_told() -> None:
    older, newer = encode_slot("A", NOW_US + 7), encode_slot("B", NOW_US + 9)
    assert recover(older + newer, 0).last == NOW_US + 9
    torn = recover(older + newer[:20], 0)
    assert torn.last == NOW_US + 7
    assert "slot B" in torn.warnings[0]


@given(st.binary(max_size=3 * SLOT_BYTES), times)
def test_any_content_gives_a_start_or_a_nonce_fault(content: bytes, now_us: int) -> None:
    try:
        start = recover(content, now_us)
    except NonceFault:
        return
    assert start.last >= now_us + BLOCK_US


@given(times, times)
def test_an_old_backup_is_made_up_for_by_a_clock_that_is_right(reserved: int, now_us: int) -> None:
    assert recover(content_of(reserved), now_us).last == max(reserved, now_us + BLOCK_US)


def test_a_file_that_did_not_exist_is_no_reason_to_warn() -> None:
    assert recover(None, NOW_US).warnings == ()


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"\0\0", "is damaged"), (b"1.5e9", "is damaged")]
)
def test_a_file_without_a_value_starts_above_the_clock_and_warns(content: bytes, said: str) -> None:
    start = recover(content, NOW_US)
    assert start.last == NOW_US + BLOCK_US
    assert said in start.warnings[0]


@pytest.mark.parametrize(
    "number", [NOW_US // 1_000_000, NOW_US // 1_000, NOW_US, NOW_US + FOREIGN_AHEAD_US_MAX]
)
def test_a_plain_number_of_other_software_is_passed(number: int) -> None:
    for text in (f"{number}", f"  {number}\n", f"{number}\0\0\0", f"{number}\nslot B: torn"):
        start = recover(text.encode(), NOW_US)
        assert start.last >= max(number, NOW_US)
        assert str(number) in start.warnings[0]


@pytest.mark.parametrize("number", [NOW_US * 1_000, NOW_US * 100, 10**30])
def test_a_plain_number_that_microseconds_cannot_pass_names_the_way_out(number: int) -> None:
    with pytest.raises(NonceFault, match="make a new API key"):
        recover(str(number).encode(), NOW_US)


def test_a_plain_number_counts_until_the_first_line_is_overwritten() -> None:
    number = NOW_US + 1_000_000_000
    migrating = str(number).encode().ljust(SLOT_BYTES, b"\0") + encode_slot("B", NOW_US)
    assert recover(migrating, NOW_US).last == number


def test_a_clock_that_was_set_back_is_told() -> None:
    start = recover(content_of(NOW_US), NOW_US - 3 * 3600 * 1_000_000)
    assert start.last == NOW_US
    assert "10800 s ahead of the clock" in start.warnings[0]
