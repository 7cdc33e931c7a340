"""Caps on entries beside those of each order of the master: what of them is used at the moment of a decision,
and what they leave. Pure.

All is counted in the quote of the entry's pair, and what the entry buys at its worst allowed price. No exit
is ever held against any of them. What is not known is not guessed: an amount without a price is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.copied_coins import Position
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.copy_book import CopyBook, total_cost
from krakencopy.account_proc.domain.entries_made import EntriesMade
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, Price, QuoteAmount, Side

#: What a unit of an asset is worth in the quote of the entry's pair; None where nobody knows.
Rate = Callable[[str], Decimal | None]
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit, by the key that sets it: money, a share of the equity, or a number of something."""

    key: str
    limit: Money | Decimal | int
    #: It counts what is done in the entry's pair alone.
    of_pair: bool = False

    def __str__(self) -> str:
        limit = plain(self.limit) if isinstance(self.limit, Decimal) else str(self.limit)
        return f"{self.key} = {limit}" + (" of the pair" if self.of_pair else "")


@dataclass(frozen=True, slots=True)
class Room:
    """What a cap leaves for an entry, in quote, and how much of it is used, in words."""

    cap: Cap
    left: QuoteAmount
    used: str

    def __str__(self) -> str:
        return f"{self.cap} ({self.used})"


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A cap of which nobody knows what it leaves, as this asset has no known price."""

    cap: Cap
    asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CapState:
    """What an entry is held against."""

    caps: tuple[Cap, ...]
    pair: str
    #: In the pair's quote.
    equity: QuoteAmount
    book: CopyBook
    made: EntriesMade
    #: The UTC day.
    day: int
    rate: Rate
    #: The least volume that can be ordered in a pair; 0 where it is not known.
    ordermin: Callable[[str], Decimal]

    @property
    def base(self) -> str:
        """The coin that the entry buys."""
        return self.pair.partition("/")[0]


def caps_of(rules: CopyRules) -> tuple[Cap, ...]:
    """Those that an account has set."""
    limits: dict[str, Money | Decimal | int | None] = {
        "max_position_notional": rules.max_position_notional,
        "max_position_share": rules.max_position_share,
        "max_gross_exposure": rules.max_gross_exposure,
        "max_daily_notional": rules.max_daily_notional,
        "max_orders_per_day": rules.max_orders_per_day,
        "max_open_pairs": rules.max_open_pairs,
    }
    return tuple(Cap(key, limit) for key, limit in limits.items() if limit is not None)


def tightest_room(state: CapState, worst: Price) -> Room | Unpriced | None:
    """The cap that leaves least for an entry that may pay ``worst``; None where no one bounds its amount."""
    tightest: Room | None = None
    for cap in state.caps:
        try:
            room = _LEFT[cap.key](state, cap, worst)
        except _NoPrice as error:
            return Unpriced(cap, error.asset)
        if room is not None and (tightest is None or room.left < tightest.left):
            tightest = room
    return tightest


class _NoPrice(Exception):
    """Nobody knows what an asset is worth."""

    def __init__(self, asset: str) -> None:
        super().__init__(asset)
        self.asset = asset


def _worth(state: CapState, amount: Decimal, asset: str) -> Decimal:
    """In quote. Raises _NoPrice."""
    if not amount:
        return NOTHING
    rate = state.rate(asset)
    if rate is None:
        raise _NoPrice(asset)
    return amount * rate


def _limit(state: CapState, cap: Cap) -> Decimal:
    """The limit in quote. Raises _NoPrice."""
    if isinstance(cap.limit, Money):
        return _worth(state, cap.limit.amount, cap.limit.asset)
    return cap.limit * state.equity.amount


def _room(state: CapState, cap: Cap, used: Decimal, words: str) -> Room:
    """What is left beside what is used, in quote."""
    quote = state.pair.partition("/")[2]
    left = max(QuoteAmount(_limit(state, cap) - used), NO_AMOUNT)
    return Room(cap, left, f"{plain(round(used, 8))} {quote} {words}")


def _of_position_notional(state: CapState, cap: Cap, worst: Price) -> Room:
    position = state.book.coins.position(state.base)
    paid = sum((_worth(state, cost, quote) for quote, cost in position.costs.items()), NOTHING)
    return _room(state, cap, max(paid, position.volume * worst.amount), f"of {state.base} are copied")


def _of_position_share(state: CapState, cap: Cap, worst: Price) -> Room:
    held = state.book.coins.volume(state.base) * worst.amount
    return _room(state, cap, held, f"of {state.base} are copied, with an equity of {state.equity}")


def _of_gross_exposure(state: CapState, cap: Cap, worst: Price) -> Room:
    used = NOTHING
    for coin, position in copied_coins(state.book):
        is_base = coin == state.base
        used += position.volume * worst.amount if is_base else _worth(state, position.volume, coin)
    for pair, cost in state.made.on_way():
        used += _worth(state, cost, _quote(pair))
    for (pair, side), pieces in state.book.carried.items():
        if side is Side.BUY and pair != state.pair:
            used += _worth(state, total_cost(pieces).amount, _quote(pair))
    return _room(state, cap, used, "of all coins are copied or on their way")


def _of_daily_notional(state: CapState, cap: Cap, _: Price) -> Room:
    spent = state.made.spent(state.day, state.pair if cap.of_pair else "")
    used = sum((_worth(state, cost, _quote(pair)) for pair, cost in spent), NOTHING)
    return _room(state, cap, used, "were spent today")


def _of_orders_per_day(state: CapState, cap: Cap, _: Price) -> Room | None:
    orders = state.made.orders(state.day, state.pair if cap.of_pair else "")
    return Room(cap, NO_AMOUNT, f"{orders} today") if orders >= cap.limit else None  # type: ignore[operator]


def _of_open_pairs(state: CapState, cap: Cap, _: Price) -> Room | None:
    coins = {
        coin
        for coin, position in copied_coins(state.book)
        if position.volume >= state.ordermin(position.pair or f"{coin}/USD")
    }
    coins |= {pair.partition("/")[0] for pair, _ in state.made.on_way()}
    if state.base in coins or len(coins) < cap.limit:  # type: ignore[operator]
        return None
    return Room(cap, NO_AMOUNT, f"copied: {', '.join(sorted(coins))}")


def copied_coins(book: CopyBook) -> Iterator[tuple[str, Position]]:
    """Coins that copying holds; money that came in for coins is none."""
    for coin, position in book.coins:
        if position.volume and (position.pair or coin not in FIAT):
            yield coin, position


def _quote(pair: str) -> str:
    return pair.partition("/")[2]


_LEFT: dict[str, Callable[[CapState, Cap, Price], Room | None]] = {
    "max_position_notional": _of_position_notional,
    "max_position_share": _of_position_share,
    "max_gross_exposure": _of_gross_exposure,
    "max_daily_notional": _of_daily_notional,
    "max_orders_per_day": _of_orders_per_day,
    "max_open_pairs": _of_open_pairs,
}
CAP_KEYS = frozenset(_LEFT)
