"""A difference between exchange and copies is never overlooked."""

from __future__ import annotations

import asyncio
import base64
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import Role, Tier
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.config.reader import PaperMarket
from krakencopy.supervisor.paper.demo import (
    USER_BALANCE,
    demo_config,
)
from krakencopy.supervisor.paper.exchange import (
    MarketOptions,
    PaperAccounts,
    PaperExchange,
    PaperKeys,
    Traded,
    altname,
    compare,
)

USERS = ("daivon", "tania")


def test_paper_keys_are_different_stay_the_same_for_a_run_and_open_nothing_else() -> None:
    config = demo_config()
    keys, others = PaperKeys(), PaperKeys()
    assert all(keys(account) is keys(account) for account in config.accounts)
    made = {
        (one.key, one.secret)
        for run in (keys, others)
        for account in config.accounts
        for one in [run(account)]
    }
    assert len(made) == 2 * len(config.accounts)
    assert {len(base64.b64decode(secret, validate=True)) for _, secret in made} == {64}


@pytest.mark.parametrize(
    ("market", "arguments"),
    [
        (MarketOptions(seed=7), ["--market", "synthetic", "--seed", "7"]),
        (MarketOptions(kind=PaperMarket.LIVE), ["--market", "live"]),
        (
            MarketOptions(kind=PaperMarket.LIVE, live_url="ws://127.0.0.1:1/v2"),
            ["--market", "live", "--live-url", "ws://127.0.0.1:1/v2"],
        ),
        (MarketOptions(replay=Path("X.csv")), ["--market", "replay", "--replay", "X.csv", "--seed", "1"]),
    ],
)
def test_a_market_on_the_exchanges_command_line(market: MarketOptions, arguments: list[str]) -> None:
    assert market.arguments() == arguments


def environ_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_a_paper_exchange_is_not_shown_the_real_keys_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", "cmVhbCBtb25leQ==")

    async def scene() -> None:
        exchange = await PaperExchange.start(MarketOptions(), tmp_path / "log")
        try:
            environ = environ_of(exchange._process.pid)
        finally:
            await exchange.close()
        assert b"PATH=" in environ
        assert b"cmVhbCBtb25leQ==" not in environ

    asyncio.run(scene())


def test_a_run_opens_accounts_that_its_configuration_gains_once_and_tells_the_exchange_their_tiers(
    tmp_path: Path,
) -> None:
    demo = demo_config()
    other = AccountConfig(id="later", role=Role.USER, broker="kraken", tier=Tier.STARTER)

    async def scene() -> None:
        exchange = await PaperExchange.start(MarketOptions(), tmp_path / "log")
        try:
            accounts = PaperAccounts(exchange, PaperKeys())
            await accounts.open_accounts(demo)
            await accounts.open_accounts(replace(demo, accounts=(*demo.accounts, other)))
            await accounts.open_accounts(demo)
            higher = replace(other, tier=Tier.INTERMEDIATE)
            await accounts.open_accounts(replace(demo, accounts=(*demo.accounts, higher)))
            told = exchange._call("GET", "/paper/v1/accounts/later")
        finally:
            await exchange.close()
        assert told["tier"] == "intermediate"
        assert Decimal(told["balances"]["ZUSD"]) == Decimal(USER_BALANCE)

    asyncio.run(scene())


def exchange_fill(account: str, volume: str, side: str = "buy") -> dict[str, Any]:
    return {"n": 1, "account": account, "volume": volume, "pair": "XBTUSD", "side": side}


VOLUMES = st.decimals("0.00000001", 1000, places=8)
SIDES = st.sampled_from(("buy", "sell"))


@given(st.lists(st.tuples(st.sampled_from((*USERS, "master", "stranger")), SIDES, VOLUMES), max_size=12))
def test_the_same_volumes_agree_and_every_other_is_named(trades: list[tuple[str, str, Decimal]]) -> None:
    fills = [exchange_fill(account, str(volume), side) for account, side, volume in trades]
    copied: dict[Traded, Decimal] = defaultdict(Decimal)
    for account, side, volume in trades:
        if account in USERS:
            copied[account, altname("BTC/USD"), side] += volume
    assert compare(fills, copied, set(USERS)) == []
    key = ("tania", "XBTUSD", "sell")
    truth = copied[key]
    copied[key] += Decimal("0.00000001")
    (line,) = compare(fills, copied, set(USERS))
    assert line == f"tania sell XBTUSD: the exchange filled {truth}, the copies say {copied[key]}"


def test_a_fill_that_no_copy_knows_of_and_a_copy_that_never_filled_are_both_told() -> None:
    copied = {("daivon", "XBTUSD", "buy"): Decimal("0.1")}
    assert compare([exchange_fill("tania", "0.5")], copied, set(USERS)) == [
        "daivon buy XBTUSD: the exchange filled 0, the copies say 0.1",
        "tania buy XBTUSD: the exchange filled 0.5, the copies say 0",
    ]


def test_a_buy_that_was_booked_as_a_sell_does_not_agree() -> None:
    copied = {("tania", "XBTUSD", "sell"): Decimal("0.5")}
    assert len(compare([exchange_fill("tania", "0.5", "buy")], copied, set(USERS))) == 2
