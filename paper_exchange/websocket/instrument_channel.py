"""The instrument channel: all assets and pairs with their precision, minima and status, and the pairs that
changed.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.order_entry.trading_conditions import Conditions
from krakencopy.paper_exchange.values.decimals import unit
from krakencopy.paper_exchange.values.pairs import CURRENCY, Asset, Pair
from krakencopy.paper_exchange.websocket.messages import message

# Kraken: the status of a pair that is no longer listed; AssetPairs has no word for it.
_DELISTED: Final = "delisted"


def snapshot(conditions: Conditions, *, tokenised: bool = False) -> str:
    """Everything that is listed."""
    catalogue = conditions.catalogue
    assets = [_asset_row(asset) for asset in catalogue.assets if tokenised or asset.aclass == CURRENCY]
    pairs = [
        _pair_row(pair, conditions)
        for pair in catalogue.pairs
        if conditions.lists(pair) and (tokenised or pair.base.aclass == CURRENCY)
    ]
    return message("instrument", "snapshot", {"assets": assets, "pairs": pairs})


def update(
    pairs: Iterable[Pair], conditions: Conditions, assets: Iterable[Asset] = (), *, tokenised: bool = False
) -> str | None:
    """Pairs that changed, in full, and assets that are new; None where there is nothing to send."""
    rows = [_pair_row(pair, conditions) for pair in pairs if tokenised or pair.base.aclass == CURRENCY]
    new = [_asset_row(asset) for asset in assets if tokenised or asset.aclass == CURRENCY]
    return message("instrument", "update", {"assets": new, "pairs": rows}) if rows or new else None


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
        "status": conditions.status_of(pair) if conditions.lists(pair) else _DELISTED,
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
