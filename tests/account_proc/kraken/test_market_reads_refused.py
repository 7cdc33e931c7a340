"""Prices and markets that are refused: they are left out, and do not take the others with them."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    RateLimited,
)
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken import market_reads
from krakencopy.account_proc.kraken.errors import MarketRefused, ServiceTrouble, classify
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from tests.support.scripted_kraken import PAIRS, ScriptedKraken, run

TICKER = {"b": ["49999", "1", "1"], "a": ["50001", "1", "1"], "c": ["50000", "1"]}


class Refusing(ScriptedKraken):
    """Refuses any question for prices in which one of some pairs is."""

    refused: tuple[str, ...] = ()
    refusal: ExchangeError = KeyRefused("Ticker", ("EGeneral:Permission denied",))

    def answer_public(self, method: str, params: dict[str, str]) -> Any:
        if method != "Ticker":
            return super().answer_public(method, params)
        asked = params["pair"].split(",")
        self.asked.append((method, params))
        if set(asked) & set(self.refused):
            return self.refusal
        return {f"P{name}": TICKER for name in asked}


MANY = pair_table(
    {
        f"PC{n}USD": PAIRS["XXBTZUSD"]
        | {
            "altname": f"C{n}USD",
            "wsname": f"C{n}/USD",
            "base": f"C{n}",
            "aclass_base": "tokenized_asset" if n % 5 == 0 else "currency",
        }
        for n in range(20)
    },
    {"ZUSD": {"altname": "USD"}},
)


@given(
    st.sets(st.integers(0, 19), max_size=3),
    st.sampled_from(
        ["EGeneral:Permission denied", "EService:Unavailable", "EGeneral:Internal error", "EOdd:words"]
    ),
)
def test_prices_that_are_refused_are_left_out_and_not_asked_for_again(numbers: set[int], words: str) -> None:
    async def steps() -> None:
        kraken = Refusing()
        kraken.refusal = classify("Ticker", [words], is_order=False)
        kraken.refused = tuple(f"C{n}USD" for n in numbers)
        exchange = kraken.exchange
        exchange.market.read_names_by(MANY)
        pairs = [f"C{n}/USD" for n in range(20)]
        quotes = await exchange.market.ticker(pairs)
        assert quotes.keys() == {f"C{n}/USD" for n in range(20) if n not in numbers}
        for _, params in kraken.asked:
            classes = {MANY.pair(name).asset_class for name in params["pair"].split(",")}
            assert classes == {params.get("asset_class", "")}
        kraken.asked.clear()
        assert await exchange.market.ticker(pairs) == quotes
        assert len(kraken.asked) == 2

    run(steps())


def test_a_price_that_was_refused_is_asked_for_by_itself_ever_more_seldom_until_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr(market_reads, "time", SimpleNamespace(monotonic=lambda: now))

    async def steps() -> None:
        nonlocal now
        kraken = Refusing()
        kraken.refused = ("C3USD",)
        exchange = kraken.exchange
        exchange.market.read_names_by(MANY)

        async def asked() -> list[str]:
            kraken.asked.clear()
            await exchange.market.ticker(["C1/USD", "C2/USD", "C3/USD"])
            return [params["pair"] for _, params in kraken.asked]

        await asked()
        for pause in (5.0, 10.0, 20.0):
            now += pause - 1
            assert await asked() == ["C1USD,C2USD"]
            now += 1
            assert await asked() == ["C1USD,C2USD", "C3USD"]
        kraken.refused = ()
        now += 40.0
        assert await asked() == ["C1USD,C2USD", "C3USD"]
        assert await asked() == ["C1USD,C2USD,C3USD"]

    run(steps())


def test_a_limit_is_no_refusal_of_a_price() -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"Ticker": RateLimited("Ticker", ("EGeneral:Too many requests",))})
        exchange = kraken.exchange
        with pytest.raises(RateLimited):
            await exchange.market.ticker(["BTC/USD", "ETH/USD"])

    run(steps())


def test_trouble_with_every_price_is_the_exchanges_and_no_pair_is_left_out_for_it() -> None:
    async def steps() -> None:
        kraken = Refusing()
        kraken.refused = tuple(f"C{n}USD" for n in range(20))
        kraken.refusal = classify("Ticker", ["EService:Unavailable"], is_order=False)
        exchange = kraken.exchange
        exchange.market.read_names_by(MANY)
        pairs = [f"C{n}/USD" for n in range(20)]
        with pytest.raises(ServiceTrouble):
            await exchange.market.ticker(pairs)
        kraken.refused = ()
        assert len(await exchange.market.ticker(pairs)) == 20

    run(steps())


DENIED = KeyRefused("AddOrder", ("EGeneral:Permission denied",))


ORDER = OrderRequest(pair="BTC/USD", side=Side.BUY, volume=Decimal(1))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"permissions": ["query-funds", "modify-trades"]}, MarketRefused),
        ({"permissions": ["query-funds"]}, KeyRefused),
        (KeyRefused("GetApiKeyInfo", ("EGeneral:Permission denied",)), MarketRefused),
        (KeyRefused("GetApiKeyInfo", ("EAPI:Invalid key",)), KeyRefused),
        (RateLimited("GetApiKeyInfo", ("EAPI:Rate limit exceeded",)), MarketRefused),
        ({"permissions": None}, MarketRefused),
    ],
)
def test_a_market_that_is_refused_is_told_apart_from_a_key(answer: Any, kind: type[ExchangeRefused]) -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"AddOrder": DENIED, "GetApiKeyInfo": answer})
        with pytest.raises(ExchangeRefused) as caught:
            await kraken.exchange.orders.add_order(ORDER)
        assert type(caught.value) is kind
        assert caught.value.errors == DENIED.errors

    run(steps())


def test_a_key_that_is_no_good_is_not_asked_about() -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"AddOrder": KeyRefused("AddOrder", ("EAPI:Invalid key",))})
        with pytest.raises(KeyRefused):
            await kraken.exchange.orders.add_order(ORDER)
        assert kraken.times_asked("GetApiKeyInfo") == 0

    run(steps())
