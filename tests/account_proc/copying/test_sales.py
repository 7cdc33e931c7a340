"""In which pair copied coins are sold, whether the exchange takes them, and that they are owed once."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.copying.sales import Sales
from krakencopy.account_proc.domain.quantities import BaseVolume, Side
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import run


def holds(user: User, volume: str, coin: str = "BTC", quote: str = "USD") -> None:
    trade = Exchanged(base=coin, quote=quote, volume=Decimal(volume), cost=Decimal(5))
    user.book.coins.bought(trade)


def test_what_is_owed_has_its_record_and_is_gathered_in_one_pair(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            sales = Sales(user.context)
            holds(user, "0.001", quote="EUR")
            assert sales.pair_of("BTC") == "BTC/USD"  # the other one is not listed
            copy = sales.owe("f1", "BTC/USD", BaseVolume(Decimal("0.001")), Reason.RESYNC, "why", "by olga")
            assert (copy.state, copy.side, copy.source) == (CopyState.CARRIED, Side.SELL, "by olga")
            assert copy.master_price == Decimal(50_000)
            assert user.book.owed("BTC") == BaseVolume(Decimal("0.001"))
            assert sales.pair_of("XYZ") == "XYZ/USD"

    run(steps())


def test_what_the_exchange_would_take_is_sellable(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            sales = Sales(user.context)
            assert not sales.holds_sellable()
            holds(user, "0.00001")
            assert not sales.holds_sellable()
            holds(user, "0.001")
            assert sales.holds_sellable()
            # Without a price the least volume decides; of an unknown pair nobody knows.
            assert sales.is_sellable("ETH/USD", BaseVolume(Decimal("0.001")))
            assert not sales.is_sellable("ETH/USD", BaseVolume(Decimal("0.0001")))
            assert sales.is_sellable("XYZ/USD", BaseVolume(Decimal("0.0001")))

    run(steps())
