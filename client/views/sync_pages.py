"""What a sync would do, as rows and sentences for people. Pure: messages in, lines out."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.client.views.formats import plain
from krakencopy.client.views.table import Column
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

NOTHING = "neither the master nor copying holds anything that it would be about"


def position_columns() -> tuple[Column, ...]:
    """What position_row's cells are."""
    return (
        Column("COIN"),
        Column("PAIR"),
        Column("MASTER", right=True),
        Column("WEIGHT", right=True),
        Column("TARGET", right=True),
        Column("HELD", right=True),
        Column("BUY", right=True),
        Column("SELL", right=True),
        Column("WHY"),
    )


def position_row(position: nouns.SyncPosition) -> list[str]:
    """What is planned about a coin."""
    cap = f" by {plain(position.cap)}" if position.cap else ""
    weight = f"{Decimal(position.master_weight):.2%}" if position.master_weight else ""
    return [
        plain(position.asset),
        plain(position.pair),
        position.master_volume,
        weight,
        position.target_volume,
        position.held_volume,
        position.buy_volume,
        position.sell_volume,
        plain(position.reason) + cap,
    ]


def notes(answer: pb.ResyncAccountResponse) -> list[str]:
    """What else there is to know, and under what it is done."""
    lines = [plain(note) for note in answer.notes]
    if answer.number:
        lines.append(
            f"asked for: {plain(answer.source)}; see its copies s{answer.number}.1, s{answer.number}.2 ..."
        )
    return lines
