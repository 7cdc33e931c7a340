"""A master's and a user's process in this one, at a real exchange: what they wait for, what they report, and
that they give everything back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.service import kraken_process
from krakencopy.account_proc.service.kraken_process import KrakenProcess
from krakencopy.account_proc.trading.requested_orders import OrderAsked
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb
from tests.support.account_specs import add_account, credentials_of, spec_at
from tests.support.odd_exchange import Paper, paper_exchange
from tests.support.scripted_kraken import run, until


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with paper_exchange("--seed", "1") as running:
        add_account(running, "master", {"USD": "100000"})
        add_account(running, "tania", {"USD": "1000", "BTC": "1"})
        yield running


@asynccontextmanager
async def working(
    paper: Paper, folder: Path, account_id: str, role: Role, **more: Any
) -> AsyncIterator[KrakenProcess]:
    """A process at work, without its gRPC server."""
    spec = spec_at(paper, folder, account_id, role, **more)
    process = KrakenProcess(spec, credentials_of(spec))
    process._spawn(process.work())
    try:
        yield process
    finally:
        for task in process._tasks:
            task.cancel()
        await process.close()


async def ready(process: KrakenProcess) -> None:
    while process.readiness()[0]:
        seen = process.change_signal.version
        await process.change_signal.wait(seen)


def test_a_master_is_ready_once_its_past_is_complete_and_streams_what_it_trades(
    paper: Paper, tmp_path: Path
) -> None:
    async def steps() -> None:
        async with working(paper, tmp_path, "master", Role.MASTER) as process:
            assert process.readiness()[0] == "CONNECTING"
            await process.trading()
            assert process.copier is None
            assert process.master is not None
            await until(lambda: process._account.is_feed_fresh)
            assert process.readiness()[0] == "CATCHING_UP"
            stream = process.master.stream(account_pb.StreamFillsRequest())
            assert await anext(stream) == account_pb.CaughtUp()
            await ready(process)
            asked = OrderAsked(request_id="R1", pair="BTC/USD", side=Side.BUY, volume=Decimal("0.1"))
            await process.requested_orders.place(asked)
            fills = await anext(stream)
            assert isinstance(fills, list)
            fill = fills[0]
            assert (fill.pair, fill.source) == ("BTC/USD", pb.FILL_SOURCE_FEED)
            snapshot = process.snapshot()
            assert (snapshot.reason, snapshot.feed_connected) == ("", True)
            assert snapshot.trading_mode == pb.TRADING_MODE_OWN
            assert Decimal(snapshot.equity.amount) > 99_000

    run(steps())


def test_a_user_trades_once_it_was_admitted(paper: Paper, tmp_path: Path) -> None:
    async def steps() -> None:
        async with working(paper, tmp_path, "tania", Role.USER) as process:
            seen = await process.account_seen()
            assert seen.identity
            assert not process._trading.is_set()
            process.admit()
            await process.trading()
            assert (process.readiness(), process.master) == (("", ""), None)
            assert process.copier is not None
            snapshot = process.snapshot()
            assert (snapshot.cursor_seq, snapshot.copies_open, list(snapshot.positions)) == (0, 0, [])
            assert snapshot.trading_mode == pb.TRADING_MODE_COPYING
            assert not process.in_flight()
            assert await process.drain() == 0
            assert process.draining

    run(steps())


def test_an_exchange_that_is_not_there_is_waited_for(
    paper: Paper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kraken_process, "REACH_RETRY_S", 0.01)

    async def steps() -> None:
        async with working(paper, tmp_path, "tania", Role.USER) as process:
            load = process._account.portfolio.load
            failures = iter([1, 2])

            async def fails_first() -> None:
                if next(failures, None) is not None:
                    raise OutcomeUnknown("Balance", "no answer")
                await load()

            monkeypatch.setattr(process._account.portfolio, "load", fails_first)
            await until(lambda: process.readiness()[0] == "EXCHANGE_UNREACHABLE")
            await process.account_seen()

    run(steps())
