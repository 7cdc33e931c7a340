"""Rows of AssetPairs and Assets, and the table that they make."""

from __future__ import annotations

from typing import Any

from krakencopy.account_proc.kraken.pair_rows import pair_table

ASSETS: dict[str, Any] = {
    "XXBT": {"altname": "XBT"},
    "XXDG": {"altname": "XDG"},
    "XETH": {"altname": "ETH"},
    "XTZ": {"altname": "XTZ"},
    "ZUSD": {"altname": "USD"},
    "USDT": {"altname": "USDT"},
    "USD.HOLD": {"altname": "USD.HOLD"},
    "ETH2.S": {"altname": "ETH2.S"},
}


def row(altname: str, wsname: str, base: str, quote: str, **more: Any) -> dict[str, Any]:
    return {
        "altname": altname,
        "wsname": wsname,
        "base": base,
        "quote": quote,
        "cost_decimals": 5,
        "pair_decimals": 1,
        "lot_decimals": 8,
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": "0.1",
        "status": "online",
    } | more


PAIRS = {
    "XXBTZUSD": row("XBTUSD", "XBT/USD", "XXBT", "ZUSD"),
    "XDGUSD": row("XDGUSD", "XDG/USD", "XXDG", "ZUSD", ordermin="50"),
    "XETHXXBT": row("ETHXBT", "ETH/XBT", "XETH", "XXBT"),
    "XTZUSD": row("XTZUSD", "XTZ/USD", "XTZ", "ZUSD"),
    "XBTUSDT": row("XBTUSDT", "XBT/USDT", "XXBT", "USDT", status="post_only"),
}
TABLE = pair_table(PAIRS, ASSETS)
