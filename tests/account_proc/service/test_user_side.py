"""A user's copying begins with what the exchange has on record, and its balances are read while it lasts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.service import user_side as user_side_module
from krakencopy.account_proc.service.user_side import UserSide
from tests.support.account_specs import kraken_account
from tests.support.odd_exchange import Paper
from tests.support.scripted_kraken import run, until


class User:
    """A user at the exchange whose loops are collected and not run."""

    def __init__(self, paper: Paper, folder: Path, **more: Any) -> None:
        self.account = kraken_account(paper, folder, "tania", **more)
        self.user = UserSide(self.account, ChangeSignal(), lambda _: None, lambda: False)
        self.loops: list[str] = []

    def collect(self, loop: Any) -> None:
        self.loops.append(loop.__qualname__)
        loop.close()

    async def __aenter__(self) -> Self:
        await self.account.key_check.check()
        await self.account.portfolio.load()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.account.close()


def test_there_is_no_copying_before_the_record_was_looked_at(paper: Paper, tmp_path: Path) -> None:
    async def steps() -> None:
        async with User(paper, tmp_path) as tania:
            user = tania.user
            assert (user.copier, user.copies_open, user.pairs(), user.drifts()) == (None, 0, (), [])
            assert (user.copied("BTC"), await user.drain()) == (Decimal(0), 0)
            await user.look_back()
            copier = user.copier
            await user.look_back()
            assert copier is user.copier is not None
            assert list(user.marked) == []
            await user.start(tania.collect)
            assert tania.loops == ["Copier.sell_owed_exits", "Reconciler.run", "LimitWatch.run"]
            assert await user.drain() == 0

    run(steps())


@pytest.mark.parametrize(("asset", "priced"), [("XBT", ("BTC",)), ("", ())])
def test_what_a_notional_is_an_amount_of_is_priced(
    paper: Paper, tmp_path: Path, asset: str, priced: tuple[str, ...]
) -> None:
    async def steps() -> None:
        rules = CopyRules(notional=Decimal(50), notional_asset=asset)
        async with User(paper, tmp_path, copy=rules) as tania:
            await tania.user.look_back()
            await tania.user.start(tania.collect)
            assert tania.account.portfolio.prices.priced == priced

    run(steps())


def test_an_amount_of_what_nobody_has_is_a_notice_and_its_user_starts(paper: Paper, tmp_path: Path) -> None:
    async def steps() -> None:
        rules = CopyRules(pairs={"BTC/*": {"max_order_notional": Money(Decimal(5), "NOCOIN")}})
        async with User(paper, tmp_path, copy=rules) as tania:
            await tania.user.look_back()
            await tania.user.start(tania.collect)
            [notice] = tania.account.portfolio.notices.shown()
            assert (notice.code, notice.subject) == (
                "UNKNOWN_CURRENCY", 'copy.pairs."BTC/*".max_order_notional',
            )  # fmt: skip

    run(steps())


def test_a_pattern_that_matches_no_listed_pair_is_a_notice(paper: Paper, tmp_path: Path) -> None:
    async def steps() -> None:
        rules = CopyRules(exclude=("XBT/*", "NOSUCH/*"), include=("*/USD", "SOLO"))
        async with User(paper, tmp_path, copy=rules) as tania:
            await tania.user.look_back()
            await tania.user.start(tania.collect)
            told = [notice.message for notice in tania.account.portfolio.notices.shown()]
            assert [words.partition(",")[0] for words in told] == [
                'copy.include has "SOLO"', 'copy.exclude has "NOSUCH/*"',
            ]  # fmt: skip

    run(steps())


def test_balances_are_read_at_once_when_they_are_doubted_and_again_when_that_fails(
    paper: Paper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_side_module, "REACH_RETRY_S", 0.0)

    async def steps() -> None:
        async with User(paper, tmp_path) as tania:
            portfolio, readings = tania.account.portfolio, 0

            async def refresh() -> bool:
                nonlocal readings
                readings += 1
                portfolio.doubted.clear()
                if readings == 1:
                    portfolio.doubted.set()
                    raise OutcomeUnknown("Balance", "no answer")
                return readings > 3

            monkeypatch.setattr(portfolio, "refresh", refresh)
            reading = asyncio.ensure_future(tania.user.keep_balances())
            await asyncio.sleep(0.01)
            assert readings == 0
            portfolio.doubt()
            # Known once more after what is not, which is read again without a pause.
            await until(lambda: readings == 4)
            await asyncio.sleep(0.01)
            assert readings == 4
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    run(steps())
