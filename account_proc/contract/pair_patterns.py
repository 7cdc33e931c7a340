"""Which pairs a pattern means: ``BTC/USD`` in any spelling, ``BTC/*``, ``*/EUR``, or shell-like ones such as
``*[0-9]/USD``; a coin by its name, ``BTC``, means ``BTC/*``; ``BTC/*&*/EUR`` means what both mean. Pure.

Of several that match a pair, the most specific counts (``specificity``): one pair by its name, then one base
with any quote, then one quote with any base, then all others; among equals the one with more letters that are
no wildcard, and then the one that is written first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from krakencopy.account_proc.contract.pair_spellings import coin_name, find_pair, spellings_of

#: Between two patterns: what both of them mean.
BOTH = "&"
#: Characters by which a pattern means more than one name; in brackets, one of some.
_WILDCARD = re.compile(r"[*?\[]")
_BRACKETS = re.compile(r"\[[^\]]*\]")


def is_one_pair(pattern: str) -> bool:
    """Whether a pattern is the name of a single pair."""
    return _WILDCARD.search(pattern) is None and BOTH not in pattern


def matches(pattern: str, pair: str, current: Callable[[str], str] = str) -> bool:
    """Whether a pattern means a pair (BTC/USD). ``current``: the name that a coin has now, by an older
    one.
    """
    if BOTH in pattern:
        return all(matches(part, pair, current) for part in pattern.split(BOTH))
    pattern = pattern.strip()
    base, _, quote = pair.partition("/")
    if is_one_pair(pattern) and find_pair(pattern, (pair,)) is not None:
        return True
    left, slash, right = pattern.partition("/")
    if slash:
        return _is_coin(left, base, current) and _is_coin(right, quote, current)
    if is_one_pair(pattern):
        return _is_coin(pattern, base, current)
    return any(fnmatchcase(name.upper(), pattern.upper()) for name in (pair, base + quote))


def _is_coin(pattern: str, coin: str, current: Callable[[str], str]) -> bool:
    pattern = pattern.strip()
    if _WILDCARD.search(pattern) is None:
        names = {name.upper() for name in spellings_of(coin)}
        return current(coin_name(pattern)).upper() == coin.upper() or pattern.upper() in names
    # The name on the pages alone: [!B]* leaves BTC out, whatever else it is called.
    return fnmatchcase(coin.upper(), pattern.upper())


def specificity(pattern: str) -> tuple[int, int]:
    """The larger, the more specific."""
    left, slash, right = pattern.partition("/")
    if is_one_pair(pattern):
        kind = 3
    elif BOTH in pattern:
        kind = 0
    elif slash and not _WILDCARD.search(left):
        kind = 2
    elif slash and not _WILDCARD.search(right):
        kind = 1
    else:
        kind = 0
    return kind, sum(char.isalnum() for char in _BRACKETS.sub("", pattern))


def by_specificity(patterns: list[str]) -> list[str]:
    """The most specific first; equals in the order in which they are written."""
    return sorted(patterns, key=specificity, reverse=True)
