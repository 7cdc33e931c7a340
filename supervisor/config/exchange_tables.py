"""The tables [exchange] and [startup] of a configuration, as values."""

from __future__ import annotations

from dataclasses import replace

from krakencopy.supervisor.config.model import LIVE_REST_URL, LIVE_WS_URL, ExchangeConfig, StartupConfig
from krakencopy.supervisor.config.toml_table import Table
from krakencopy.supervisor.config.values import Mode, PaperMarket, url

#: An hour: a user who waits longer has mistaken the unit.
SECONDS_MAX = 3600


def exchange_of(table: Table) -> ExchangeConfig | None:
    """Which exchange; None where that cannot be known."""
    if not table.has("mode"):
        table.fault("mode", "missing", 'write mode = "live" (real money) or mode = "paper"')
    mode = table.choice("mode", Mode)
    urls = [url(table, "rest_url", "http", mode), url(table, "ws_url", "ws", mode)]
    if table.has("rest_url") != table.has("ws_url"):
        missing = "ws_url" if table.has("rest_url") else "rest_url"
        table.fault(missing, "missing", "give both URLs, of the same exchange, or none")
    if mode is None:
        return None
    if mode is Mode.LIVE and not table.has("rest_url"):
        urls = [LIVE_REST_URL, LIVE_WS_URL]
    lag = table.number(
        "visibility_lag_s",
        lambda s: 0 < s <= SECONDS_MAX,
        f"write seconds over 0 and up to {SECONDS_MAX}, such as 60: reads are never assumed to be up to date",
        quoted=False,
    )
    market = table.choice("market", PaperMarket)
    if mode is Mode.LIVE and table.has("market"):
        table.fault("market", 'does nothing with mode = "live"', 'take it out, or write mode = "paper"')
    elif table.has("market") and (table.has("rest_url") or table.has("ws_url")):
        table.fault("market", "does nothing with URLs: that exchange has its own prices", "take out either")
    usual_s = 1.0 if mode is Mode.PAPER else 60.0
    return ExchangeConfig(
        mode=mode,
        rest_url=urls[0],
        ws_url=urls[1],
        visibility_lag_s=usual_s if lag is None else float(lag),
        market=market or PaperMarket.SYNTHETIC,
    )


def startup_of(table: Table, exchange: ExchangeConfig | None) -> StartupConfig:
    """The order of starts."""
    separation = table.number(
        "nonce_separation_s",
        lambda s: 0 <= s <= SECONDS_MAX,
        f"write seconds from 0 to {SECONDS_MAX}, such as 5",
        quoted=False,
    )
    timeout = table.number(
        "health_timeout_s",
        lambda s: 0 < s <= SECONDS_MAX,
        f"write seconds over 0 and up to {SECONDS_MAX}, such as 60",
        quoted=False,
    )
    # The paper exchange keeps nonces by key; only Kraken's start order (docs/requirements.md, 3A) waits
    # between master and users.
    usual_s = 0.0 if exchange is not None and exchange.mode is Mode.PAPER else 5.0
    startup = StartupConfig(nonce_separation_s=usual_s if separation is None else float(separation))
    return startup if timeout is None else replace(startup, health_timeout_s=float(timeout))
