"""Each status of gRPC's has its code of Connect's, with the same details, which people can read."""

from __future__ import annotations

import grpc
import pytest
from connectrpc.code import Code
from google.rpc.error_details_pb2 import ErrorInfo

from krakencopy.client.gateway.errors import CODES, NO_SUPERVISOR, of_supervisor, refusal


def test_every_status_but_ok_has_a_code_of_its_own() -> None:
    assert set(CODES) == set(grpc.StatusCode) - {grpc.StatusCode.OK}
    assert set(CODES.values()) == set(Code)


def failed(status: grpc.StatusCode, words: str, details: bytes = b"") -> grpc.aio.AioRpcError:
    trailing = (("grpc-status-details-bin", details),) if details else ()
    return grpc.aio.AioRpcError(status, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), words)


def test_own_words_of_grpc_on_a_lost_connection_are_kept_back() -> None:
    error = of_supervisor(failed(grpc.StatusCode.UNAVAILABLE, "unix:/secret/place: Connection refused"))
    assert (error.code, error.message, error.details) == (Code.UNAVAILABLE, NO_SUPERVISOR, [])


def test_details_that_contradict_the_status_are_nobodys() -> None:
    error = of_supervisor(failed(grpc.StatusCode.NOT_FOUND, "gone", b"\x08\x03"))
    assert (error.code, error.message, error.details) == (Code.NOT_FOUND, "gone", [])


def test_a_detail_is_also_shown() -> None:
    (detail,) = refusal(Code.INTERNAL, "SOME_REASON", "words").details
    assert detail.type_name == "google.rpc.ErrorInfo"
    assert ErrorInfo.FromString(detail.message_bytes).reason == "SOME_REASON"
    shown = detail.value()
    assert shown is not None
    assert '"reason":"SOME_REASON"' in shown.to_json()


@pytest.mark.parametrize("status", [status for status in grpc.StatusCode if status is not grpc.StatusCode.OK])
def test_the_words_stay(status: grpc.StatusCode) -> None:
    if status is not grpc.StatusCode.UNAVAILABLE:
        assert of_supervisor(failed(status, "words")).message == "words"
