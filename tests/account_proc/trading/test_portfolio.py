"""The wallet is counted; balances that trail behind the engine never undo a trade, and what came from
outside still counts.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import ExchangeRefused, OutcomeUnknown, RateLimited
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import NothingTold
from krakencopy.account_proc.trading import outside_changes
from krakencopy.account_proc.trading import portfolio as portfolio_module
from krakencopy.account_proc.trading.outside_changes import CONFIRM_S
from tests.support.copying import NOW
from tests.support.scripted_kraken import ScriptedKraken, execution, run
from tests.support.wallet_account import BOUGHT, LAG_S, START, Account, account


def test_an_account_that_never_had_anything_is_told_without_a_result_and_no_other() -> None:
    async def steps() -> None:
        nothing = NothingTold("BalanceEx", "neither error nor result")
        kraken = ScriptedKraken({"Balance": START, "BalanceEx": nothing})
        exchange = kraken.exchange
        assert await exchange.account.holdings() == ({}, {})
        kraken.always["BalanceEx"] = {"ZUSD": {"balance": "0", "hold_trade": "0"}}
        assert (await exchange.account.holdings())[0] == {"USD": 0}
        kraken.always["BalanceEx"] = nothing
        with pytest.raises(NothingTold):
            await exchange.account.holdings()

    run(steps())


def test_a_margin_trade_is_no_more_than_its_fee_until_balances_tell() -> None:
    async def steps() -> None:
        it = await account()
        it.portfolio.executed(replace(execution(exec_id="T1", qty="0.01", price="50000"), margin=True))
        assert it.holds == ("1000", "1")
        assert it.portfolio.doubted.is_set()

    run(steps())


def test_what_open_orders_held_at_the_last_reading_is_not_free_and_is_owned_in_whatever_form() -> None:
    async def steps() -> None:
        it = await account()
        rows = {"ZUSD": ("1000", "300"), "XXBT": ("1", "1"), "XBT.S": ("0.5", "0"), "XBT.F": ("0.25", "0")}
        it.kraken.always["BalanceEx"] = {
            key: {"balance": has, "hold_trade": held} for key, (has, held) in rows.items()
        }
        for _ in range(2):
            it.now += CONFIRM_S
            await it.portfolio.refresh()
        it.portfolio.reserve("c1", "USD", Decimal(100))
        assert [it.portfolio.free("USD"), it.portfolio.cash("USD")] == [700, 600]
        # What earns by itself is free, unless the exchange has just refused it.
        assert [it.portfolio.free("BTC"), it.portfolio.holding("BTC")] == [Decimal("0.25"), Decimal("1.75")]
        assert [it.portfolio.distrust_earning("BTC"), it.portfolio.distrust_earning("BTC")] == [True, False]
        assert [it.portfolio.free("BTC"), it.portfolio.distrust_earning("USD")] == [0, False]
        # A fill of the order that held it is known before the hold is known to be gone: never less than
        # nothing.
        it.portfolio.wallet.add_amount("BTC", Decimal(-1))
        assert it.portfolio.free("BTC") == 0

    run(steps())


@pytest.mark.parametrize("error", ["EGeneral:Permission denied", "EGeneral:Unknown method"])
def test_where_holds_are_not_told_they_are_counted_order_by_order_from_then_on(error: str) -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"Balance": START, "BalanceEx": ExchangeRefused("BalanceEx", (error,))})
        descr = {"pair": "XBTUSD", "type": "sell", "price": "60000", "leverage": "none"}
        ask = {"descr": descr, "vol": "0.3", "vol_exec": "0.1", "oflags": "fciq"}
        kraken.always["OpenOrders"] = {"open": {"O1": ask, "O2": ask, "O3": {"descr": {}}}}
        exchange = kraken.exchange
        for _ in range(2):
            assert await exchange.account.holdings() == (
                await exchange.account.balances(),
                {"BTC": Decimal("0.4")},
            )
        assert kraken.times_asked("BalanceEx") == 1
        kraken.always["OpenOrders"] = ExchangeRefused("OpenOrders", (error,))
        assert await exchange.account.holdings() == (await exchange.account.balances(), {})

    run(steps())


def test_a_refusal_of_balances_that_says_nothing_about_holds_stays_one() -> None:
    async def steps() -> None:
        kraken = ScriptedKraken(
            {"Balance": START, "BalanceEx": RateLimited("BalanceEx", ("EAPI:Rate limit exceeded",))}
        )
        with pytest.raises(RateLimited):
            await kraken.exchange.account.holdings()

    run(steps())


def test_a_coin_under_a_new_name_is_worth_what_it_was() -> None:
    async def steps() -> None:
        it = await account()
        before = it.portfolio.equity("USD")
        it.portfolio.rename("BTC", "NEW")
        assert it.portfolio.equity("USD") == before

    run(steps())


def test_balances_from_before_a_trade_do_not_undo_it() -> None:
    async def steps() -> None:
        it = await account()
        it.buys()
        assert await it.told(START)
        assert it.holds == ("500", "1.01")
        it.buys(2)
        assert await it.told(BOUGHT)
        assert it.holds == ("0", "1.02")

    run(steps())


def test_balances_that_miss_a_trade_when_they_cannot_trail_any_more_are_believed_at_the_second_reading() -> (
    None
):
    async def steps() -> None:
        it = await account()
        it.buys()
        assert not await it.told(START, later=LAG_S + 1)
        assert not it.portfolio.believed
        assert it.holds == ("500", "1.01")
        assert await it.told(START)
        assert it.holds == ("1000", "1")

    run(steps())


def test_a_deposit_counts_once_two_readings_tell_of_it_and_trades_between_them_count_too() -> None:
    async def steps() -> None:
        it = await account()
        assert not await it.told({"ZUSD": "1700", "XXBT": "1"})
        assert it.holds == ("1000", "1")
        it.buys()
        # This reading trails: the trade is not in it, the deposit is.
        assert await it.told({"ZUSD": "1700", "XXBT": "1"})
        assert it.holds == ("1200", "1.01")
        assert await it.told({"ZUSD": "1200", "XXBT": "1.01"})
        assert it.holds == ("1200", "1.01")

    run(steps())


def test_a_trade_that_balances_know_before_the_feed_tells_it_counts_once() -> None:
    async def steps() -> None:
        it = await account()
        assert not await it.told(BOUGHT)
        it.buys()
        assert await it.told(BOUGHT)
        assert it.holds == ("500", "1.01")

    run(steps())


def test_two_readings_within_a_moment_are_one() -> None:
    async def steps() -> None:
        it = await account()
        assert not await it.told({"ZUSD": "7"})
        assert not await it.told({"ZUSD": "7"}, later=CONFIRM_S / 2)
        assert await it.told({"ZUSD": "7"}, later=CONFIRM_S / 2)
        assert it.holds == ("7", "0")

    run(steps())


def test_a_reading_that_fails_is_unknown_and_not_zero() -> None:
    async def steps() -> None:
        it = await account()
        it.kraken.next["Balance"] = [OutcomeUnknown("Balance", "timeout")]
        with pytest.raises(OutcomeUnknown):
            await it.portfolio.refresh()
        assert (it.portfolio.believed, it.holds) == (False, ("1000", "1"))

    run(steps())


def test_whoever_must_know_asks_until_two_readings_agree_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (portfolio_module, outside_changes):
        monkeypatch.setattr(module, "CONFIRM_S", 0.0)

    async def steps() -> None:
        it = await account()
        it.kraken.always["Balance"] = {"ZUSD": "7"}
        assert await it.portfolio.know()
        assert it.holds == ("7", "0")
        it.kraken.next["Balance"] = [{"ZUSD": str(number)} for number in range(10, 30)]
        assert not await it.portfolio.know()
        assert it.holds == ("7", "0")

    run(steps())


def ending(filled: str = "0.01", order_id: str = "O1") -> Ending:
    volume = Decimal(filled)
    return Ending(order_id=order_id, filled=volume, cost=volume * 50_000, fees={"USD": volume * 100})


def test_what_an_order_of_ours_traded_and_the_feed_did_not_tell_counts_when_the_order_ends() -> None:
    async def steps() -> None:
        it = await account()
        pair = "BTC/USD"
        it.portfolio.executed(execution(exec_id="T1", qty="0.004", price="50000", fees=(("USD", "0.4"),)))
        it.portfolio.ended(ending(), pair, Side.BUY, sent_here=True)
        assert it.holds == ("499", "1.01")
        # The feed comes back and tells the rest.
        it.portfolio.executed(execution(exec_id="T2", qty="0.006", price="50000", fees=(("USD", "0.6"),)))
        it.portfolio.ended(ending(), pair, Side.BUY, sent_here=True)
        assert it.holds == ("499", "1.01")
        assert await it.told({"ZUSD": "499", "XXBT": "1.01"})

    run(steps())


def test_an_order_from_before_the_first_balances_is_in_them() -> None:
    async def steps() -> None:
        it = await account()
        it.portfolio.ended(ending(), "BTC/USD", Side.BUY, sent_here=False)
        assert it.holds == ("1000", "1")

    run(steps())


def test_a_trade_in_a_pair_that_is_not_listed_is_found_by_balances() -> None:
    async def steps() -> None:
        it = await account()
        it.portfolio.executed(execution(exec_id="T1", qty="5", price="2", symbol="NEW/USD"))
        assert it.holds == ("1000", "1")
        assert it.portfolio.doubted.is_set()
        assert it.portfolio.certain_at == NOW + LAG_S
        (notice,) = it.portfolio.notices.shown()
        assert (notice.code, notice.subject) == ("UNKNOWN_PAIR", "NEW/USD")
        assert not await it.told(START | {"ZUSD": "990"})
        assert await it.told(START | {"ZUSD": "990"})
        assert it.holds == ("990", "1")
        assert not it.portfolio.doubted.is_set()

    run(steps())


@pytest.mark.parametrize("asset", ["ZUSD", "XXBT"])
def test_a_balance_that_cannot_be_read_is_what_was_counted(asset: str) -> None:
    async def steps() -> None:
        it = await account()
        assert await it.told(START | {asset: "much"})
        assert it.holds == ("1000", "1")
        assert it.portfolio.equity("USD") == 51_000

    run(steps())


@pytest.mark.parametrize(("key", "known"), [("XXBT", False), ("ZUSD", False), ("SHIB", True)])
def test_equity_is_not_known_while_a_part_of_it_was_never_read(key: str, known: bool) -> None:
    async def steps() -> None:
        it = Account()
        it.kraken.always["Balance"] = START | {key: None}
        await it.portfolio.load()
        assert (it.portfolio.equity("USD") is not None) is known
        await it.told(START)
        assert await it.told(START)
        assert it.portfolio.equity("USD") == 51_000

    run(steps())


def test_a_fee_of_which_it_is_not_known_what_was_taken_is_looked_for_in_balances() -> None:
    async def steps() -> None:
        it = await account()
        it.portfolio.ended(replace(ending(), fees_certain=False), "BTC/USD", Side.BUY, sent_here=True)
        assert it.portfolio.doubted.is_set()

    run(steps())


def test_every_form_of_an_asset_counts_and_orders_take_what_earns_by_itself_but_nothing_that_is_locked() -> (
    None
):
    async def steps() -> None:
        it = Account()
        it.kraken.always["Balance"] = {
            "ZUSD": "1000",
            "USD.F": "10",
            "XXBT": "1",
            "XBT.F": "0.5",
            "BTC.S": "0.125",
            "XBT28.S": "0.125",
        }
        await it.portfolio.load()
        # The ticker's middle is 50,000 USD.
        assert it.portfolio.equity("USD") == 1010 + Decimal("1.75") * 50_000
        assert plain(it.portfolio.cash("USD")) == "1010"
        assert plain(it.portfolio.wallet["BTC"]) == "1.5"
        assert plain(it.portfolio.holding("BTC")) == "1.75"

    run(steps())
