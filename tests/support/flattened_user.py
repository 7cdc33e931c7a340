"""A user who holds what copying bought, and who is told to sell all of it."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import Exchanged
from tests.support.copying_user import User
from tests.support.trading_states import order_flatten

VOLUME = Decimal("0.0001")


def flatten(user: User) -> None:
    order_flatten(user.states_path, ["anna"])
    user.guard.look()


async def bought(user: User) -> None:
    user.fill()
    await user.done()


def holds(user: User, pair: str, volume: str, cost: str = "5") -> None:
    base, _, quote = pair.partition("/")
    trade = Exchanged(base=base, quote=quote, volume=Decimal(volume), cost=Decimal(cost))
    user.book.coins.bought(trade)
    user.ledger.commit(book=user.book)
