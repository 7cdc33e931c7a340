"""What AccountService answers when a user is asked to copy one fill."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.service import asked_fill_calls as module
from krakencopy.account_proc.service.asked_fill_calls import AskedFillCalls, Process
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import run, until


class Account:
    """As much of a process as is asked."""

    def __init__(self, user: User) -> None:
        self.spec = SimpleNamespace(id="anna")
        self.ledger, self.change_signal, self.copier = user.ledger, user.change_signal, user.copier
        self.draining = False
        self.is_connected = True

    def readiness(self) -> tuple[str, str]:
        return "KEY_REFUSED", "correct the key"

    async def trading(self) -> None:
        if not self.is_connected:
            await asyncio.Event().wait()

    async def copy(self, fill: types_pb2.Fill, **more: Any) -> pb.CopyAskedFillResponse:
        request = pb.CopyAskedFillRequest(fill=fill, **{"journal_id": "a journal", "by": "ann"} | more)
        return await AskedFillCalls(cast("Process", self)).CopyAskedFill(request)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTED_WITHIN_S", 0.05)


async def refused(answer: Any) -> tuple[Status, str]:
    with pytest.raises(GRPCError) as raised:
        await answer
    assert raised.value.details is not None
    return raised.value.status, raised.value.details[0].reason


def test_the_answer_has_the_copy_as_it_ended_or_why_there_is_none(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            account, bought = Account(user), user.made(Side.BUY)
            would = await account.copy(bought, dry_run=True)
            assert would.outcome == types_pb2.COPY_FILL_OUTCOME_WOULD_COPY
            assert not would.HasField("copy")
            answer = await account.copy(bought)
            assert (answer.outcome, answer.copy.copy_id, answer.copy.state) == (
                types_pb2.COPY_FILL_OUTCOME_COPIED, "d1", types_pb2.COPY_STATE_FILLED,
            )  # fmt: skip
            again = await account.copy(bought)
            assert (again.outcome, again.copy) == (types_pb2.COPY_FILL_OUTCOME_ALREADY, answer.copy)
            no = await account.copy(user.made(Side.BUY, "NEW/USD"))
            assert (no.outcome, no.reason) == (types_pb2.COPY_FILL_OUTCOME_REFUSED, "UNKNOWN_PAIR")

    run(steps())


@pytest.mark.parametrize("is_freed", [False, True])
def test_a_wish_that_waits_is_seen_to_its_copy_for_a_moment(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, is_freed: bool
) -> None:
    monkeypatch.setattr(module, "END_WITHIN_S", 30.0 if is_freed else 0.05)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.held["AddOrder"] = held = asyncio.Event()
            user.fill()
            asking = asyncio.create_task(Account(user).copy(user.made(Side.BUY)))
            if is_freed:
                await until(lambda: bool(ledger.wishes()))
                held.set()
            answer = await asking
            expected = types_pb2.COPY_FILL_OUTCOME_COPIED if is_freed else None
            assert answer.outcome == (expected or types_pb2.COPY_FILL_OUTCOME_WAITING)
            assert answer.HasField("copy") == is_freed

    run(steps())


def test_who_cannot_copy_says_so_and_copies_nothing(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            account, fill = Account(user), user.made(Side.BUY)
            other = await refused(account.copy(fill, journal_id="another"))
            assert other == (Status.FAILED_PRECONDITION, "LEDGER_OF_OTHER_JOURNAL")
            broken = types_pb2.Fill(seq=1, side=types_pb2.SIDE_BUY, volume="many")
            assert await refused(account.copy(broken)) == (Status.DATA_LOSS, "FILL_INVALID")
            account.draining = True
            not_connected = (Status.FAILED_PRECONDITION, "NOT_CONNECTED")
            assert await refused(account.copy(fill)) == not_connected
            account.draining, account.is_connected = False, False
            assert await refused(account.copy(fill)) == not_connected
            account.is_connected, account.copier = True, None  # type: ignore[assignment]  # of a master
            assert await refused(account.copy(fill)) == (Status.FAILED_PRECONDITION, "NOT_USER")
            assert user.kraken.sent == []

    run(steps())
