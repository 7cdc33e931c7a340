"""The catalogue of reasons: each is there once, of the right form, and says what it means and what to do
(which reasons there are: tests/repository/test_reason_codes.py).
"""

from __future__ import annotations

from krakencopy.account_proc.contract import refusal_catalogue as catalogue
from krakencopy.account_proc.contract.refusals import REASON

GROUPS = (
    catalogue.OF_REQUESTS, catalogue.OF_CONTROL, catalogue.OF_ORDERS, catalogue.OF_ACCOUNTS,
    catalogue.OF_PROCESSES, catalogue.OF_GATEWAY, catalogue.OF_CALLERS,
)  # fmt: skip


def test_each_reason_is_there_once() -> None:
    assert sum(map(len, GROUPS)) == len(catalogue.REFUSALS)


def test_each_reason_has_the_form_of_error_info_and_is_explained() -> None:
    for reason, (meaning, remedy) in catalogue.REFUSALS.items():
        assert REASON.fullmatch(reason)
        assert meaning
        assert remedy
