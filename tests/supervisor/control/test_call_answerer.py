"""The supervisor's end of the channel: each call gets its answers and its end, as far as they are taken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from krakencopy.supervisor.control.call_answerer import CallAnswerer
from krakencopy.supervisor.control.call_frames import (
    METHODS,
    UNTAKEN_BYTES_MAX,
    Frame,
    Kind,
    call_body,
    taken_body,
)
from krakencopy.supervisor.control.loop_share import SLICE_S, LoopShare
from krakencopy.supervisor.control.principals import Principal, Role
from krakencopy.supervisor.control.refusals import refuse
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc, types_pb2
from tests.support.front import SOMEBODY, HandEnd, run, streams_of, until, use_loop

#: What is generated answers UNIMPLEMENTED, and its type stub says that all of it must be written.
_Servicer: Any = control_pb2_grpc.ControlServiceServicer
NUMBER = {method.name: number for number, method in enumerate(METHODS)}


class Servicer(_Servicer):  # type: ignore[misc]  # as said above
    """Answers three methods; counts what it made."""

    def __init__(self) -> None:
        self.made = 0
        #: What each answer of a watch takes of the loop, in seconds.
        self.cost_s = 0.0
        self.cancelled = False

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        return pb.GetStatusResponse(pid=7)

    async def GetAccount(self, request: pb.GetAccountRequest, context: Any) -> pb.GetAccountResponse:
        if request.account_id == "defect":
            raise ValueError("a defect")
        if request.account_id == "slow":
            try:
                await asyncio.sleep(60)
            finally:
                self.cancelled = True
        await refuse(context, grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "there is none")

    async def SetTradingState(
        self, request: pb.SetTradingStateRequest, context: Any
    ) -> pb.SetTradingStateResponse:
        return pb.SetTradingStateResponse(version=8)

    async def WatchFills(
        self, request: pb.WatchFillsRequest, context: Any
    ) -> AsyncIterator[pb.WatchFillsResponse]:
        while self.made < 1_000:
            self.made += 1
            use_loop(self.cost_s)
            yield pb.WatchFillsResponse(fill=types_pb2.Fill(seq=self.made, pair="x" * 990))


class Front(HandEnd):
    """The other end."""

    def call(self, number: int, method: str, request: Any, caller: Principal = SOMEBODY) -> None:
        self.send(Frame(Kind.CALL, number, call_body(NUMBER[method], caller, request.SerializeToString())))


@asynccontextmanager
async def answered(
    share: LoopShare | None = None,
) -> AsyncIterator[tuple[Front, Servicer, CallAnswerer]]:
    here, there = socket.socketpair()
    servicer = Servicer()
    answerer = CallAnswerer(servicer, share or LoopShare())
    answering = asyncio.create_task(answerer.run(*await streams_of(there)))
    front = Front(*await streams_of(here))
    yield front, servicer, answerer
    front.writer.close()
    await answering


def test_a_single_answer_and_its_end() -> None:
    async def play() -> None:
        async with answered() as (front, _, _):
            front.call(1, "GetStatus", pb.GetStatusRequest())
            answer = await front.frame()
            assert (answer.kind, answer.call) == (Kind.ANSWER, 1)
            assert pb.GetStatusResponse.FromString(answer.body).pid == 7
            assert await front.frame() == Frame(Kind.END, 1)

    run(play())


def test_what_stops_trading_is_answered_though_others_have_used_up_the_share_of_the_loop() -> None:
    async def play() -> None:
        share = LoopShare()
        share.spend(3_600.0)
        async with answered(share) as (front, _, _):
            front.call(1, "GetStatus", pb.GetStatusRequest())
            front.call(2, "SetTradingState", pb.SetTradingStateRequest())
            answer = await front.frame()
            assert (answer.kind, answer.call) == (Kind.ANSWER, 2)
            assert pb.SetTradingStateResponse.FromString(answer.body).version == 8

    run(play())


def test_who_may_not_stop_trading_is_refused_and_takes_no_turn_of_those_who_may() -> None:
    viewer = Principal("vera", Role.VIEWER, origin="tls 10.0.0.2:4711")

    async def play() -> None:
        share = LoopShare(share=1.0)
        share.spend(0.5)
        async with answered(share) as (front, _, _):
            front.call(1, "SetTradingState", pb.SetTradingStateRequest(), viewer)
            front.call(2, "SetTradingState", pb.SetTradingStateRequest())
            frames = [await front.frame() for _ in range(3)]
            assert [(each.kind, each.call) for each in frames] == [
                (Kind.ANSWER, 2), (Kind.END, 2), (Kind.END, 1),
            ]  # fmt: skip
            status, info = status_pb2.Status.FromString(frames[2].body), error_details_pb2.ErrorInfo()
            assert (status.code, status.details[0].Unpack(info)) == (7, True)
            assert (info.reason, info.metadata["role"]) == ("PERMISSION_MISSING", "viewer")

    run(play())


def test_a_refusal_keeps_its_details() -> None:
    async def play() -> None:
        async with answered() as (front, _, _):
            front.call(1, "GetAccount", pb.GetAccountRequest())
            end = await front.frame()
            status, info = status_pb2.Status.FromString(end.body), error_details_pb2.ErrorInfo()
            assert (end.kind, status.code, status.message) == (Kind.END, 5, "there is none")
            assert status.details[0].Unpack(info)
            assert info.reason == "ACCOUNT_NOT_FOUND"

    run(play())


def test_a_defect_ends_its_call_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with answered() as (front, _, _):
            front.call(1, "GetAccount", pb.GetAccountRequest(account_id="defect"))
            status = status_pb2.Status.FromString((await front.frame()).body)
            assert (status.code, status.message) == (
                13,
                "the supervisor failed at GetAccount; its log says where. What became of it is not known",
            )
            info = error_details_pb2.ErrorInfo()
            assert status.details[0].Unpack(info)
            assert info.reason == "INTERNAL_FAULT"
            front.call(2, "GetStatus", pb.GetStatusRequest())
            assert (await front.frame()).kind is Kind.ANSWER

    run(play())
    assert "GetAccount was not answered" in caplog.text


def test_answers_are_made_as_far_as_they_are_taken() -> None:
    async def play() -> None:
        async with answered() as (front, servicer, _):
            front.call(1, "WatchFills", pb.WatchFillsRequest())
            first = await front.frame()
            most = UNTAKEN_BYTES_MAX // len(first.body) + 1
            await until("as much as may lie", lambda: servicer.made == most)
            # Others are answered meanwhile.
            front.call(2, "GetStatus", pb.GetStatusRequest())
            while (await front.frame()).call != 2:
                pass
            assert servicer.made == most
            front.send(Frame(Kind.TAKEN, 1, taken_body(3 * len(first.body))))
            await until("as much as was taken", lambda: servicer.made == most + 3)

    run(play())


@asynccontextmanager
async def every_turn(value: Callable[[], int]) -> AsyncIterator[set[int]]:
    """What it is in each turn of the loop."""
    seen = set[int]()

    async def look() -> None:
        while True:
            seen.add(value())
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    yield seen
    looking.cancel()


def test_others_have_their_turn_between_the_answers_of_a_watch() -> None:
    async def play() -> None:
        async with answered() as (front, servicer, _), every_turn(lambda: servicer.made) as seen:
            servicer.cost_s = SLICE_S
            front.call(1, "WatchFills", pb.WatchFillsRequest())
            most = UNTAKEN_BYTES_MAX // len((await front.frame()).body) + 1
            await until("as much as may lie", lambda: most in seen)
            assert servicer.made == most
            assert set(range(1, most + 1)) <= seen

    run(play())


def test_others_have_their_turn_between_frames_that_come_together() -> None:
    async def play() -> None:
        async with answered() as (front, _, answerer), every_turn(lambda: len(answerer._calls)) as seen:
            for number in range(20):
                front.call(number, "GetAccount", pb.GetAccountRequest(account_id="slow"))
            await until("all calls", lambda: 20 in seen)
            assert set(range(1, 21)) <= seen

    run(play())


def test_a_call_that_nobody_waits_for_is_cancelled_and_so_are_all_when_the_front_is_gone() -> None:
    async def play() -> None:
        async with answered() as (front, servicer, _):
            front.call(1, "GetAccount", pb.GetAccountRequest(account_id="slow"))
            front.call(2, "GetStatus", pb.GetStatusRequest())
            assert (await front.frame()).call == 2
            front.send(Frame(Kind.CANCEL, 1))
            await until("the call to be cancelled", lambda: servicer.cancelled)
            servicer.cancelled = False
            front.call(3, "GetAccount", pb.GetAccountRequest(account_id="slow"))
            front.call(4, "GetStatus", pb.GetStatusRequest())
            while (await front.frame()).call != 4:
                pass
        await until("the other call to be cancelled", lambda: servicer.cancelled)

    run(play())


def test_a_ping_is_answered_by_anything() -> None:
    async def play() -> None:
        async with answered() as (front, _, answerer):
            answerer.ping()
            assert not answerer.has_answered()
            assert (await front.frame()).kind is Kind.PING
            front.send(Frame(Kind.PONG, 0))
            await until("an answer", answerer.has_answered)
            await answerer.finish(0.1)

    run(play())


def test_what_is_no_frame_ends_the_channel(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        here, there = socket.socketpair()
        answering = CallAnswerer(cast("Any", None), LoopShare()).run(*await streams_of(there))
        here.send(b"x" * 9)
        await answering
        here.close()

    run(play())
    assert "the channel to the control API's process broke" in caplog.text
