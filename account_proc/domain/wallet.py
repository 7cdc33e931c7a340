"""What an account holds and what that is worth, kept fresh from executions. Pure: no clock, no exchange.

``Wallet`` counts: a snapshot of balances, then every execution once. ``Marks`` knows prices between assets.
Together they give equity before an order without asking anyone on the way from a fill to an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.domain.asset_forms import locked, worth_as
from krakencopy.account_proc.domain.quantities import Side

#: Assets that other assets are valued through when there is no direct price. Kraken quotes nearly everything
#: in USD.
BRIDGES = ("USD", "EUR", "BTC")
#: Currency that an account's equity is shown in.
DISPLAY_CURRENCY = "USD"


#: Share of a balance that the exchange's rounding of costs and fees may add up to.
ROUNDING = Decimal("0.000001")
#: Differences up to this, in any asset, are rounding as well: less than a cent of anything.
DUST = Decimal("0.00000001")


#: No part of a wallet is left out.
NOTHING_RESERVED: Mapping[str, Decimal] = MappingProxyType({})


class Marks:
    """Last known prices, by (base, quote)."""

    def __init__(self) -> None:
        self._prices: dict[tuple[str, str], Decimal] = {}

    def set(self, base: str, quote: str, price: Decimal) -> None:
        """One unit of base is worth so much quote. Prices that are not positive are ignored: they value
        nothing.
        """
        if price > 0:
            self._prices[base, quote] = price

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on: a coin under a new name is worth what it was."""
        for (base, quote), price in list(self._prices.items()):
            if old in {base, quote}:
                del self._prices[base, quote]
                renamed = (new if base == old else base, new if quote == old else quote)
                self._prices.setdefault(renamed, price)

    def rate(self, asset: str, quote: str) -> Decimal | None:
        """What one unit of asset is worth in quote: directly, inverted, or over one bridge; None when not
        known.
        """
        asset = worth_as(asset)
        direct = self._direct(asset, quote)
        if direct is not None:
            return direct
        for bridge in BRIDGES:
            first, second = self._direct(asset, bridge), self._direct(bridge, quote)
            if first is not None and second is not None:
                return first * second
        return None

    def _direct(self, asset: str, quote: str) -> Decimal | None:
        if asset == quote:
            return Decimal(1)
        price = self._prices.get((asset, quote))
        if price is not None:
            return price
        inverse = self._prices.get((quote, asset))
        return None if inverse is None else 1 / inverse


class Wallet:
    """Balances by asset (display names, e.g. BTC, USD; locked forms as BTC.S), holds not deducted."""

    def __init__(self, balances: Mapping[str, Decimal] | None = None) -> None:
        self._balances: dict[str, Decimal] = dict(balances or {})

    def __getitem__(self, asset: str) -> Decimal:
        return self._balances.get(asset, Decimal(0))

    def holding(self, asset: str) -> Decimal:
        """All that is there of an asset, in whatever form; some of it may be locked
        (domain/asset_forms.py).
        """
        return self[asset] + sum((self[name] for name in locked(self._balances, asset)), Decimal(0))

    def assets(self) -> tuple[str, ...]:
        """Assets of which something is held."""
        return tuple(asset for asset, amount in self._balances.items() if amount)

    def replace(self, balances: Mapping[str, Decimal]) -> None:
        """Takes a new snapshot."""
        self._balances = dict(balances)

    def add_amount(self, asset: str, amount: Decimal) -> None:
        """A change of one balance; may be negative."""
        self._balances[asset] = self[asset] + amount

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on, in every form."""
        for name in [old, *locked(self._balances, old)]:
            amount = self._balances.pop(name, Decimal(0))
            self.add_amount(f"{new}{name[len(old) :]}", amount)

    def trade(self, base: str, quote: str, side: Side, volume: Decimal, cost: Decimal) -> None:
        """One execution, without its fees."""
        sign = 1 if side is Side.BUY else -1
        self.add_amount(base, sign * volume)
        self.add_amount(quote, -sign * cost)

    def exchange(self, side: Side, trade: Exchanged) -> None:
        """All trades of an order, with their fees."""
        self.trade(trade.base, trade.quote, side, trade.volume, trade.cost)
        for asset, fee in trade.fees.items():
            self.add_amount(asset, -fee)

    def value(self, quote: str, marks: Marks, reserve: Mapping[str, Decimal] = NOTHING_RESERVED) -> Decimal:
        """Total equity in quote. What has no price on this exchange (delisted or never listed) counts
        nothing.

        ``reserve``: so much of an asset is not counted, or all that is there where that is less.
        """
        total = Decimal(0)
        for asset, amount in self._balances.items():
            rate = marks.rate(asset, quote) if amount else None
            if rate is not None:
                total += amount * rate
        for asset, amount in reserve.items():
            rate = marks.rate(asset, quote)
            if rate is not None:
                total -= min(amount, max(self.holding(asset), Decimal(0))) * rate
        return total

    def copy(self) -> Wallet:
        """An independent copy, to look at another moment."""
        return Wallet(self._balances)

    def balances(self) -> dict[str, Decimal]:
        """Everything that is held, by asset."""
        return {asset: amount for asset, amount in self._balances.items() if amount}

    def change_to(self, balances: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """What would have to come in or go out for these balances to be right; differences of rounding are
        none.
        """
        changes = {}
        for asset in self._balances.keys() | balances.keys():
            balance = balances.get(asset, Decimal(0))
            if balance != self[asset] and not self.rounding(asset, balance):
                changes[asset] = balance - self[asset]
        return changes

    def rounding(self, asset: str, balance: Decimal) -> Decimal:
        """What is counted beyond the balance that is shown (or short of it), where that is a matter of
        rounding; else 0.
        """
        counted = self[asset]
        is_rounding = abs(balance - counted) <= max(ROUNDING * max(abs(balance), abs(counted)), DUST)
        return counted - balance if is_rounding else Decimal(0)


def change_from_outside(balances: Mapping[str, Decimal], states: Iterable[Wallet]) -> dict[str, Decimal]:
    """What came in or went out beside trades (deposits, withdrawals), by asset: the least that explains the
    balances.

    ``states``: what the wallet was at each moment that the balances may be of. A trade moves two assets, so
    the state that differs in the fewest is the one.
    """
    return min((state.change_to(balances) for state in states), key=len)
