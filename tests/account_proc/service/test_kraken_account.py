"""What master and user have in common: locks that are given back, a reserve under the exchange's names, and
what is asked of the exchange.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import ConfigurationFault, KeyRefused, LockHeld
from krakencopy.account_proc.contract.spec import CopyRules, OnDeposit, Role
from krakencopy.account_proc.service.kraken_account import KrakenAccount
from krakencopy.account_proc.trading.account_check import IDENTITY
from tests.support.account_specs import kraken_account
from tests.support.odd_exchange import Paper
from tests.support.scripted_kraken import run

Opened = Callable[..., Any]


@pytest.fixture
def opened(paper: Paper, tmp_path: Path) -> Opened:
    @asynccontextmanager
    async def opened_with(role: Role = Role.USER, **more: Any) -> AsyncIterator[KrakenAccount]:
        account = kraken_account(paper, tmp_path, "tania", role, **more)
        try:
            yield account
        finally:
            await account.close()

    return opened_with


def test_an_account_is_open_once_and_again_after_it_was_closed(opened: Opened) -> None:
    async def steps() -> None:
        async with opened():
            with pytest.raises(LockHeld):
                async with opened():
                    pass
        async with opened() as account:
            await account.key_check.check()
            await account.portfolio.load()
            assert account.portfolio.holding("BTC") == 1

    run(steps())


@pytest.mark.parametrize(("rule", "noticed"), [(OnDeposit.NEXT_FILLS, 0), (OnDeposit.RESYNC, 1)])
def test_deposits_of_a_user_are_counted_where_something_follows_from_them(
    opened: Opened, rule: OnDeposit, noticed: int
) -> None:
    async def steps() -> None:
        async with opened(copy=CopyRules(on_deposit=rule)) as account:
            await account.key_check.check()
            await account.portfolio.load()
            account.portfolio.count_outside_change({"BTC": Decimal(1)}, "deposit")
            account.portfolio.count_outside_change({"BTC": Decimal("0.00001")}, "reward")
            assert account.deposits.noticed == noticed

    run(steps())


def test_the_ledger_is_about_the_account_that_the_key_opens(opened: Opened) -> None:
    async def steps() -> None:
        async with opened() as account:
            await account.key_check.check()
            await account.check_own()
            assert account.key_check.identity is not None
            account.keep_identity()
            assert account.ledger.kept_value(IDENTITY) == str(account.key_check.identity)

    run(steps())


@pytest.mark.parametrize(
    ("reserve", "kept_out"),
    [
        ({"XBT": "0.5", "BTC": "0.7"}, {"BTC": Decimal("0.7")}),
        ({"XXBT": "0.5", "ZUSD": "3"}, {"BTC": Decimal("0.5"), "USD": Decimal(3)}),
        ({}, {}),
    ],
)
def test_a_reserve_is_known_under_whatever_name_kraken_has_for_it(
    opened: Opened, reserve: dict[str, str], kept_out: dict[str, Decimal]
) -> None:
    async def steps() -> None:
        amounts = {asset: Decimal(amount) for asset, amount in reserve.items()}
        async with opened(reserve=amounts) as account:
            await account.portfolio.load()
            account.apply_reserve()
            assert account.portfolio.kept_out == kept_out

    run(steps())


def test_a_reserve_of_something_that_is_not_there_is_refused(opened: Opened) -> None:
    async def steps() -> None:
        async with opened(reserve={"BITCOIN": Decimal(1)}) as account:
            await account.portfolio.load()
            with pytest.raises(ConfigurationFault, match="the exchange has no BITCOIN"):
                account.apply_reserve()

    run(steps())


@pytest.mark.parametrize(("role", "announced"), [(Role.MASTER, 1), (Role.USER, 0)])
def test_only_what_a_master_parts_with_is_announced(opened: Opened, role: Role, announced: int) -> None:
    async def steps() -> None:
        async with opened(role) as account:
            await account.portfolio.load()
            account.portfolio.count_outside_change({"BTC": Decimal("-0.5")}, "withdrawal")
            assert len(list(account.announcements)) == announced

    run(steps())


def test_coins_are_found_by_whatever_name(opened: Opened) -> None:
    async def steps() -> None:
        async with opened() as account:
            found = await account.find_coins(["XXBT", "BITCOIN"])
            assert [(coin.name, coin.traded) for coin in found] == [("BTC", True), ("", False)]

    run(steps())


def test_the_nonce_is_reported_with_the_files_own_words(opened: Opened) -> None:
    async def steps() -> None:
        async with opened() as account:
            await account.key_check.check()
            report = await account.nonce_report()
            assert report.account_id == "tania"
            assert report.last == account.nonce.last > 0

    run(steps())


def test_a_key_that_the_feed_is_refused_for_is_tried_again(opened: Opened) -> None:
    """Why it was refused first stays, until there is a token."""
    words = ("EAPI:Invalid key", "EGeneral:Temporary lockout")
    ends: list[Exception] = [KeyRefused("GetWebSocketsToken", (text,)) for text in words]
    ends.append(RuntimeError("over"))

    class Feed:
        async def run(self) -> None:
            raise ends.pop(0)

    async def steps() -> None:
        async with opened() as account:
            account.feed = Feed()
            account.timing = replace(account.timing, key_retry=0.0)
            with pytest.raises(RuntimeError, match="over"):
                await account.follow_feed()
            assert ends == []
            assert account.token_refused == "GetWebSocketsToken: EAPI:Invalid key"
            await account._websocket_token()
            assert not account.token_refused

    run(steps())
