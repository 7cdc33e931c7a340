"""A user's limits as they are shown: each with its numbers, and the condition of all."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from krakencopy.account_proc.copying import limit_watch
from krakencopy.account_proc.service.limit_status import levels_to_proto, limits_to_proto, of_limits
from krakencopy.v1 import types_pb2 as pb
from tests.support.limited_user import Limited, limit_of, limited, usd
from tests.support.scripted_kraken import run

TEN, HUNDRED = limit_of(usd("10")), limit_of(usd("100"), name="all")


def shown(anna: Limited) -> dict[str, Any]:
    return {limit.name: limit for limit in limits_to_proto(anna.watch, "anna")}


def test_each_limit_is_shown_with_what_is_lost(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN, HUNDRED) as anna:
            day = shown(anna)["day"]
            assert (day.state, day.message) == (pb.LIMIT_STATE_NOT_JUDGED, "it was not judged yet")
            assert of_limits(anna.watch).holds
            await anna.buy()
            await anna.judge(50_000, 42_000)
            day, both = shown(anna)["day"], of_limits(anna.watch)
            assert (day.account_id, day.metric, day.window, day.action) == (
                "anna",
                "equity",
                "day",
                "reducing",
            )
            assert (day.state, day.loss, day.max_loss) == (pb.LIMIT_STATE_WARNED, "8 USD", "10 USD")
            assert (day.used_percent, day.warn_at_percent) == ("80", "80")
            assert day.since.seconds == int(anna.state.since)
            assert shown(anna)["all"].state == pb.LIMIT_STATE_WITHIN
            assert (both.holds, dict(both.data)) == (True, {"day": "80 % of 10 USD", "all": "8 % of 100 USD"})
            await anna.judge(60_000)
            assert (shown(anna)["day"].loss, shown(anna)["day"].used_percent) == ("-10 USD", "0")

    run(steps())


def test_a_hit_is_shown_until_it_is_reset_also_where_it_is_not_configured(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.buy()
            await anna.judge(50_000, 39_000, 39_000)
        async with limited(tmp_path, HUNDRED) as anna:
            assert list(shown(anna)) == ["all", "day"]
            day, condition = shown(anna)["day"], of_limits(anna.watch)
            assert (day.state, day.configured, shown(anna)["all"].configured) == (
                pb.LIMIT_STATE_HIT,
                False,
                True,
            )
            assert day.message.startswith("limit day: 11 USD of equity lost of at most 10 USD")
            assert day.hit_at.seconds
            assert (condition.holds, condition.reason, condition.message) == (False, "LIMIT_HIT", day.message)

    run(steps())


def test_what_is_not_judged_says_why(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN) as anna:
            await anna.buy()
            await anna.judge(50_000)
            anna.user.kraken.always["Ticker"] = {}
            await anna.judge()
            assert shown(anna)["day"].state == pb.LIMIT_STATE_WITHIN
            anna.user.now += limit_watch.UNTOLD_S
            await anna.judge()
            day, condition = shown(anna)["day"], of_limits(anna.watch)
            assert day.state == pb.LIMIT_STATE_NOT_JUDGED
            assert day.message == "no price that is known to be right of BTC in USD"
            assert (condition.holds, condition.reason) == (False, "LIMIT_NOT_JUDGED")
            assert condition.message == f"limit day is not judged: {day.message}"

    run(steps())


def test_what_is_counted_for_all_users_together_is_shown_apart(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, TEN, totals=(("equity", "USD"), ("realised", "USD"))) as anna:
            assert list(levels_to_proto(anna.watch)) == []
            await anna.buy()
            await anna.judge(50_000)
            assert list(levels_to_proto(anna.watch)) == []
            await anna.judge(50_000, 42_000, 42_000)
            equity, realised = levels_to_proto(anna.watch)
            assert (equity.metric, equity.currency, equity.level, equity.equity) == (
                "equity",
                "USD",
                "-8",
                "92",
            )
            assert (realised.metric, realised.level) == ("realised", "0")
            assert list(shown(anna)) == list(of_limits(anna.watch).data) == ["day"]
            assert anna.watch.reset("total:equity:USD", "r1") is None
            # What nobody knows the worth of has it begin anew.
            anna.user.now += 1
            anna.user.portfolio.count_outside_change({"USD": Decimal(5), "BTC": Decimal("-0.0001")}, "")
            await anna.judge(42_000, 42_000)
            anew, same = levels_to_proto(anna.watch)
            assert (anew.level, anew.since.seconds > equity.since.seconds) == ("0", True)
            assert same.since == realised.since

    run(steps())


def test_one_slip_of_a_price_is_not_told_to_who_adds_up_and_what_two_readings_say_is(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, totals=(("equity", "USD"),)) as anna:
            await anna.buy()
            await anna.judge(50_000, 50_000)
            told = []
            for bid in (20_000, 50_000, 90_000, 50_000, 45_000, 44_000, 48_000, 46_000):
                await anna.judge(bid)
                told += [(one.level, one.equity) for one in levels_to_proto(anna.watch)]
            assert told == [
                *[("0", "100")] * 5, ("-5", "95"), ("-5", "95"), ("-4", "96"),
            ]  # fmt: skip

    run(steps())
