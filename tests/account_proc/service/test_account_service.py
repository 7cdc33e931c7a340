"""AccountService answers for one account: who may call what, what a conversation begins with, what is refused
and why. The copier and the ledger are real, the process around them is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.contract.errors import (
    ExchangeRefused,
    LedgerFault,
    LockHeld,
    OutcomeUnknown,
)
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.service.account_service import AccountServicer
from krakencopy.account_proc.service.trading_status import trading_status
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.requested_orders import BadOrder, OrderAsked
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2
from tests.support.account_specs import guard_in, states_file_in
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import run
from tests.support.trading_states import say_state

EPOCH = 7
SEEN = pb.AccountSeen(identity="an account")


class Process:
    """What the servicer sees of a process."""

    def __init__(self, ledger: Ledger, user: User | None = None) -> None:
        self.spec = SimpleNamespace(id="anna", epoch=EPOCH, users=1, shadow=False)
        self.ledger = ledger
        self.guard = guard_in(ledger.path.parent, "anna")
        self.copier = None if user is None else user.copier
        self.change_signal = ChangeSignal() if user is None else user.change_signal
        self.master: Any = None
        self.draining = False
        self.requested_orders = SimpleNamespace(place=self._place)
        self.own_orders = SimpleNamespace(check_may_place=self._may_place)
        self.placed: list[OrderAsked] = []
        self.fault: Exception | None = None
        self.calls: list[str] = []
        self.modes: list[int] = []
        self.reason = ""

    async def _may_place(self, request_id: str) -> None:
        assert request_id

    async def _place(self, asked: OrderAsked) -> Any:
        self.placed.append(asked)
        if self.fault is not None:
            raise self.fault
        return SimpleNamespace(order_id="O1", cl_ord_id="c1", description="an order")

    async def trading(self) -> None:
        self.calls.append("trading")

    async def account_seen(self) -> pb.AccountSeen:
        return SEEN

    def admit(self) -> None:
        self.calls.append("admit")

    async def drain(self) -> int:
        return 3

    async def set_trading_mode(self, mode: types_pb2.TradingMode.ValueType) -> None:
        self.modes.append(mode)

    async def find_coins(self, names: Iterable[str]) -> list[pb.ListedCoin]:
        if self.fault is not None:
            raise self.fault
        return [pb.ListedCoin(name=name, traded=True) for name in names]

    async def nonce_report(self) -> types_pb2.NonceReport:
        return types_pb2.NonceReport(account_id="anna", last=5)

    def snapshot(self) -> pb.WatchSnapshotResponse:
        return pb.WatchSnapshotResponse(reason=self.reason, trading=trading_status(self.guard))


def servicer(process: Process) -> AccountServicer:
    return AccountServicer(process)  # type: ignore[arg-type]  # as much of a process as is needed here


async def sent(*requests: pb.CopyFillsRequest) -> AsyncIterator[pb.CopyFillsRequest]:
    for request in requests:
        yield request


def start(**more: Any) -> pb.CopyFillsRequest:
    fields = {"epoch": EPOCH, "journal_id": "a journal", **more}
    return pb.CopyFillsRequest(start=pb.CopyStart(**fields))


ADMITTED = pb.CopyFillsRequest(admitted=pb.Admission())


async def refusal_of(answers: AsyncIterator[Any]) -> tuple[Status, str, str]:
    with pytest.raises(GRPCError) as raised:
        async for _ in answers:
            pass
    assert raised.value.details is not None
    return raised.value.status, raised.value.details[0].reason, raised.value.message or ""


# -- a master's stream ---------------------------------------------------------------------------------------


def test_a_stream_of_fills_begins_with_the_account_and_passes_on_what_the_master_has(ledger: Ledger) -> None:
    fills, caught_up = [types_pb2.Fill(exec_id="T1")], pb.CaughtUp(from_history=1)
    rename = pb.AssetRename(old_name="MATIC", new_name="POL")

    async def stream(request: pb.StreamFillsRequest) -> AsyncIterator[Any]:
        assert request.epoch == EPOCH
        for item in (fills, caught_up, rename):
            yield item

    async def steps() -> None:
        process = Process(ledger)
        process.master = SimpleNamespace(stream=stream)
        answers = servicer(process).StreamFills(pb.StreamFillsRequest(epoch=EPOCH))
        assert [answer async for answer in answers] == [
            pb.StreamFillsResponse(seen=SEEN),
            pb.StreamFillsResponse(fills=fills),
            pb.StreamFillsResponse(caught_up=caught_up),
            pb.StreamFillsResponse(renamed=rename),
        ]
        assert process.calls == ["trading"]

    run(steps())


def test_a_user_streams_no_fills_and_another_runs_supervisor_is_refused(ledger: Ledger) -> None:
    async def steps() -> None:
        mine = servicer(Process(ledger))
        refused = await refusal_of(mine.StreamFills(pb.StreamFillsRequest(epoch=EPOCH)))
        assert refused[:2] == (Status.FAILED_PRECONDITION, "NOT_MASTER")
        refused = await refusal_of(mine.StreamFills(pb.StreamFillsRequest(epoch=6)))
        assert refused == (
            Status.FAILED_PRECONDITION,
            "EPOCH_MISMATCH",
            "this process belongs to run 7 of the supervisor, not 6",
        )

    run(steps())


# -- a user's conversation -----------------------------------------------------------------------------------


def test_a_conversation_begins_with_a_start_and_an_admission(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            process = Process(ledger, user)
            mine = servicer(process)
            for requests, reason in (
                ((), "NO_START"),
                ((ADMITTED,), "NO_START"),
                ((start(epoch=6),), "EPOCH_MISMATCH"),
                ((start(),), "NOT_ADMITTED"),
                ((start(), start()), "NOT_ADMITTED"),
            ):
                assert (await refusal_of(mine.CopyFills(sent(*requests))))[1] == reason
            assert process.calls == []  # nothing is traded before it is admitted

    run(steps())


def test_who_copies_nobody_says_so(ledger: Ledger) -> None:
    async def steps() -> None:
        refused = await refusal_of(servicer(Process(ledger)).CopyFills(sent(start(), ADMITTED)))
        assert refused[:2] == (Status.FAILED_PRECONDITION, "NOT_USER")

    run(steps())


def test_fills_are_taken_and_copies_reported_until_the_requests_end(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            process = Process(ledger, user)
            ended = asyncio.Event()

            async def requests() -> AsyncIterator[pb.CopyFillsRequest]:
                yield start(master_pairs=["BTC/USD"])
                yield ADMITTED
                yield pb.CopyFillsRequest(trading_mode=types_pb2.TRADING_MODE_OWN)
                yield pb.CopyFillsRequest(renamed=pb.AssetRename(number=1, old_name="OLD", new_name="NEW"))
                yield pb.CopyFillsRequest(fills=[user.made(Side.BUY)])
                await ended.wait()

            reports: list[pb.CopyReport] = []
            answers = servicer(process).CopyFills(requests())
            assert (await anext(answers)).seen == SEEN
            assert (await anext(answers)).ready == pb.CopyReady(cursor_seq=0)
            async for answer in answers:
                reports.append(answer.report)
                if reports[-1].copies and reports[-1].copies[-1].state == types_pb2.COPY_STATE_FILLED:
                    ended.set()
            assert reports[-1].cursor_seq == 1
            assert {copy.account_id for report in reports for copy in report.copies} == {"anna"}
            assert "BTC/USD" in user.copier.master_pairs
            assert ledger.renamed == 1
            copying_mode, own = types_pb2.TRADING_MODE_COPYING, types_pb2.TRADING_MODE_OWN
            assert process.modes == [copying_mode, own, copying_mode]
            assert process.calls == ["admit", "trading"]

    run(steps())


def test_while_draining_fills_are_left_to_the_journal(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            process = Process(ledger, user)
            process.draining = True
            answers = servicer(process).CopyFills(
                sent(start(), ADMITTED, pb.CopyFillsRequest(fills=[types_pb2.Fill(seq=1)]))
            )
            assert [answer.WhichOneof("item") async for answer in answers] == ["seen", "ready", "report"]
            assert ledger.cursor == 0

    run(steps())


@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        ({"journal_id": "another"}, "LEDGER_OF_OTHER_JOURNAL", "bring back the journal.db it belongs to"),
        ({"acked_seq": 1, "head_seq": 9}, "LEDGER_BEHIND_JOURNAL", "restore the newest ledger"),
        ({"acked_revision": 1, "head_seq": 9}, "LEDGER_BEHIND_JOURNAL", "restore the newest ledger"),
    ],
)
def test_a_ledger_that_lost_something_is_refused(
    ledger: Ledger, fields: dict[str, Any], reason: str, words: str
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            requests = sent(start(**fields), ADMITTED)
            refused = await refusal_of(servicer(Process(ledger, user)).CopyFills(requests))
            assert refused[1] == reason
            assert words in refused[2]

    run(steps())


def test_a_ledger_that_knows_more_than_the_journal_is_refused(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            refused = await refusal_of(servicer(Process(ledger, user)).CopyFills(sent(start(), ADMITTED)))
            assert refused[:2] == (Status.DATA_LOSS, "JOURNAL_BEHIND_LEDGER")

    run(steps())


def test_a_new_ledger_joins_the_journal_unless_its_user_is_known_there(tmp_path: Path) -> None:
    async def steps() -> None:
        with (
            closing(Ledger(tmp_path / "known.db", "anna")) as known,
            pytest.raises(GRPCError, match="was deleted"),
        ):
            servicer(Process(known))._join(start(acked_seq=5, joined_seq=2).start)
        with closing(Ledger(tmp_path / "new.db", "anna")) as new:
            servicer(Process(new))._join(start(acked_seq=5, joined_seq=5, head_seq=5).start)
            assert (new.journal_id, new.cursor) == ("a journal", 5)

    run(steps())


# -- what is asked once --------------------------------------------------------------------------------------


def test_a_snapshot_comes_at_once_and_after_each_change_that_shows(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> None:
        process = Process(ledger)
        mine = servicer(process)
        monkeypatch.setattr(mine, "_snapshot_pause_s", 0.0)
        answers = mine.WatchSnapshot(pb.WatchSnapshotRequest())
        found = [(await anext(answers)).reason]
        following = asyncio.ensure_future(anext(answers))
        process.change_signal.notify()  # and nothing to show
        for _ in range(5):
            await asyncio.sleep(0)
        assert not following.done()
        process.reason = "FEED_DOWN"
        process.change_signal.notify()
        found.append((await following).reason)
        assert found == ["", "FEED_DOWN"]

    run(steps())


ORDER: dict[str, Any] = {
    "request_id": "r1",
    "pair": "BTC/USD",
    "side": types_pb2.SIDE_BUY,
    "volume": "0.01",
    "limit_price": "5",
}


def test_an_order_is_placed_as_it_was_asked_for(ledger: Ledger) -> None:
    async def steps() -> None:
        process = Process(ledger)
        answer = await servicer(process).PlaceOrder(pb.AccountServicePlaceOrderRequest(**ORDER))
        assert (answer.order_id, answer.cl_ord_id, answer.description) == ("O1", "c1", "an order")
        (asked,) = process.placed
        assert (asked.request_id, asked.pair, str(asked.volume), str(asked.limit_price)) == (
            "r1", "BTC/USD", "0.01", "5",
        )  # fmt: skip
        market = {name: value for name, value in ORDER.items() if name != "limit_price"}
        await servicer(process).PlaceOrder(pb.AccountServicePlaceOrderRequest(**market))
        assert process.placed[-1].limit_price is None

    run(steps())


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (BadOrder("volume", "is none"), Status.INVALID_ARGUMENT, "BAD_ORDER"),
        (OutcomeUnknown("AddOrder", "lost"), Status.UNKNOWN, "ORDER_OUTCOME_UNKNOWN"),
        (LedgerFault("full"), Status.INTERNAL, "LEDGER_FAULT"),
        (LockHeld("a", "b", None), Status.FAILED_PRECONDITION, "LOCK_HELD"),
    ],
)
def test_an_order_that_fails_says_how(ledger: Ledger, fault: Exception, status: Status, reason: str) -> None:
    async def steps() -> None:
        process = Process(ledger)
        process.fault = fault
        with pytest.raises(GRPCError) as raised:
            await servicer(process).PlaceOrder(pb.AccountServicePlaceOrderRequest(**ORDER))
        assert raised.value.details is not None
        assert (raised.value.status, raised.value.details[0].reason) == (status, reason)

    run(steps())


def test_an_order_without_a_side_is_none(ledger: Ledger) -> None:
    async def steps() -> None:
        process = Process(ledger)
        asked = ORDER | {"side": types_pb2.SIDE_UNSPECIFIED}
        with pytest.raises(GRPCError, match="side is missing") as raised:
            await servicer(process).PlaceOrder(pb.AccountServicePlaceOrderRequest(**asked))
        assert raised.value.status is Status.INVALID_ARGUMENT
        assert raised.value.details is not None
        (wrong,) = raised.value.details[1].field_violations
        assert (wrong.field, wrong.description) == ("side", "is missing; say buy or sell")
        assert process.placed == []

    run(steps())


def test_drain_nonce_and_coins_are_the_process_answers(ledger: Ledger) -> None:
    async def steps() -> None:
        process = Process(ledger)
        mine = servicer(process)
        assert (await mine.Drain(pb.DrainRequest())).copies_open == 3
        assert (await mine.InspectNonce(pb.InspectNonceRequest())).report.last == 5
        coins = (await mine.FindCoins(pb.FindCoinsRequest(names=["BTC"]))).coins
        assert list(coins) == [pb.ListedCoin(name="BTC", traded=True)]
        process.fault = ExchangeRefused("AssetPairs", ("EGeneral:Too many requests",))
        with pytest.raises(GRPCError, match="tables could not be read") as raised:
            await mine.FindCoins(pb.FindCoinsRequest(names=["BTC"]))
        assert raised.value.status is Status.UNAVAILABLE

    run(steps())


def test_trading_states_are_read_again_and_answered_once_they_are_kept_to(ledger: Ledger) -> None:
    async def steps() -> None:
        process = Process(ledger)
        say_state(states_file_in(ledger.path.parent), TradingState.REDUCING)
        answer = await servicer(process).ReadTradingStates(pb.ReadTradingStatesRequest())
        assert (answer.trading.state, answer.trading.version) == (types_pb2.TRADING_STATE_REDUCING, 1)
        # An order that left before, and is not answered: it is not kept to, which the supervisor says.
        with process.guard.gate.order_out(Side.SELL, 1000.0):
            say_state(states_file_in(ledger.path.parent), TradingState.HALTED)
            answer = await servicer(process).ReadTradingStates(pb.ReadTradingStatesRequest())
            assert (answer.trading.state, answer.trading.version) == (types_pb2.TRADING_STATE_HALTED, 1)

    run(steps())
