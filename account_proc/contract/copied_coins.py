"""What copying is about, by coin: how much of each was bought and is still held, across all pairs. Pure.

Both sides count by these rules. The journal counts the master: what it bought since the journal began, less
what it sold, spent or paid as fees. A user's ledger counts the user: what its copies bought, less the same. A
fraction of the one is then a fraction of the other, whatever else either of them owns.

* A buy adds to the base coin. What it spends of a quote coin that copying holds is taken from that coin,
  first of all.
* A sell takes from the base coin. What comes in is a copied holding as well, because the trade that is
  followed has moved there; except for the part that was paid for with the account's own quote: that is its
  own money, come back.
* Nothing is ever below zero: what is sold or spent beyond the copied coins was the account's own.

An amount here is in units of the coin itself: the same coin is the base of one pair and the quote of another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Context, Decimal

#: What came in for a sold coin, and what was paid for from where, are kept to so many decimals; Kraken's own
#: balances have at most 10.
DECIMALS = Decimal("1e-12")
NOTHING = Decimal(0)
#: Wide enough for any amount with so many decimals.
_WIDE = Context(prec=80)


@dataclass(slots=True, kw_only=True)
class Position:
    """How much of one coin copying holds."""

    volume: Decimal = NOTHING
    #: What the held volume cost, without fees, by the quote coin that it was paid in.
    costs: dict[str, Decimal] = field(default_factory=dict)
    #: How much of the volume was paid for with the account's own quote (not copied), by that coin.
    own: dict[str, Decimal] = field(default_factory=dict)
    #: The pair that copying bought it in last, e.g. BTC/USD; empty for a coin that came in by selling
    #: another.
    pair: str = ""

    def scale(self, share: Decimal) -> None:
        """Keeps this share (0 to 1) of it."""
        self.volume *= share
        for part in (self.costs, self.own):
            for coin in list(part):
                part[coin] = _rounded(part[coin] * share)
                if not part[coin]:
                    del part[coin]

    def rename(self, old: str, new: str) -> bool:
        """A coin that it was bought with, or that it is, has another name from now on; whether that
        changes anything here.
        """
        pair = "/".join(new if coin == old else coin for coin in self.pair.split("/"))
        changed = pair != self.pair
        self.pair = pair
        for part in (self.costs, self.own):
            if (amount := part.pop(old, None)) is not None:
                _add(part, new, amount)
                changed = True
        return changed

    def to_json(self) -> str:
        """The form in which it is kept."""
        body: dict[str, object] = {"volume": str(self.volume), "pair": self.pair}
        for name, part in (("costs", self.costs), ("own", self.own)):
            body[name] = {coin: str(amount) for coin, amount in part.items()}
        return json.dumps(body)

    @classmethod
    def from_json(cls, text: str) -> Position:
        """The inverse. Raises KeyError, TypeError, ValueError or ArithmeticError on anything else."""
        raw = json.loads(text)
        costs, own = (
            {coin: Decimal(amount) for coin, amount in raw[name].items()} for name in ("costs", "own")
        )
        return cls(volume=Decimal(raw["volume"]), costs=costs, own=own, pair=raw["pair"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """One trade, or an order's trades together. ``fees`` by the coin that they were taken in."""

    base: str
    quote: str
    volume: Decimal
    cost: Decimal
    fees: Mapping[str, Decimal] = field(default_factory=dict)


class CopiedCoins:
    """Positions by coin (BTC, USD), and which of them have changed since they were last written."""

    def __init__(self, positions: Mapping[str, Position] | None = None) -> None:
        self._positions = dict(positions or {})
        self._changed: set[str] = set()

    def __iter__(self) -> Iterator[tuple[str, Position]]:
        return iter(sorted(self._positions.items()))

    def volume(self, coin: str) -> Decimal:
        """How much is held of a coin; 0 for one that never was."""
        position = self._positions.get(coin)
        return NOTHING if position is None else position.volume

    def position(self, coin: str) -> Position:
        """The position, to look at; an empty one for a coin that never was held."""
        return self._positions.get(coin) or Position()

    def take_changed(self) -> list[tuple[str, Position]]:
        """Positions that have changed since the last call."""
        changed = [(coin, self._positions[coin]) for coin in sorted(self._changed)]
        self._changed.clear()
        return changed

    def change(self, coin: str) -> Position:
        """The position, to be changed."""
        self._changed.add(coin)
        return self._positions.setdefault(coin, Position())

    def bought(self, trade: Exchanged) -> None:
        """Counts a buy of the base coin."""
        fees = dict(trade.fees)
        gained = max(trade.volume - fees.pop(trade.base, NOTHING), NOTHING)
        spent = trade.cost + fees.pop(trade.quote, NOTHING)
        self.paid(fees)
        copied, origin = self._spend(trade.quote, spent)
        paid = copied / spent if spent > 0 else NOTHING  # with what copying held, as a share
        # Also its own coins that come back by way of others: a follower that went another way (it had none of
        # them to spend) buys with its own money here, and its exit is a fraction of this.
        origin.pop(trade.base, None)
        position = self.change(trade.base)
        position.volume += gained
        position.pair = f"{trade.base}/{trade.quote}"
        _add(position.costs, trade.quote, trade.cost)
        _add(position.own, trade.quote, gained * (1 - paid))
        for coin, share in origin.items():
            _add(position.own, coin, gained * paid * share)

    def sold(self, trade: Exchanged) -> None:
        """Counts a sell of the base coin."""
        fees = dict(trade.fees)
        gone = trade.volume + fees.pop(trade.base, NOTHING)
        came = max(trade.cost - fees.pop(trade.quote, NOTHING), NOTHING)
        self.paid(fees)
        held = self.volume(trade.base)
        if held <= 0 or trade.volume <= 0:
            return
        came *= min(held / trade.volume, Decimal(1))
        _, origin = self._spend(trade.base, gone)
        copied = _rounded(came * (1 - origin.pop(trade.quote, NOTHING)))
        if copied > 0:
            position = self.change(trade.quote)
            position.volume += copied
            for coin, share in origin.items():
                _add(position.own, coin, came * share)

    def paid(self, fees: Mapping[str, Decimal]) -> None:
        """Counts fees that no trade is counted for, by the coin that they were taken in."""
        for coin, amount in fees.items():
            self._spend(coin, amount)

    def keep_at_most(self, coin: str, volume: Decimal) -> Decimal:
        """Forgets what is held beyond a volume; how much that was."""
        held = self.volume(coin)
        left = max(volume, NOTHING)
        if held <= left:
            return NOTHING
        position = self.change(coin)
        position.scale(left / held)
        position.volume = left
        return held - left

    def rename(self, old: str, new: str) -> None:
        """The coin has another name from now on; what was held of both is one position. Also where other
        coins were paid in it.
        """
        for coin, position in self._positions.items():
            if position.rename(old, new):
                self._changed.add(coin)
        gone = self._positions.get(old)
        if gone is None or not gone.volume:
            return
        position = self.change(new)
        position.volume += gone.volume
        position.pair = gone.pair or position.pair
        for coin, amount in gone.costs.items():
            _add(position.costs, coin, amount)
        for coin, amount in gone.own.items():
            _add(position.own, coin, amount)
        self._positions[old] = Position()
        self._changed.add(old)

    def _spend(self, coin: str, amount: Decimal) -> tuple[Decimal, dict[str, Decimal]]:
        """Takes an amount out of a coin's position; how much of it was there, and which shares of that
        were paid with own money.
        """
        held = self.volume(coin)
        if held <= 0 or amount <= 0:
            return NOTHING, {}
        position = self.change(coin)
        origin = {of: own / held for of, own in position.own.items()}
        taken = min(held, amount)
        position.scale(1 - taken / held)
        position.volume = held - taken
        return taken, origin


class CoinNames:
    """What coins are called now that had another name once (MATIC is POL since 2024)."""

    def __init__(self, renamed: Mapping[str, str] | None = None) -> None:
        """``renamed``: from an old name to the next one."""
        self._renamed = dict(renamed or {})

    @classmethod
    def after(cls, renames: Iterable[tuple[str, str]]) -> CoinNames:
        """What coins are called after these, in order."""
        names = cls()
        for old, new in renames:
            names.rename(old, new)
        return names

    def rename(self, old: str, new: str) -> None:
        """The coin has another name from now on. A name that is given again (back, or to another coin)
        means what it was given to last.
        """
        self._renamed.pop(new, None)
        self._renamed[old] = new

    def now_of(self, coin: str) -> str | None:
        """The name that came after this one; None if it has it still."""
        return self._renamed.get(coin)

    def current(self, coin: str) -> str:
        """The name that the coin has now."""
        for _ in self._renamed:
            if coin not in self._renamed:
                break
            coin = self._renamed[coin]
        return coin

    def current_pair(self, pair: str) -> str:
        """The pair under the names that its coins have now; one that is not in our spelling as it is."""
        names = split_pair(pair) if self._renamed else None
        return pair if names is None else "/".join(map(self.current, names))

    def to_json(self) -> str:
        """The form in which they are kept."""
        return json.dumps(self._renamed)

    @classmethod
    def from_json(cls, text: str) -> CoinNames:
        """The inverse. Raises ValueError or TypeError on anything else."""
        return cls({str(old): str(new) for old, new in dict(json.loads(text)).items()})


def split_pair(pair: str) -> tuple[str, str] | None:
    """Base and quote of a pair in our spelling (BTC/USD); None for a name that is not in it."""
    base, slash, quote = pair.partition("/")
    return (base, quote) if slash and base and quote else None


def _add(part: dict[str, Decimal], coin: str, amount: Decimal) -> None:
    total = _rounded(part.get(coin, NOTHING) + amount)
    if total > 0:
        part[coin] = total


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(DECIMALS, rounding=ROUND_DOWN, context=_WIDE)
