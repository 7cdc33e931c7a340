"""What is asked again after a real connection was lost, and what is not: of threads and of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.client import (
    AsyncKrakenCopy,
    KrakenCopy,
    NotAllowed,
    NotConnected,
    Refused,
    TimedOut,
    Unavailable,
)
from krakencopy.client.sdk import retries
from krakencopy.client.sdk.calling import at_once
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.cut_line import Line, line
from tests.support.scripted_supervisor import Answer, Scripted, refuse, serve

Step = tuple[str, dict[str, Any]]
Session = Callable[..., Any]

STATUS: Step = ("get_status", {})
ORDER: Step = ("place_order", {"side": "buy", "pair": "BTC/USD", "volume": Decimal(1), "request_id": "r1"})
STOP: Step = ("stop_account", {"account_id": "bob", "request_id": "r1"})
HALT: Step = ("set_trading_state", {"state": "HALTED", "everyone": True, "request_id": "r1"})
RESUME: Step = ("set_trading_state", {"state": "ACTIVE", "everyone": True, "request_id": "r1"})
SHUTDOWN: Step = ("shutdown", {"request_id": "r1"})


def of_threads(endpoint: str, *steps: Step, **options: Any) -> Any:
    """The steps by one client; what the last one gives."""
    found = None
    with KrakenCopy(endpoint, **options) as sdk:
        for name, arguments in steps:
            found = getattr(sdk, name)(**arguments)
    return found


def of_asyncio(endpoint: str, *steps: Step, **options: Any) -> Any:
    """The same, awaited."""

    async def play() -> Any:
        found = None
        async with AsyncKrakenCopy(endpoint, **options) as sdk:
            for name, arguments in steps:
                found = await getattr(sdk, name)(**arguments)
        return found

    return asyncio.run(play())


@pytest.fixture(params=[of_threads, of_asyncio])
def session(request: pytest.FixtureRequest) -> Session:
    found: Session = request.param
    return found


@pytest.fixture
def wire(endpoint: str, tmp_path: Path) -> Iterator[Line]:
    """A line to the supervisor."""
    with line(tmp_path / "line.sock", Path(endpoint.removeprefix("unix:"))) as found:
        yield found


@pytest.fixture
def cut_endpoint(wire: Line, tmp_path: Path) -> str:  # noqa: ARG001 - it carries what is sent there
    return f"unix:{tmp_path}/line.sock"


def lost_once(supervisor: Scripted, wire: Line, rpc: str, answer: Any, restarts: bool = False) -> list[Any]:
    """The first request of an RPC is done, and its answer lost with the connection; ``restarts``: with the
    supervisor, whose next run answers. Gives the requests that were done.
    """
    done: list[Any] = []

    def act(request: Any, _context: grpc.ServicerContext) -> Any:
        done.append(request)
        if len(done) == 1:
            if restarts:
                supervisor.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse(epoch=2)
            wire.cut()
        return answer

    supervisor.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse(epoch=1)
    supervisor.on[rpc] = act
    return done


def in_turn(supervisor: Scripted, rpc: str, *answers: Answer) -> None:
    """Answers the first request of an RPC by the first answer, and so on."""
    left = list(answers)

    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        return left.pop(0)(request, context)

    supervisor.on[rpc] = answer


def test_a_read_is_asked_again(session: Session, supervisor: Scripted, wire: Line, cut_endpoint: str) -> None:
    done = lost_once(supervisor, wire, "GetAccount", pb.GetAccountResponse(account=nouns.Account(id="bob")))
    assert session(cut_endpoint, ("get_account", {"account_id": "bob"})).id == "bob"
    assert len(done) == 2


@pytest.mark.parametrize("restarts", [False, True])
def test_an_order_is_asked_for_again_with_its_own_request_id(
    session: Session, supervisor: Scripted, wire: Line, cut_endpoint: str, restarts: bool
) -> None:
    done = lost_once(supervisor, wire, "PlaceOrder", pb.PlaceOrderResponse(order_id="O1"), restarts)
    assert session(cut_endpoint, ORDER).order_id == "O1"
    assert [request.request_id for request in done] == ["r1", "r1"]
    assert done[0] == done[1]


def test_a_change_is_asked_for_again_of_the_run_that_remembers_it(
    session: Session, supervisor: Scripted, wire: Line, cut_endpoint: str
) -> None:
    done = lost_once(supervisor, wire, "StopAccount", pb.StopAccountResponse(account=nouns.Account(id="bob")))
    assert session(cut_endpoint, STOP).id == "bob"
    assert [request.request_id for request in done] == ["r1", "r1"]


@pytest.mark.parametrize("step", [STOP, RESUME, SHUTDOWN], ids=lambda step: str(step[0]))
def test_a_change_is_not_asked_for_again_of_another_run(
    session: Session, supervisor: Scripted, wire: Line, cut_endpoint: str, step: Step
) -> None:
    rpc = "".join(word.capitalize() for word in step[0].split("_"))
    done = lost_once(supervisor, wire, rpc, getattr(pb, f"{rpc}Response")(), restarts=True)
    with pytest.raises(Unavailable) as raised:
        session(cut_endpoint, step)
    assert (len(done), raised.value.request_id) == (1, "r1")
    assert not isinstance(raised.value, NotConnected)


def test_a_halt_is_said_again_to_whoever_answers(
    session: Session, supervisor: Scripted, wire: Line, cut_endpoint: str
) -> None:
    done = lost_once(supervisor, wire, "SetTradingState", pb.SetTradingStateResponse(version=3), True)
    assert session(cut_endpoint, HALT).version == 3
    assert len(done) == 2


def test_without_retries_nothing_is_asked_again(
    session: Session, supervisor: Scripted, wire: Line, cut_endpoint: str
) -> None:
    done = lost_once(supervisor, wire, "PlaceOrder", pb.PlaceOrderResponse())
    with pytest.raises(Unavailable) as raised:
        session(cut_endpoint, ORDER, retries=False)
    assert (len(done), raised.value.request_id) == (1, "r1")


def test_who_may_not_see_the_run_gets_the_error_instead_of_a_second_attempt(
    session: Session, supervisor: Scripted, wire: Line, cut_endpoint: str
) -> None:
    done = lost_once(supervisor, wire, "StopAccount", pb.StopAccountResponse())
    supervisor.on["GetStatus"] = refuse(grpc.StatusCode.PERMISSION_DENIED, "NOT_PERMITTED", "no")
    with pytest.raises(NotAllowed):
        session(cut_endpoint, STATUS)
    with pytest.raises(Unavailable):
        session(cut_endpoint, STOP)
    assert len(done) == 1


def test_an_order_that_may_have_been_done_does_not_end_as_one_that_was_not_sent(
    session: Session, tmp_path: Path
) -> None:
    """The supervisor takes it, dies, and stays away."""
    supervisor, socket = Scripted(), tmp_path / "control.sock"
    with serve(supervisor, socket) as endpoint, line(tmp_path / "line.sock", socket) as wire:
        asked = []

        def die(request: Any, _context: grpc.ServicerContext) -> pb.PlaceOrderResponse:
            asked.append(request)
            socket.unlink()
            wire.cut()
            return pb.PlaceOrderResponse()

        supervisor.on["PlaceOrder"] = die
        with pytest.raises(Unavailable) as raised:
            session(f"unix:{tmp_path}/line.sock", ORDER, timeout_s=0.5)
    assert not isinstance(raised.value, NotConnected), endpoint
    assert (len(asked), raised.value.request_id) == (1, "r1")


def test_nobody_there_at_the_very_start_is_said_at_once(session: Session, tmp_path: Path) -> None:
    with pytest.raises(NotConnected):
        session(f"unix:{tmp_path}/none.sock", ORDER, timeout_s=600)


def test_what_was_not_done_for_too_many_calls_is_asked_again(
    session: Session, endpoint: str, supervisor: Scripted
) -> None:
    busy = refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", "wait")
    in_turn(supervisor, "Shutdown", busy, busy, lambda _request, _context: pb.ShutdownResponse())
    session(endpoint, SHUTDOWN)
    assert len(supervisor.requests(pb.ShutdownRequest)) == 3


def test_an_order_whose_outcome_nobody_knows_is_asked_for_again(
    session: Session, endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "LOOK_DELAY_S", 0.01)
    unknown = refuse(grpc.StatusCode.UNKNOWN, "ORDER_OUTCOME_UNKNOWN", "the answer was lost")
    placed = pb.PlaceOrderResponse(order_id="O1")
    in_turn(supervisor, "PlaceOrder", unknown, lambda _request, _context: placed)
    assert session(endpoint, ORDER).order_id == "O1"
    assert {request.request_id for request in supervisor.requests(pb.PlaceOrderRequest)} == {"r1"}


def test_a_refusal_is_final(session: Session, endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["StopAccount"] = refuse(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "no 'bob'")
    with pytest.raises(Refused):
        session(endpoint, STOP)
    assert len(supervisor.requests(pb.StopAccountRequest)) == 1


def test_all_attempts_of_a_call_have_one_deadline(
    session: Session, endpoint: str, supervisor: Scripted
) -> None:
    left: list[float] = []

    def lost(_request: Any, context: grpc.ServicerContext) -> None:
        left.append(context.time_remaining())
        context.abort(grpc.StatusCode.UNAVAILABLE, "going down")

    supervisor.on["GetStatus"] = lost
    with pytest.raises((Unavailable, TimedOut)):
        session(endpoint, ("get_status", {"timeout_s": 0.4}))
    assert len(left) > 2
    assert sorted(left, reverse=True) == left
    assert left[0] < 0.5


def test_what_would_have_to_wait_is_a_fault_of_ours_and_not_a_call_that_hangs() -> None:
    with pytest.raises(AssertionError, match="it waits for something"):
        at_once(asyncio.sleep(0))
