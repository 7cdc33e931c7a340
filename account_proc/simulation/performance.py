"""What copying has won or lost: average cost, realised and unrealised, and the deepest fall from a high.

All is counted in one currency, by the rates of the moment of each trade, and what is held by those of the
moment of a look. An amount whose rate nobody knows counts for nothing, and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.domain.quantities import Side

NOTHING = Decimal(0)
#: What a unit of an asset is worth; None where nobody knows.
Rate = Callable[[str], Decimal | None]


@dataclass(slots=True)
class Holding:
    """What is held of one coin, and what that cost."""

    volume: Decimal = NOTHING
    cost: Decimal = NOTHING


@dataclass(slots=True)
class Performance:
    """Of one user, really or replayed."""

    rate: Rate
    holdings: dict[str, Holding] = field(default_factory=dict)
    bought: Decimal = NOTHING
    sold: Decimal = NOTHING
    fees: Decimal = NOTHING
    realised: Decimal = NOTHING
    #: Assets of which an amount was counted as nothing.
    unpriced: set[str] = field(default_factory=set)
    #: What was won by the moment of each look.
    curve: list[Decimal] = field(default_factory=list)

    def _worth(self, amount: Decimal, asset: str) -> Decimal:
        rate = self.rate(asset) if amount else NOTHING
        if rate is None:
            self.unpriced.add(asset)
            return NOTHING
        return amount * rate

    def trade(self, side: Side, trade: Exchanged) -> None:
        """Counts an order's trades."""
        base, quote = trade.base, trade.quote
        worth = self._worth(trade.cost, quote)
        fee_base = trade.fees.get(base, NOTHING)
        self.fees += sum((self._worth(fee, asset) for asset, fee in trade.fees.items()), NOTHING)
        # A fee in base is coins that are not there: it is paid with what they cost.
        self.realised -= sum(
            (self._worth(fee, asset) for asset, fee in trade.fees.items() if asset != base), NOTHING
        )
        if side is Side.BUY:
            self.bought += worth
            self._give(quote, trade.cost, worth)
            self._take(base, trade.volume - fee_base, worth)
        else:
            self.sold += worth
            self._give(base, trade.volume + fee_base, worth)
            if quote not in FIAT:
                self._take(quote, trade.cost, worth)

    def _take(self, coin: str, volume: Decimal, cost: Decimal) -> None:
        held = self.holdings.setdefault(coin, Holding())
        held.volume += volume
        held.cost += cost

    def _give(self, coin: str, volume: Decimal, worth: Decimal) -> None:
        """So much of a coin goes for what is worth so much; of what copying does not hold, nothing is won."""
        held = self.holdings.get(coin)
        if held is None or held.volume <= 0 or volume <= 0:
            return
        gone = min(volume, held.volume)
        cost = held.cost * (gone / held.volume)
        self.realised += worth * (gone / volume) - cost
        held.volume -= gone
        held.cost -= cost

    @property
    def unrealised(self) -> Decimal:
        """What is held, less what it cost."""
        held = ((coin, each) for coin, each in self.holdings.items() if each.volume)
        return sum((self._worth(each.volume, coin) - each.cost for coin, each in held), NOTHING)

    @property
    def won(self) -> Decimal:
        """All of it, fees taken off."""
        return self.realised + self.unrealised

    def look(self) -> None:
        """One more point of the curve."""
        self.curve.append(self.won)

    def begin(self) -> None:
        """Counting begins here: what is held was bought at the rates of now."""
        for coin, held in self.holdings.items():
            rate = self.rate(coin)
            held.cost = held.cost if rate is None else held.volume * rate
        self.bought = self.sold = self.fees = self.realised = NOTHING
        self.curve = []

    def copy(self) -> Performance:
        """Another one that goes on from here."""
        holdings = {coin: Holding(held.volume, held.cost) for coin, held in self.holdings.items()}
        return Performance(
            self.rate, holdings, self.bought, self.sold, self.fees, self.realised, set(self.unpriced),
            list(self.curve),
        )  # fmt: skip


def deepest_fall(curve: Iterable[Decimal]) -> tuple[Decimal, Decimal]:
    """How far it fell at most from a high before, with a start at 0; and that high."""
    high, fall, of_high = NOTHING, NOTHING, NOTHING
    for value in curve:
        high = max(high, value)
        if high - value > fall:
            fall, of_high = high - value, high
    return fall, of_high
