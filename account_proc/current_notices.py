"""What an operator should know about an account while it lasts, and that stops nothing: in status, and an event when it begins. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from account_proc.exchange_clock import Clock, clock_words
from account_proc.front import FRONT_REFUSES
from account_proc.pairs import SymbolTable
from account_proc.units import plain


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
    traded: Iterable[str], owned: Callable[[str], Decimal], table: SymbolTable
) -> Iterator[CurrentNotice]:
    """The user owns nothing that the master pays with, or less than the least order costs: nothing of that can be copied.

    ``traded``: the pairs that the master trades; ``owned``: what the user has of an asset, in whatever form.
    """
    by_quote: dict[str, list[str]] = defaultdict(list)
    for name in sorted(traded):
        pair = table.find(name)
        if pair is not None and owned(pair.quote) < pair.costmin:
            by_quote[pair.quote].append(pair.symbol)
    told = [
        f"NO FUNDS IN {quote}: the master trades {', '.join(pairs)}"
        + (
            f", and {plain(amount)} {quote} is less than any order there costs"
            if (amount := owned(quote)) > 0
            else ""
        )
        for quote, pairs in by_quote.items()
    ]
    if told:
        yield CurrentNotice("NO_FUNDS", "; ".join(told))
