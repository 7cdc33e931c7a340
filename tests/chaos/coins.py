"""What copying holds of each coin, counted as decision 26 says it in words, in fractions. Shares no code with
the system.

The same rules count for the master (all fills of the journal) and for a user (what the exchange booked for
its copies).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

NOTHING = Fraction(0)
#: Quotients are kept to so many decimals, or their digits would grow with every trade.
DECIMALS = 10**40


def _tidy(amount: Fraction) -> Fraction:
    return Fraction(round(amount * DECIMALS), DECIMALS)


@dataclass
class _Held:
    volume: Fraction = NOTHING
    #: How much of the volume was paid for with the account's own money, by the kind of money.
    own: dict[str, Fraction] = field(default_factory=dict)

    def take(self, volume: Fraction) -> tuple[Fraction, dict[str, Fraction]]:
        """Takes away as much of this as there is; how much, and how much of that came from which own
        money.
        """
        taken = min(volume, self.volume)
        if not taken:
            return NOTHING, {}
        share = taken / self.volume
        parts = {money: _tidy(part * share) for money, part in self.own.items()}
        self.volume = _tidy(self.volume - taken)
        self.own = {money: part - parts[money] for money, part in self.own.items()} if self.volume else {}
        return taken, parts

    def put(self, volume: Fraction, parts: dict[str, Fraction]) -> None:
        """Adds so much, of which these parts came from own money."""
        self.volume = _tidy(self.volume + volume)
        for money, part in parts.items():
            self.own[money] = _tidy(self.own.get(money, NOTHING) + part)


class Coins:
    """The count of one account."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def held(self, coin: str) -> Fraction:
        """How much of a coin copying holds."""
        return self._of(coin).volume

    def _of(self, coin: str) -> _Held:
        return self._held.setdefault(coin, _Held())

    def count(
        self, pair: str, side: str, volume: Fraction, cost: Fraction, fees: Mapping[str, Fraction]
    ) -> None:
        """One trade. A fee in what is paid or sold makes that more, one in what comes in makes that less."""
        base, _, quote = pair.partition("/")
        if not volume:
            return
        in_quote, in_base = fees.get(quote, NOTHING), fees.get(base, NOTHING)
        if side == "buy":
            self._buy(base, quote, max(volume - in_base, NOTHING), cost + in_quote)
        else:
            self._sell(base, quote, volume, max(cost - in_quote, NOTHING))
            self.lose(base, in_base)
        for coin, fee in fees.items():
            if coin not in {base, quote}:
                self.lose(coin, fee)

    def _buy(self, base: str, quote: str, volume: Fraction, spent: Fraction) -> None:
        """A buy adds to the base coin and takes what it spends from the quote coin, as far as copying
        holds it.
        """
        taken, parts = self._of(quote).take(spent)
        rate = volume / spent
        # A coin does not come from itself.
        own = {money: part * rate for money, part in parts.items() if money != base}
        own[quote] = own.get(quote, NOTHING) + (spent - taken) * rate
        self._of(base).put(volume, own)

    def _sell(self, base: str, quote: str, volume: Fraction, proceeds: Fraction) -> None:
        """What comes in for coins that copying held is held by copying as well, except for what was paid
        with own money of that kind.
        """
        sold, parts = self._of(base).take(volume)
        if not sold:
            return
        rate = proceeds / volume
        returned = parts.pop(quote, NOTHING)
        self._of(quote).put((sold - returned) * rate, {money: part * rate for money, part in parts.items()})

    def lose(self, coin: str, amount: Fraction) -> None:
        """Fees are lost in the coin that they were taken in; so is what was written off. Nothing is below
        zero.
        """
        self._of(coin).take(amount)
