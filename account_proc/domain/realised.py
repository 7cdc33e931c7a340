"""What copying has won and lost by what it has sold: average cost, with fees. Pure.

A bought coin costs what was paid for it, with the fees; of several purchases the average counts. What is sold
brings in what was got for it, less the fees, and less that cost. A coin that pays for another one is sold by
that, at what it pays for; one that comes in for another one costs itself. Each amount stays in the asset
that it was paid in: what they are worth together is a matter of prices (contract/loss_counting.py).

How much copying holds of a coin is the book's to say (contract/copied_coins.py). What it writes off, because
it was sold or withdrawn by hand, is taken out at its cost, and is no loss of copying's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from krakencopy.account_proc.contract.copied_coins import CopiedCoins, Exchanged
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.sent_values import WIDE

NOTHING = Decimal(0)
#: Costs and results are kept to so many decimals: finer than any balance at Kraken.
DECIMALS = Decimal("1e-12")

#: How much copying holds of a coin now, by the book.
Held = Callable[[str], Decimal]


class Realised:
    """Costs of what is held, and what sales have brought in beyond them, by asset."""

    def __init__(self) -> None:
        self.totals: dict[str, Decimal] = {}
        self._volumes: dict[str, Decimal] = {}
        self._costs: dict[str, dict[str, Decimal]] = {}

    @classmethod
    def beginning(cls, coins: CopiedCoins) -> Realised:
        """From a book that was kept before: what it holds costs what the book says, without fees; what came
        in for other coins, itself.
        """
        begun = cls()
        for coin, position in coins:
            if position.volume > 0:
                begun._volumes[coin] = position.volume
                begun._costs[coin] = dict(position.costs) or {coin: position.volume}
        return begun

    @classmethod
    def from_json(cls, text: str) -> Realised:
        """The inverse of ``to_json``. Raises KeyError, TypeError, ValueError or ArithmeticError."""
        raw, read = json.loads(text), cls()
        read.totals, read._volumes = _amounts(raw["totals"]), _amounts(raw["volumes"])
        read._costs = {coin: _amounts(costs) for coin, costs in raw["costs"].items()}
        return read

    def to_json(self) -> str:
        """The form in which it is kept."""
        body = {"totals": self.totals, "volumes": self._volumes, "costs": self._costs}
        return json.dumps(body, default=str)

    def count(self, side: Side, trade: Exchanged, held: Held) -> None:
        """Counts an order's trades; ``held``: as the book has it after them."""
        for coin in list(self._volumes):
            if coin not in {trade.base, trade.quote}:
                self._agree(coin, held(coin))
        if side is Side.BUY:
            self._bought(trade, held)
        else:
            self._sold(trade, held)
        self._agree(trade.base, held(trade.base))
        self._agree(trade.quote, held(trade.quote))

    def coins(self) -> list[str]:
        """Every asset that is counted here."""
        names = dict.fromkeys((*self.totals, *self._volumes, *self._costs))
        names |= dict.fromkeys(asset for costs in self._costs.values() for asset in costs)
        return list(names)

    def rename(self, old: str, new: str) -> None:
        """A coin has another name from now on."""
        parts = [self.totals, self._volumes, *self._costs.values()]
        for part in parts:
            if (amount := part.pop(old, None)) is not None:
                part[new] = part.get(new, NOTHING) + amount
        if (costs := self._costs.pop(old, None)) is not None:
            _add_all(self._costs.setdefault(new, {}), costs)

    def _bought(self, trade: Exchanged, held: Held) -> None:
        fees = dict(trade.fees)
        gained = max(trade.volume - fees.pop(trade.base, NOTHING), NOTHING)
        spent = trade.cost + fees.pop(trade.quote, NOTHING)
        # Copied coins that pay are sold by that.
        paid = min(max(self._volume(trade.quote) - held(trade.quote), NOTHING), spent)
        if paid:
            _add(self.totals, trade.quote, paid)
            _add_all(self.totals, self._release(trade.quote, paid), sign=-1)
        costs = self._costs.setdefault(trade.base, {})
        _add(costs, trade.quote, spent)
        _add_all(costs, fees)
        self._volumes[trade.base] = self._volume(trade.base) + gained

    def _sold(self, trade: Exchanged, held: Held) -> None:
        fees = dict(trade.fees)
        gone = trade.volume + fees.pop(trade.base, NOTHING)
        came = trade.cost - fees.pop(trade.quote, NOTHING)
        copied = min(self._volume(trade.base), gone)
        if copied <= 0:
            return
        share = copied / gone
        _add(self.totals, trade.quote, came * share)
        _add_all(self.totals, {asset: fee * share for asset, fee in fees.items()}, sign=-1)
        _add_all(self.totals, self._release(trade.base, copied), sign=-1)
        if (inflow := held(trade.quote) - self._volume(trade.quote)) > 0:
            self._volumes[trade.quote] = held(trade.quote)
            _add(self._costs.setdefault(trade.quote, {}), trade.quote, inflow)

    def _volume(self, coin: str) -> Decimal:
        return self._volumes.get(coin, NOTHING)

    def _release(self, coin: str, volume: Decimal) -> dict[str, Decimal]:
        """Takes a volume out of what is held; what it has cost."""
        there = self._volume(coin)
        share = min(volume / there, Decimal(1)) if there > 0 else Decimal(1)
        costs = self._costs.get(coin, {})
        released = {asset: _rounded(amount * share) for asset, amount in costs.items()}
        _add_all(costs, released, sign=-1)
        self._volumes[coin] = max(there - volume, NOTHING)
        return released

    def _agree(self, coin: str, volume: Decimal) -> None:
        """The book holds so much."""
        there = self._volume(coin)
        if volume < there:
            self._release(coin, there - volume)
        if volume > 0:
            self._volumes[coin] = volume
        else:
            self._volumes.pop(coin, None)
            self._costs.pop(coin, None)


def _amounts(raw: Mapping[str, str]) -> dict[str, Decimal]:
    return {asset: Decimal(amount) for asset, amount in raw.items()}


def _add(part: dict[str, Decimal], asset: str, amount: Decimal) -> None:
    part[asset] = _rounded(part.get(asset, NOTHING) + amount)
    if not part[asset]:
        del part[asset]


def _add_all(part: dict[str, Decimal], amounts: Mapping[str, Decimal], sign: int = 1) -> None:
    for asset, amount in amounts.items():
        _add(part, asset, sign * amount)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(DECIMALS, rounding=ROUND_HALF_EVEN, context=WIDE)
