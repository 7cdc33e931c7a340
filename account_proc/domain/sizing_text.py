"""The sentences by which a decision explains itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.copy_plan import (
    MasterFill,
    OrderPlan,
)
from krakencopy.account_proc.domain.quantities import (
    NO_VOLUME,
    BaseVolume,
)


def entry_detail(
    fills: Sequence[MasterFill],
    volume: BaseVolume,
    plan: OrderPlan | None,
    *,
    capped: bool,
    multiplier: Decimal = Decimal(1),
) -> str:
    """How an entry was sized; ``plan`` is its master order's, None where the volume is not scaled."""
    bought = sum((fill.volume for fill in fills), NO_VOLUME)
    last = fills[-1]
    text = f"master bought {bought} at {last.price} with a balance of {last.master_equity}"
    if plan is not None:
        times = f" (times the multiplier {plain(multiplier)})" if multiplier != 1 else ""
        text += f"; yours was {plan.user_equity}, so {volume}{times}"
        if capped:
            text += f" (cut by the cap of {plan.cap} for this order, {plan.cap_key})"
    return text


def exit_detail(fills: Sequence[MasterFill], volume: BaseVolume, held: BaseVolume, *, full: bool) -> str:
    """How an exit was sized."""
    sold = sum((fill.volume for fill in fills), NO_VOLUME)
    last = fills[-1]
    what = "all" if full else "part"
    return (
        f"master sold {sold} at {last.price}, {what} of the {last.position_before} that it had bought since "
        "the journal began; "
        f"copying holds {held}, so {volume}"
    )
