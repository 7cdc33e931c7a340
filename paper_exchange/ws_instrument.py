"""The instrument channel: all assets and pairs with their precision, minima and status, and the pairs that changed."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from paper_exchange.conditions import Conditions
from paper_exchange.money import unit
from paper_exchange.symbols import ASSETS, PAIRS, Asset, Pair
from paper_exchange.ws_wire import message


def snapshot(conditions: Conditions) -> str:
    """Everything there is."""
    pairs = [_pair_row(pair, conditions) for pair in PAIRS]
    return message(
        "instrument", "snapshot", {"assets": [_asset_row(asset) for asset in ASSETS], "pairs": pairs}
    )


def update(pairs: Iterable[Pair], conditions: Conditions) -> str:
    """Pairs that changed, in full."""
    rows = [_pair_row(pair, conditions) for pair in pairs]
    return message("instrument", "update", {"assets": [], "pairs": rows})


def _asset_row(asset: Asset) -> dict[str, Any]:
    return {
        "id": asset.name,
        "status": "enabled",
        "precision": asset.decimals,
        "precision_display": asset.display_decimals,
        "borrowable": False,
        "collateral_value": Decimal(asset.collateral_value or 0),
        "margin_rate": Decimal("0.0"),
    }


def _pair_row(pair: Pair, conditions: Conditions) -> dict[str, Any]:
    minima = conditions.minima_shown(pair)
    return {
        "symbol": pair.symbol,
        "base": pair.base.name,
        "quote": pair.quote.name,
        "status": conditions.status_of(pair),
        "qty_precision": conditions.lot_decimals_of(pair),
        "qty_increment": unit(conditions.lot_decimals_of(pair)),
        "qty_min": minima.ordermin,
        "price_precision": pair.pair_decimals,
        "price_increment": conditions.tick_of(pair),
        # Deprecated by Kraken, and still there.
        "tick_size": conditions.tick_of(pair),
        "cost_precision": pair.cost_decimals,
        "cost_min": minima.costmin,
        "marginable": False,
        "has_index": False,
    }
