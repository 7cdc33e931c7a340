from __future__ import annotations

import inspect
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import grpc
import pytest

from krakencopy.client import BadInput, ServerFault
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import access_pb2, configuration_pb2
from krakencopy.v1 import control_pb2 as pb
from tests.support.scripted_supervisor import SERVICE, Scripted, refuse


@pytest.mark.parametrize("rpc", [method.name for method in SERVICE.methods])
def test_each_rpc_has_a_method_of_its_name(rpc: str) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()
    assert inspect.isfunction(getattr(MessageClient, name))


def test_each_public_method_is_an_rpc_or_ends_the_connection() -> None:
    rpcs = {method.name.lower() for method in SERVICE.methods}
    methods = {
        name for name, _ in inspect.getmembers(MessageClient, inspect.isfunction) if not name.startswith("_")
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
    sdk: MessageClient, supervisor: Scripted, mutate: Callable[..., Any], kind: type[Any]
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
    sdk: MessageClient, supervisor: Scripted, mutate: Callable[..., Any], kind: type[Any]
) -> None:
    rpc = kind.__name__.removesuffix("Request")
    supervisor.on[rpc] = refuse(grpc.StatusCode.UNKNOWN, "ORDER_OUTCOME_UNKNOWN", "the answer was lost")
    with pytest.raises(ServerFault) as raised:
        mutate(sdk)
    assert raised.value.request_id == supervisor.requests(kind)[0].request_id


def test_an_endpoint_that_cannot_be_one_is_bad_input_at_once() -> None:
    with pytest.raises(BadInput):
        MessageClient("nowhere")


def test_neither_values_nor_enums_are_imported_for_messages() -> None:
    script = (
        "import sys, krakencopy.client.sdk.message_client; "
        "print(*(name for name in sys.modules if name.startswith('krakencopy.client.sdk.generated')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
