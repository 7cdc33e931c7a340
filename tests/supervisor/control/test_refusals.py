"""A refusal carries a stable reason beside its words."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn, cast

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpclib.const import Status

from krakencopy.supervisor.control.refusals import CODES, Context, check_request_id, refuse, refuse_field


class Refused(Exception):
    """As gRPC ends the call."""


class RefusingContext:
    """Keeps the status that a call is ended with."""

    def __init__(self) -> None:
        self.status: Any = None

    async def abort_with_status(self, status: Any) -> NoReturn:
        self.status = status
        raise Refused


def test_a_refusal_has_a_code_a_reason_and_words() -> None:
    context = RefusingContext()
    with pytest.raises(Refused):
        asyncio.run(refuse(cast("Context", context), grpc.StatusCode.NOT_FOUND, "NO_FILL", "there is none"))
    assert (context.status.code, context.status.details) == (grpc.StatusCode.NOT_FOUND, "there is none")
    ((_, raw),) = context.status.trailing_metadata
    detail = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(raw).details[0].Unpack(detail)
    assert (detail.reason, detail.domain) == ("NO_FILL", "krakencopy")


def test_an_action_needs_an_id_of_its_own() -> None:
    context = RefusingContext()
    asyncio.run(check_request_id("r1", cast("Context", context)))
    with pytest.raises(Refused):
        asyncio.run(check_request_id("", cast("Context", context)))
    assert context.status.code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_field_is_named_with_what_is_wrong_with_it() -> None:
    context = RefusingContext()
    with pytest.raises(Refused):
        asyncio.run(refuse_field(cast("Context", context), "reason", "is empty"))
    assert context.status.code is grpc.StatusCode.INVALID_ARGUMENT
    ((_, raw),) = context.status.trailing_metadata
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    details = status_pb2.Status.FromString(raw).details
    assert (details[0].Unpack(info), details[1].Unpack(bad), info.reason) == (True, True, "FIELD_INVALID")
    assert [(each.field, each.description) for each in bad.field_violations] == [("reason", "is empty")]


def test_each_status_of_a_process_has_its_name_in_the_api() -> None:
    assert {status: code.value[0] for status, code in CODES.items()} == {
        status: status.value for status in Status
    }
