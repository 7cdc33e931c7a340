"""Pairs and coins as people and programs write them: ``BTC/USD``, ``XBT/USD``, ``XBTUSD``, ``BTCUSD``,
``XXBTZUSD``, ``btc-usd`` are one pair. Pure.

For what is asked for only. What the exchange sends is read by its own tables (domain/pair_table.py): there
another spelling may be another coin.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

#: Kraken: names of assets before they had those that people see (Assets: XXBT has the altname XBT, XXDG has
#: XDG), by the name that they have on the pages and in WebSocket v2.
_OLD_NAMES = {
    "BTC": ("XBT", "XXBT"),
    "DOGE": ("XDG", "XXDG"),
    **{coin: (f"X{coin}",) for coin in ("ETC", "ETH", "LTC", "MLN", "REP", "XLM", "XMR", "XRP", "ZEC")},
    **{money: (f"Z{money}",) for money in ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")},
}
_NAMES = {old: name for name, olds in _OLD_NAMES.items() for old in olds}
#: What stands between base and quote, if anything.
_BETWEEN = re.compile(r"[/_:\s-]")
#: Nearest names that a refusal has at most.
NEAREST_MAX = 3


def coin_name(written: str) -> str:
    """A coin by its name on the pages: ``XXBT`` and ``xbt`` are BTC. What is not known stays, in capitals
    where it has none.
    """
    upper = written.upper() if written.islower() else written
    return _NAMES.get(upper.upper(), upper)


def spellings_of(coin: str) -> tuple[str, ...]:
    """A coin's name on the pages, and those that Kraken had for it before."""
    return (coin, *_OLD_NAMES.get(coin, ()))


def find_pair(written: str, known: Collection[str]) -> str | None:
    """The pair (BTC/USD) of those that are known, however it is written; None where it is none of them, or
    may be two.
    """
    if written in known:
        return written
    parts = _BETWEEN.split(written.strip().upper())
    exact, other = [], []
    for name in known:
        base, _, quote = name.upper().partition("/")
        if parts in ([base, quote], [base + quote]):
            exact.append(name)
        elif _is_spelling(parts, base, quote):
            other.append(name)
    found = exact or other
    return found[0] if len(found) == 1 else None


def _is_spelling(parts: list[str], base: str, quote: str) -> bool:
    bases, quotes = ((name, *_OLD_NAMES.get(name, ())) for name in (base, quote))
    match parts:
        case [both]:
            return any(both == left + right for left in bases for right in quotes)
        case [left, right]:
            return left in bases and right in quotes
        case _:
            return False


def nearest_pairs(written: str, known: Iterable[str]) -> list[str]:
    """Pairs that may have been meant by one that is not known, the nearest first."""
    parts = _BETWEEN.split(written.strip().upper())
    names = {name.replace("/", "").upper(): name for name in known}
    wanted = "".join(map(coin_name, parts))
    near = difflib.get_close_matches(wanted, names, n=NEAREST_MAX)
    return [names[name] for name in near]
