"""What AssetPairs and Assets answered, as a table of pairs. Pure.

A row that cannot be read costs that row: it is left out and named as skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeGuard

from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.sent_values import UNREADABLE, amount, name, positive, shown, whole

#: Kraken: the two assets whose altname is not the name shown to people and used by WebSocket v2.
DISPLAY_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
#: Kraken: stocks as tokens, listed and traded only where they are asked for by this class.
TOKENIZED = "tokenized_asset"
#: Kraken has 10 at most; with far more no volume could be counted.
DECIMALS_MAX = 18
#: Of an asset's name; Kraken's have 10 or so. Two of them make a pair's, which is a name as well.
ASSET_LENGTH_MAX = 31


def pair_table(asset_pairs: Mapping[str, Any], assets: Mapping[str, Any]) -> PairTable:
    """From the results of AssetPairs and Assets. A row that lacks what trading needs is left out and named in
    ``skipped``.
    """
    names: dict[str, str] = {}
    for key, row in assets.items():
        altname = row.get("altname", key) if isinstance(row, Mapping) else None
        if _is_name(key) and _is_name(altname):
            _name_asset(names, key, altname)
    for row in asset_pairs.values():
        _name_by_pair(names, row)
    pairs: list[PairRules] = []
    skipped: dict[str, str] = {}
    for key, row in sorted(asset_pairs.items(), key=_standing):
        try:
            pairs.append(_pair(key, row, names))
        except UNREADABLE:
            skipped |= dict.fromkeys(_names_in(key, row), shown(key))
    return PairTable.of(pairs, names, skipped)


def _pair(key: str, row: Mapping[str, Any], names: Mapping[str, str]) -> PairRules:
    base, quote = _display(_asset(row["base"]), names), _display(_asset(row["quote"]), names)
    wsname = name(row.get("wsname") or f"{base}/{quote}")
    left, slash, right = wsname.partition("/")
    if not slash:
        raise ValueError(wsname)
    pair_decimals = _decimals(row["pair_decimals"])
    tokenized = row.get("aclass_base") == TOKENIZED
    return PairRules(
        canonical=name(key),
        altname=name(row["altname"]),
        wsname=wsname,
        name=name(f"{DISPLAY_NAMES.get(left, left)}/{DISPLAY_NAMES.get(right, right)}"),
        base=base,
        quote=quote,
        lot_decimals=_decimals(row["lot_decimals"]),
        pair_decimals=pair_decimals,
        cost_decimals=_decimals(row["cost_decimals"]),
        tick_size=positive(row.get("tick_size", Decimal(1).scaleb(-pair_decimals))),
        ordermin=amount(row["ordermin"]),
        costmin=amount(row.get("costmin", 0)),
        status=name(row.get("status", "online")),
        asset_class=TOKENIZED if tokenized else "",
    )


def _standing(item: tuple[str, Any]) -> tuple[bool, bool]:
    """Of two rows of one market the last counts: one that names it (Kraken's dark pools, XXBTZUSD.d, did
    not), and that is open.
    """
    _, row = item
    known = row if isinstance(row, Mapping) else {}
    return bool(known.get("wsname")), known.get("status", "online") == "online"


def _asset(value: Any) -> str:
    return name(value, ASSET_LENGTH_MAX)


def _is_name(value: Any) -> TypeGuard[str]:
    """Whether it may be the name of an asset."""
    try:
        return bool(_asset(value))
    except UNREADABLE:
        return False


def _name_asset(names: dict[str, str], key: str, altname: str) -> None:
    display = DISPLAY_NAMES.get(altname, altname)
    for spelling in (key, altname, display):
        names.setdefault(spelling, display)


def _name_by_pair(names: dict[str, str], row: Any) -> None:
    """The names of assets whose own rows are missing or odd: ``XXBT`` is what ``XBT/USD`` says."""
    wsname = row.get("wsname") if isinstance(row, Mapping) else None
    if not isinstance(wsname, str) or not wsname.isprintable() or "/" not in wsname:
        return
    for side, altname in zip(("base", "quote"), wsname.split("/", 1), strict=True):
        key = row.get(side)
        if _is_name(key) and key not in names and _is_name(altname):
            _name_asset(names, key, altname)


def _names_in(key: str, row: Any) -> Iterator[str]:
    """What an odd row of AssetPairs still tells of its name."""
    yield shown(key)
    for each in ("altname", "wsname"):
        if isinstance(row, Mapping) and isinstance(row.get(each), str):
            yield shown(row[each])


def _display(asset: str, names: Mapping[str, str]) -> str:
    return names.get(asset) or DISPLAY_NAMES.get(asset, asset)


def _decimals(value: Any) -> int:
    return whole(value, DECIMALS_MAX)
