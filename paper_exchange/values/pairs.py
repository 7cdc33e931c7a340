"""Which assets and pairs exist, with their numbers and every spelling. A table: spellings are never derived.

Kraken names one pair four ways: the id that keys answers (`XXBTZUSD`), the altname (`XBTUSD`), the v1 name
(`XBT/USD`) and the v2 symbol (`BTC/USD`). Minima and ticks are those seen on the live exchange in 2026 where
they are known; the others are sensible.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, cached_property
from typing import Final

from krakencopy.paper_exchange.values.decimals import decimals_of, unit

# Kraken's classes of assets: money and coins, and tokenised stocks, which are listed only when they are asked
# for.
CURRENCY: Final = "currency"
TOKENISED: Final = "tokenized_asset"


@dataclass(frozen=True, eq=False)
class Asset:
    """A currency. `id` keys balances, `name` is what WebSocket v2 and assetVersion=1 show.

    `underlying` is the currency itself where this is a form of it (`suffix`: `.F`, `28.S`). `aclass` is
    `currency`, or `tokenized_asset` of a tokenised stock.
    """

    id: str
    altname: str
    name: str
    decimals: int
    display_decimals: int
    collateral_value: str | None = None
    underlying: "Asset | None" = None
    suffix: str = ""
    aclass: str = CURRENCY

    @cached_property
    def step(self) -> Decimal:
        """The smallest amount that a balance shows."""
        return unit(self.decimals)


@cache
def form_of(asset: Asset, suffix: str) -> Asset:
    """A form of an asset, such as `.F`: always the same one."""
    assert asset.underlying is None, "a form has no forms"
    altname = f"{asset.altname}{suffix}"
    return replace(
        asset,
        id=altname,
        altname=altname,
        name=f"{asset.name}{suffix}",
        collateral_value=None,
        underlying=asset,
        suffix=suffix,
    )


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

    def renamed(self, old: Asset, new: Asset) -> "Pair":
        """The pair as it is named once `old`, which it trades, is called `new`. Its id changes with the
        asset's.
        """
        base, quote = (new if asset is old else asset for asset in (self.base, self.quote))
        altname = f"{base.altname}{quote.altname}"
        return replace(
            self,
            id=self.id if new.id == old.id else altname,
            altname=altname,
            wsname=f"{base.altname}/{quote.altname}",
            symbol=f"{base.name}/{quote.name}",
            base=base,
            quote=quote,
        )

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

_AAPLX: Final = Asset("AAPLx", "AAPLx", "AAPLx", 8, 4, aclass=TOKENISED)

# Kraken: auto-earn, yield, staked, opt-in rewards, parachain, tokenised, withheld. No pair trades them.
SUFFIXES: Final = (".F", ".B", ".S", ".M", ".P", ".T", ".HOLD")
# Kraken: what Auto Earn keeps is spent by orders on the asset itself.
EARN_SUFFIX: Final = ".F"

ASSETS: Final = (_XBT, _ETH, _SOL, _XRP, _ADA, _LTC, _DOGE, _DOT, _USD, _EUR, _USDT)
TOKENISED_ASSETS: Final = (_AAPLX,)
USD: Final = _USD

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

# Ordermin and tick as recorded in 2026; how many decimals a balance has is not known.
TOKENISED_PAIRS: Final = (
    Pair(
        "AAPLxUSD", "AAPLxUSD", "AAPLx/USD", "AAPLx/USD", _AAPLX, _USD,
        _D("0.01"), _D("0.00000001"), _HALF, _D(250), _D(4),
    ),
)  # fmt: skip
