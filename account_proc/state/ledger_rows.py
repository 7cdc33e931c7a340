"""How copies, plans and positions are written into rows of the ledger, and read from them.

What a commit writes lies on the way of an order, so these functions say field by field what
``dataclasses.asdict`` would take five times as long to find out.
"""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from operator import attrgetter
from typing import Any

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import USER_RISK, OrderPlan, Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import BaseVolume, QuoteAmount, Ratio, Side
from krakencopy.account_proc.runtime.sqlite_file import Database

to_json = json.JSONEncoder(default=str).encode


_COPY_FIELDS = tuple(item.name for item in fields(CopyRecord))


copy_values = attrgetter(*_COPY_FIELDS)


def copy_body(copy: CopyRecord) -> str:
    """A copy as JSON, decimals as text."""
    body = dict(zip(_COPY_FIELDS, copy_values(copy), strict=True))
    body["slices"] = [slice_row(piece) for piece in copy.slices]
    return to_json(body)


def plan_body(plan: OrderPlan) -> str:
    """A plan as JSON, decimals as text."""
    body = {name: str(getattr(plan, name).amount) for name in _PLAN_QUANTITIES}
    names = {"order_id": plan.order_id, "pair": plan.pair, "cap_key": plan.cap_key}
    return to_json(names | {"too_small": plan.too_small} | body)


def slice_row(piece: Slice) -> dict[str, str]:
    """A slice as JSON has it, decimals as text."""
    return {
        "order_id": piece.order_id,
        "volume": str(piece.volume.amount),
        "cost": str(piece.cost.amount),
        "copy_id": piece.copy_id,
    }


def read_decimal(raw: Any) -> Decimal:
    """As it is written; ledgers of earlier versions have ``{"amount": "1.5"}``."""
    return Decimal(raw["amount"] if isinstance(raw, dict) else raw)


def slice_from(raw: dict[str, Any]) -> Slice:
    """Raises KeyError or ArithmeticError for what is none."""
    return Slice(
        order_id=raw["order_id"],
        volume=BaseVolume(read_decimal(raw["volume"])),
        cost=QuoteAmount(read_decimal(raw["cost"])),
        copy_id=raw["copy_id"],
    )


_PLAN_QUANTITIES = tuple(
    item.name for item in fields(OrderPlan) if item.name not in {"order_id", "pair", "cap_key", "too_small"}
)


def plan_from(raw: dict[str, Any]) -> OrderPlan:
    """Raises KeyError or ArithmeticError for what is none."""
    return OrderPlan(
        order_id=raw["order_id"],
        ratio=Ratio(read_decimal(raw["ratio"])),
        cap=QuoteAmount(read_decimal(raw["cap"])),
        user_equity=QuoteAmount(read_decimal(raw["user_equity"])),
        master_volume=BaseVolume(read_decimal(raw["master_volume"])),
        target=BaseVolume(read_decimal(raw["target"])),
        allotted=BaseVolume(read_decimal(raw["allotted"])),
        cost=QuoteAmount(read_decimal(raw["cost"])),
        # Plans of earlier versions have none of these.
        pair=raw.get("pair", ""),
        cap_key=raw.get("cap_key", USER_RISK),
        too_small=raw.get("too_small", False),
    )


_DECIMALS = {item.name for item in fields(CopyRecord) if item.type == "Decimal"}
#: Copies of earlier versions do not have these.
_ADDED = frozenset({"account_equity", "free_cash"})
_DECIMALS_OR_NONE = {item.name for item in fields(CopyRecord) if item.type == "Decimal | None"}


def copy_from(raw: dict[str, Any]) -> CopyRecord:
    """Raises KeyError, TypeError or ArithmeticError for what is none."""
    for name in _DECIMALS:
        raw[name] = Decimal(raw[name])
    for name in _DECIMALS_OR_NONE:
        value = raw.get(name) if name in _ADDED else raw[name]
        raw[name] = None if value is None else Decimal(value)
    raw |= {
        "fill_seqs": tuple(raw["fill_seqs"]),
        "side": Side(raw["side"]),
        "state": CopyState(raw["state"]),
        "carried_in": tuple(raw["carried_in"]),
        "slices": tuple(slice_from(piece) for piece in raw["slices"]),
    }
    return CopyRecord(**raw)


def write_book(database: Database, book: CopyBook) -> None:
    """Writes what has changed in a book since it was written last."""
    for coin, position in book.coins.take_changed():
        database.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (coin, position.to_json()))
    for pair in book.take_changed_pairs():
        body = {side: [slice_row(piece) for piece in book.carried.get((pair, side), ())] for side in Side}
        database.execute("INSERT OR REPLACE INTO carried VALUES (?, ?)", (pair, to_json(body)))
