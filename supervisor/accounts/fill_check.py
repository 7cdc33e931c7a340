"""What the master's process may send as a fill: checked once, before it is journalled and handed out.

A fill outside its bounds, or one whose number is known with other content, is a fault of that process, or
comes from someone else: neither is traded, nor passed over in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from krakencopy.account_proc.contract.refusals import cut_text, violations_text
from krakencopy.account_proc.contract.request_bounds import violations
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb

_ZERO = Decimal(0)


class BadFill(Exception):
    """A fill that must not be journalled. ``reason``: FILL_INVALID or FILL_DIFFERS."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


def bad_fill(fill: pb.Fill) -> BadFill | None:
    """What is wrong with a fill of the master's process, if anything."""
    found = list(violations(fill))
    words = violations_text(found) if found else _what_is_missing(fill)
    if not words:
        return None
    return BadFill(
        "FILL_INVALID",
        f"the master's process sent fill {cut_text(fill.exec_id, 64)!r}, which is not journalled and copied "
        f"by nobody: {words}. Restart the master; if it comes again, look at the trade at the exchange",
    )


def _what_is_missing(fill: pb.Fill) -> str:
    missing = [name for name in ("exec_id", "order_id", "pair", "side") if not getattr(fill, name)]
    if missing:
        return f"{missing[0]} is missing"
    not_above_zero = (name for name in ("volume", "price") if not _is_above_zero(getattr(fill, name)))
    return next((f"{name} must be above zero" for name in not_above_zero), "")


def _is_above_zero(text: str) -> bool:
    return bool(text) and Decimal(text) > _ZERO


def other_content(journal: Journal, repeated: Sequence[pb.Fill]) -> BadFill | None:
    """The fault of fills that the journal has already, under the same ids and with other content."""
    for fill in repeated:
        known = journal.fill(exec_id=fill.exec_id)
        if known is not None and _content(known) != _content(fill):
            return BadFill(
                "FILL_DIFFERS",
                f"fill {fill.exec_id} came again with other content, and is not taken: {_shown(fill)}; in "
                f"the journal, as fill {known.seq}, {_shown(known)}. "
                "Compare both with the trade at the exchange",
            )
    return None


def _content(fill: pb.Fill) -> tuple[str, pb.Side.ValueType, Decimal, Decimal]:
    # Not the pair, which may have another name by now; nor what was frozen, which belongs to the first.
    return fill.order_id, fill.side, Decimal(fill.volume), Decimal(fill.price)


def _shown(fill: pb.Fill) -> str:
    side = pb.Side.Name(fill.side).removeprefix("SIDE_").lower()
    return f"{side} {fill.volume} {fill.pair} at {fill.price} of order {fill.order_id}"
