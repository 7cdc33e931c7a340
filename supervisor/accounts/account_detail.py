"""What only who asks for one account is shown of it: its rules, and, where its process does not say, what its
ledger says of positions and balances.

The ledger is read as it is, without touching it or waiting for its process
(account_proc/contract/ledger_file.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.copied_coins import Position
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.ledger_file import LedgerUnreadable, LedgerView, ledger_view
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.supervisor.config.effective_rules import effective_rules
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

#: Costs are shown to so many decimals.
_COST_DECIMALS = 8


async def show_detail(
    message: pb.Account, account: AccountConfig, config: Config, ledger: Path,
    snapshot: account_pb2.WatchSnapshotResponse | None,
) -> None:  # fmt: skip
    """Adds it to an account's message; ``snapshot``: what its process says of it, if there is one."""
    of_file = config.written.file_values.get(account.id, {})
    for rule in effective_rules(account, config):
        message.rules.add(
            key=rule.key, value=rule.value, source=rule.source, file_value=of_file.get(rule.key)
        )
    knows_balances = snapshot is not None and snapshot.HasField("balances_at")
    if snapshot is not None and knows_balances:
        message.balances.extend(snapshot.balances)
        message.balances_at.CopyFrom(snapshot.balances_at)
    knows_positions = not account.copies or (snapshot is not None and snapshot.positions_known)
    if knows_balances and knows_positions:
        return
    try:
        view = await asyncio.to_thread(ledger_view, ledger)
    except LedgerUnreadable as error:
        message.ledger_fault = str(error)
        return
    if view is None:
        return
    if not knows_balances and view.balances_at is not None:
        message.balances_at.CopyFrom(timestamp(view.balances_at))
        for asset, held in view.balances.items():
            in_orders = "" if held.in_orders is None else plain(held.in_orders)
            message.balances.add(asset=asset, volume=plain(held.volume), held=in_orders)
    if not knows_positions:
        message.positions_at.CopyFrom(timestamp(view.written_at))
        message.positions.extend(_positions(view))
    if not message.preflight.pairs:
        _show_pairs(message, view)


def _show_pairs(message: pb.Account, view: LedgerView) -> None:
    """The exchange's rules of the pairs in which something is held or waits."""
    for name in sorted({position.pair for position in message.positions}):
        pair = view.pairs.get(name)
        if pair is not None:
            message.kept_pairs.add(
                pair=name, ordermin=pair.ordermin, costmin=pair.costmin, tick_size=pair.tick_size,
                lot_decimals=pair.lot_decimals, status=pair.status,
            )  # fmt: skip


def _positions(view: LedgerView) -> list[pb.CopiedPosition]:
    """What copying holds and carries, as its process would show it, but for what only that knows: what is
    missing, and what is in the way of an exit.
    """
    carried: dict[str, dict[str, Decimal]] = {}
    pairs: dict[str, str] = {}
    for (pair, side), volume in view.carried.items():
        coin = pair.partition("/")[0]
        pairs.setdefault(coin, pair)
        of_coin = carried.setdefault(coin, {})
        of_coin[side] = of_coin.get(side, Decimal(0)) + volume
    found = (
        _position(coin, view.positions.get(coin, Position()), carried.get(coin, {}), pairs.get(coin, coin))
        for coin in sorted({*view.positions, *carried})
    )
    return [position for position in found if position is not None]


def _position(
    coin: str, position: Position, carried: Mapping[str, Decimal], carried_in: str
) -> pb.CopiedPosition | None:
    if not position.volume and not carried:
        return None
    if coin in FIAT and not position.pair:
        return None  # money that came in for coins is cash again
    pair = position.pair or carried_in
    costs = {quote: plain(round(paid, _COST_DECIMALS)) for quote, paid in position.costs.items()}
    buy, sell = (plain(carried.get(side, Decimal(0))) for side in ("buy", "sell"))
    return pb.CopiedPosition(
        pair=pair, asset=coin, volume=plain(position.volume), cost=costs.get(pair.partition("/")[2], "0"),
        costs=[pb.Money(amount=paid, asset=quote) for quote, paid in costs.items()],
        carried_buy=buy, carried_sell=sell,
    )  # fmt: skip
