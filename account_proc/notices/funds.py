"""Whether a user can pay for what its master buys. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.pair_table import PairTable


def funds_missing(
    traded: Iterable[str],
    usable: Callable[[str], Decimal],
    owned: Callable[[str], Decimal],
    table: PairTable,
) -> dict[str, str]:
    """By quote, in words: the user has nothing to spend of what the master pays with, or less than the least
    order costs, so that nothing of that can be copied.

    ``traded``: the pairs that the master trades; ``usable``: what of an asset orders may spend; ``owned``:
    what the user has of it, in whatever form.
    """
    by_quote: dict[str, list[str]] = defaultdict(list)
    for name in sorted(traded):
        pair = table.find(name)
        if pair is not None and usable(pair.quote) < pair.costmin:
            by_quote[pair.quote].append(pair.name)
    return {
        quote: f"NO FUNDS IN {quote}: the master trades "
        f"{', '.join(pairs)}{_why_not_spent(quote, usable(quote), owned(quote))}"
        for quote, pairs in by_quote.items()
    }


def _why_not_spent(asset: str, usable: Decimal, owned: Decimal) -> str:
    """Why what is there of an asset is not enough; empty where nothing is."""
    if usable > 0:
        return f", and {plain(usable)} {asset} is less than any order there costs"
    if owned > 0:
        return (
            f", and the {plain(owned)} {asset} that are there are reserved, or in a form that no order takes"
        )
    return ""
