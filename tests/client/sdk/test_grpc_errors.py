"""What gRPC reports becomes the error of the SDK that says what is known, in the server's own words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import grpc
import pytest

from krakencopy.client import (
    BadConfiguration,
    BadInput,
    ExitCode,
    KrakenCopyError,
    NotAllowed,
    NotConnected,
    NotFound,
    PositionGone,
    Refused,
    ServerFault,
    TimedOut,
    TooMany,
    Unavailable,
    Violation,
)
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from tests.support.scripted_supervisor import Scripted, refusal, refuse

ERRORS: list[tuple[grpc.StatusCode, type[KrakenCopyError], ExitCode]] = [
    (grpc.StatusCode.CANCELLED, Unavailable, ExitCode.UNAVAILABLE),
    (grpc.StatusCode.UNAVAILABLE, Unavailable, ExitCode.UNAVAILABLE),
    (grpc.StatusCode.DEADLINE_EXCEEDED, TimedOut, ExitCode.NOT_IN_TIME),
    (grpc.StatusCode.INVALID_ARGUMENT, BadInput, ExitCode.BAD_INPUT),
    (grpc.StatusCode.NOT_FOUND, NotFound, ExitCode.REFUSED),
    (grpc.StatusCode.OUT_OF_RANGE, PositionGone, ExitCode.REFUSED),
    (grpc.StatusCode.ALREADY_EXISTS, Refused, ExitCode.REFUSED),
    (grpc.StatusCode.PERMISSION_DENIED, NotAllowed, ExitCode.REFUSED),
    (grpc.StatusCode.UNAUTHENTICATED, NotAllowed, ExitCode.REFUSED),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, TooMany, ExitCode.REFUSED),
    (grpc.StatusCode.FAILED_PRECONDITION, Refused, ExitCode.REFUSED),
    (grpc.StatusCode.ABORTED, Refused, ExitCode.REFUSED),
    (grpc.StatusCode.UNKNOWN, ServerFault, ExitCode.SERVER_FAULT),
    (grpc.StatusCode.INTERNAL, ServerFault, ExitCode.SERVER_FAULT),
    (grpc.StatusCode.DATA_LOSS, ServerFault, ExitCode.SERVER_FAULT),
    (grpc.StatusCode.UNIMPLEMENTED, ServerFault, ExitCode.SERVER_FAULT),
]


def test_the_table_of_errors_holds_every_status() -> None:
    assert {code for code, _, _ in ERRORS} == set(grpc.StatusCode) - {grpc.StatusCode.OK}


@pytest.mark.parametrize(("code", "kind", "exit_code"), ERRORS)
def test_each_status_becomes_its_error_with_the_servers_reason_and_words(
    sdk: MessageClient,
    supervisor: Scripted,
    code: grpc.StatusCode,
    kind: type[KrakenCopyError],
    exit_code: ExitCode,
) -> None:
    supervisor.on["GetStatus"] = refuse(code, "SOME_REASON", "what to do")
    with pytest.raises(KrakenCopyError) as raised:
        sdk.get_status()
    error = raised.value
    assert type(error) is kind
    assert (error.reason, error.message, error.exit_code) == ("SOME_REASON", "what to do", exit_code)
    assert str(error) == "what to do (SOME_REASON)"


@pytest.mark.parametrize(("code", "kind", "exit_code"), ERRORS)
def test_a_status_without_an_error_info_still_says_something(
    sdk: MessageClient,
    supervisor: Scripted,
    code: grpc.StatusCode,
    kind: type[KrakenCopyError],
    exit_code: ExitCode,
) -> None:
    supervisor.on["GetStatus"] = lambda _request, context: context.abort(code, "")
    with pytest.raises(KrakenCopyError) as raised:
        sdk.get_status()
    assert type(raised.value) is kind
    assert raised.value.reason == ""
    assert sdk.endpoint.target in raised.value.message
    assert raised.value.exit_code == exit_code


def test_a_bad_configuration_keeps_its_lines_one_for_each_fault(
    sdk: MessageClient, supervisor: Scripted
) -> None:
    faults = (
        "c.toml: accounts[1].id: missing; write one\nc.toml: accounts: no master; one account needs "
        'role = "master"'
    )
    supervisor.on["Reload"] = refuse(grpc.StatusCode.INVALID_ARGUMENT, "BAD_CONFIGURATION", faults)
    with pytest.raises(BadConfiguration) as raised:
        sdk.reload(dry_run=True)
    assert (raised.value.message, raised.value.reason) == (faults, "BAD_CONFIGURATION")
    assert (raised.value.exit_code, raised.value.request_id != "") == (78, True)
    [request] = supervisor.requests(pb.ReloadRequest)
    assert request.dry_run


def test_what_the_exchange_said_is_beside_the_reason(sdk: MessageClient, supervisor: Scripted) -> None:
    theirs = refusal(
        grpc.StatusCode.FAILED_PRECONDITION, "EXCHANGE_REFUSED", "no",
        metadata={"exchange_error": "EOrder:Insufficient funds"},
    )  # fmt: skip
    supervisor.on["PlaceOrder"] = lambda _request, context: context.abort_with_status(theirs)
    with pytest.raises(Refused) as raised:
        sdk.place_order("buy", "BTC/USD", Decimal(1))
    assert (raised.value.reason, raised.value.exchange_error) == (
        "EXCHANGE_REFUSED",
        "EOrder:Insufficient funds",
    )


def test_each_field_that_is_outside_its_bounds_is_named(sdk: MessageClient, supervisor: Scripted) -> None:
    bad = refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "two fields",
        violations={"pair": "a", "volume": "b"},
    )
    supervisor.on["PlaceOrder"] = lambda _request, context: context.abort_with_status(bad)
    with pytest.raises(BadInput) as raised:
        sdk.place_order("buy", "BTC/USD", Decimal(1))
    assert raised.value.violations == (Violation("pair", "a"), Violation("volume", "b"))
    assert raised.value.reason == "FIELD_INVALID"
    assert BadInput("found here").violations == ()


def test_a_reason_of_another_domain_is_not_ours(sdk: MessageClient, supervisor: Scripted) -> None:
    foreign = refusal(grpc.StatusCode.ABORTED, "PROXY_SAYS_NO", "go away", domain="proxy.example")
    supervisor.on["GetStatus"] = lambda _request, context: context.abort_with_status(foreign)
    with pytest.raises(Refused) as raised:
        sdk.get_status()
    assert (raised.value.reason, raised.value.message) == ("", "go away")


def test_details_that_contradict_the_status_are_not_believed(
    sdk: MessageClient, supervisor: Scripted
) -> None:
    other = dict(refusal(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "no account").trailing_metadata)

    def answer(_request: object, context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata(tuple(other.items()))
        context.abort(grpc.StatusCode.INTERNAL, "boom")

    supervisor.on["GetStatus"] = answer
    with pytest.raises(ServerFault) as raised:
        sdk.get_status()
    assert (raised.value.reason, raised.value.message) == ("", "boom")


def test_where_nobody_listens_nothing_was_sent_and_the_error_names_the_socket(tmp_path: Path) -> None:
    with MessageClient(f"unix:{tmp_path}/none.sock") as sdk:
        with pytest.raises(NotConnected, match=r"none\.sock \(there is no such socket\)"):
            sdk.get_status()
        with pytest.raises(NotConnected):
            sdk.watch_fills()
