"""What a user's process makes of a refused order: the entry is cut or ends, the exit is cut, changes its
form or stays owed.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.errors import ExchangeRefused, KeyRefused, OutcomeUnknown
from krakencopy.account_proc.copying.exit_forms import Obstacle
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.kraken.errors import BelowMinimum
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading import current_pairs, outside_changes, portfolio
from tests.support.copying_user import TIMING, User, copying
from tests.support.scripted_kraken import PAIRS, run, until

FUNDS = ExchangeRefused("AddOrder", ("EOrder:Insufficient funds",))
POST_ONLY = ExchangeRefused("AddOrder", ("EService:Market in post_only mode",))
#: A user with 100 dollars that follows a master of 1000 buys so much of its 0.001 BTC.
WHOLE = Decimal("0.0001")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (portfolio, outside_changes):
        monkeypatch.setattr(module, "CONFIRM_S", 0.0)
    monkeypatch.setattr(current_pairs, "RULES_PAUSE_S", 0.0)


def held(usd: str = "0", btc: str = "0", **balances: str) -> dict[str, Any]:
    """BalanceEx, with what is on hold."""
    holds = {"ZUSD": usd, "XXBT": btc}
    return {
        asset: {"balance": amount, "hold_trade": holds.get(asset, "0")} for asset, amount in balances.items()
    }


async def bought(user: User) -> None:
    """The user has copied an entry, and its balances say so."""
    user.fill()
    await user.done()
    user.kraken.always["Balance"] = {"ZUSD": "95", "XXBT": str(WHOLE)}


def last(user: User) -> CopyRecord:
    return user.copies[-1]


# -- entries -----------------------------------------------------------------------------------------------


def test_cash_that_the_users_own_orders_hold_is_not_spent(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["BalanceEx"] = held(usd="97", ZUSD="100")
            await user.portfolio.refresh()
            user.fill()
            await user.done()
            assert (last(user).reason, last(user).attempts) == (Reason.CASH_LIMITED, 1)
            assert (
                last(user).ordered * 50_250
                <= Decimal("2.97")
                < (last(user).ordered + Decimal("1e-8")) * 50_250
            )

    run(steps())


def test_an_entry_that_is_refused_for_funds_is_cut_to_what_is_free_under_a_new_intent(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["BalanceEx"] = held(usd="97", ZUSD="100")
            user.kraken.next["AddOrder"] = [FUNDS]
            user.fill()
            await user.done()
            assert (last(user).state, last(user).reason) == (CopyState.FILLED, Reason.CASH_LIMITED)
            assert last(user).attempts == 2
            assert (
                "EOrder:Insufficient funds: 3 USD is free, 97 is held by the account's own orders"
                in last(user).detail
            )
            (order,) = user.kraken.sent
            assert order["price"] == "50250"
            assert Decimal(order["volume"]) == last(user).ordered < WHOLE

    run(steps())


def test_an_entry_for_which_too_little_is_free_says_so(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["BalanceEx"] = held(usd="99", ZUSD="100")
            user.kraken.next["AddOrder"] = [FUNDS]
            user.fill()
            await user.done()
            assert (last(user).state, last(user).reason) == (CopyState.REJECTED, Reason.CASH_LIMITED)
            assert "does not reach the exchange's minimum" in last(user).detail
            assert user.portfolio.cash("USD") == 1

    run(steps())


@pytest.mark.parametrize("why", ["all of it is there", "balances are not told", "too old"])
def test_an_entry_is_not_sent_again_where_nothing_says_that_less_would_do(ledger: Ledger, why: str) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            answer: Any = held(usd="97" if why == "too old" else "0", ZUSD="100")
            if why == "balances are not told":
                answer = OutcomeUnknown("BalanceEx", "timeout")

            def refused(_: dict[str, str]) -> Any:
                user.kraken.always["BalanceEx"] = answer
                user.now += 31 if why == "too old" else 0
                return FUNDS

            user.kraken.next["AddOrder"] = [refused]
            user.fill()
            await user.done()
            assert (last(user).state, last(user).reason) == (CopyState.REJECTED, FUNDS.errors[0])
            assert user.kraken.sent == []

    run(steps())


def test_an_entry_whose_price_is_off_a_grid_that_has_changed_is_sent_again_on_the_new_one(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["AssetPairs"] = {key: row | {"tick_size": "100"} for key, row in PAIRS.items()}
            user.kraken.next["AddOrder"] = [ExchangeRefused("AddOrder", ("EOrder:Tick size check failed",))]
            user.fill()
            await user.done()
            assert (last(user).state, user.kraken.sent[0]["price"]) == (CopyState.FILLED, "50200")

    run(steps())


def test_an_entry_whose_price_is_refused_by_rules_that_have_not_changed_is_over(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.next["AddOrder"] = [ExchangeRefused("AddOrder", ("EOrder:Invalid price",))]
            user.fill()
            await user.done()
            assert (last(user).state, last(user).reason) == (CopyState.REJECTED, "EOrder:Invalid price")
            assert user.kraken.sent == []

    run(steps())


# -- exits -------------------------------------------------------------------------------------------------


def test_coins_that_are_there_in_a_form_that_cannot_be_sold_are_owed_and_not_forgotten(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.now += 10  # longer than balances may trail behind the trade
            user.kraken.always["Balance"] = {"ZUSD": "95", "XBT.S": str(WHOLE)}
            await user.refuse_exit(FUNDS, FUNDS, FUNDS)
            assert (last(user).state, last(user).reason) == (CopyState.REJECTED, Reason.HOLDINGS_LIMITED)
            (position,) = user.copier.positions.to_proto()
            assert (position.volume, position.carried_sell, position.missing_volume) == (
                "0.0001",
                "0.0001",
                "",
            )
            assert position.exit_owed == "0.0001 BTC, there in a form that an order cannot sell"
            user.start_selling()
            for met in (2, 3):
                user.now += 60
                await until(lambda met=met: user.exits.standing("BTC/USD").met == met)  # type: ignore[misc]
            assert len(user.kraken.next["AddOrder"]) == 2, "no order that cannot be filled was sent"
            user.kraken.next.clear()
            user.kraken.always["Balance"] = {"ZUSD": "95", "XXBT": str(WHOLE)}
            user.now += 60
            await until(lambda: len(user.kraken.sent) == 2)

    run(steps())


def test_an_exit_that_is_refused_for_funds_sells_what_is_free_and_owes_what_is_held(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.kraken.always["BalanceEx"] = held(btc="0.00004", ZUSD="95", XXBT=str(WHOLE))
            await user.refuse_exit(FUNDS)
            assert (last(user).state, last(user).reason) == (CopyState.FILLED, Reason.HOLDINGS_LIMITED)
            assert user.kraken.sent[-1]["volume"] == "0.00006"
            (position,) = user.copier.positions.to_proto()
            assert (position.volume, position.carried_sell) == ("0.00004", "0.00004")

    run(steps())


def test_an_exit_forgets_only_what_is_not_there_in_any_form(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.kraken.always["BalanceEx"] = held(btc="0.00002", ZUSD="95", XXBT="0.00008")
            await user.refuse_exit(FUNDS)
            assert user.kraken.sent[-1]["volume"] == "0.00006"
            assert "0.00002 of what copying bought is not there any more" in last(user).detail
            (position,) = user.copier.positions.to_proto()
            assert (position.volume, position.carried_sell) == ("0.00002", "0.00002")

    run(steps())


def test_an_exit_that_is_a_digit_more_than_the_balance_shows_is_cut_to_that(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            # The exchange rounds each trade, copying counts with all digits: so little is no change from
            # outside.
            user.kraken.always["BalanceEx"] = held(ZUSD="95", XXBT="0.00009999")
            await user.refuse_exit(FUNDS)
            assert (last(user).state, last(user).reason) == (CopyState.FILLED, Reason.HOLDINGS_LIMITED)
            assert user.kraken.sent[-1]["volume"] == "0.00009999"
            assert user.copier.positions.to_proto() == []

    run(steps())


def test_an_exit_of_what_balances_say_is_there_is_tried_again_after_growing_pauses(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            await user.refuse_exit(FUNDS, FUNDS, FUNDS)
            assert await user.pauses_of_exits() == [5, 10]

    run(steps())


@pytest.mark.parametrize(
    "words", ["EGeneral:Invalid arguments:volume minimum not met", "EOrder:Cost minimum not met"]
)
def test_an_exit_refused_as_too_small_is_owed_if_it_is_large_enough_by_the_rules_of_now(
    ledger: Ledger, words: str
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.kraken.every.clear()
            await user.refuse_exit(BelowMinimum("AddOrder", (words,)))
            assert (last(user).state, last(user).reason) == (CopyState.REJECTED, words)
            assert "AssetPairs" in user.kraken.every
            assert user.exits.not_before("BTC/USD") == user.now + TIMING.retry
            assert user.copier.positions.to_proto()[0].exit_owed == f"0.0001 BTC, {words}"

    run(steps())


def test_an_owed_exit_that_is_too_small_at_the_price_of_now_is_not_tried_again_and_again(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            await user.refuse_exit(POST_ONLY)
            user.start_selling()
            # It is worth 0.4 dollars, and was 5 when a price was known last; no order is worth less than 0.5.
            user.kraken.always["Ticker"] = {"XXBTZUSD": {"b": ["4000"], "a": ["4001"], "c": ["4000"]}}
            user.kraken.next["AddOrder"] = [BelowMinimum("AddOrder", ("EOrder:Cost minimum not met",))]
            user.now += 60.0
            await until(lambda: not user.kraken.next["AddOrder"])
            await user.done()
            user.now += 3600.0
            await asyncio.sleep(5 * TIMING.retry)
            assert (last(user).state, last(user).detail.rpartition("; ")[2]) == (
                CopyState.CARRIED, "it is less than the exchange's minimum at the price of now, 4000",
            )  # fmt: skip
            assert list(user.copier.positions.obstructed_exits()) == []
            assert user.book.owed("BTC").amount == WHOLE

    run(steps())


def test_an_exit_that_is_too_small_by_the_rules_of_now_is_carried(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.kraken.always["AssetPairs"] = {key: row | {"ordermin": "1"} for key, row in PAIRS.items()}
            await user.refuse_exit(BelowMinimum("AddOrder", ("EOrder:Order minimum not met",)))
            assert last(user).state is CopyState.CARRIED
            assert user.copier.positions.to_proto()[0].carried_sell == "0.0001"

    run(steps())


def test_a_market_order_that_is_refused_as_such_leaves_at_once_as_a_limit_order(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            await user.refuse_exit(ExchangeRefused("AddOrder", ("EService:Market in limit_only mode",)))
            assert (last(user).state, last(user).attempts) == (CopyState.FILLED, 2)
            order = user.kraken.sent[-1]
            # Half a percent below the bid of 49999, rounded up to the grid.
            assert (order["ordertype"], order["timeinforce"], order["price"]) == ("limit", "IOC", "49749.1")
            assert "limit_only mode: sent as a limit order 0.5 % below the bid instead" in last(user).detail

    run(steps())


def test_an_exit_waits_for_a_market_that_says_that_it_is_closed_and_asks_only_for_its_state(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.kraken.always["SystemStatus"] = {"status": "post_only"}
            await user.refuse_exit(POST_ONLY)
            user.start_selling()
            for met in range(2, 6):
                user.now += 60
                await until(lambda met=met: user.exits.standing("BTC/USD").met == met)  # type: ignore[misc]
            assert len(user.kraken.sent) == 1
            assert (
                user.copier.positions.to_proto()[0].exit_owed
                == "0.0001 BTC, the market is in post_only mode (met 5 times)"
            )
            user.kraken.always["SystemStatus"] = {"status": "online"}
            user.now += 60
            await until(lambda: user.copier.positions.to_proto() == [])

    run(steps())


def test_a_refusal_that_may_be_about_one_market_holds_up_that_market_only(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            # The key itself may trade, so it is this market that it may not trade in.
            user.kraken.always["GetApiKeyInfo"] = {"permissions": ["modify-trades"]}
            await user.refuse_exit(KeyRefused("AddOrder", ("EGeneral:Permission denied",)))
            exits = user.exits
            assert exits.standing("BTC/USD").obstacle is Obstacle.REFUSED
            assert exits.not_before("BTC/USD") == user.now + TIMING.market_retry
            assert exits.not_before("ETH/USD") == 0

    run(steps())


def test_a_key_that_is_refused_holds_up_all_exits(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            await user.refuse_exit(KeyRefused("AddOrder", ("EAPI:Invalid key",)))
            assert user.exits.not_before("ETH/USD") == user.now + TIMING.key_retry

    run(steps())


def test_an_exit_of_a_pair_that_is_not_listed_any_more_goes_by_the_rules_that_were_known_last(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.kraken.always["AssetPairs"] = {"XETHZUSD": PAIRS["XETHZUSD"]}
            await user.refuse_exit(ExchangeRefused("AddOrder", ("EOrder:Invalid price",)))
            assert user.copier.positions.to_proto() == []

    run(steps())


def test_a_minimum_that_has_grown_has_the_rules_read_again_and_what_waits_goes_with_the_next_fill(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_pairs, "RULES_PAUSE_S", 0.0)

    async def steps() -> None:
        async with copying(ledger) as it:
            keeping = asyncio.get_running_loop().create_task(it.portfolio.pairs.keep_fresh())
            grown = {key: row | {"ordermin": "0.00015"} for key, row in PAIRS.items()}
            it.kraken.always["AssetPairs"] = grown
            it.kraken.next["AddOrder"] = [
                ExchangeRefused("AddOrder", ("EOrder:Order minimum not met",)),
                it.kraken.always["AddOrder"],
            ]
            it.fill()
            await it.done()
            assert it.copy().state is CopyState.CARRIED
            await until(lambda: it.portfolio.pairs.table.pair("BTC/USD").ordermin == Decimal("0.00015"))
            it.fill()
            await it.done()
            assert (it.copy(2).state, it.copy(2).ordered) == (CopyState.FILLED, Decimal("0.0002"))
            keeping.cancel()

    run(steps())
