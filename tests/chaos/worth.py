"""What accounts held and what that was worth, at any time, by the exchange's own books. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from decimal import Decimal

from tests.chaos.records import (
    PAIRS,
    ZERO,
    Record,
    UserTerms,
)

#: Prices that a valuation used may be this old: balances and prices are read again about every minute, at a start at once.
MARKS_AGE_S = 100.0


class Prices:
    """Prices of the market, and of the master's trades in it."""

    def __init__(self, record: Record) -> None:
        self._times: dict[str, list[float]] = {}
        self._prices: dict[str, list[tuple[Decimal, Decimal]]] = {}
        self._known: dict[tuple[str, float, float], tuple[Decimal, Decimal]] = {}
        points = [(quote.at, quote.pair, quote.bid, quote.ask) for quote in record.prices]
        points += [(trade.at, trade.pair, trade.price, trade.price) for trade in record.trades_of("master")]
        for at, pair, low, high in sorted(points):
            self._times.setdefault(pair, []).append(at)
            self._prices.setdefault(pair, []).append((low, high))

    def about(self, pair: str, since: float, until: float) -> tuple[Decimal, Decimal]:
        """Least and most between two times (rounded to a second), the price that held at the first one included."""
        key = (pair, math.floor(since), math.ceil(until))
        if key not in self._known:
            times = self._times.get(pair, [])
            first = max(bisect_right(times, key[1]) - 1, 0)
            prices = self._prices.get(pair, [])[first : bisect_right(times, key[2])]
            self._known[key] = (
                min((low for low, _ in prices), default=ZERO), max((high for _, high in prices), default=ZERO)
            )  # fmt: skip
        return self._known[key]


def worth_of(
    cash: Decimal, holds: dict[str, Decimal], ranges: dict[str, tuple[Decimal, Decimal]]
) -> tuple[Decimal, Decimal]:
    """Least and most that this was worth."""
    held = [(volume, ranges[pair]) for pair, volume in holds.items() if volume]
    return (
        cash + sum((volume * low for volume, (low, _) in held), ZERO),
        cash + sum((volume * high for volume, (_, high) in held), ZERO),
    )


def user_states(record: Record, user: UserTerms) -> list[tuple[float, Decimal, dict[str, Decimal]]]:
    """Cash and coins of a user after each thing that happened to them."""
    assets = {pair.asset: pair.symbol for pair in PAIRS.values()}
    coins = {assets[asset]: amount for asset, amount in user.coins.items()}
    cash = user.usd
    happened: list[tuple[float, str, Decimal, Decimal]] = [
        (deposit.at, assets.get(deposit.asset, ""), deposit.amount, ZERO)
        for deposit in record.deposits
        if deposit.account == user.account
    ]
    for trade in record.trades_of(user.account):
        sign = 1 if trade.side == "buy" else -1
        happened.append((trade.at, trade.pair, sign * trade.volume, -(sign * trade.cost + trade.fee)))
    states = [(0.0, cash, dict(coins))]
    for at, pair, amount, money in sorted(happened, key=lambda item: item[0]):
        cash += money if pair else amount
        if pair:
            coins[pair] = coins.get(pair, ZERO) + amount
        states.append((at, cash, dict(coins)))
    return states
