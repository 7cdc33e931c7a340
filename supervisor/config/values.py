"""The values that configuration keys may take, each read from its table with its rule.

One function for each kind of value; it must not know the document around it (config/reader.py does).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urlsplit

from krakencopy.account_proc.contract.spec import CopyRules, Role
from krakencopy.account_proc.runtime.machine import is_loopback
from krakencopy.supervisor.config import brokers
from krakencopy.supervisor.config.toml_table import Table, show

#: Names of the supervisor's own files beside those of the accounts (``run/control.sock``,
#: ``logs/supervisor.jsonl``).
RESERVED_IDS = frozenset({"control", "forkserver", "journal", "supervisor"})
URL_LENGTH_MAX = 200
#: More than there is of any coin.
AMOUNT_MAX = 10**15
#: More than anybody keeps apart.
RESERVE_ASSETS_MAX = 20
#: An account's whole specification travels in one page of a pipe, and this is the part of it that an operator
#: can make long.
OPTIONS_BYTES_MAX = 2_000
#: Of all that an operator can make long, together: the rest is some 1,300 bytes, most of them paths.
HANDED_BYTES_MAX = 2_400
#: Strategies that must never meet real money.
PAPER_STRATEGIES = frozenset({"paper_demo"})

#: What only Kraken's accounts have, and why.
_KRAKEN_ALONE = {
    "copy": "nobody is copied there",
    "tier": "it names Kraken's rate limits",
    "allow_withdraw_key": "only Kraken tells what a key may do",
    "reserve": "nobody is copied there",
    "group": "groups are of those who copy",
    "mode": "nobody is copied there, so that a shadow would decide nothing",
}
#: Kraken: assets as they are shown, e.g. BTC, USD, 1INCH, AAPLx.
_ASSET = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
GROUP_ID_RULE = "use 1 to 64 of a-z, 0-9, _ and -, with a letter or digit first"
_ID_RULE = f"{GROUP_ID_RULE}: it becomes a file name"


class Mode(StrEnum):
    """Whose money is traded."""

    LIVE = "live"
    PAPER = "paper"


class PaperMarket(StrEnum):
    """Where the prices of a paper exchange of our own come from."""

    SYNTHETIC = "synthetic"
    #: Kraken's public feed: the real market, and nobody's money.
    LIVE = "live"


def id_of(table: Table, rule: str = _ID_RULE) -> str | None:
    """The id of an account or a group as written, good or bad, so that clashes are found too; None if there
    is none.
    """
    if not table.has("id"):
        table.fault("id", "missing", rule)
    written = table.text("id", rule)
    if written is None:
        return None
    if not _ID.fullmatch(written):
        table.fault("id", f"{show(written)} cannot be an id", rule)
    elif written in RESERVED_IDS:
        table.fault("id", f"{show(written)} is the name of a file of the supervisor", "choose another id")
    return written


def group_of(table: Table, groups: Collection[str], role: Role | None, at_broker: str | None) -> str | None:
    """The group that an account belongs to. Of a master, and at another broker, it is a fault."""
    written = table.text("group", 'write the id of one of [[groups]], such as group = "clients"')
    if written is None:
        return None
    if role is Role.MASTER:
        table.fault("group", "a master does not copy, and belongs to no group", "take it out")
    elif at_broker in {None, brokers.KRAKEN} and written not in groups:
        known = ", ".join(groups)
        remedy = f"known here: {known}" if known else f"write [[groups]] with id = {show(written)}"
        table.fault("group", f"there is no group {show(written)}", remedy)
    return written


def broker(table: Table) -> str | None:
    """The broker, in its normal form; None if there is none that can be traded with."""
    written = table.text("broker", 'write broker = "kraken"')
    if written is None:
        return None
    if (wrong := brokers.fault_of(written)) is not None:
        problem, remedy = wrong
        table.fault("broker", f"{show(written)}: {problem}", remedy)
        return None
    return brokers.normal(written)


def broker_url(table: Table, at_broker: str | None, mode: Mode | None, *, managed: bool) -> str | None:
    """Where another broker's API is, if not at its own place; and that no key stands there which means
    nothing at it.

    ``managed``: the exchange is a paper exchange of our own.
    """
    at = url(table, "broker_url", "http", mode)
    if at_broker is None:
        return at
    if at_broker == brokers.KRAKEN:
        if table.has("broker_url"):
            table.fault("broker_url", "Kraken's URLs are those of [exchange]", "take it out")
        return None
    for key, why in _KRAKEN_ALONE.items():
        if table.has(key):
            table.fault(key, f"means nothing at {at_broker}: {why}", "take it out")
    if mode is Mode.PAPER and not brokers.speaks_kraken(at_broker):
        if managed:
            problem = f"the paper exchange speaks Kraken's protocol, not that of {at_broker}"
            table.fault("broker", problem, 'write broker = "ccxt:kraken", or mode = "live"')
        elif not table.has("broker_url"):
            problem = f"missing: paper mode would trade real money at {at_broker}"
            table.fault("broker_url", problem, 'write the URL of a test server, or mode = "live"')
    return at


def url(table: Table, key: str, scheme: str, mode: Mode | None) -> str | None:
    """A URL of ``scheme`` or its TLS form, without a final slash."""
    remedy = f'write a URL such as "{scheme}s://host/path"'
    text = table.text(key, remedy)
    if text is None:
        return None
    parts = _split(text)
    if parts is None or parts.scheme not in {scheme, f"{scheme}s"} or len(text) > URL_LENGTH_MAX:
        table.fault(key, f"not a {scheme} or {scheme}s URL of at most {URL_LENGTH_MAX} characters", remedy)
        return None
    host = (parts.hostname or "").rstrip(".")
    if parts.username is not None or "?" in text or "#" in text:
        table.fault(key, "has a user, a query or a fragment", remedy)
    elif mode is Mode.LIVE and parts.scheme == scheme and not is_loopback(host):
        table.fault(key, f"live keys would travel unencrypted to {show(host)}", f"write {scheme}s://")
    elif mode is Mode.PAPER and (host == "kraken.com" or host.endswith(".kraken.com")):
        table.fault(key, "paper mode would trade real money at Kraken", "take both URLs out")
    return text.rstrip("/")


def _split(text: str) -> SplitResult | None:
    """The URL's parts; None if it has no host, a bad port, or characters that no URL has."""
    if not text.isascii() or any(char <= " " or char == "\x7f" for char in text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


def reserve_of(table: Table) -> Mapping[str, Decimal]:
    """So much of each asset is left out when the account's equity is counted."""
    remedy = (
        'write reserve = { BTC = "1.0" }: assets as Kraken shows them, and how much of each is no '
        "part of what is copied"
    )
    raw = table.table("reserve", remedy) or {}
    if len(raw) > RESERVE_ASSETS_MAX:
        table.fault("reserve", f"more than {RESERVE_ASSETS_MAX} assets", remedy)
        return {}
    inner = table.inner("reserve", raw)
    reserve: dict[str, Decimal] = {}
    for asset in raw:
        amount = inner.number(asset, lambda amount: 0 < amount <= AMOUNT_MAX, remedy, quoted=True)
        if not _ASSET.fullmatch(asset):
            inner.fault(asset, "no name of an asset", remedy)
        elif amount is not None:
            reserve[asset] = amount
    return reserve


def options_table(table: Table) -> Mapping[str, Any]:
    """A strategy's options as plain values: strings, whole numbers, booleans, arrays of these. Other
    numbers become strings.
    """
    remedy = 'write strategy_options = { pair = "BTC/USD" }'
    raw = table.table("strategy_options", remedy) or {}
    options: dict[str, Any] = {}
    for key, value in raw.items():
        plain = _plain(value)
        if plain is None:
            problem = f"{key} is neither a string, a number, a boolean, nor an array of these"
            table.fault("strategy_options", problem, remedy)
        else:
            options[key] = plain
    size = len(json.dumps(options))
    if size > OPTIONS_BYTES_MAX:
        table.fault(
            "strategy_options", f"{size} bytes are more than the {OPTIONS_BYTES_MAX} that fit", "shorten them"
        )
    return options


def check_fits(
    table: Table, rules: CopyRules, options: Mapping[str, Any], reserve: Mapping[str, Decimal]
) -> None:
    """Check that what an account's process is handed fits, all together: with more it could not be started,
    and its exits would wait.
    """
    if len(json.dumps(options)) > OPTIONS_BYTES_MAX:
        return  # a fault already
    size = len(json.dumps([rules.to_raw(), options, reserve], default=str))
    if size > HANDED_BYTES_MAX:
        with_these = "with strategy_options and reserve its rules have"
        problem = f"{with_these} {size} bytes, more than the {HANDED_BYTES_MAX} that fit together"
        table.fault("copy", problem, "use patterns, such as */EUR, or rules of fewer pairs")


def _plain(value: object) -> Any:
    match value:
        case bool() | int() | str():
            return value
        case Decimal():
            return str(value)
        case list():
            items = [_plain(item) for item in value]
            return None if None in items else items
        case _:
            return None
