"""The coins and pairs that campaigns trade, as the exchange lists them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class PairTerms:
    """What the exchange asks for in one pair. ``base`` and ``quote`` are the names of coins in symbols."""

    symbol: str
    altname: str
    ordermin: Decimal
    costmin: Decimal
    #: Costs are printed with so many decimals of the quote.
    cost_decimals: int = 5
    lot_decimals: int = 8

    @property
    def base(self) -> str:
        """The coin that is traded."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """What it is paid in."""
        return self.symbol.partition("/")[2]

    @property
    def asset(self) -> str:
        """The base coin's id at the exchange."""
        return ASSETS[self.base]


#: The exchange's id of each coin.
ASSETS = {
    "BTC": "XXBT",
    "ETH": "XETH",
    "SOL": "SOL",
    "DOT": "DOT",
    "EUR": "ZEUR",
    "USD": "ZUSD",
    "USDT": "USDT",
}
#: Every spelling of an asset of the exchange, without a form's ending.
COINS = {
    **{coin: coin for coin in ASSETS}, **{asset: coin for coin, asset in ASSETS.items()},
    "XBT": "BTC",
}  # fmt: skip
#: A campaign makes minima at most this much larger.
MOVED_BY = 3
CENT = Decimal("0.5")
STABLE_PAIR, STABLE_MIN = "USDT/USD", Decimal("0.0001")
PAIRS = {
    terms.symbol: terms
    for terms in (
        PairTerms(symbol="BTC/USD", altname="XBTUSD", ordermin=Decimal("0.00005"), costmin=CENT),
        PairTerms(symbol="ETH/USD", altname="ETHUSD", ordermin=Decimal("0.001"), costmin=CENT),
        PairTerms(symbol="SOL/USD", altname="SOLUSD", ordermin=Decimal("0.06"), costmin=CENT),
        PairTerms(symbol="BTC/EUR", altname="XBTEUR", ordermin=Decimal("0.00005"), costmin=CENT),
        PairTerms(symbol="BTC/USDT", altname="XBTUSDT", ordermin=Decimal("0.00005"), costmin=CENT),
        PairTerms(
            symbol="ETH/BTC",
            altname="ETHXBT",
            ordermin=Decimal("0.001"),
            costmin=Decimal("0.00002"),
            cost_decimals=10,
        ),
        PairTerms(symbol="DOT/USD", altname="DOTUSD", ordermin=Decimal("3.9"), costmin=CENT),
        PairTerms(symbol="EUR/USD", altname="EURUSD", ordermin=CENT, costmin=CENT),
        # The master never trades it; a flatten sells in it what came in of the coin.
        PairTerms(symbol=STABLE_PAIR, altname="USDTUSD", ordermin=STABLE_MIN, costmin=CENT),
    )
}
#: The coin that gets new names (DOT1, DOT2 ...) with the situation "renames", and its pair; records have it
#: under the first one.
RENAMED, RENAMED_PAIR = "DOT", "DOT/USD"
SYMBOLS = {terms.altname: terms.symbol for terms in PAIRS.values()}
#: What every campaign trades; the others are drawn with the situation "cross_pairs".
DOLLAR_PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD")
CROSS_PAIRS = ("BTC/EUR", "BTC/USDT", "ETH/BTC", "EUR/USD")
#: Coins whose positions are counted; the others are money.
TRADED_COINS = tuple(dict.fromkeys(terms.base for terms in PAIRS.values() if terms.symbol != STABLE_PAIR))


def coin_of(asset: str) -> str:
    """The coin behind an asset's id, whatever form it is in: ``XBT.F`` is BTC."""
    name = asset.partition(".")[0]
    if name.startswith(RENAMED):
        return RENAMED
    return COINS.get(name) or COINS.get(name.rstrip("0123456789"), name)


def symbol_of(altname: str) -> str:
    """The pair behind an altname, under the name that it began with; empty for one that campaigns do not
    trade.
    """
    return RENAMED_PAIR if altname.startswith(RENAMED) else SYMBOLS.get(altname, "")


def first_name(symbol: str) -> str:
    """A pair by the name that it began with."""
    return RENAMED_PAIR if symbol.startswith(RENAMED) else symbol


def is_plain(asset: str) -> bool:
    """Whether this is the coin itself and no form of it."""
    return "." not in asset


def by_coin(balances: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Balances of an account by coin, all forms of it together."""
    total: dict[str, Decimal] = {}
    for asset, amount in balances.items():
        total[coin_of(asset)] = total.get(coin_of(asset), ZERO) + amount
    return total
