"""In which pair the copies of a fill are traded, where that is not the master's (``map``). Pure.

Only the quote is another: the coin is what the master trades. Of several patterns that mean a pair the most
specific counts (contract/pair_patterns.py). What a pattern leads to is not looked up again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from krakencopy.account_proc.contract.pair_patterns import by_specificity, matches
from krakencopy.account_proc.contract.pair_spellings import coin_name


class PairMap:
    """An account's."""

    def __init__(self, patterns: Mapping[str, str], current: Callable[[str], str]) -> None:
        """``patterns``: what is traded, ``*/EUR`` or ``BTC/EUR``, by a pattern of the master's pairs.
        ``current``: the name that a coin has now, by an older one.
        """
        self._patterns = patterns
        self._current = current
        self._order = by_specificity(list(patterns))
        self._known: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def of(self, pair: str) -> str:
        """The pair that entries are made in when the master trades this one; itself where it is not
        mapped.
        """
        if not self._patterns or "/" not in pair:
            return pair
        found = self._known.get(pair)
        if found is None:
            found = self._known[pair] = self._find(pair)
        return found

    def forget(self) -> None:
        """A coin has another name from now on."""
        self._known.clear()

    def _find(self, pair: str) -> str:
        base, _, quote = pair.partition("/")
        named = f"{self._current(base)}/{self._current(quote)}"
        for pattern in self._order:
            if matches(pattern, named, self._current):
                return f"{base}/{quote_of_target(self._patterns[pattern], self._current)}"
        return pair


def quote_of_target(target: str, current: Callable[[str], str] = str) -> str:
    """The quote that a pattern leads to, under its name of now."""
    return current(coin_name(target.partition("/")[2]))
