"""What of a change of balances came from outside, by the entries of the exchange's own ledger (Kraken's
Ledgers). Pure.

Entries and balances both trail, and some entries are of trades that were counted already. So nothing goes by
when an entry was made: those that add up to the change are looked for, and if there are several ways to do
so they must agree on what came from outside. Anything else is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from krakencopy.account_proc.domain.asset_forms import worth_as
from krakencopy.account_proc.domain.wallet import DUST, ROUNDING
from krakencopy.account_proc.kraken.rest.messages import LedgerRow

#: Kraken: what exchanges one asset for another, and what positions cost or bring in.
TRADING = frozenset({"trade", "spend", "receive", "conversion", "margin", "rollover", "settled"})
#: Kraken: what comes in and goes out, rewards among it.
OUTSIDE = frozenset({"deposit", "withdrawal", "transfer", "earn", "staking", "reward", "dividend"})
#: Of so many steps or fewer, any may be the ones; of more, those that follow one another.
ANY_MAX = 10
NOTHING = Decimal(0)

Amounts = Mapping[str, Decimal]


def from_outside(
    rows: Sequence[LedgerRow], before: Amounts, now: Amounts, current: Callable[[str], str] = str
) -> dict[str, Decimal] | None:
    """What came in (below 0: went out) between two states of balances, by asset; None where entries, oldest
    first, do not tell. ``current``: the name that a coin has now.
    """
    then, there = _together(before, current), _together(now, current)
    target = {asset: there.get(asset, NOTHING) - then.get(asset, NOTHING) for asset in {*then, *there}}
    most = {
        asset: max(ROUNDING * max(abs(there.get(asset, NOTHING)), abs(then.get(asset, NOTHING))), DUST)
        for asset in target
    }

    def is_same(one: Amounts, other: Amounts) -> bool:
        return all(
            abs(one.get(asset, NOTHING) - other.get(asset, NOTHING)) <= most.get(asset, DUST)
            for asset in {*one, *other}
        )

    found: dict[str, Decimal] | None = None
    for chosen, change in _choices(_steps(rows, current)):
        if not is_same(change, target):
            continue
        if any(is_flow is None for is_flow, _ in chosen):
            return None
        flow = _sum([change for is_flow, change in chosen if is_flow])
        if found is not None and not is_same(found, flow):
            return None
        found = flow
    return None if found is None else {asset: amount for asset, amount in found.items() if amount}


#: Whether it came from outside (None: an unknown kind), and what it changed.
Step = tuple[bool | None, dict[str, Decimal]]


def _steps(rows: Sequence[LedgerRow], current: Callable[[str], str]) -> list[Step]:
    """Rows that belong together, as one; what only changed the form of coins is none."""
    groups: dict[str, list[LedgerRow]] = {}
    for row in rows:
        groups.setdefault(row.refid, []).append(row)
    steps: list[Step] = []
    for group in groups.values():
        kinds = {row.kind for row in group}
        change = _sum([{_coin(row.asset, current): row.change} for row in group])
        if any(change.values()):
            is_flow = False if kinds <= TRADING else True if kinds <= OUTSIDE else None
            steps.append((is_flow, change))
    return steps


def _choices(steps: Sequence[Step]) -> Iterator[tuple[Sequence[Step], Amounts]]:
    """Steps that may be what happened, and what they come to."""
    if len(steps) <= ANY_MAX:
        some: list[tuple[tuple[Step, ...], dict[str, Decimal]]] = [((), {})]
        for step in steps:
            some += [((*chosen, step), _sum([change, step[1]])) for chosen, change in some]
        yield from some
        return
    for begin in range(len(steps)):
        change: dict[str, Decimal] = {}
        for end in range(begin, len(steps)):
            change = _sum([change, steps[end][1]])
            yield steps[begin : end + 1], change


def _coin(asset: str, current: Callable[[str], str]) -> str:
    return current(worth_as(asset))


def _together(amounts: Amounts, current: Callable[[str], str]) -> dict[str, Decimal]:
    return _sum([{_coin(asset, current): amount} for asset, amount in amounts.items()])


def _sum(parts: Sequence[Amounts]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for part in parts:
        for asset, amount in part.items():
            total[asset] = total.get(asset, NOTHING) + amount
    return total
