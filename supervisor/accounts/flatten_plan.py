"""What of an account would be sold, by what is known of it now. Pure. The account's process decides by what
it finds when it sells: its own coins never (account_proc/copying).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: A value is shown to so many decimals.
_VALUE_DECIMALS = 2


def flatten_plan(
    account: nouns.Account, last_fill: Callable[[str], nouns.Fill | None]
) -> Iterator[pb.FlattenPosition]:
    """By coin. ``account``: with what its ledger says, where it has no process; ``last_fill``: the master's
    last one of the coin of a pair, whose price is the one that is known.
    """
    minima = {each.pair: each for each in (*account.kept_pairs, *account.preflight.pairs)}
    for held in sorted(account.positions, key=lambda held: held.asset):
        volume = Decimal(held.volume or 0)
        # Money that came in for coins is cash again; money that was bought as a coin has its pair.
        if volume <= 0 or (held.asset in FIAT and "/" not in held.pair):
            continue
        sold = pb.FlattenPosition(
            account_id=account.id, asset=held.asset, volume=plain(volume), pair=held.pair
        )
        quote = held.pair.partition("/")[2]
        fill = last_fill(held.pair) if quote else None
        words = ["of a shadow: nothing is really sold"] if account.shadow else []
        if fill is not None and (price := _price(fill, quote)) is not None:
            value = round(volume * price, _VALUE_DECIMALS)
            sold.value.CopyFrom(nouns.Money(amount=plain(value), asset=quote))
            where = "there" if fill.pair == held.pair else f"in {fill.pair}"
            words.append(f"at the master's last price {where}, of {fill.executed_at.ToJsonString()}")
        least = Decimal((minima[held.pair].ordermin if held.pair in minima else "") or 0)
        if volume < least:
            words.append(f"below the least that may be sold, {plain(least)}: it stays owed")
        if held.missing_volume:
            words.append(f"{held.missing_volume} of it is not there any more")
        if held.exit_owed:
            words.append(f"owed already: {held.exit_owed}")
        sold.message = "; ".join(words)
        yield sold


def _price(fill: nouns.Fill, quote: str) -> Decimal | None:
    """What the coin costs in this quote; in another one than the fill's by the rate that came with it (see
    ``Fill.marks``), None where none did.
    """
    if fill.pair.partition("/")[2] == quote:
        return Decimal(fill.price)
    mark = Decimal(fill.marks.get(quote, "") or 0)
    return Decimal(fill.price) / mark if mark > 0 else None
