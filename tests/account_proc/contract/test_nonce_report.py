"""What an operator is told of a nonce: each state has its own verdict, and none is called OK unproven."""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.account_proc.contract.nonce_file import FILE_BYTES, SLOT_BYTES, encode_slots
from krakencopy.account_proc.contract.nonce_report import AHEAD_US, KeyNonce, report, report_of_file
from krakencopy.v1 import types_pb2 as pb

NOW_US = 1_795_336_500_000_000


def key_nonce(nonce: int | None = NOW_US - 10, window: int = 0) -> KeyNonce:
    return KeyNonce(nonce=nonce, window=window, clock_offset_ms=-400)


def seen(**changes: Any) -> pb.NonceReport:
    usual: dict[str, Any] = {
        "now_us": NOW_US,
        "last": NOW_US - 5,
        "reserved": NOW_US + 99,
        "holder_pid": 7,
        "key_nonce": key_nonce(),
    }
    return report("anna", "/state/nonce.txt", **(usual | changes))


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "OK"),
        ({"key_nonce": None}, "NOT_ASKED"),
        ({"key_nonce": key_nonce(None)}, "NOT_ASKED"),
        ({"key_nonce": key_nonce(NOW_US + 100)}, "NONCE_BEHIND"),
        # Reserved by an earlier process of ours, which may have used all of it.
        ({"key_nonce": key_nonce(NOW_US + 99)}, "OK"),
        ({"key_nonce": key_nonce(window=5000)}, "NONCE_WINDOW"),
        ({"last": NOW_US + AHEAD_US + 1}, "NONCE_AHEAD"),
        ({"last": NOW_US + AHEAD_US}, "OK"),
    ],
)
def test_a_state_and_its_verdict(changes: dict[str, Any], verdict: str) -> None:
    found = seen(**changes)
    assert found.verdict == verdict
    assert found.message


def test_what_is_known_is_told() -> None:
    found = seen()
    assert (found.last, found.reserved, found.ahead_us, found.holder_pid) == (NOW_US - 5, NOW_US + 99, -5, 7)
    assert (found.exchange_known, found.exchange_nonce, found.clock_offset_ms) == (True, NOW_US - 10, -400)


def content(reserved: int = NOW_US + 99) -> bytes:
    file = bytearray(FILE_BYTES)
    for offset, slot in encode_slots(reserved):
        file[offset : offset + len(slot)] = slot
    return bytes(file)


@pytest.mark.parametrize(
    ("found", "verdict", "words", "reserved"),
    [
        (None, "FILE_MISSING", "first start makes it", 0),
        (b"", "FILE_DAMAGED", "neither slot", 0),
        (content(), "NOT_ASKED", "in order", NOW_US + 99),
        (b"x" * SLOT_BYTES + content()[SLOT_BYTES:], "NOT_ASKED", "slot A is damaged", NOW_US + 99),
        (content()[:SLOT_BYTES] + b"x" * SLOT_BYTES, "NOT_ASKED", "slot B is damaged", NOW_US + 99),
    ],
)
def test_what_the_file_alone_tells(found: bytes | None, verdict: str, words: str, reserved: int) -> None:
    told = report_of_file("anna", "/state/nonce.txt", found, now_us=NOW_US, holder_pid=0)
    assert (told.verdict, told.reserved, told.last) == (verdict, reserved, 0)
    assert words in told.message
