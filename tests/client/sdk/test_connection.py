"""A connection names what it could not reach, has limits, and keeps to what it was given."""

import socket
import threading
from pathlib import Path

import grpc
import pytest

from krakencopy.client import BadInput, TimedOut
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from tests.support.scripted_supervisor import Scripted


def test_a_call_has_the_clients_deadline_or_its_own(endpoint: str, supervisor: Scripted) -> None:
    left: list[float] = []

    def answer(_request: object, context: grpc.ServicerContext) -> pb.GetStatusResponse:
        left.append(context.time_remaining())
        return pb.GetStatusResponse()

    supervisor.on["GetStatus"] = answer
    with MessageClient(endpoint, timeout_s=1000) as sdk:
        sdk.get_status()
        sdk.get_status(timeout_s=100)
    assert left[0] == pytest.approx(1000, abs=100)
    assert left[1] == pytest.approx(100, abs=50)


def test_a_server_that_never_answers_is_a_timeout(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on["GetStatus"] = lambda _request, context: _until_over(context)
    with pytest.raises(TimedOut, match="no answer in time"):
        sdk.get_status(timeout_s=0.05)


def test_a_supervisor_too_busy_to_greet_is_slow_and_not_away(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "busy.sock"))
        listening.listen()
        with MessageClient(f"unix:{tmp_path}/busy.sock") as sdk, pytest.raises(TimedOut):
            sdk.get_status(timeout_s=0.5)


def _until_over(context: grpc.ServicerContext) -> pb.GetStatusResponse:
    over = threading.Event()
    if context.add_callback(over.set):
        over.wait(10)
    return pb.GetStatusResponse()


def test_an_injected_channel_is_used_and_stays_open(endpoint: str) -> None:
    with grpc.insecure_channel(endpoint) as channel:
        for _ in range(2):
            with MessageClient(channel=channel) as sdk:
                sdk.get_status()


def test_a_client_that_is_closed_says_so(endpoint: str) -> None:
    sdk = MessageClient(endpoint)
    sdk.close()
    with pytest.raises(BadInput, match="closed"):
        sdk.get_status()
    sdk.close()
