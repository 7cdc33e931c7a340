"""The market that orders meet: a quote and a depth model for each pair, moved by a seeded walk, a replay, a
feed or a pin.

A pure model, no order book: `depth` base volume waits at the best price and again at each further level, and
it is there again for the next order. So 300 orders of one instant all see the same book and do not push each
other; the price of that is that nobody's order moves the market.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.market.replay import PastTrade, Replay
from krakencopy.paper_exchange.market.tape import Tape
from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.decimals import ZERO, rounded, rounded_down, rounded_up
from krakencopy.paper_exchange.values.pairs import USD, Asset, Pair
from krakencopy.paper_exchange.values.sides import OrderType, Side

# Each further level of the book is this much worse than the one before it, and at least one tick.
LEVEL_STEP: Final = Decimal("0.0001")
# Kraken shows at most 500 levels; what a market order would need beyond them is not there.
LEVELS: Final = 500
# What public answers show of a level that has no bound.
# Kraken: Spread answers about 200 rows.
QUOTES_KEPT: Final = 200
UNBOUNDED_SHOWN: Final = Decimal(1_000_000)
# One step of the walk is at most this share of the price (2 basis points), and at least one tick.
_STRIDE_DIVISOR: Final = 5_000


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask. `depth` is base volume a level, None for as much as anyone wants at one price.

    `bid_size` and `ask_size` are the volumes of the two best levels where they are known by themselves.
    """

    bid: Decimal
    ask: Decimal
    depth: Decimal | None
    level_step: Decimal
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None

    def shown(self, side: Side) -> Decimal:
        """The volume that public answers show of the first level that an order of `side` meets."""
        _, volume = next(self.levels(side))
        return UNBOUNDED_SHOWN if volume is None else volume

    def levels(self, side: Side) -> Iterator[tuple[Decimal, Decimal | None]]:
        """Price and volume of each level that an order of `side` meets, best first."""
        if self.depth is None:
            yield (self.ask if side is Side.BUY else self.bid), None
            return
        price = self.ask if side is Side.BUY else self.bid
        step = self.level_step if side is Side.BUY else -self.level_step
        size = self.ask_size if side is Side.BUY else self.bid_size
        for level in range(LEVELS):
            if price <= 0:
                return
            yield price, self.depth if level or size is None else size
            price += step

    def sweep(self, side: Side, volume: Decimal, limit: Decimal | None) -> list[tuple[Decimal, Decimal]]:
        """What an order takes at once: prices and volumes, best first, no worse than `limit`."""
        taken: list[tuple[Decimal, Decimal]] = []
        left = volume
        for price, available in self.levels(side):
            if limit is not None and (price > limit if side is Side.BUY else price < limit):
                break
            part = left if available is None else min(left, available)
            taken.append((price, part))
            left -= part
            if not left:
                break
        return taken

    def bought_for(self, pair: Pair, cash: Decimal) -> Decimal:
        """The base volume, in whole lots, that a buyer gets for `cash` in quote; less where the book ends
        before.
        """
        bought, left = ZERO, cash
        for price, available in self.levels(Side.BUY):
            affordable = rounded_down(left / price, pair.lot_step)
            part = affordable if available is None else min(affordable, available)
            bought += part
            left -= part * price
            if part == affordable:
                break
        return bought


def quote_of(pair: Pair, bid: Decimal, ask: Decimal, depth: Decimal | None) -> Quote:
    """A quote whose further levels are a basis point apart, rounded up to ticks."""
    if depth is not None:
        depth = depth.quantize(pair.lot_step)
    return Quote(bid, ask, depth, max(pair.tick_size, rounded_up(ask * LEVEL_STEP, pair.tick_size)))


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """A trade of the market itself, which resting orders may take part in."""

    pair: Pair
    price: Decimal
    volume: Decimal
    side: Side


class SyntheticWalk:
    """A random walk in whole ticks around the start price; step n of a seed is always the same."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair = pair
        self._rng = random.Random(f"{seed}:{pair.id}")  # noqa: S311 - a market, not a secret
        self._middle = int(pair.start_price / pair.tick_size)
        self._lowest = self._middle * 4 // 5
        self._highest = self._middle * 6 // 5

    def quote(self) -> Quote:
        """The quote of the present step: one tick wide."""
        bid = self._middle * self.pair.tick_size
        return quote_of(self.pair, bid, bid + self.pair.tick_size, self.pair.depth)

    def step(self) -> tuple[Quote, MarketTrade]:
        """Move once, and trade once at the bid or the ask."""
        stride = max(1, self._middle // _STRIDE_DIVISOR)
        move = self._rng.randint(-stride, stride)
        if not self._lowest <= self._middle + move <= self._highest:
            move = -move
        self._middle += move
        side = self._rng.choice((Side.BUY, Side.SELL))
        volume = rounded_up(self.pair.depth * self._rng.randint(1, 100) / 100, self.pair.lot_step)
        quote = self.quote()
        price = quote.ask if side is Side.BUY else quote.bid
        return quote, MarketTrade(self.pair, price, volume, side)


class PairMarket:
    """One pair: its quote now, its tape, and what moves it.

    With `live` a feed moves it. Until that has sent a first price the pair is not `priced`: quote and tape
    are placeholders.
    """

    def __init__(
        self, pair: Pair, seed: int, replay: Replay | None, now_us: int, *, live: bool = False
    ) -> None:
        self.pair = pair
        self.tape = Tape()
        self.pinned = False
        self.priced = not live
        self._live: Final = live
        # What the feed sent last, whether the pair is pinned or not.
        self._fed: Quote | None = None
        self._walk = SyntheticWalk(pair, seed)
        self.replay: Final = replay
        self.quote = self._walk.quote()
        if replay is not None:
            self.play(replay.first)
        self.tape.add_trade(self.quote.bid, pair.ordermin, Side.SELL, OrderType.MARKET, now_us)
        # The last quotes, each with the time of its first moment.
        self.quotes: Final[deque[tuple[int, Quote]]] = deque([(now_us, self.quote)], maxlen=QUOTES_KEPT)

    def rename(self, pair: Pair) -> None:
        """Be the market of another pair from now on, at the same prices."""
        self.pair = self._walk.pair = pair

    def note_quote(self, now_us: int) -> None:
        """Keep the quote where it is another one than before."""
        if self.quotes[-1][1] != self.quote:
            self.quotes.append((now_us, self.quote))

    def step(self) -> MarketTrade | None:
        """One step of the walk; None while something else moves the pair."""
        if self.pinned or self._live or self.replay is not None:
            return None
        self.quote, trade = self._walk.step()
        return trade

    def play(self, past: PastTrade) -> MarketTrade:
        """Set the quote around a replayed trade: a buyer paid the ask, a seller got the bid."""
        tick = self.pair.tick_size
        buyer = past.side is Side.BUY
        bid = max(past.price - tick, tick) if buyer else past.price
        ask = past.price if buyer else past.price + tick
        self.quote = quote_of(self.pair, bid, ask, self.pair.depth)
        return MarketTrade(self.pair, past.price, past.volume, past.side)

    def feed(self, quote: Quote, last: Decimal, now_us: int) -> None:
        """Take the quote of a feed. With the first one the record begins, at the `last` price."""
        if not self.priced:
            self.priced = True
            self.tape = Tape()
            self.tape.add_trade(last, self.pair.ordermin, Side.SELL, OrderType.MARKET, now_us)
            self.quotes.clear()
            self.quotes.append((now_us, quote))
        self._fed = quote
        if not self.pinned:
            self.quote = quote

    def pin(self, quote: Quote) -> None:
        """Hold the pair at `quote`: nothing moves it until it is resumed."""
        self.pinned, self.quote = True, quote

    def resume(self) -> None:
        """Let walk, replay or feed move the pair again."""
        self.pinned, self.quote = False, self._fed or self.quote

    def print_inside(self, now_us: int) -> None:
        """Print a smallest trade inside the quote, so that the last price agrees with it."""
        price = min(max(self.tape.last.price, self.quote.bid), self.quote.ask)
        self.tape.add_trade(price, self.pair.ordermin, Side.BUY, OrderType.MARKET, now_us)


class Market:
    """All pairs. Time is passed in; nothing here knows an account."""

    def __init__(
        self,
        *,
        seed: int,
        replay: Replay | None,
        now_us: int,
        live: bool = False,
        catalogue: Catalogue | None = None,
    ) -> None:
        self.replay: Final = replay
        self.catalogue: Final = catalogue or Catalogue(tokenised=not live)
        self._seed = seed
        self._pairs = {
            pair: PairMarket(
                pair, seed, replay if replay and replay.pair is pair else None, now_us, live=live
            )
            for pair in self.catalogue.pairs
        }

    def of(self, pair: Pair) -> PairMarket:
        """The market of a pair."""
        return self._pairs[pair]

    def add_pair(self, pair: Pair, now_us: int) -> PairMarket:
        """The market of a new pair; it walks, whatever moves the others."""
        market = self._pairs[pair] = PairMarket(pair, self._seed, None, now_us)
        return market

    def rename(self, old: Pair, new: Pair) -> None:
        """Let the market of a pair be that of another, which stands for it."""
        market = self._pairs[new] = self._pairs.pop(old)
        market.rename(new)

    def step(self) -> list[MarketTrade]:
        """One tick of every pair that walks."""
        return [trade for market in self._pairs.values() if (trade := market.step()) is not None]

    def note_quotes(self, now_us: int) -> None:
        """Keep the quotes that have moved."""
        for market in self._pairs.values():
            market.note_quote(now_us)

    def replay_due(self, elapsed_us: int) -> list[PastTrade]:
        """The replayed trades that fall due after `elapsed_us` more; the replay stands still while its
        pair is pinned.
        """
        if self.replay is None or self.of(self.replay.pair).pinned:
            return []
        return self.replay.advance(elapsed_us)

    def usd_price(self, asset: Asset) -> Decimal:
        """What one unit of `asset` is worth in USD by last prices, directly or through a coin that it
        buys; 0 where unknown.
        """
        asset = asset.underlying or asset
        direct = self._price_in_usd(asset)
        if direct is not None:
            return direct
        for pair in self.catalogue.pairs:
            worth = self._price_in_usd(pair.base) if pair.quote is asset and self.of(pair).priced else None
            if worth:
                return worth / self.of(pair).tape.last.price
        return ZERO

    def _price_in_usd(self, asset: Asset) -> Decimal | None:
        """By the pair of both; None where there is none."""
        if asset is USD:
            return Decimal(1)
        for pair in self.catalogue.pairs:
            if pair.base is asset and pair.quote is USD:
                return self.of(pair).tape.last.price if self.of(pair).priced else ZERO
        return None

    def value(self, asset: Asset, amount: Decimal, target: Asset) -> Decimal:
        """`amount` of `asset` in `target` by last prices, to the target's decimals."""
        in_usd = amount * self.usd_price(asset)
        price = self.usd_price(target)
        return rounded(in_usd / price, target.step) if price else ZERO
