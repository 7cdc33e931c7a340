"""Pairs are read again for what they lack, ever more rarely, and when an order was refused by other rules."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.trading import current_pairs
from krakencopy.account_proc.trading.current_pairs import LEARN_PAUSE_S
from tests.support.copying import NOW
from tests.support.scripted_kraken import ASSETS, PAIRS, run, until
from tests.support.wallet_account import START, account


def test_an_asset_that_is_held_and_not_listed_has_the_tables_read_again_and_is_priced_then() -> None:
    async def steps() -> None:
        it = await account()
        market, read = it.portfolio.pairs._market, list[PairTable]()
        ask = market.asset_pairs

        async def asset_pairs() -> PairTable:
            read.append(await ask())
            return read[-1]

        market.asset_pairs = asset_pairs  # type: ignore[method-assign]
        for _ in range(2):
            await it.told(dict(START) | {"NEWKEY": "2"})
            assert len(read) == 1, "once, and not again so soon"
        new = PAIRS["XXBTZUSD"] | {"altname": "NEWUSD", "wsname": "NEW/USD", "base": "NEWKEY"}
        it.kraken.always["AssetPairs"] = PAIRS | {"NEWUSD": new}
        it.kraken.always["Assets"] = ASSETS | {"NEWKEY": {"altname": "NEW"}}
        it.kraken.always["Ticker"] = it.kraken.always["Ticker"] | {
            "NEWUSD": it.kraken.always["Ticker"]["XXBTZUSD"]
        }
        before = it.portfolio.equity("USD")
        await it.told(dict(START) | {"NEWKEY": "2"}, LEARN_PAUSE_S)
        await it.told(dict(START) | {"NEWKEY": "2"})
        assert it.portfolio.wallet["NEW"] == 2
        assert it.portfolio.equity("USD") == (before or 0) + 2 * 50_000

    run(steps())


def test_pairs_are_read_again_for_an_unknown_name_ever_more_rarely() -> None:
    async def steps() -> None:
        it = await account()
        asked: list[float] = []
        load = it.portfolio.pairs.read

        async def counted(age_max_s: float = 0.0) -> None:
            asked.append(it.now)
            await load(age_max_s)

        it.portfolio.pairs.read = counted  # type: ignore[method-assign]
        for _ in range(60):
            await it.portfolio.pairs.learn(("NEW/USD", "BTC/USD"))
            it.now += 60
        assert [at - NOW for at in asked] == [0, 60, 180, 420, 900, 1860]

    run(steps())


def test_rules_are_read_again_when_an_order_was_refused_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_pairs, "RULES_PAUSE_S", 0.0)

    async def steps() -> None:
        it = await account()
        keeping = asyncio.get_running_loop().create_task(it.portfolio.pairs.keep_fresh())
        changed = {key: row | {"ordermin": "0.5"} for key, row in PAIRS.items()}
        it.kraken.always["AssetPairs"] = OutcomeUnknown("AssetPairs", "timeout")
        it.portfolio.pairs.rules_are_wrong()
        await until(lambda: not it.portfolio.pairs._rules_wrong.is_set())
        # Not to be had now: the old ones stay.
        assert it.portfolio.pairs.table.pair("BTC/USD").ordermin < 1
        it.kraken.always["AssetPairs"] = changed
        it.portfolio.pairs.rules_are_wrong()
        await until(lambda: it.portfolio.pairs.table.pair("BTC/USD").ordermin == Decimal("0.5"))
        keeping.cancel()

    run(steps())
