from __future__ import annotations

from typing import Any

from krakencopy.supervisor.accounts.flatten_plan import flatten_plan
from krakencopy.v1 import types_pb2 as nouns
from tests.support.supervisor_samples import fill


def held(asset: str, volume: str, pair: str = "", **more: Any) -> nouns.CopiedPosition:
    return nouns.CopiedPosition(asset=asset, volume=volume, pair=pair or f"{asset}/USD", **more)


def test_what_copying_holds_is_sold_by_coin_at_about_the_masters_last_price() -> None:
    account = nouns.Account(id="bob", positions=[held("SOL", "3.50"), held("BTC", "0.010")])
    account.kept_pairs.add(pair="SOL/USD", ordermin="5")
    last = fill(1, price="20000.123")
    plan = list(flatten_plan(account, lambda pair: last if pair == "BTC/USD" else None))
    assert [(one.account_id, one.asset, one.volume, one.pair) for one in plan] == [
        ("bob", "BTC", "0.01", "BTC/USD"),
        ("bob", "SOL", "3.5", "SOL/USD"),
    ]
    assert (plan[0].value.amount, plan[0].value.asset) == ("200", "USD")
    assert plan[0].message == f"at the master's last price there, of {last.executed_at.ToJsonString()}"
    assert not plan[1].HasField("value")
    assert plan[1].message == "below the least that may be sold, 5: it stays owed"


def test_what_is_not_there_and_what_is_owed_already_is_said() -> None:
    account = nouns.Account(
        positions=[
            held("BTC", "0.01", missing_volume="0.004", exit_owed="0.002 BTC, held by the account's orders"),
            held("EUR", "100", "EUR"),  # money that came in for coins is not sold
            held("GBP", "10", "GBP/USD"),  # that was bought as a coin
            held("SOL", "0", carried_sell="1"),
            held("ADA", "1", "ADA"),  # came in by selling another coin: no pair is known
        ]
    )
    plan = list(flatten_plan(account, lambda _: None))
    assert [one.asset for one in plan] == ["ADA", "BTC", "GBP"]
    assert plan[1].message == (
        "0.004 of it is not there any more; owed already: 0.002 BTC, held by the account's orders"
    )


def test_what_is_copied_in_another_quote_has_a_value_by_the_rate_of_the_masters_last_fill() -> None:
    account = nouns.Account(positions=[held("BTC", "0.01", "BTC/EUR"), held("ETH", "1", "ETH/GBP")])
    last = fill(1, price="20000", marks={"EUR": "1.25", "GBP": ""})
    in_euros, in_pounds = flatten_plan(account, lambda _: last)
    assert (in_euros.value.amount, in_euros.value.asset) == ("160", "EUR")
    at = last.executed_at.ToJsonString()
    assert in_euros.message == f"at the master's last price in BTC/USD, of {at}"
    assert not in_pounds.HasField("value"), "nobody knows the rate"
