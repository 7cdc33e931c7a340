"""What accounts held and what that was worth, at any time, by the exchange's own books. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tests.chaos.records import Record
from tests.chaos.rows import Trade
from tests.chaos.terms import ASSETS, PAIRS, ZERO, by_coin, coin_of, is_plain

#: Prices that a valuation used may be this old: balances and prices are read again about every minute, at a
#: start at once.
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
        """Least and most between two times (rounded to a second), the price that held at the first one
        included.
        """
        key = (pair, math.floor(since), math.ceil(until))
        if key not in self._known:
            times = self._times.get(pair, [])
            first = max(bisect_right(times, key[1]) - 1, 0)
            prices = self._prices.get(pair, [])[first : bisect_right(times, key[2])]
            self._known[key] = (
                min((low for low, _ in prices), default=ZERO), max((high for _, high in prices), default=ZERO)
            )  # fmt: skip
        return self._known[key]

    def in_dollars(self, since: float, until: float) -> dict[str, tuple[Decimal, Decimal]]:
        """Least and most of each coin between two times, in dollars; a stable coin by what a bitcoin costs
        in it.
        """
        found = {
            pair.base: self.about(pair.symbol, since, until) for pair in PAIRS.values() if pair.quote == "USD"
        }
        found = {coin: around for coin, around in found.items() if all(around)}
        found["USD"] = (Decimal(1), Decimal(1))
        found["USDT"] = (Decimal("0.99"), Decimal("1.01"))
        return found


def worth_in(
    balances: Mapping[str, Decimal], quote: str, ranges: Mapping[str, tuple[Decimal, Decimal]]
) -> tuple[Decimal, Decimal]:
    """Least and most that these coins were worth in one of them. ``ranges``: of each coin, in dollars."""
    low = sum((amount * ranges[coin][0] for coin, amount in balances.items() if coin in ranges), ZERO)
    high = sum((amount * ranges[coin][1] for coin, amount in balances.items() if coin in ranges), ZERO)
    least, most = ranges[quote]
    return low / most, high / least


@dataclass(frozen=True)
class State:
    """What an account had from some time on: by coin, in all forms, and of that what is no plain balance."""

    at: float
    total: dict[str, Decimal]
    in_forms: dict[str, Decimal]


def states(record: Record, account: str) -> list[State]:
    """All states of an account, one after each thing that happened to it."""
    begin = record.master if account == "master" else record.user(account).balances
    happened: list[tuple[float, list[tuple[str, Decimal]]]] = [
        (deposit.at, [(deposit.asset, deposit.amount)])
        for deposit in record.deposits
        if deposit.account == account
    ]
    happened += [(trade.at, legs(trade)) for trade in record.trades_of(account)]
    found = [
        State(
            0.0,
            by_coin(begin),
            {coin_of(asset): amount for asset, amount in begin.items() if not is_plain(asset)},
        )
    ]
    for at, changes in sorted(happened, key=lambda item: item[0]):
        total, in_forms = dict(found[-1].total), dict(found[-1].in_forms)
        for asset, amount in changes:
            coin = coin_of(asset)
            total[coin] = total.get(coin, ZERO) + amount
            if not is_plain(asset):
                in_forms[coin] = in_forms.get(coin, ZERO) + amount
        found.append(State(at, total, in_forms))
    return found


def legs(trade: Trade) -> list[tuple[str, Decimal]]:
    """What a trade changed, by asset; the fee in the asset that it was taken in."""
    pair = PAIRS[trade.pair]
    sign = 1 if trade.side == "buy" else -1
    return [
        (ASSETS[pair.base], sign * trade.volume),
        (ASSETS[pair.quote], -sign * trade.cost),
        (trade.fee_asset, -trade.fee),
    ]
