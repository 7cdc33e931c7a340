"""In which pair a flatten sells a coin, and what it leaves."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.trading_states import FlattenBy
from krakencopy.account_proc.domain.copy_plan import SettledOrder, Slice
from krakencopy.account_proc.domain.quantities import (
    NO_AMOUNT,
    BaseVolume,
    QuoteAmount,
    Side,
)
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import copying
from tests.support.flattened_user import VOLUME, flatten, holds
from tests.support.scripted_kraken import ASSETS, PAIRS, run


def test_coins_are_sold_where_most_was_paid_for_them_else_for_any_money_else_once_they_are_listed(
    ledger: Ledger,
) -> None:
    euro = PAIRS["XETHZUSD"] | {"altname": "ETHEUR", "wsname": "ETH/EUR", "quote": "ZEUR"}
    assets = ASSETS | {"ZEUR": {"altname": "EUR"}, "SOL": {"altname": "SOL"}}

    async def steps() -> None:
        async with copying(ledger) as user:
            user.portfolio.pairs.latest = pair_table(PAIRS | {"XETHZEUR": euro}, assets)
            marks = user.portfolio.prices.marks
            for coin, quote, price in (("ETH", "USD", 2000), ("ETH", "EUR", 1800), ("EUR", "USD", 1)):
                marks.set(coin, quote, Decimal(price))
            holds(user, "ETH/USD", "0.01", cost="20")
            holds(user, "ETH/EUR", "0.02", cost="36")
            holds(user, "BTC/SOL", "0.001", cost="1")
            holds(user, "SOL/USDT", "3")
            flatten(user)
            owed = {pair: user.book.carried_volume(pair, side).amount for pair, side in user.book.carried}
            assert owed == {
                "ETH/EUR": Decimal("0.03"), "BTC/USD": Decimal("0.001"), "SOL/USDT": Decimal(3),
            }  # fmt: skip
            assert ledger.flattened(FlattenBy.SAID) == 1

    run(steps())


def test_what_is_below_the_exchanges_minimum_is_left_and_money_that_came_in_is_cash(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.portfolio.prices.marks.set("BTC", "USD", Decimal(50_000))
            holds(user, "BTC/USD", "0.00004")
            user.book.coins.change("EUR").volume = Decimal(100)
            flatten(user)
            assert user.book.carried == {}
            assert user.copier.flatten_state == pb.FLATTEN_STATE_DONE
            assert user.kraken.sent == []

    run(steps())


def test_what_is_owed_in_another_pair_is_owed_where_the_rest_is_sold(ledger: Ledger) -> None:
    """In two pairs each part could be less than the exchange takes, and stay for ever."""
    by_btc = PAIRS["XETHZUSD"] | {"altname": "ETHXBT", "wsname": "ETH/XBT", "quote": "XXBT"}

    async def steps() -> None:
        async with copying(ledger) as user:
            user.portfolio.pairs.latest = pair_table(PAIRS | {"XETHXXBT": by_btc}, ASSETS)
            user.portfolio.prices.marks.set("ETH", "USD", Decimal(2_000))
            holds(user, "ETH/BTC", "0.0011", cost="0.00005")
            piece = Slice(order_id="", volume=BaseVolume(Decimal("0.0003")), cost=NO_AMOUNT)
            user.book.carry("ETH/BTC", Side.SELL, [piece], "c7")
            flatten(user)
            assert {pair for pair, _ in user.book.carried} == {"ETH/USD"}
            pieces = user.book.carried["ETH/USD", Side.SELL]
            assert {piece.copy_id: piece.volume.amount for piece in pieces} == {
                "c7": Decimal("0.0003"), pieces[0].copy_id: Decimal("0.0008"),
            }  # fmt: skip
            assert {pair for pair, _ in ledger.load_book().carried} == {"ETH/USD"}

    run(steps())


def test_what_is_owed_already_in_another_pair_takes_the_rest_along(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            holds(user, "BTC/USD", "0.0003")
            piece = Slice(order_id="", volume=BaseVolume(VOLUME), cost=NO_AMOUNT)
            user.book.carry("BTC/USD", Side.SELL, [piece], "c0")
            flatten(user)
            assert user.book.owed("BTC") == BaseVolume(Decimal("0.0003"))
            flatten(user)
            assert user.book.owed("BTC") == BaseVolume(Decimal("0.0003"))

    run(steps())


def test_what_comes_in_for_a_coin_without_a_pair_with_money_is_sold_as_well(ledger: Ledger) -> None:
    by_btc = PAIRS["XETHZUSD"] | {"altname": "ETHXBT", "wsname": "ETH/XBT", "quote": "XXBT"}
    by_btc["costmin"] = "0.00002"
    pairs = {"XXBTZUSD": PAIRS["XXBTZUSD"], "XETHXXBT": by_btc}

    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["AssetPairs"] = pairs
            user.portfolio.pairs.latest = pair_table(pairs, ASSETS)
            for pair, price in (("BTC/USD", 50_000), ("ETH/BTC", Decimal("0.04"))):
                coin, _, quote = pair.partition("/")
                user.portfolio.prices.marks.set(coin, quote, Decimal(price))
            # Of the account's own, and of another coin's copied position, nothing is meant by it.
            user.book.coins.bought(
                Exchanged(base="BTC", quote="USD", volume=Decimal("0.04"), cost=Decimal(2_000))
            )
            user.book.coins.bought(
                Exchanged(base="ETH", quote="BTC", volume=Decimal(1), cost=Decimal("0.04"))
            )
            user.ledger.commit(book=user.book)
            flatten(user)
            assert user.book.left == ledger.load_book().left == {"BTC": "BTC/USD"}
            assert [pair for pair, _ in user.book.carried] == ["ETH/BTC"]
            order = SettledOrder(
                copy_id="x9", slices=(), ordered=BaseVolume(Decimal(1)), filled=BaseVolume(Decimal(1)),
                cost=QuoteAmount(Decimal("0.04")), fees={}, sweep=True,
            )  # fmt: skip
            user.book.put_carried("ETH/BTC", Side.SELL, ())
            user.book.settle("ETH/BTC", Side.SELL, order)
            assert user.book.owed("BTC") == BaseVolume(Decimal("0.04"))

    run(steps())
