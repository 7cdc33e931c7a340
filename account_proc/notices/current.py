"""What an operator should know about an account while it lasts, and that stops nothing: in status, and an
event when it begins. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.kraken.exchange_clock import Clock, clock_words
from krakencopy.account_proc.kraken.front import FRONT_REFUSES


@dataclass(frozen=True, slots=True)
class CurrentNotice:
    """One of them, by a stable code; there is one of a code at a time."""

    code: str
    message: str


def clock_notice(clock: Clock | None) -> Iterator[CurrentNotice]:
    """The machine's clock is wrong."""
    if clock is not None and (words := clock_words(clock)):
        yield CurrentNotice("CLOCK_OFF", words)


def front_notice(*refusals: str) -> Iterator[CurrentNotice]:
    """What stands in front of the exchange refuses; empty texts are of ways that are open."""
    if told := "; ".join(filter(None, refusals)):
        yield CurrentNotice(FRONT_REFUSES, f"FRONT REFUSES: {told}")


def funds_notice(
    traded: Iterable[str],
    usable: Callable[[str], Decimal],
    owned: Callable[[str], Decimal],
    table: PairTable,
) -> Iterator[CurrentNotice]:
    """The user has nothing to spend of what the master pays with, or less than the least order costs: nothing
    of that can be copied.

    ``traded``: the pairs that the master trades; ``usable``: what of an asset orders may spend; ``owned``:
    what the user has of it, in whatever form.
    """
    by_quote: dict[str, list[str]] = defaultdict(list)
    for name in sorted(traded):
        pair = table.find(name)
        if pair is not None and usable(pair.quote) < pair.costmin:
            by_quote[pair.quote].append(pair.name)
    told = [
        f"NO FUNDS IN {quote}: the master trades "
        f"{', '.join(pairs)}{_why_not_spent(quote, usable(quote), owned(quote))}"
        for quote, pairs in by_quote.items()
    ]
    if told:
        yield CurrentNotice("NO_FUNDS", "; ".join(told))


def _why_not_spent(asset: str, usable: Decimal, owned: Decimal) -> str:
    """Why what is there of an asset is not enough; empty where nothing is."""
    if usable > 0:
        return f", and {plain(usable)} {asset} is less than any order there costs"
    if owned > 0:
        return (
            f", and the {plain(owned)} {asset} that are there are reserved, or in a form that no order takes"
        )
    return ""
