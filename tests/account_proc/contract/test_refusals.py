"""What a refused call carries."""

from __future__ import annotations

import pytest
from google.rpc import error_details_pb2

from krakencopy.account_proc.contract.refusals import (
    EXCHANGE_ERROR,
    HEADERS_BYTES_MAX,
    TEXT_MAX,
    cut_text,
    error_details,
    header_bytes,
    violations_text,
)
from krakencopy.account_proc.contract.request_bounds import VIOLATIONS_MAX, Violation


def test_a_text_that_fits_is_kept() -> None:
    assert cut_text("zu wenig € da, 100 %") == "zu wenig € da, 100 %"
    assert cut_text("x" * TEXT_MAX) == "x" * TEXT_MAX


def test_a_long_text_loses_its_middle() -> None:
    cut = cut_text("what happened " + "x" * 5_000 + " restore the newest ledger")
    assert len(cut) == TEXT_MAX
    assert cut.startswith("what happened xx")
    assert " ... " in cut
    assert cut.endswith(" restore the newest ledger")


@pytest.mark.parametrize(
    "sign", ["\x1b", "\n", "\r", "\t", "\0", "\u202e", "\u2066", "\u200b", "\x9b", "\ud800"]
)
def test_signs_that_cannot_be_shown_become_blanks(sign: str) -> None:
    assert cut_text(f"a{sign}b") == "a b"


@pytest.mark.parametrize("sign", ["x", "%", "\u00fc", "\u20ac", "\U0001f4b8", "\n"])
def test_a_refusal_of_any_signs_fits_in_the_headers_that_a_client_takes(sign: str) -> None:
    long = sign * 5_000
    wrong = [Violation(long, long)] * 9
    message = violations_text(wrong)
    details = error_details(long, {"a": long, "b": long}, wrong)
    in_base64 = sum(len(part.SerializeToString()) for part in details) * 4 // 3
    assert header_bytes(message) + in_base64 < HEADERS_BYTES_MAX


def test_a_message_counts_as_it_travels() -> None:
    assert header_bytes("abc") == 3 + 4
    assert header_bytes("\u00fc\n") == 9 + 4


def test_a_reason_is_a_constant() -> None:
    (info,) = error_details("FILL_NOT_FOUND")
    assert (info.reason, info.domain, dict(info.metadata)) == ("FILL_NOT_FOUND", "krakencopy", {})


@pytest.mark.parametrize("text", ["EOrder:Insufficient funds", "X" * 64, "_A", "", "lower", "A"])
def test_the_exchanges_text_is_no_reason(text: str) -> None:
    (info,) = error_details(text)
    assert (info.reason, dict(info.metadata)) == ("EXCHANGE_REFUSED", {EXCHANGE_ERROR: text})


def test_a_program_reads_each_field_that_is_outside() -> None:
    wrong = [Violation(f"fills[{number}].pair", "is too long") for number in range(VIOLATIONS_MAX + 3)]
    info, bad = error_details("FIELD_INVALID", violations=wrong)
    assert info.reason == "FIELD_INVALID"
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert [(each.field, each.description) for each in bad.field_violations] == [
        (each.field, "is too long") for each in wrong[:VIOLATIONS_MAX]
    ]
    assert violations_text(wrong[:2]) == "fills[0].pair is too long; fills[1].pair is too long"
