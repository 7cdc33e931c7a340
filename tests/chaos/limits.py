"""Caps, filters and multipliers of users: drawn for some of them, and held against what was copied and
booked. Shares no code with the system.

The volumes of entries that a cap has cut are judged by model.py; here stands what no cut may miss: a day's
money and orders, and pairs that are left out.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.chaos.records import Finding, Record
from tests.chaos.rows import Copy, UserTerms

DAY_S = 86_400
NUMBERS = frozenset({"max_orders_per_day", "max_open_pairs"})
SHARES = frozenset({"max_position_share"})
#: Caps of each order of the master, which model.py counts exactly.
OF_AN_ORDER = frozenset({"", "max_user_risk", "max_order_notional", "min_copy_notional"})
#: Money caps, and shares of the user's first money that they are drawn from.
_MONEY = {
    "max_order_notional": ("0.01", "0.03", "0.08"),
    "max_position_notional": ("0.05", "0.2", "0.5"),
    "max_gross_exposure": ("0.1", "0.3", "0.6"),
    "max_daily_notional": ("0.2", "0.5", "2"),
    "min_copy_notional": ("0.002", "0.01"),
}
#: A user has so many decimals in a cap of money.
CENTS = Decimal("0.01")


def drawn(index: int, usd: Decimal, names: frozenset[str]) -> dict[str, Any]:
    """What a user has of these, by itself: what else a campaign draws stays the same. In campaigns with cross
    pairs there are no amounts: the record does not tell by which prices they were converted.
    """
    dice = random.Random(f"limits {index} {usd}")  # noqa: S311 - to be repeated, not to be secret
    if index % 10 not in {3, 9} and dice.random() < 0.7:
        return {}
    caps: dict[str, Decimal] = {}
    keys = [*NUMBERS, *SHARES] if "cross_pairs" in names else [*_MONEY, *NUMBERS, *SHARES]
    for key in dice.sample(sorted(keys), dice.choice([1, 1, 2, 3])):
        if key in NUMBERS:
            caps[key] = Decimal(
                dice.choice([3, 8, 40]) if key == "max_orders_per_day" else dice.choice([1, 2])
            )
        elif key in SHARES:
            caps[key] = Decimal(dice.choice(["0.05", "0.2", "0.5"]))
        else:
            caps[key] = (usd * Decimal(dice.choice(_MONEY[key]))).quantize(CENTS)
    special: dict[str, Any] = {"caps": {key: limit for key, limit in caps.items() if limit > 0}}
    if dice.random() < 0.3:
        special["multiplier"] = Decimal(dice.choice(["0.25", "0.7", "3"]))
    if dice.random() < 0.3:
        special["exclude"] = (dice.choice(["ETH/USD", "SOLUSD", "XBT/USD"]),)
    return special


def excludes(user: UserTerms, pair: str) -> bool:
    """Whether the user copies no entries in a pair."""
    spelled = {"ETH/USD": "ETH/USD", "SOL/USD": "SOLUSD", "BTC/USD": "XBT/USD"}
    return spelled.get(pair, pair) in user.exclude


def no_entry_is_past_what_a_day_may_have(record: Record) -> Iterator[Finding]:
    """What entries of one UTC day have cost, and how many were ordered. Orders that were found later are no
    decisions.
    """
    for user in record.users:
        days: dict[int, list[Copy]] = defaultdict(list)
        for copy in record.copies_of(user.account):
            if copy.side == "buy" and copy.attempts and copy.copy_id.startswith("c"):
                days[int(copy.decided_at // DAY_S)].append(copy)
        most, orders = user.caps.get("max_daily_notional"), user.caps.get("max_orders_per_day")
        for copies in days.values():
            cost = sum((Fraction(copy.filled) * Fraction(copy.avg_price) for copy in copies), Fraction(0))
            if most is not None and cost > Fraction(most) + Fraction(len(copies), 100):
                text = f"entries of one day cost {float(cost):.4f} USD, the cap is {most}"
                yield Finding(validator="caps", account=user.account, text=text)
            if orders is not None and len(copies) > orders:
                text = f"{len(copies)} entries were ordered in one day, the cap is {orders}"
                yield Finding(validator="caps", account=user.account, text=text)


def no_entry_is_in_a_pair_that_is_left_out(record: Record) -> Iterator[Finding]:
    """Nor is an exit left out, nor an entry of another pair."""
    for user in record.users:
        for copy in record.copies_of(user.account):
            is_out = copy.side == "buy" and excludes(user, copy.pair)
            if (copy.reason == "PAIR_EXCLUDED") > is_out:
                text = f"copy {copy.copy_id} ({copy.pair} {copy.side}) was left out and should not have been"
                yield Finding(validator="filters", account=user.account, text=text)
            elif is_out and copy.attempts and copy.copy_id.startswith("c"):
                text = f"copy {copy.copy_id} bought in {copy.pair}, which is left out"
                yield Finding(validator="filters", account=user.account, text=text)


def cap_of_an_order(user: UserTerms, equity: Fraction) -> Fraction:
    """The most that the copies of one order of the master may cost."""
    cap = equity * Fraction(user.max_user_risk)
    most = user.caps.get("max_order_notional")
    return cap if most is None else min(cap, Fraction(most))


def position_left(user: UserTerms, held: Fraction, worst: Fraction, equity: Fraction) -> Fraction | None:
    """What the caps of a coin's position leave at most, in quote; None where there is none. What was paid may
    leave less.
    """
    limits = []
    if (most := user.caps.get("max_position_notional")) is not None:
        limits.append(Fraction(most))
    if (share := user.caps.get("max_position_share")) is not None:
        limits.append(Fraction(share) * equity)
    return max(min(limits) - held * worst, Fraction(0)) if limits else None
