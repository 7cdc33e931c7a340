"""Each reason of the catalogue is there for programs."""

from __future__ import annotations

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.client import Reason
from krakencopy.client.sdk.meanings import PROMISED


def test_the_reasons_are_those_of_the_catalogue_and_those_that_the_api_promises() -> None:
    assert set(Reason) == REFUSALS.keys() | PROMISED.keys()
    assert {reason.name for reason in Reason} == set(Reason)
