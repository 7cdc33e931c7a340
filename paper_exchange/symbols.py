"""Which assets and pairs exist, with their numbers and every spelling. A table: spellings are never derived.

Kraken names one pair four ways: the id that keys answers (`XXBTZUSD`), the altname (`XBTUSD`), the v1 name
(`XBT/USD`) and the v2 symbol (`BTC/USD`). Minima and ticks are those seen on the live exchange in 2026 where
they are known; the others are sensible.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from paper_exchange.money import decimals_of, unit


@dataclass(frozen=True, eq=False)
class Asset:
    """A currency. `id` keys balances, `name` is what WebSocket v2 and assetVersion=1 show.

    `underlying` is the currency itself where this is a form of it that is held but not traded (`suffix`: `.F`).
    """

    id: str
    altname: str
    name: str
    decimals: int
    display_decimals: int
    collateral_value: str | None = None
    underlying: "Asset | None" = None
    suffix: str = ""

    @cached_property
    def step(self) -> Decimal:
        """The smallest amount that a balance shows."""
        return unit(self.decimals)


@dataclass(frozen=True, eq=False)
class Pair:
    """A market. `depth` (base volume a price level) and `start_price` are for the synthetic market only."""

    id: str
    altname: str
    wsname: str
    symbol: str
    base: Asset
    quote: Asset
    tick_size: Decimal
    ordermin: Decimal
    costmin: Decimal
    start_price: Decimal
    depth: Decimal
    lot_decimals: int = 8
    cost_decimals: int = 5

    @cached_property
    def pair_decimals(self) -> int:
        """Digits after the point of a price."""
        return decimals_of(self.tick_size)

    @cached_property
    def lot_step(self) -> Decimal:
        """The smallest step of a volume."""
        return unit(self.lot_decimals)

    @cached_property
    def cost_step(self) -> Decimal:
        """The smallest step of a cost or of a fee in the quote currency."""
        return unit(self.cost_decimals)

    @cached_property
    def price_step(self) -> Decimal:
        """The smallest step that a printed price can show (the tick, for all pairs here)."""
        return unit(self.pair_decimals)

    @cached_property
    def display_price_decimals(self) -> int:
        """Public answers print prices with at least five digits after the point (`68342.40000`)."""
        return max(self.pair_decimals, 5)


_XBT: Final = Asset("XXBT", "XBT", "BTC", 10, 5, "1")
_ETH: Final = Asset("XETH", "ETH", "ETH", 10, 5, "1")
_SOL: Final = Asset("SOL", "SOL", "SOL", 10, 5, "0.95")
_XRP: Final = Asset("XXRP", "XRP", "XRP", 8, 5, "0.95")
_ADA: Final = Asset("ADA", "ADA", "ADA", 8, 6, "0.9")
_LTC: Final = Asset("XLTC", "LTC", "LTC", 10, 5, "0.95")
_DOGE: Final = Asset("XXDG", "XDG", "DOGE", 8, 2, "0.9")
_DOT: Final = Asset("DOT", "DOT", "DOT", 10, 8, "0.9")
_USD: Final = Asset("ZUSD", "USD", "USD", 4, 2, "1")
_EUR: Final = Asset("ZEUR", "EUR", "EUR", 4, 2, "1")
_USDT: Final = Asset("USDT", "USDT", "USDT", 8, 4, "0.95")

# Kraken: auto-earn, yield, staked, opt-in rewards, tokenised, withheld. Read-only: no pair trades them.
SUFFIXES: Final = (".F", ".B", ".S", ".M", ".T", ".HOLD")

ASSETS: Final = (_XBT, _ETH, _SOL, _XRP, _ADA, _LTC, _DOGE, _DOT, _USD, _EUR, _USDT)
SUFFIXED_ASSETS: Final = tuple(
    Asset(
        f"{asset.altname}{suffix}", f"{asset.altname}{suffix}", f"{asset.name}{suffix}",
        asset.decimals, asset.display_decimals, None, asset, suffix,
    )
    for asset in ASSETS
    for suffix in SUFFIXES
)  # fmt: skip
USD: Final = _USD
XBT: Final = _XBT

_D = Decimal
_HALF = _D("0.5")
PAIRS: Final = (
    Pair(
        "XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD", _XBT, _USD,
        _D("0.1"), _D("0.00005"), _HALF, _D(60000), _D("0.02"),
    ),
    Pair(
        "XETHZUSD", "ETHUSD", "ETH/USD", "ETH/USD", _ETH, _USD,
        _D("0.01"), _D("0.001"), _HALF, _D(3000), _D("0.4"),
    ),
    Pair(
        "SOLUSD", "SOLUSD", "SOL/USD", "SOL/USD", _SOL, _USD,
        _D("0.01"), _D("0.06"), _HALF, _D(150), _D(8),
    ),
    Pair(
        "XXRPZUSD", "XRPUSD", "XRP/USD", "XRP/USD", _XRP, _USD,
        _D("0.00001"), _D("1.65"), _HALF, _D(2), _D(600),
    ),
    Pair(
        "ADAUSD", "ADAUSD", "ADA/USD", "ADA/USD", _ADA, _USD,
        _D("0.000001"), _D(20), _HALF, _D("0.6"), _D(2000),
    ),
    Pair(
        "XLTCZUSD", "LTCUSD", "LTC/USD", "LTC/USD", _LTC, _USD,
        _D("0.01"), _D("0.1"), _HALF, _D(90), _D(12),
    ),
    Pair(
        "XDGUSD", "XDGUSD", "XDG/USD", "DOGE/USD", _DOGE, _USD,
        _D("0.0000001"), _D(50), _HALF, _D("0.2"), _D(6000),
    ),
    Pair(
        "DOTUSD", "DOTUSD", "DOT/USD", "DOT/USD", _DOT, _USD,
        _D("0.0001"), _D("3.9"), _HALF, _D("5"), _D(200),
    ),
    Pair(
        "XXBTZEUR", "XBTEUR", "XBT/EUR", "BTC/EUR", _XBT, _EUR,
        _D("0.1"), _D("0.00005"), _HALF, _D(54545), _D("0.02"),
    ),
    Pair(
        "XETHZEUR", "ETHEUR", "ETH/EUR", "ETH/EUR", _ETH, _EUR,
        _D("0.01"), _D("0.001"), _HALF, _D(2727), _D("0.4"),
    ),
    Pair(
        "ZEURZUSD", "EURUSD", "EUR/USD", "EUR/USD", _EUR, _USD,
        _D("0.00001"), _HALF, _HALF, _D("1.1"), _D(1000),
    ),
    Pair(
        "XETHXXBT", "ETHXBT", "ETH/XBT", "ETH/BTC", _ETH, _XBT,
        _D("0.00001"), _D("0.001"), _D("0.00002"), _D("0.05"), _D(20), cost_decimals=10,
    ),
    Pair(
        "XBTUSDT", "XBTUSDT", "XBT/USDT", "BTC/USDT", _XBT, _USDT,
        _D("0.1"), _D("0.00005"), _HALF, _D(60000), _D("0.02"),
    ),
)  # fmt: skip

_BY_SPELLING: Final = {
    spelling: pair for pair in PAIRS for spelling in (pair.id, pair.altname, pair.wsname, pair.symbol)
}
_BY_SYMBOL: Final = {pair.symbol: pair for pair in PAIRS}
_ASSET_BY_SPELLING: Final = {
    spelling: asset
    for asset in (*ASSETS, *SUFFIXED_ASSETS)
    for spelling in (asset.id, asset.altname, asset.name)
}


def find_pair(spelling: str) -> Pair | None:
    """The pair with this id, altname, v1 name or v2 symbol."""
    return _BY_SPELLING.get(spelling)


def find_symbol(symbol: str) -> Pair | None:
    """The pair with this WebSocket v2 symbol; v2 knows no other spelling."""
    return _BY_SYMBOL.get(symbol)


def find_asset(spelling: str) -> Asset | None:
    """The asset with this id, altname or v2 name."""
    return _ASSET_BY_SPELLING.get(spelling)
