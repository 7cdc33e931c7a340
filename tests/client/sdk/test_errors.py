"""Errors say what is for people, and how a command that meets them ends."""

from __future__ import annotations

import pytest

from krakencopy.client.sdk import errors
from krakencopy.client.sdk.errors import (
    BadConfiguration,
    ExitCode,
    KrakenCopyError,
    NotConnected,
    Refused,
    Unavailable,
)

KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, KrakenCopyError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_error_ends_a_command_with_a_code_of_its_contract(kind: type[KrakenCopyError]) -> None:
    assert kind("no").exit_code in set(ExitCode) - {ExitCode.DONE, ExitCode.INTERRUPTED}


def test_a_reason_is_shown_beside_a_message_that_does_not_name_it() -> None:
    assert (
        str(Refused("no account 'eve'", reason="ACCOUNT_NOT_FOUND")) == "no account 'eve' (ACCOUNT_NOT_FOUND)"
    )
    assert str(Refused("no (NO)", reason="NO")) == "no (NO)"
    assert str(Refused("no")) == "no"


def test_the_exchanges_own_text_is_shown_instead_of_the_word_that_it_refused() -> None:
    theirs = {"exchange_error": "EOrder:Unknown pair"}
    named = Refused("EOrder:Unknown pair: no", reason="EXCHANGE_REFUSED", metadata=theirs)
    assert (str(named), named.exchange_error) == ("EOrder:Unknown pair: no", "EOrder:Unknown pair")
    assert str(Refused("no", reason="EXCHANGE_REFUSED", metadata=theirs)) == "no (EOrder:Unknown pair)"
    assert (Refused("no").exchange_error, Refused("no").metadata) == ("", {})


def test_the_request_of_a_mutation_is_kept() -> None:
    assert Unavailable("gone", request_id="r1").request_id == "r1"
    assert Unavailable("gone").request_id == ""


def test_what_never_left_is_a_kind_of_nobody_answers() -> None:
    assert issubclass(NotConnected, Unavailable)


def test_a_bad_configuration_ends_a_command_as_it_ends_the_daemon() -> None:
    assert BadConfiguration.exit_code == 78
