"""What copying holds and carries is shown by coin, and what should be there and is not is said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.domain.copy_plan import Slice
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading import outside_changes, portfolio
from krakencopy.v1 import types_pb2 as pb
from tests.support import pair_samples
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import ASSETS, PAIRS, run


def carry(user: User, pair: str, side: Side, volume: str) -> None:
    piece = Slice(order_id="", volume=BaseVolume(Decimal(volume)), cost=NO_AMOUNT)
    user.book.carry(pair, side, [piece], "c1")


def test_nothing_is_shown_of_a_user_that_has_copied_nothing(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            assert user.copier.positions.to_proto() == []
            assert user.copier.positions.pairs() == ()
            assert user.copier.positions.held("BTC") == 0

    run(steps())


def test_what_was_bought_is_shown_with_what_was_paid_in_each_coin(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            for quote, cost in (("USD", "5"), ("EUR", "4.123456789")):
                user.book.coins.bought(
                    Exchanged(base="BTC", quote=quote, volume=Decimal("0.0001"), cost=Decimal(cost))
                )
            (position,) = user.copier.positions.to_proto()
            assert (position.asset, position.pair, position.volume) == ("BTC", "BTC/EUR", "0.0002")
            assert position.cost == "4.12345679"
            assert {paid.asset: paid.amount for paid in position.costs} == {"USD": "5", "EUR": "4.12345679"}
            assert user.copier.positions.pairs() == ("BTC/EUR",)
            assert user.copier.positions.held("BTC") == Decimal("0.0002")

    run(steps())


def test_money_that_came_in_for_coins_is_no_position(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.book.coins.bought(
                Exchanged(base="BTC", quote="USD", volume=Decimal("0.0001"), cost=Decimal(5))
            )
            user.book.coins.sold(
                Exchanged(base="BTC", quote="EUR", volume=Decimal("0.0001"), cost=Decimal(5))
            )
            assert user.copier.positions.to_proto() == []

    run(steps())


def test_what_is_carried_in_any_pair_of_a_coin_is_shown_together(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            carry(user, "BTC/USD", Side.BUY, "0.00001")
            carry(user, "BTC/EUR", Side.BUY, "0.00002")
            carry(user, "BTC/EUR", Side.SELL, "0.00004")
            (position,) = user.copier.positions.to_proto()
            assert (position.pair, position.volume) == ("BTC/USD", "0")
            assert (position.carried_buy, position.carried_sell) == ("0.00003", "0.00004")

    run(steps())


def test_what_is_in_the_way_of_an_owed_exit_is_said(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            await user.refuse_exit(ExchangeRefused("AddOrder", ("EService:Market in post_only mode",)))
            (position,) = user.copier.positions.to_proto()
            assert position.exit_owed == "0.0001 BTC, EService:Market in post_only mode"

    run(steps())


def test_an_exit_whose_next_try_is_on_its_way_is_owed_still(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            await user.refuse_exit(ExchangeRefused("AddOrder", ("EOrder:Trading agreement required",)))
            positions = user.copier.positions
            words = "0.0001 BTC, EOrder:Trading agreement required"
            assert [each.words for each in positions.obstructed_exits()] == [words]
            user.now += 60.0
            await user.copier._sell_owed_exit("BTC/USD")
            (position,) = positions.to_proto()
            assert (position.carried_sell, position.exit_owed) == ("0", words)
            assert [each.words for each in positions.obstructed_exits()] == [words]
            await user.done()
            assert list(positions.obstructed_exits()) == []
            assert positions.to_proto() == []

    run(steps())


@pytest.mark.parametrize(
    ("there", "missing"), [("8.17037", ""), ("8.17036", "0.000101916"), ("8.170462", "")]
)
def test_what_rounding_may_have_taken_is_not_missing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, there: str, missing: str
) -> None:
    for module in (portfolio, outside_changes):
        monkeypatch.setattr(module, "CONFIRM_S", 0.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always |= {"AssetPairs": pair_samples.PAIRS, "Assets": pair_samples.ASSETS}
            await user.portfolio.load()
            held = Exchanged(base="USDT", quote="USD", volume=Decimal("8.170461916"), cost=Decimal(8))
            user.book.coins.bought(held)
            user.kraken.always["Balance"] = {"ZUSD": "100", "USDT": there}
            assert await user.portfolio.know()
            (position,) = user.copier.positions.to_proto()
            assert position.missing_volume == missing

    run(steps())


def test_what_should_be_there_and_is_not_is_shown_unless_an_order_may_explain_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (portfolio, outside_changes):
        monkeypatch.setattr(module, "CONFIRM_S", 0.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.book.coins.bought(
                Exchanged(base="BTC", quote="USD", volume=Decimal("0.0003"), cost=Decimal(15))
            )
            user.kraken.always["Balance"] = {"ZUSD": "100", "XXBT": "0.0001"}
            assert await user.portfolio.know()
            assert only(user).missing_volume == "0.0002"
            user.fill()
            assert only(user).missing_volume == ""
            await user.done()

    def only(user: User) -> pb.CopiedPosition:
        (position,) = user.copier.positions.to_proto()
        return position

    run(steps())


def test_a_coin_is_held_unlisted_where_none_of_its_pairs_is_known(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["AssetPairs"] = PAIRS
            user.kraken.always["Assets"] = ASSETS
            assert not user.copier.positions.is_held_unlisted("NEW"), "nothing of it is held"
            for base in ("BTC", "NEW"):
                user.book.coins.bought(
                    Exchanged(base=base, quote="USD", volume=Decimal("0.0001"), cost=Decimal(5))
                )
            assert user.copier.positions.is_held_unlisted("NEW")
            assert not user.copier.positions.is_held_unlisted("BTC")

    run(steps())


def test_what_is_left_of_an_exit_and_too_small_to_be_sold_is_carried_and_not_obstructed(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            await user.refuse_exit(ExchangeRefused("AddOrder", ("EOrder:Trading agreement required",)))
            positions = user.copier.positions
            assert list(positions.obstructed_exits())
            marks = user.portfolio.prices.marks
            marks.set("BTC", "USD", Decimal(1))  # no order is worth so little
            assert list(positions.obstructed_exits()) == []
            marks.set("BTC", "USD", Decimal(50_000))
            assert list(positions.obstructed_exits())

    run(steps())
