"""The rules of copying as [copy], and an account's copy table, write them. Each value is read by itself; what
one needs another for is config/reader.py's.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.pair_spellings import coin_name
from krakencopy.account_proc.contract.spec import (
    BalanceBasis,
    CopyRules,
    OnDeposit,
    OnJoin,
    OnLeave,
    OrderStyle,
    Sizing,
)
from krakencopy.supervisor.config.loss_limits import loss_limits_of
from krakencopy.supervisor.config.toml_table import MONEY_MAX, Table, show

ENTRY_AGE_MAX_S = 86_400
SLIPPAGE_MAX_BPS = 1000
RATIO_MAX = 1000
MULTIPLIER_MAX = 100
PATTERN_LENGTH_MAX = 32
#: Of one list, or of what all pairs have of their own: an account's whole specification travels in one page
#: of a pipe.
PATTERNS_BYTES_MAX = 800
#: As names of pairs are written, with wildcards.
_PATTERN = re.compile(r"[A-Za-z0-9*?\[\]!&._:/ -]*[A-Za-z0-9*?\]]", re.ASCII)
#: A pair or a pattern as a map has them: base and quote.
_MAPPED = re.compile(r"(\*|[A-Za-z0-9.]+)/(\*|[A-Za-z0-9.]+)", re.ASCII)
#: What a pair may have of its own.
PAIR_KEYS = frozenset(
    {
        "multiplier", "ratio", "max_slippage_bps", "max_entry_age_s", "max_order_notional",
        "max_position_notional", "max_position_share", "max_daily_notional", "max_orders_per_day",
        "min_copy_notional",
    }
)  # fmt: skip
#: More coins than Kraken lists, and more orders than its limits let through in a day.
COINS_MAX = 10_000
ORDERS_MAX = 1_000_000
#: What a choice needs another key for: the key, the choice, and that other key.
NEEDS = (
    ("sizing", Sizing.FIXED_RATIO, "ratio"),
    ("sizing", Sizing.FIXED_NOTIONAL, "notional"),
    ("balance", BalanceBasis.ALLOCATED, "allocated_capital"),
)


def copy_values(table: Table) -> dict[str, Any]:
    """The values of a copy table that are there and good."""
    values = {
        "sizing": table.choice("sizing", Sizing),
        "balance": table.choice("balance", BalanceBasis),
        "order": table.choice("order", OrderStyle),
        "max_user_risk": _share(table, "max_user_risk"),
        "ratio": _number(table, "ratio", RATIO_MAX, 'such as "0.5"'),
        "multiplier": _number(
            table, "multiplier", MULTIPLIER_MAX, 'such as "0.5", which copies half of what the sizing gives'
        ),
        "max_slippage_bps": table.whole(
            "max_slippage_bps",
            0,
            SLIPPAGE_MAX_BPS,
            f"write a whole number from 0 to {SLIPPAGE_MAX_BPS}: 50 is 0.5 %",
        ),
        "max_entry_age_s": _seconds(table, "max_entry_age_s"),
        "max_order_notional": table.money("max_order_notional"),
        "max_position_notional": table.money("max_position_notional"),
        "max_position_share": _share(table, "max_position_share"),
        "max_gross_exposure": _share_or_money(table, "max_gross_exposure"),
        "max_open_pairs": _count(table, "max_open_pairs", COINS_MAX),
        "max_daily_notional": table.money("max_daily_notional"),
        "max_orders_per_day": _count(table, "max_orders_per_day", ORDERS_MAX),
        "min_copy_notional": table.money("min_copy_notional"),
        "allocated_capital": table.money_or_percent(
            "allocated_capital",
            "write an amount with its currency, or a percentage of the equity: allocated_capital = "
            '"5000 USD", or "50%"',
        ),
        "include": _patterns(table, "include"),
        "exclude": _patterns(table, "exclude"),
        "pairs": _pairs(table),
        "limits": loss_limits_of(table, "limits"),
        "map": _map(table),
        "on_join": table.choice("on_join", OnJoin),
        "on_leave": table.choice("on_leave", OnLeave),
        "on_deposit": table.choice("on_deposit", OnDeposit),
    }
    good: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    notional = table.amount(
        "notional",
        lambda amount: 0 < amount <= MONEY_MAX,
        f'write an amount over 0 and up to {MONEY_MAX} with its currency, such as "25 USD"',
    )
    if notional is not None:
        good["notional"], good["notional_asset"] = notional
    return good


def _patterns(table: Table, key: str) -> tuple[str, ...] | None:
    """Patterns of pairs, an empty list as well: it takes nothing out, or lets all in."""
    rule = f'write pairs, bases, quotes or patterns: {key} = ["BTC/USD", "ETH/*", "*/EUR"]'
    if table.is_empty_list(key):
        return ()
    written = table.texts(key, rule)
    if written is None:
        return None
    bad = next((pattern for pattern in written if not _may_be_pattern(pattern)), None)
    if bad is not None:
        table.fault(key, f"{show(bad)} is no pattern of pairs", rule)
        return None
    return written if _fits(table, key, written) else None


def _may_be_pattern(written: str) -> bool:
    return len(written) <= PATTERN_LENGTH_MAX and _PATTERN.fullmatch(written) is not None


def _pairs(table: Table) -> dict[str, dict[str, Any]] | None:
    """What pairs have of their own, by pattern."""
    rule = 'write [copy.pairs."BTC/USD"] with its keys below, such as multiplier = "0.5"'
    raw = table.table("pairs", rule)
    if raw is None:
        return None
    found: dict[str, dict[str, Any]] = {}
    all_pairs = table.inner("pairs", raw)
    for pattern in raw:
        if not _may_be_pattern(pattern):
            all_pairs.fault(pattern, "is no pattern of pairs", rule)
            continue
        values = all_pairs.table(pattern, rule)
        if values is None:
            continue
        own = all_pairs.inner(pattern, values, PAIR_KEYS)
        found[pattern] = {key: value for key, value in copy_values(own).items() if key in PAIR_KEYS}
    return found if _fits(table, "pairs", found) else None


def _map(table: Table) -> dict[str, str] | None:
    """In which pairs the master's are copied. The coin is the same: a copy of BTC buys BTC."""
    rule = 'write which pairs are copied in which: map = { "*/USD" = "*/EUR", "BTC/USDT" = "BTC/EUR" }'
    raw = table.table("map", rule)
    if raw is None:
        return None
    found: dict[str, str] = {}
    inner = table.inner("map", raw)
    for pattern in raw:
        target = inner.text(pattern, rule)
        if target is None:
            continue
        if (problem := _why_no_map(pattern, target)) is not None:
            inner.fault(pattern, *problem)
            continue
        found[pattern] = target.strip().upper()
    return found if _fits(table, "map", found) else None


def _why_no_map(pattern: str, target: str) -> tuple[str, str] | None:
    """What is wrong with one line of a map, and what to write."""
    sides, target_sides = _MAPPED.fullmatch(pattern.strip()), _MAPPED.fullmatch(target.strip())
    if sides is None:
        return f"{show(pattern)} is no pair, and no pattern of a map", 'write "BTC/USD", "BTC/*" or "*/USD"'
    if target_sides is None or target_sides[2] == "*":
        return f"{show(target)} names no pair to copy in", f'write one quote: "{sides[1]}/EUR"'
    if target_sides[1] != "*" and coin_name(target_sides[1]) != coin_name(sides[1]):
        problem = f"{show(target)} is another coin than {show(pattern)}: only the quote may be another one"
        return problem, f'write "{sides[1]}/{target_sides[2].upper()}"'
    return None


def _fits(table: Table, key: str, value: object) -> bool:
    """Whether it is short enough to be handed to a process; else that is a fault."""
    size = len(json.dumps(value, default=str))
    if size > PATTERNS_BYTES_MAX:
        problem = f"{size} bytes are more than the {PATTERNS_BYTES_MAX} that fit"
        table.fault(key, problem, "use patterns, such as */EUR")
    return size <= PATTERNS_BYTES_MAX


def check_pairs(table: Table, rules: CopyRules) -> None:
    """What pairs have of their own that does nothing with the rules of the account is a fault, and so is what
    cannot be held against them.
    """
    most = rules.max_order_notional
    for pattern, values in rules.pairs.items():
        own = values.get("max_order_notional")
        said_here = next((key for key in ("pairs", "max_order_notional") if table.has(key)), None)
        if said_here and most is not None and own is not None and own.asset != most.asset:
            problem = f'"{most}", and "{own}" of {pattern}, cannot be compared, and the smaller holds'
            table.fault(said_here, problem, "write both in one currency")
        is_here = pattern in table.keys_of("pairs")
        if "ratio" in values and rules.sizing is not Sizing.FIXED_RATIO and is_here:
            problem = f'its ratio does nothing with sizing = "{rules.sizing}"'
            table.inner("pairs", {}).fault(pattern, problem, f'write sizing = "{Sizing.FIXED_RATIO}" too')


def _share(table: Table, key: str) -> Decimal | None:
    rule = 'write a share over 0 and up to 1: "0.10" is ten percent'
    return table.number(key, lambda share: 0 < share <= 1, rule, quoted=True)


def _number(table: Table, key: str, most: int, such_as: str) -> Decimal | None:
    rule = f"write a number over 0 and up to {most}, {such_as}"
    return table.number(key, lambda number: 0 < number <= most, rule, quoted=True)


def _seconds(table: Table, key: str) -> float | None:
    rule = f"write seconds over 0 and up to {ENTRY_AGE_MAX_S}, such as 30"
    age = table.number(key, lambda s: 0 < s <= ENTRY_AGE_MAX_S, rule, quoted=False)
    return None if age is None else float(age)


def _count(table: Table, key: str, most: int) -> int | None:
    return table.whole(key, 1, most, f"write a whole number from 1 to {most}")


def _share_or_money(table: Table, key: str) -> Decimal | Money | None:
    """A share of the equity where there is no currency."""
    rule = (
        f'write a share of the equity over 0 and up to 1, such as {key} = "0.5", or an amount with its '
        f'currency, such as {key} = "5000 USD"'
    )
    found = table.amount(key, lambda number: 0 < number <= MONEY_MAX, rule)
    if found is None:
        return None
    number, asset = found
    if not asset and number > 1:
        table.fault(key, f"{number} is no share of the equity, and names no currency", rule)
        return None
    return Money(number, coin_name(asset)) if asset else number
