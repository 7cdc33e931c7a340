"""The rules that hold for one pair: which of them it has of its own, its caps, and whether its entries are
copied at all. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.pair_patterns import by_specificity, matches
from krakencopy.account_proc.contract.spec import COPY_KEYS, CopyRules
from krakencopy.account_proc.domain.caps import CAP_KEYS, Cap, caps_of

#: The cap of an order, which its plan has (domain/entry_sizing.py); all others are held against the moment.
OF_AN_ORDER = "max_order_notional"


@dataclass(frozen=True, slots=True)
class RulesOfPair:
    """What holds for one pair."""

    rules: CopyRules
    caps: tuple[Cap, ...]
    #: Why its entries are not copied; empty where they are.
    excluded: str = ""


class RulesByPair:
    """An account's rules, pair by pair."""

    def __init__(self, rules: CopyRules, current: Callable[[str], str]) -> None:
        """``current``: the name that a coin has now, by an older one."""
        self._rules = rules
        self._current = current
        self._has_own = bool(rules.pairs or rules.include or rules.exclude)
        self._of_all = RulesOfPair(rules, caps_of(rules))
        self._known: dict[str, RulesOfPair] = {}

    @property
    def cap_keys(self) -> frozenset[str]:
        """The caps that any pair may have."""
        own = {key for values in self._rules.pairs.values() for key in values if key in CAP_KEYS}
        return frozenset({cap.key for cap in self._of_all.caps} | own)

    def of(self, pair: str) -> RulesOfPair:
        """Those of a pair."""
        if not self._has_own:
            return self._of_all
        found = self._known.get(pair)
        if found is None:
            found = self._known[pair] = self._find(pair)
        return found

    def forget(self) -> None:
        """A coin has another name from now on."""
        self._known.clear()

    def _find(self, pair: str) -> RulesOfPair:
        named = "/".join(map(self._current, pair.split("/")))
        own: dict[str, Any] = {}
        for pattern in by_specificity(list(self._rules.pairs)):
            if self._matches(pattern, named):
                own = {**self._rules.pairs[pattern], **own}
        # A pair's caps hold beside the account's, and the one that leaves less wins: no pair loosens them.
        beside = tuple(Cap(key, own.pop(key), of_pair=True) for key in list(own) if key in CAP_KEYS)
        if OF_AN_ORDER in own:
            own[OF_AN_ORDER] = smaller(self._rules.max_order_notional, own[OF_AN_ORDER])
        return RulesOfPair(replace(self._rules, **own), self._of_all.caps + beside, self._why_excluded(named))

    def _matches(self, pattern: str, pair: str) -> bool:
        return matches(pattern, pair, self._current)

    def _why_excluded(self, pair: str) -> str:
        by = next((pattern for pattern in self._rules.exclude if self._matches(pattern, pair)), None)
        if by is not None:
            return f'entries in {pair} are not copied: exclude has "{by}"'
        if self._rules.include and not any(self._matches(pattern, pair) for pattern in self._rules.include):
            listed = ", ".join(f'"{pattern}"' for pattern in self._rules.include)
            return f"entries in {pair} are not copied: include has only {listed}"
        return ""


def smaller(of_account: Money | None, of_pair: Money) -> Money:
    """The smaller of two amounts of one currency; of two currencies, which a configuration must not have, the
    account's.
    """
    if of_account is None or (of_account.asset == of_pair.asset and of_pair.amount < of_account.amount):
        return of_pair
    return of_account


def patterns_of(rules: CopyRules) -> dict[str, str]:
    """Every pattern that the rules have, with the key that has it."""
    found = dict.fromkeys(rules.pairs, "pairs") | dict.fromkeys(rules.map, "map")
    for key in ("include", "exclude"):
        found |= dict.fromkeys(getattr(rules, key), key)
    return found


def amounts_of(rules: CopyRules) -> dict[str, Money]:
    """Every amount of the rules that has to be known in other assets, by its key."""
    found = {key: value for key in COPY_KEYS if isinstance(value := getattr(rules, key), Money)}
    for pattern, values in rules.pairs.items():
        found |= {f'pairs."{pattern}".{key}': v for key, v in values.items() if isinstance(v, Money)}
    for limit in rules.limits:
        if isinstance(limit.max_loss, Money):
            found[f"limits {limit.name}"] = limit.max_loss
    return found
