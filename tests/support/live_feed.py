"""What Kraken's public feed says, in its words, for tests of an exchange that follows it."""

from __future__ import annotations

import json
from typing import Any


def message(channel: str, rows: Any, kind: str = "update") -> str:
    return json.dumps({"channel": channel, "type": kind, "data": rows})


def ticker(symbol: str = "BTC/USD", kind: str = "update", **changed: Any) -> str:
    row = {
        "symbol": symbol,
        "bid": 50000.0,
        "bid_qty": 0.5,
        "ask": 50000.1,
        "ask_qty": 0.25,
        "last": 50000.1,
        "volume": 1500.25,
        "vwap": 50100.3,
        "low": 49000.0,
        "high": 51000.0,
        "change": -10.1,
        "change_pct": -0.02,
        "timestamp": "2026-11-22T10:33:05.709993Z",
    }
    return message("ticker", [row | changed], kind)


def trades(*rows: tuple[int, str, str], kind: str = "update", symbol: str = "BTC/USD") -> str:
    """Trades as (number, price, volume)."""
    return message(
        "trade",
        [
            {"symbol": symbol, "side": "sell", "price": float(price), "qty": float(volume),
             "ord_type": "limit", "trade_id": number, "timestamp": "2026-11-22T10:33:05.709993Z"}
            for number, price, volume in rows
        ],
        kind,
    )  # fmt: skip


def instrument(symbol: str = "BTC/USD", kind: str = "update", **changed: Any) -> str:
    row = {
        "symbol": symbol,
        "base": "BTC",
        "quote": "USD",
        "status": "online",
        "qty_precision": 8,
        "qty_increment": 1e-08,
        "qty_min": 0.0001,
        "price_precision": 1,
        "price_increment": 0.1,
        "tick_size": 0.1,
        "cost_precision": 5,
        "cost_min": 0.5,
        "marginable": True,
        "has_index": True,
        "margin_initial": 0.2,
        "position_limit_long": 300,
        "position_limit_short": 240,
    }
    return message("instrument", {"assets": [], "pairs": [row | changed]}, kind)


HEARTBEAT = '{"channel":"heartbeat"}'
STATUS = message(
    "status", [{"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 1}]
)
