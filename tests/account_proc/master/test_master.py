"""The master's parts together: fills come once, in order, and at once where nothing stands against it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.domain.counted_trades import WALLET
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.feed.executions import Execution, Incomplete
from krakencopy.account_proc.kraken.feed.session import BalanceChanged
from krakencopy.account_proc.master import audit, catch_up, master_wallet
from krakencopy.account_proc.master.master import Master
from krakencopy.account_proc.master.past import Past
from krakencopy.account_proc.notices.announcements import Announcements
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import NOW
from tests.support.master_parts import history, scripted, trade
from tests.support.scripted_kraken import execution, run, until


class Streamed:
    """A master, and what was taken from its stream."""

    def __init__(self, ledger: Ledger, usd: str = "1000") -> None:
        self.kraken = scripted(usd)
        self.now = NOW + 100
        self.errors: list[BaseException] = []
        self.orders: list[str] = []
        self.changes = 0
        self.announcements = Announcements(lambda: None)
        self.portfolio = Portfolio(self.kraken.exchange, self._changed, lambda: self.now, 60.0)
        self.ledger = ledger
        self.taken: list[str] = []
        self.taking: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await self.portfolio.load()
        self.master = Master(
            account_id="master", exchange=self.kraken.exchange, portfolio=self.portfolio, ledger=self.ledger,
            now=lambda: self.now, changed=self._changed, failed=self.errors.append,
            orders_executed=self._orders_executed, announcements=self.announcements, audit_s=0.01,
        )  # fmt: skip

    def _changed(self) -> None:
        self.changes += 1

    def _orders_executed(self, rows: object) -> None:
        assert isinstance(rows, list)
        self.orders += [row.order_id for row in rows]

    def stream(self, *, known_exec_ids: Sequence[str] = (), held_coins: Sequence[str] = ()) -> None:
        request = account_pb.StreamFillsRequest(known_exec_ids=known_exec_ids, held_coins=held_coins)
        self.taking = asyncio.ensure_future(self._take(request))

    async def _take(self, request: account_pb.StreamFillsRequest) -> None:
        async for part in self.master.stream(request):
            match part:
                case list():
                    self.taken += [fill.exec_id for fill in part]
                case account_pb.CaughtUp():
                    self.taken.append(f"caught up {part.from_history}")
                case account_pb.AssetRename():
                    self.taken.append(f"{part.old_name} is {part.new_name}")

    def is_past(self, past: Past, *, complete: bool) -> bool:
        return self.master._past is past and self.master.complete is complete

    async def has_taken(self, *items: str) -> None:
        await until(lambda: len(self.taken) >= len(items))
        assert self.taken == list(items)


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Streamed]:
    with closing(Ledger(tmp_path / "master.db", "master")) as ledger:
        yield Streamed(ledger)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_wallet, "CONFIRM_S", 0.0)
    monkeypatch.setattr(catch_up, "HISTORY_RETRY_S", 0.0)
    monkeypatch.setattr(audit, "CONFIRM_S", 0.0)


def playing(steps: Callable[[Streamed], Coroutine[Any, Any, None]]) -> Callable[[Streamed], None]:
    """A test whose steps need a master that has begun."""

    def test(master: Streamed) -> None:
        async def played() -> None:
            await master.begin()
            await steps(master)
            assert master.errors == []

        run(played())

    test.__name__, test.__doc__ = steps.__name__, steps.__doc__
    return test


def bought(exec_id: str, qty: str = "0.001", **more: object) -> Execution:
    return execution(exec_id=exec_id, qty=qty, **more)  # type: ignore[arg-type]  # as execution has it


@playing
async def test_the_history_comes_first_and_live_trades_at_once_after_it(master: Streamed) -> None:
    master.kraken.always["TradesHistory"] = history(trade("T1"))
    master.master.executed([bought("T2")])
    assert master.is_past(Past.OFF, complete=False)
    master.master.connected([])
    assert master.is_past(Past.NOT_STREAMED, complete=False)
    master.stream()
    await master.has_taken("T1", "T2", "caught up 1")
    assert master.is_past(Past.COMPLETE, complete=True)
    master.master.executed([bought("T3"), bought("T1"), bought("T3")])
    assert master.is_past(Past.COMPLETE, complete=True)
    await master.has_taken("T1", "T2", "caught up 1", "T3")
    assert master.orders == ["O1"] * 4


@playing
async def test_what_the_journal_has_is_not_streamed_again(master: Streamed) -> None:
    master.kraken.always["TradesHistory"] = history(trade("T1"), trade("T2"))
    master.master.connected([])
    master.stream(known_exec_ids=["T1"])
    await master.has_taken("T2", "caught up 1")


@playing
async def test_a_feed_that_was_lost_leaves_a_hole_that_the_history_fills(master: Streamed) -> None:
    master.stream()
    await until(lambda: master.is_past(Past.NO_FEED, complete=False))
    master.master.connected([])
    await master.has_taken("caught up 0")
    master.master.disconnected("test")
    assert master.is_past(Past.NO_FEED, complete=False)
    master.kraken.always["TradesHistory"] = history(trade("T1"))
    # The snapshot tells a trade that the history does not show yet.
    master.master.connected([bought("T2")])
    await master.has_taken("caught up 0", "T1", "T2", "caught up 2")


@playing
async def test_a_later_stream_takes_over_and_the_last_one_to_end_ends_it(master: Streamed) -> None:
    master.master.connected([])
    master.stream()
    await master.has_taken("caught up 0")
    first = master.taking
    master.stream()
    await master.has_taken("caught up 0", "caught up 0")
    assert first is not None
    await first
    assert master.is_past(Past.COMPLETE, complete=True)
    assert master.taking is not None
    master.taking.cancel()
    await until(lambda: master.is_past(Past.NOT_STREAMED, complete=False))
    master.master.executed([bought("T1")])
    master.stream()
    await master.has_taken("caught up 0", "caught up 0", "T1", "caught up 0")


@playing
async def test_an_execution_without_its_order_is_completed_by_the_history(master: Streamed) -> None:
    master.master.connected([])
    master.stream()
    await master.has_taken("caught up 0")
    master.kraken.always["TradesHistory"] = history(trade("T1"))
    master.master.executed([Incomplete(exec_type="trade", order_id="O1", exec_id="T1", missing=("side",))])
    assert master.is_past(Past.READING, complete=False)
    await master.has_taken("caught up 0", "T1", "caught up 1")


@playing
async def test_a_trade_in_a_pair_that_is_not_known_waits_for_the_pairs(master: Streamed) -> None:
    master.master.connected([])
    master.stream()
    await master.has_taken("caught up 0")
    master.master.executed([bought("T1", symbol="NEW/USD"), bought("T2")])
    assert master.is_past(Past.READING, complete=False)
    await master.has_taken("caught up 0", "T1", "T2", "caught up 0")
    assert master.portfolio.doubted.is_set()


@playing
async def test_a_trade_that_costs_more_than_there_is_waits_for_balances(master: Streamed) -> None:
    master.master.connected([])
    master.stream()
    await master.has_taken("caught up 0")
    master.kraken.always["Balance"] = {"ZUSD": "2000"}
    master.master.executed([bought("T1", "0.03"), bought("T2")])
    assert master.is_past(Past.HELD, complete=True)
    await master.has_taken("caught up 0", "T1", "T2")
    # Balances trail by less than what these trades are old: they show what both have left.
    assert master.portfolio.wallet["USD"] == 2000
    assert not list(master.announcements)


@playing
async def test_a_trade_that_balances_do_not_explain_is_streamed_for_exits_only(master: Streamed) -> None:
    master.master.connected([])
    master.stream()
    await master.has_taken("caught up 0")
    master.master.executed([bought("T1", "0.03")])
    await master.has_taken("caught up 0", "T1")
    assert [told.code for told in master.announcements] == ["MASTER_EQUITY_UNKNOWN"]


@playing
async def test_income_without_a_price_is_priced_before_the_next_fill(master: Streamed) -> None:
    master.master.connected([])
    master.stream()
    await master.has_taken("caught up 0")
    master.kraken.always["Balance"] = {"ZUSD": "1000", "XETH": "2"}
    master.master.balance_changed(BalanceChanged("ETH", Decimal(2), "deposit"))
    assert master.portfolio.prices.unpriced == {"ETH"}
    master.master.executed([bought("T1")])
    assert master.is_past(Past.HELD, complete=True)
    await master.has_taken("caught up 0", "T1")
    assert not master.portfolio.prices.unpriced


@playing
async def test_what_the_feed_leaves_out_is_found_by_the_audit(master: Streamed) -> None:
    master.master.connected([])
    master.stream()
    await master.has_taken("caught up 0")
    master.kraken.always["TradesHistory"] = history(trade("T1"))
    await master.has_taken("caught up 0", "T1")
    await until(lambda: master.is_past(Past.COMPLETE, complete=True))


@playing
async def test_a_coin_that_is_renamed_is_told_before_its_next_fill(master: Streamed) -> None:
    master.stream(held_coins=["ETH"])
    await until(lambda: master.is_past(Past.NO_FEED, complete=False))
    assets = master.kraken.always["Assets"] | {"XETH": {"altname": "NEW"}}
    pair = {"altname": "NEWUSD", "wsname": "NEW/USD"}
    pairs = master.kraken.always["AssetPairs"]
    master.kraken.always["Assets"] = assets
    master.kraken.always["AssetPairs"] = pairs | {"XETHZUSD": pairs["XETHZUSD"] | pair}
    await master.portfolio.pairs.read()
    await master.has_taken("ETH is NEW")


@playing
async def test_the_wallet_and_what_it_holds_outlive_the_process(master: Streamed) -> None:
    assert not master.master.save()
    master.master.connected([])
    master.stream()
    await master.has_taken("caught up 0")
    master.master.executed([bought("T1", side=Side.BUY)])
    assert master.master.save()
    assert "T1" in (master.ledger.kept_value(WALLET) or "")


def test_fills_say_where_they_come_from(master: Streamed) -> None:
    async def steps() -> None:
        await master.begin()
        master.kraken.always["TradesHistory"] = history(trade("T1"))
        master.master.connected([])
        stream = master.master.stream(account_pb.StreamFillsRequest())
        (fill,) = await anext(stream)  # type: ignore[misc]  # fills come first
        assert (fill.exec_id, fill.source) == ("T1", pb.FILL_SOURCE_HISTORY)
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
        assert master.is_past(Past.NOT_STREAMED, complete=False)

    run(steps())
