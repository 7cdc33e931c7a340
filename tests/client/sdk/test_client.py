from __future__ import annotations

import inspect
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import grpc
import pytest

from krakencopy.client import (
    BadInput,
    KrakenCopy,
    NotFound,
    ServerFault,
)
from krakencopy.v1 import access_pb2, configuration_pb2
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import SERVICE, Scripted, refuse


@pytest.mark.parametrize("rpc", [method.name for method in SERVICE.methods])
def test_each_rpc_has_a_method_of_its_name(rpc: str) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()
    assert inspect.isfunction(getattr(KrakenCopy, name))


def test_each_public_method_is_an_rpc_or_ends_the_connection() -> None:
    rpcs = {method.name.lower() for method in SERVICE.methods}
    methods = {
        name for name, _ in inspect.getmembers(KrakenCopy, inspect.isfunction) if not name.startswith("_")
    }
    assert {name.replace("_", "") for name in methods} == rpcs | {"close"}


DAY = timedelta(days=1)
MUTATIONS: list[tuple[Callable[..., Any], type[Any]]] = [
    (lambda sdk, **given: sdk.start_account("bob", **given), pb.StartAccountRequest),
    (lambda sdk, **given: sdk.stop_account("bob", **given), pb.StopAccountRequest),
    (lambda sdk, **given: sdk.restart_account("bob", **given), pb.RestartAccountRequest),
    (lambda sdk, **given: sdk.pause_account("bob", **given), pb.PauseAccountRequest),
    (lambda sdk, **given: sdk.rename_asset("MATIC", "POL", **given), pb.RenameAssetRequest),
    (lambda sdk, **given: sdk.resume_account("bob", **given), pb.ResumeAccountRequest),
    (lambda sdk, **given: sdk.set_trading_state("HALTED", everyone=True, **given), pb.SetTradingStateRequest),
    (lambda sdk, **given: sdk.resync_account("bob", **given), pb.ResyncAccountRequest),
    (lambda sdk, **given: sdk.flatten_accounts(account_ids=["bob"], **given), pb.FlattenAccountsRequest),
    (lambda sdk, **given: sdk.reset_limit("bob", reason="why", **given), pb.ResetLimitRequest),
    (lambda sdk, **given: sdk.place_order("buy", "BTC/USD", Decimal(1), **given), pb.PlaceOrderRequest),
    (lambda sdk, **given: sdk.cancel_order("O1", **given), pb.CancelOrderRequest),
    (lambda sdk, **given: sdk.cancel_orders(**given), pb.CancelOrdersRequest),
    (lambda sdk, **given: sdk.copy_fill(seq=1, **given), pb.CopyFillRequest),
    (lambda sdk, **given: sdk.set_settings({"a": "1"}, target="bob", **given), pb.SetSettingsRequest),
    (lambda sdk, **given: sdk.create_account("bob", **given), configuration_pb2.CreateAccountRequest),
    (lambda sdk, **given: sdk.update_account("bob", **given), configuration_pb2.UpdateAccountRequest),
    (lambda sdk, **given: sdk.delete_account("bob", **given), configuration_pb2.DeleteAccountRequest),
    (lambda sdk, **given: sdk.rotate_credentials("bob", **given), configuration_pb2.RotateCredentialsRequest),
    (lambda sdk, **given: sdk.create_group("vip", **given), configuration_pb2.CreateGroupRequest),
    (lambda sdk, **given: sdk.update_group("vip", **given), configuration_pb2.UpdateGroupRequest),
    (lambda sdk, **given: sdk.delete_group("vip", **given), configuration_pb2.DeleteGroupRequest),
    (lambda sdk, **given: sdk.reload(**given), pb.ReloadRequest),
    (lambda sdk, **given: sdk.shutdown(**given), pb.ShutdownRequest),
    (lambda sdk, **given: sdk.create_token("bot", "viewer", DAY, **given), access_pb2.CreateTokenRequest),
    (lambda sdk, **given: sdk.revoke_token("abcd", **given), access_pb2.RevokeTokenRequest),
    (lambda sdk, **given: sdk.issue_certificate("olga", "viewer", DAY, "AAAA", **given),
     access_pb2.IssueCertificateRequest),
    (lambda sdk, **given: sdk.revoke_principal("olga", **given), access_pb2.RevokePrincipalRequest),
]  # fmt: skip


def test_the_table_of_mutations_holds_every_request_with_a_request_id() -> None:
    with_id = {
        method.input_type.name
        for method in SERVICE.methods
        if "request_id" in method.input_type.fields_by_name
    }
    assert with_id == {kind.__name__ for _, kind in MUTATIONS}


@pytest.mark.parametrize(("mutate", "kind"), MUTATIONS)
def test_a_mutation_makes_a_new_request_id_unless_it_is_given_one(
    sdk: KrakenCopy, supervisor: Scripted, mutate: Callable[..., Any], kind: type[Any]
) -> None:
    mutate(sdk)
    mutate(sdk)
    mutate(sdk, request_id="mine")
    first, second, given = (request.request_id for request in supervisor.requests(kind))
    assert uuid.UUID(first).version == uuid.UUID(second).version == 4
    assert first != second
    assert given == "mine"


@pytest.mark.parametrize(("mutate", "kind"), MUTATIONS)
def test_a_mutation_that_fails_tells_its_request_id_so_that_it_can_be_asked_again(
    sdk: KrakenCopy, supervisor: Scripted, mutate: Callable[..., Any], kind: type[Any]
) -> None:
    rpc = kind.__name__.removesuffix("Request")
    supervisor.on[rpc] = refuse(grpc.StatusCode.UNKNOWN, "ORDER_OUTCOME_UNKNOWN", "the answer was lost")
    with pytest.raises(ServerFault) as raised:
        mutate(sdk)
    assert raised.value.request_id == supervisor.requests(kind)[0].request_id


def test_an_order_travels_in_plain_decimals_however_python_writes_them(
    sdk: KrakenCopy, supervisor: Scripted
) -> None:
    supervisor.on["PlaceOrder"] = lambda _request, _context: pb.PlaceOrderResponse(order_id="O1")
    placed = sdk.place_order("sell", "BTC/USD", Decimal("1E-7"), limit_price=Decimal("6E+4"))
    [request] = supervisor.requests(pb.PlaceOrderRequest)
    assert (request.side, request.volume, request.limit_price) == (nouns.SIDE_SELL, "0.0000001", "60000")
    assert placed.order_id == "O1"
    sdk.place_order("buy", "BTC/USD", Decimal(1))
    assert supervisor.requests(pb.PlaceOrderRequest)[1].limit_price == ""


def test_settings_are_for_one_target_or_for_all(sdk: KrakenCopy, supervisor: Scripted) -> None:
    sdk.set_settings({"order": "market"}, everyone=True, set_by="ida", validate_only=True)
    [request] = supervisor.requests(pb.SetSettingsRequest)
    assert (request.all, request.id, request.set_by, request.validate_only) == (True, "", "ida", True)
    for wrong in ({}, {"target": "bob", "everyone": True}):
        with pytest.raises(BadInput, match="either a target or everyone"):
            sdk.set_settings({"order": "market"}, **wrong)  # type: ignore[arg-type]
    assert len(supervisor.requests(pb.SetSettingsRequest)) == 1


def test_after_seq_zero_is_not_the_same_as_none(sdk: KrakenCopy, supervisor: Scripted) -> None:
    list(sdk.list_fills(after_seq=0))
    list(sdk.list_fills())
    assert [request.HasField("after_seq") for request in supervisor.requests(pb.ListFillsRequest)] == [
        True,
        False,
    ]


def test_lists_pass_their_filters_on(sdk: KrakenCopy, supervisor: Scripted) -> None:
    list(sdk.list_copies(account_id="bob", fill_seq=7, state=nouns.COPY_STATE_SKIPPED))
    list(sdk.list_events(account_id="bob"))
    list(sdk.list_accounts())
    copies, events, accounts = supervisor.asked
    assert copies == pb.ListCopiesRequest(
        page_size=1000, account_id="bob", fill_seq=7, state=nouns.COPY_STATE_SKIPPED
    )
    assert events == pb.ListEventsRequest(page_size=1000, account_id="bob")
    assert accounts == pb.ListAccountsRequest(page_size=1000)


def test_a_fill_is_explained_by_its_seq_or_its_execution_id_but_not_both(
    sdk: KrakenCopy, supervisor: Scripted
) -> None:
    sdk.explain_fill(seq=7)
    sdk.explain_fill(exec_id="TABC")
    assert supervisor.asked == [pb.ExplainFillRequest(seq=7), pb.ExplainFillRequest(exec_id="TABC")]
    for wrong in ({}, {"seq": 7, "exec_id": "TABC"}):
        with pytest.raises(BadInput):
            sdk.explain_fill(**wrong)  # type: ignore[arg-type]  # that is what is tested


def test_a_supervisor_that_does_not_know_intervals_is_no_report_of_one(
    sdk: KrakenCopy, supervisor: Scripted
) -> None:
    since = datetime(2026, 11, 28, tzinfo=UTC)
    assert sdk.get_report() == pb.GetReportResponse()
    with pytest.raises(ServerFault, match="older than this client"):
        sdk.get_report(since=since)
    supervisor.on["GetReport"] = lambda request, _context: pb.GetReportResponse(since=request.since)
    assert sdk.get_report(since=since).since.ToDatetime(UTC) == since


def test_a_log_is_read_line_by_line(sdk: KrakenCopy, supervisor: Scripted) -> None:
    supervisor.on["ReadLog"] = lambda _request, _context: [
        pb.ReadLogResponse(line="{}"),
        pb.ReadLogResponse(line="[]"),
    ]
    assert list(sdk.read_log("bob", lines=2)) == ["{}", "[]"]
    assert supervisor.asked == [pb.ReadLogRequest(account_id="bob", lines=2)]
    supervisor.on["ReadLog"] = refuse(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "no account 'bob'")
    with pytest.raises(NotFound):
        list(sdk.read_log("bob"))


def test_an_endpoint_that_cannot_be_one_is_bad_input_at_once() -> None:
    with pytest.raises(BadInput):
        KrakenCopy("nowhere")
