"""What an account is worth by prices that are known to be right: read now, for all that is held, each with
two sides that belong together. Where there are only prices from before, from others, or none, it is not
known: nothing is valued by a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from krakencopy.account_proc.domain.asset_forms import worth_as
from krakencopy.account_proc.domain.order import WIDE, Quote
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules
from krakencopy.account_proc.domain.wallet import BRIDGES, DUST, NOTHING_RESERVED, Marks
from krakencopy.account_proc.kraken.market_reads import MarketReads
from krakencopy.account_proc.kraken.shared_quotes import SharedQuotes
from krakencopy.account_proc.trading.portfolio import Portfolio


class Worth:
    """What one account holds, at prices of one moment."""

    def __init__(self, portfolio: Portfolio, marks: Marks) -> None:
        self._portfolio = portfolio
        self._marks = marks

    def rate(self, asset: str, currency: str) -> Decimal | None:
        """What a unit of an asset is worth; None where that is not known."""
        return self._marks.rate(asset, currency)

    def equity(self, currency: str, without: Mapping[str, Decimal] = NOTHING_RESERVED) -> Decimal:
        """All that is there, without what is kept out. Only with nothing missing. ``without``: as if this had
        not come in (or gone out, below 0), by asset.
        """
        wallet = self._portfolio.worth_wallet().copy()
        for asset, amount in without.items():
            wallet.add_amount(asset, -amount)
        return wallet.value(currency, self._marks, self._portfolio.kept_out)

    def missing(self, currency: str, beside: Iterable[str] = ()) -> list[str]:
        """Assets that are traded for something and have no right price in a currency: those that are held
        and not all kept out, and these ``beside``.
        """
        held = self._portfolio.worth_wallet().balances().items()
        kept_out = self._portfolio.kept_out
        wanted = dict.fromkeys(
            worth_as(asset)
            for asset, amount in held
            if abs(amount) > DUST
            and self._portfolio.holding(worth_as(asset)) > kept_out.get(worth_as(asset), 0)
        )
        return [
            asset
            for asset in dict.fromkeys((*wanted, *beside))
            if self._marks.rate(asset, currency) is None and self.is_traded(asset)
        ]

    def is_traded(self, asset: str) -> bool:
        """Whether the exchange has prices of an asset; one without is worth nothing that could be said."""
        return any(pair.status != NOT_LISTED for pair in self._portfolio.prices.pricing_pairs(asset))


class RightMarks:
    """Reads one account's."""

    def __init__(self, portfolio: Portfolio, market: MarketReads, shared: SharedQuotes | None = None) -> None:
        """``shared``: where prices are asked for together with others, if anywhere."""
        self._portfolio = portfolio
        self._market = market
        self._shared = shared
        #: When the prices were asked for that were used last: the next ones are others.
        self._used_at = float("-inf")

    async def read(self, beside: Iterable[str]) -> Worth:
        """Prices of all that is held, and of these ``beside``. Raises ExchangeError."""
        prices = self._portfolio.prices
        assets = dict.fromkeys((*self._portfolio.worth_wallet().assets(), *beside, *BRIDGES))
        pairs: dict[str, PairRules] = {}
        for asset in assets:
            pairs |= {pair.name: pair for pair in prices.pricing_pairs(asset) if pair.status != NOT_LISTED}
        marks = Marks()
        quotes = await self._quotes(tuple(pairs)) if pairs else {}
        for name, quote in quotes.items():
            if (pair := pairs.get(name)) is not None and is_right(quote):
                marks.set(pair.base, pair.quote, quote.worth)
        return Worth(self._portfolio, marks)

    async def _quotes(self, pairs: Sequence[str]) -> Mapping[str, Quote]:
        if self._shared is None:
            return await self._market.ticker(pairs)
        quotes, self._used_at = await self._shared.get(pairs, self._market.ticker, self._used_at)
        return quotes


def is_right(quote: Quote) -> bool:
    """Whether bid and ask can be those of a market: both there, not crossed, and not far apart."""
    return not quote.one_sided and 0 < quote.bid <= quote.ask <= quote.bid * WIDE
