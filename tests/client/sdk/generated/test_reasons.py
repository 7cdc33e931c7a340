"""Each reason of the catalogue is there for programs, with what it means and what to do."""

from __future__ import annotations

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.client import Reason, Refused
from krakencopy.client.sdk.generated.reasons import MEANINGS
from tests.support.sdk_reasons import PROMISED


def test_the_reasons_are_those_of_the_catalogue_and_those_that_the_api_promises() -> None:
    assert set(Reason) == MEANINGS.keys() == REFUSALS.keys() | PROMISED.keys()


def test_an_error_says_what_its_reason_means_and_what_to_do() -> None:
    error = Refused("no", reason="NOT_A_USER")
    assert error.reason == Reason.NOT_A_USER
    assert (error.meaning, error.remedy) == ("the account copies nobody", "name a user")
    assert Refused("no", reason="NO_NONCE").remedy == ""
    newer = Refused("no", reason="NEVER_SEEN")
    assert (newer.meaning, newer.remedy) == ("", "")
