"""How each key of the copy rules goes along the chain of settings: system ([copy]), group, account.

A key *overrides* where the nearest that says it wins, and *tightens* where the strictest of all that say it
holds: the smaller number; of lists of pairs, what any excludes and what all include; of limits all.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Chain(StrEnum):
    """How the values of one key become one along the chain."""

    OVERRIDES = "overrides"
    TIGHTENS = "tightens"


#: Each key that a copy table may have (supervisor/config/keys.py).
CHAIN: Mapping[str, Chain] = {
    "sizing": Chain.OVERRIDES,
    "balance": Chain.OVERRIDES,
    "ratio": Chain.OVERRIDES,
    "notional": Chain.OVERRIDES,
    "max_user_risk": Chain.OVERRIDES,
    "order": Chain.OVERRIDES,
    "max_slippage_bps": Chain.OVERRIDES,
    "max_entry_age_s": Chain.OVERRIDES,
    "multiplier": Chain.OVERRIDES,
    "max_order_notional": Chain.TIGHTENS,
    "max_position_notional": Chain.TIGHTENS,
    "max_position_share": Chain.TIGHTENS,
    "max_gross_exposure": Chain.TIGHTENS,
    "max_open_pairs": Chain.TIGHTENS,
    "max_daily_notional": Chain.TIGHTENS,
    "max_orders_per_day": Chain.TIGHTENS,
    "min_copy_notional": Chain.OVERRIDES,
    "allocated_capital": Chain.OVERRIDES,
    "include": Chain.TIGHTENS,
    "exclude": Chain.TIGHTENS,
    "pairs": Chain.OVERRIDES,
    "limits": Chain.TIGHTENS,
    "map": Chain.OVERRIDES,
    "on_join": Chain.OVERRIDES,
    "on_leave": Chain.OVERRIDES,
    "on_deposit": Chain.OVERRIDES,
}
