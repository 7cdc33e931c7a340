"""Generated requests to every RPC of a running system: each is answered, or refused with a reason that is
published; no process ends, and no order is placed but by a request for one. Some here; many by hand
(tests/README.md).
"""

from __future__ import annotations

import pytest
from google.rpc import error_details_pb2

from tests.support.account_campaign import play_accounts
from tests.support.control_campaign import play_control
from tests.support.request_campaign import Findings, Refused, judge_refusal

COUNT = 300


def info(reason: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain="krakencopy")


def test_the_supervisor_answers_whatever_it_is_asked() -> None:
    findings = Findings()
    play_control(COUNT, 1, findings)
    assert findings.faults == {}
    assert sum(findings.calls.values()) > COUNT / 2
    assert findings.orders


def test_an_account_answers_whatever_it_is_asked_in_the_supervisors_place() -> None:
    findings = Findings()
    play_accounts(COUNT, 1, findings)
    assert findings.faults == {}
    assert sum(findings.calls.values()) > COUNT / 2


@pytest.mark.parametrize(
    ("refused", "found"),
    [
        (Refused("UNKNOWN", "no", ()), "UNKNOWN without a reason: no"),
        (Refused("NOT_FOUND", "no", [info("ODD")]), "NOT_FOUND/ODD is not in the catalogue"),
        (Refused("INTERNAL", "it failed", [info("INTERNAL_FAULT")]), "a mistake of ours: it failed"),
        (
            Refused("NOT_FOUND", "x" * 301, [info("ACCOUNT_NOT_FOUND")]),
            "NOT_FOUND/ACCOUNT_NOT_FOUND: a text of more than 300 characters",
        ),
        (
            Refused("NOT_FOUND", "a\u202eb", [info("ACCOUNT_NOT_FOUND")]),
            "NOT_FOUND/ACCOUNT_NOT_FOUND: a text that cannot be shown",
        ),
        (
            Refused("INVALID_ARGUMENT", "no", [info("BAD_ORDER")]),
            "INVALID_ARGUMENT/BAD_ORDER names no field",
        ),
        (Refused("NOT_FOUND", "no", [info("ACCOUNT_NOT_FOUND")]), ""),
    ],
)
def test_a_refusal_that_is_not_as_published_is_a_finding(refused: Refused, found: str) -> None:
    assert judge_refusal(refused) == found
