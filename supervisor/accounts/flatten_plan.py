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
    last one in a pair, whose price is the one that is known.
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
        if fill is not None:
            value = round(volume * Decimal(fill.price), _VALUE_DECIMALS)
            sold.value.CopyFrom(nouns.Money(amount=plain(value), asset=quote))
            words.append(f"at the master's last price there, of {fill.executed_at.ToJsonString()}")
        least = Decimal((minima[held.pair].ordermin if held.pair in minima else "") or 0)
        if volume < least:
            words.append(f"below the least that may be sold, {plain(least)}: it stays owed")
        if held.missing_volume:
            words.append(f"{held.missing_volume} of it is not there any more")
        if held.exit_owed:
            words.append(f"owed already: {held.exit_owed}")
        sold.message = "; ".join(words)
        yield sold
