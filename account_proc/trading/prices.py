"""What assets are worth: prices of what is held, and which of them the exchange does not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.asset_forms import worth_as
from krakencopy.account_proc.domain.order import Quote
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules
from krakencopy.account_proc.domain.wallet import (
    BRIDGES,
    Marks,
    Wallet,
)
from krakencopy.account_proc.kraken.market_reads import MarketReads
from krakencopy.account_proc.notices.unreadable import NoticeCode, Notices
from krakencopy.account_proc.trading.current_pairs import CurrentPairs


class Prices:
    """One account's marks."""

    def __init__(self, market: MarketReads, pairs: CurrentPairs, wallet: Wallet, notices: Notices) -> None:
        self._market = market
        self._pairs = pairs
        self._wallet = wallet
        self._notices = notices
        self.marks = Marks()
        #: Prices of these are wanted though nothing of them is held.
        self.priced: tuple[str, ...] = ()
        #: What came in and has no known price yet, though the exchange tells one: what it is worth is missing
        #: in equity.
        self.unpriced: set[str] = set()

    async def refresh(self) -> None:
        """Reads prices of what is held, against every bridge that the exchange quotes it in. Raises
        ExchangeError.
        """
        wanted = [pair for asset in self._wallet.assets() for pair in self.pricing_pairs(asset)]
        wanted += [pair for asset in self.priced for pair in self.pricing_pairs(asset)]
        wanted += [pair for bridge in BRIDGES for pair in self.pricing_pairs(bridge)]
        names = tuple(dict.fromkeys(pair.name for pair in wanted))
        if not names:
            return
        asked = set(self.unpriced)
        quotes = await self._market.ticker(names)
        # Also where the exchange tells no price: that counts nothing, and is not waited for.
        self.unpriced -= asked
        for pair in wanted:
            quote = quotes.get(pair.name)
            if quote is not None:
                self.marks.set(pair.base, pair.quote, quote.worth)
        self._show_unpriced()

    def _show_unpriced(self) -> None:
        """Says what is held that the exchange trades and tells no price of: a master that looks poorer
        makes its users' entries larger.
        """
        missing = {}
        for asset in map(worth_as, self._wallet.assets()):
            traded = any(pair.status != NOT_LISTED for pair in self.pricing_pairs(asset))
            if traded and self.marks.rate(asset, BRIDGES[0]) is None:
                missing[asset] = (
                    f"the exchange tells no price of {asset}: the {plain(self._wallet.holding(asset))} that "
                    "are there count for nothing, and entries are scaled by an equity without them"
                )
        self._notices.hold(NoticeCode.NO_PRICE, missing)

    def pricing_pairs(self, asset: str) -> Iterable[PairRules]:
        """Pairs by whose prices an asset is valued."""
        asset = worth_as(asset)
        for bridge in BRIDGES:
            # Kraken quotes some money the other way round: USD/CAD, USD/JPY, USD/CHF.
            for name in (f"{asset}/{bridge}", f"{bridge}/{asset}"):
                pair = self._pairs.table.find(name)
                if pair is not None:
                    yield pair

    async def ticker(self, pair: str) -> Quote:
        """Bid and ask of one pair, now. Raises ExchangeError, also where the exchange tells none."""
        quote = (await self._market.ticker((pair,))).get(pair)
        if quote is None:
            raise OutcomeUnknown("Ticker", f"the exchange tells no price of {pair}")
        return quote

    async def tickers(self, pairs: Iterable[str]) -> Mapping[str, Quote]:
        """Bid and ask of several pairs, now; of those that the exchange tells. Raises ExchangeError."""
        names = tuple(dict.fromkeys(pairs))
        return await self._market.ticker(names) if names else {}

    def set_marks(self, quote: str, marks: Mapping[str, str]) -> None:
        """Takes over the master's prices, so that both sides of a ratio are valued alike."""
        for asset, price in marks.items():
            self.marks.set(asset, quote, Decimal(price))

    def expect(self, asset: str) -> None:
        """Something of this asset came in: until it has a price, equity lacks what it is worth."""
        if self.marks.rate(asset, BRIDGES[0]) is None and any(self.pricing_pairs(asset)):
            self.unpriced.add(asset)

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on."""
        self.priced = tuple(new if asset == old else asset for asset in self.priced)
        self.marks.rename(old, new)
