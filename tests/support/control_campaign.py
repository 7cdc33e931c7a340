"""Generated requests of every RPC of ControlService against a running supervisor with its accounts."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from krakencopy.v1 import types_pb2
from tests.support.generated_requests import Generated, Requests, text_field
from tests.support.request_campaign import (
    ANSWER_S,
    CONTROL,
    PLAUSIBLE,
    STREAM_ANSWERS,
    STREAM_S,
    Campaign,
    Findings,
    Refused,
    check_orders,
    draw_calls,
    forget_watched,
    parsed,
    read_watched,
    watched_by,
    watched_exchange,
)
from tests.support.system import System

#: What ends the supervisor, or a process whose end would be a finding, where it is right: made wrong.
_SPARED = {"master", "anna"}


class ControlCampaign(Campaign):
    """Calls of ControlService, of a whole system."""

    def __init__(self, system: System, findings: Findings) -> None:
        super().__init__(findings)
        self._system = system
        self._channel = grpc.insecure_channel(system.endpoint)
        self._rpcs = {method.name: self._rpc(method) for method in CONTROL.methods}

    def _rpc(self, method: Any) -> tuple[Any, Any]:
        make = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
        answer = GetMessageClass(method.output_type)
        rpc = make(
            f"/{CONTROL.full_name}/{method.name}", request_serializer=bytes,
            response_deserializer=answer.FromString,
        )  # fmt: skip
        return rpc, GetMessageClass(method.input_type)

    def play(self, call: Generated) -> None:
        """One call and its answer."""
        rpc, kind = self._rpcs[call.method]
        (request,) = call.requests
        request = self._harmless(call.method, kind, request)
        call = Generated(call.method, (request,))
        self._findings.calls[call.method] += 1
        is_stream = isinstance(rpc, grpc.UnaryStreamMultiCallable)
        try:
            if is_stream:
                self._read_stream(rpc, request)
                return
            answer = rpc(request, timeout=ANSWER_S)
        except grpc.RpcError as error:
            self._judge(call, error, is_stream=is_stream)
            return
        if call.method == "PlaceOrder":
            self._take_order(call, kind, answer.cl_ord_id)

    @staticmethod
    def _harmless(method: str, kind: type[Message], request: bytes) -> bytes:
        """The request, but for one that would rightly end what must not end."""
        message = parsed(kind, request)
        if message is None:
            return request
        if method == "Shutdown":
            return request + text_field(1, "")  # without an id it is refused
        if method in {"StopAccount", "RestartAccount"} and message.account_id in _SPARED:
            return request + text_field(2, "ben")
        return request

    @staticmethod
    def _read_stream(rpc: Any, request: bytes) -> None:
        answers = rpc(request, timeout=STREAM_S)
        for _ in range(STREAM_ANSWERS):
            if next(answers, None) is None:
                return
        answers.cancel()

    def _judge(self, call: Generated, error: grpc.RpcError, *, is_stream: bool) -> None:
        if is_stream and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return  # it had nothing more to say
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and len(call.requests[0]) > 65_536:
            self._findings.reasons["larger than gRPC takes"] += 1
            return
        self._take_refusal(call, _refused_by_grpc(error))

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()


def _refused_by_grpc(error: grpc.RpcError) -> Refused:
    details = []
    with suppress(ValueError):
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # the error of a finished call is it
        for packed in () if status is None else status.details:
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
                found = kind()
                if packed.Unpack(found):
                    details.append(found)
    return Refused(error.code().name, error.details() or "", details)


def play_control(count: int, first_seed: int, findings: Findings) -> None:
    """So many calls of a supervisor with a master and two users; one of these may be stopped and started."""
    with watched_exchange() as (paper, watched):
        users = {"anna": "100000", "ben": "100000"}
        with System(paper, users, "1000000", more_environment=watched_by(watched)) as system:
            system.start().wait_ready()
            before = {"supervisor": system.status().pid, **system.pids()}
            forget_watched(watched)
            campaign = ControlCampaign(system, findings)
            draw_calls(Requests(CONTROL, PLAUSIBLE), count, first_seed, campaign.play)
            campaign.close()
            campaign.placed.add(_check_system(system, before, findings))
            read_watched(watched, before, findings)
            copied = {copy.cl_ord_id for user in ("anna", "ben") for copy in system.copies(user)}
            check_orders(paper, findings, campaign.placed, copied)


def _check_system(system: System, before: dict[str, int], findings: Findings) -> str:
    """All that must not end has not ended, and copies on; the client order id of an order for that."""
    status = system.status()
    if status is None or status.pid != before["supervisor"]:
        findings.add_fault("the supervisor has ended")
        return ""
    with system.api() as api:
        api.set_trading_state("ACTIVE", everyone=True, account_ids=["master", "anna", "ben"])
        api.resume_account("anna")
        api.resume_account("ben")
        api.start_account("ben")
        for event in api.list_events():
            if event.severity == types_pb2.SEVERITY_ERROR and event.account_id != "ben":
                findings.add_fault(f"an event of severity ERROR: {event.code} {event.message}")
    system.wait_ready()
    for name in sorted(_SPARED):
        if system.pids().get(name) != before[name]:
            findings.add_fault(f"the process of {name} has ended")
    fills = system.status().head_seq
    placed = system.buy("BTC/USD", "0.01")
    system.settled(fills + 1)
    return str(placed.cl_ord_id)
