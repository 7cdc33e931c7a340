"""What the copy rules of an account cannot mean at this exchange: amounts in a currency that it does not
have, patterns that match no pair, pairs that are copied in one that is not listed. Each is a notice while it
is so; entries that it concerns are skipped, exits go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.pair_patterns import matches
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.pair_map import PairMap, quote_of_target
from krakencopy.account_proc.domain.pair_table import UnknownName
from krakencopy.account_proc.domain.rules_by_pair import amounts_of, patterns_of
from krakencopy.account_proc.notices.unreadable import NoticeCode
from krakencopy.account_proc.trading.portfolio import Portfolio


def check_rules(rules: CopyRules, portfolio: Portfolio, current: Callable[[str], str]) -> None:
    """Says all of it, and has the prices read that the rules need. ``current``: the name that a coin has now,
    by an older one.
    """
    priced, unknown = _priced(rules, portfolio, current)
    portfolio.prices.priced = tuple(dict.fromkeys(priced))
    portfolio.notices.hold(NoticeCode.UNKNOWN_CURRENCY, unknown)
    names = portfolio.pairs.table.names() if patterns_of(rules) else []
    idle = dict(_idle(rules, names, current))
    portfolio.notices.hold(NoticeCode.PATTERN_MATCHES_NOTHING, idle)
    portfolio.notices.hold(NoticeCode.MAPPED_PAIR_NOT_LISTED, dict(_leads_nowhere(rules, names, current)))


def _priced(
    rules: CopyRules, portfolio: Portfolio, current: Callable[[str], str]
) -> tuple[list[str], dict[str, str]]:
    """Assets whose prices are needed, and what is said of those that the exchange does not have."""
    amounts = amounts_of(rules)
    if rules.notional is not None and rules.notional_asset:
        amounts["notional"] = Money(rules.notional, rules.notional_asset)
    priced, unknown = [], {}
    for key, money in amounts.items():
        try:
            priced.append(portfolio.pairs.table.asset(money.asset))
        except UnknownName:
            unknown[f"copy.{key}"] = (
                f'copy.{key} = "{money}": the exchange has no {money.asset}; entries are skipped (NO_MARK) '
                'until it is written with one that it has, such as "50 USD"'
            )
    for pattern, target in rules.map.items():
        quotes = (pattern.partition("/")[2], quote_of_target(target))
        priced += [quote for quote in map(current, quotes) if portfolio.pairs.table.lists(quote)]
    return priced, unknown


def _idle(rules: CopyRules, names: Iterable[str], current: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Patterns that match no pair: a slip, mostly, by which something is copied that should not be, or the
    other way round.
    """
    for pattern, key in patterns_of(rules).items():
        if not any(matches(pattern, name, current) for name in names):
            yield (
                f"copy.{key}: {pattern}",
                (
                    f'copy.{key} has "{pattern}", which matches no pair that is listed; patterns are written '
                    'as "BTC/USD", "BTC/*", "*/EUR"'
                ),
            )


def _leads_nowhere(
    rules: CopyRules, names: Iterable[str], current: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """Patterns of the map by which no pair is copied in one that is listed."""
    listed, pair_map = frozenset(names), PairMap(rules.map, current)
    for pattern, target in rules.map.items():
        meant = [name for name in listed if matches(pattern, name, current)]
        if meant and not any(pair_map.of(name) in listed for name in meant):
            yield (
                f"copy.map: {pattern}",
                (
                    f'copy.map has "{pattern}" = "{target}", and the exchange lists no such pair: entries '
                    "are skipped (UNKNOWN_PAIR)"
                ),
            )
