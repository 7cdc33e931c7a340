"""The rules of one pair, as the exchange lists them. Pure.

One market has four names: ``XXBTZUSD`` (the answer's key), ``XBTUSD`` (altname), ``XBT/USD`` (wsname) and
``BTC/USD`` (WebSocket v2, and ours).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any

#: The status of a pair that the exchange does not list any more, in place of Kraken's.
NOT_LISTED = "not_listed"
#: Kraken: ``lot_decimals`` of all but a few pairs.
LOT_DECIMALS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRules:
    """One market. Prices are in quote for one base, volumes in base."""

    #: Key of AssetPairs, Ticker and mostly TradesHistory, e.g. XXBTZUSD.
    canonical: str
    #: As orders are sent and described, e.g. XBTUSD.
    altname: str
    #: WebSocket v1, e.g. XBT/USD.
    wsname: str
    #: WebSocket v2 and this project, e.g. BTC/USD.
    name: str
    #: Display name, e.g. BTC.
    base: str
    quote: str
    lot_decimals: int
    pair_decimals: int
    cost_decimals: int
    #: Prices are multiples of this; it can be coarser than pair_decimals.
    tick_size: Decimal
    #: Least volume of an order, in base.
    ordermin: Decimal
    #: Least cost of an order, in quote.
    costmin: Decimal
    #: Kraken: online, cancel_only, post_only, limit_only, reduce_only; or NOT_LISTED.
    status: str
    #: Kraken: tokenized_asset; empty for currencies, which need not be named.
    asset_class: str = ""


def without_rules(name: str) -> PairRules:
    """A pair, such as "BTC/USD", whose rules nobody knows: for counting only, nothing can be ordered by them.
    Volumes have the decimals that Kraken's mostly have, and no minimum is known.
    """
    base, _, quote = name.partition("/")
    return PairRules(
        canonical="",
        altname="",
        wsname="",
        name=name,
        base=base,
        quote=quote,
        lot_decimals=LOT_DECIMALS,
        pair_decimals=0,
        cost_decimals=0,
        tick_size=Decimal(1),
        ordermin=Decimal(1).scaleb(-LOT_DECIMALS),
        costmin=Decimal(0),
        status=NOT_LISTED,
    )


def rules_line(pair: PairRules) -> list[Any]:
    """The rules of a pair as JSON has them."""
    return [str(field) if isinstance(field, Decimal) else field for field in astuple(pair)]


def rules_from(row: list[Any]) -> PairRules:
    """What ``rules_line`` made. Raises ValueError, TypeError or ArithmeticError."""
    fields = dict(zip(PairRules.__slots__, row, strict=True))
    for name in ("tick_size", "ordermin", "costmin"):
        fields[name] = Decimal(fields[name])
    return PairRules(**fields)
