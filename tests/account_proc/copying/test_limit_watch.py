"""A user's limits to its losses are judged at prices that are right, a hit is durable before it holds, and
holds until it is reset.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.loss_limits import Action, Metric
from krakencopy.account_proc.contract.trading_states import FlattenBy, TradingState
from krakencopy.account_proc.copying import limit_watch
from krakencopy.account_proc.domain.quantities import Side
from tests.support.limited_user import Limited, limit_of, limited, usd
from tests.support.scripted_kraken import run, until

TEN = limit_of(usd("10"))


async def hit(anna: Limited) -> None:
    """Of 100 USD it has put 50 into 0.001 BTC; at 39,000 they are worth 11 less."""
    assert await anna.buy() == "FILLED SCALED"
    await anna.judge(50_000, 39_000, 39_000)


def test_it_is_warned_and_hit_and_buys_nothing_until_it_is_reset(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            assert await anna.buy() == "FILLED SCALED"
            await anna.judge(50_000, 42_000)
            assert anna.notices() == [("LIMIT_WARNED", "day")]
            await anna.judge(39_000)
            assert anna.user.guard.state is TradingState.ACTIVE
            await anna.judge()
            assert anna.notices() == [("LIMIT_HIT", "day")]
            assert await anna.buy() == "SKIPPED LIMIT_HIT"
            assert "limit day: 11" in anna.user.copy(2).detail
            assert "of at most 10 USD, since " in anna.user.copy(2).detail
            assert await anna.sell() == "FILLED EXIT_FULL"
            assert anna.watch.reset("", "r1") == ["day"]
            assert anna.notices() == []
            assert anna.user.guard.state is TradingState.ACTIVE
            await anna.judge(39_000, 39_000)
            assert anna.state.loss == 0
            assert await anna.buy() == "FILLED SCALED"

    run(steps())


def test_a_hit_holds_in_the_next_process_also_where_the_limit_is_gone(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await hit(anna)
        for limits in ((TEN,), ()):
            async with limited(tmp_path, *limits) as anna:
                assert anna.user.guard.state is TradingState.REDUCING
                assert anna.notices() == [("LIMIT_HIT", "day")]
                assert await anna.buy() == "SKIPPED LIMIT_HIT"
        async with limited(tmp_path) as anna:
            assert anna.watch.reset("other", "r1") is None
            assert anna.watch.reset("day", "r1") == ["day"]
            assert anna.book.is_empty
            assert anna.watch.reset("day", "r1") == ["day"]
            assert anna.watch.reset("day", "r2") is None
            await anna.judge()
        async with limited(tmp_path, TEN) as anna:
            assert anna.user.guard.state is TradingState.ACTIVE
            assert anna.state.since == 0

    run(steps())


def test_nothing_follows_from_a_hit_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            assert await anna.buy() == "FILLED SCALED"
            await anna.judge(50_000, 39_000)

            def fail(*_: object) -> None:
                raise OSError("no room")

            monkeypatch.setattr(anna.user.ledger, "keep_value", fail)
            with pytest.raises(OSError, match="no room"):
                await anna.judge()
            assert anna.user.guard.state is TradingState.ACTIVE

    run(steps())


def test_a_halt_owes_exits_and_what_is_flattened_is_sold_once(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, limit_of(usd("10"), Action.HALTED)) as anna:
            await hit(anna)
            assert await anna.sell() == "CARRIED LIMIT_HIT"
            assert "owed until that is lifted" in anna.user.copy(2).detail

    run(steps())


def test_a_flatten_makes_owed_what_copying_bought_once_for_each_hit(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, limit_of(usd("10"), Action.FLATTEN)) as anna:
            await hit(anna)
            owed = anna.user.book.carried_volume("BTC/USD", Side.SELL)
            assert owed.amount == Decimal("0.001")
            [flat] = [copy for copy in anna.user.copies if copy.reason == "FLATTEN"]
            assert "by limit day: limit day: 11" in flat.detail
            assert anna.user.ledger.flattened(FlattenBy.LIMIT) == 1
            assert anna.user.ledger.flattened(FlattenBy.SAID) == 0
        async with limited(tmp_path, limit_of(usd("10"), Action.FLATTEN)) as anna:
            anna.user.copier._look_at_wishes()
            assert anna.user.book.carried_volume("BTC/USD", Side.SELL) == owed
            assert anna.user.guard.state is TradingState.REDUCING

    run(steps())


def test_what_copying_has_realised_is_counted_with_the_copies(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, limit_of(usd("3"), metric=Metric.REALISED)) as anna:
            await anna.judge(50_000)
            await anna.buy()
            await anna.judge(10)
            assert anna.state.loss == 0
            anna.user.kraken.price = "48000"
            await anna.sell()
            await anna.judge(50_000)
            assert anna.state.loss == 2
        async with limited(tmp_path, limit_of(usd("3"), metric=Metric.REALISED)) as anna:
            # What was lost is back from outside.
            await anna.judge(60_000, 60_000)
            assert anna.state.loss == 2

    run(steps())


async def moved(anna: Limited, **balances: str) -> None:
    """The exchange shows these balances, and they are believed."""
    names = {"USD": "ZUSD", "BTC": "XXBT"}
    there = {names[asset]: amount for asset, amount in balances.items()}
    anna.user.kraken.always["Balance"] = there
    anna.user.kraken.always["BalanceEx"] = {
        asset: {"balance": amount, "hold_trade": "0"} for asset, amount in there.items()
    }
    anna.user.now += 5
    await anna.user.portfolio.refresh()
    anna.user.now += 5
    assert await anna.user.portfolio.refresh()


def test_a_withdrawal_does_not_trip_it_and_a_deposit_hides_nothing(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.judge(50_000)
            await moved(anna, USD="20")
            await anna.judge(50_000, 50_000)
            assert anna.state.loss == 0
            await moved(anna, USD="20", BTC="0.001")
            await anna.judge(50_000, 41_000)
            assert anna.state.loss == 9
            await moved(anna, USD="5020", BTC="0.001")
            await anna.judge(41_000, 39_000, 39_000)
            assert anna.state.hit is not None

    run(steps())


def test_what_came_and_went_while_nobody_was_there_is_taken_out_as_well(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.buy()
            await anna.judge(50_000, 45_000)
            assert anna.state.loss == 5
            left = anna.user.portfolio.wallet.balances()
        async with limited(tmp_path, TEN) as anna:
            await moved(anna, USD=str(left["USD"] - 30), BTC=str(left["BTC"]))
            await anna.judge(45_000, 45_000)
            await anna.judge(44_000)
            assert anna.state.loss == 6

    run(steps())


def test_a_change_that_may_be_a_trade_and_a_deposit_is_not_guessed(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN, limit_of(usd("5"), metric=Metric.REALISED, name="sold")) as anna:
            await anna.judge(50_000)
            await moved(anna, USD="60", BTC="0.001")
            await anna.judge(50_000, 1_000, 1_000)
            assert anna.state.used is None
            assert "-40 USD" in anna.state.unknown
            assert ("LIMIT_NOT_JUDGED", "day") in anna.notices()
            assert anna.book.states["sold"].loss == 0
            assert anna.watch.reset("day", "r1") == ["day"]
            await anna.judge(1_000)
            assert anna.state.loss == 0
            assert anna.notices() == []

    run(steps())


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"XXBTZUSD": {"b": ["0", "1", "1"], "a": ["39000", "1", "1"], "c": ["39000", "1"]}},
        {"XXBTZUSD": {"b": ["20000", "1", "1"], "a": ["39000", "1", "1"], "c": ["39000", "1"]}},
        OutcomeUnknown("Ticker", "no answer"),
    ],
)
def test_without_right_prices_it_is_not_judged_and_that_is_told_once_it_lasts(
    tmp_path: Path, told: object
) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.buy()
            await anna.judge(50_000)
            anna.user.kraken.always["Ticker"] = told
            await anna.judge()
            await anna.judge()
            assert anna.notices() == []
            assert anna.watch.untold
            anna.user.now += limit_watch.UNTOLD_S
            await anna.judge()
            assert anna.notices() == [("LIMIT_NOT_JUDGED", "day")]
            await anna.judge(45_000)
            assert anna.notices() == []
            assert anna.state.loss == 5

    run(steps())


def test_it_looks_by_itself_after_each_order_and_once_more_at_a_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AFTER_FILL_S", "CONFIRM_S"):
        monkeypatch.setattr(limit_watch, name, 0.001)

    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            anna.price(50_000)
            looking = asyncio.create_task(anna.watch.run())
            await until(lambda: anna.state.since > 0)
            anna.price(35_000)
            await anna.buy()
            await until(lambda: anna.state.hit is not None)
            assert anna.watch.reset("", "r1") == ["day"]
            await until(lambda: anna.state.since > 0)
            looking.cancel()

    run(steps())


def test_without_limits_no_fill_wakes_it(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path) as anna:
            looking = asyncio.create_task(anna.watch.run())
            anna.user.kraken.every.clear()
            await anna.buy()
            assert "Ticker" not in anna.user.kraken.every
            assert not looking.done()
            looking.cancel()

    run(steps())


def entry(refid: str, kind: str, asset: str, amount: str, fee: str = "0") -> dict[str, object]:
    """A row of Ledgers."""
    return {
        "refid": refid, "time": 1700000000.5, "type": kind, "subtype": "", "aclass": "currency",
        "asset": asset, "amount": amount, "fee": fee, "balance": "0",
    }  # fmt: skip


CONVERTED = [entry("R1", "spend", "ZUSD", "-39.9", "0.1"), entry("R1", "receive", "XXBT", "0.001")]


def tell_entries(anna: Limited, rows: list[dict[str, object]]) -> None:
    """The exchange's ledger has these, and the key may read them."""
    listed = {f"L{number}": row for number, row in enumerate(rows)}
    anna.user.kraken.always["Ledgers"] = {"ledger": listed, "count": len(listed)}


def test_what_the_exchanges_ledger_says_was_a_conversion_is_judged_on(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.judge(50_000)
            tell_entries(anna, [*CONVERTED, entry("D1", "deposit", "ZUSD", "500")])
            await moved(anna, USD="560", BTC="0.001")
            await moved(anna, USD="50", BTC="0.011")
            tell_entries(
                anna,
                [
                    *CONVERTED, entry("D1", "deposit", "ZUSD", "500"),
                    entry("T1", "trade", "ZUSD", "-509", "1"), entry("T1", "trade", "XXBT", "0.01"),
                ],
            )  # fmt: skip
            await anna.judge(50_000, 50_000)
            assert anna.state.unknown == ""
            # 40 became 50, and 510 became 500: the deposit is all that came in.
            assert anna.state.loss == 0
            assert anna.user.kraken.times_asked("Ledgers") == 1
            await anna.judge(49_500, 49_000, 49_000)
            assert anna.state.loss == 11
            assert anna.state.hit is not None
            # Nothing is asked for without such a change.
            assert anna.user.kraken.times_asked("Ledgers") == 1

    run(steps())


def test_entries_that_come_late_are_asked_for_again_and_a_loss_by_hand_counts(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.judge(50_000)
            tell_entries(anna, [])
            await moved(anna, USD="60", BTC="0.0005")
            await anna.judge(50_000, 50_000)
            assert anna.state.unknown == ""
            assert anna.watch.untold
            tell_entries(
                anna, [entry("R1", "spend", "ZUSD", "-40"), entry("R1", "receive", "XXBT", "0.0005")]
            )
            await anna.judge(50_000, 50_000, 50_000)
            assert anna.state.hit is not None
            assert anna.state.loss == 15

    run(steps())


def test_what_the_exchanges_ledger_does_not_explain_is_not_judged(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.judge(50_000)
            tell_entries(anna, CONVERTED)
            await moved(anna, USD="61", BTC="0.001")
            await anna.judge(*[50_000] * 6)
            assert "the exchange's ledger does not explain it" in anna.state.unknown
            assert anna.user.kraken.times_asked("Ledgers") == 5
            assert anna.watch.reset("day", "r1") == ["day"]
            # The same change once more is another question.
            tell_entries(anna, [*CONVERTED, entry("R2", "spend", "ZUSD", "-40")])
            await anna.judge(50_000)
            await moved(anna, USD="22", BTC="0.002")
            tell_entries(anna, [entry("R2", "spend", "ZUSD", "-39"), entry("R2", "receive", "XXBT", "0.001")])
            await anna.judge(50_000, 50_000)
            assert anna.state.unknown == ""
            assert anna.state.loss == -11

    run(steps())


def test_what_happened_without_a_process_is_looked_up_as_well(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.buy()
            await anna.judge(50_000)
            left = anna.user.portfolio.wallet.balances()
        async with limited(tmp_path, TEN) as anna:
            tell_entries(anna, [*CONVERTED, entry("D1", "deposit", "ZUSD", "30")])
            await moved(anna, USD=str(left["USD"] - 10), BTC=str(left["BTC"] + Decimal("0.001")))
            await anna.judge(50_000, 50_000, 50_000)
            assert anna.state.unknown == ""
            assert anna.state.loss == -10

    run(steps())
