"""The rules of copying as [copy], and an account's copy table, write them. Each value is read by itself; what
one needs another for is config/reader.py's.
"""

from __future__ import annotations

from typing import Any

from krakencopy.account_proc.contract.spec import BalanceBasis, OrderStyle, Sizing
from krakencopy.supervisor.config.toml_table import Table

ENTRY_AGE_MAX_S = 86_400
SLIPPAGE_MAX_BPS = 1000
RATIO_MAX = 1000
MULTIPLIER_MAX = 100
NOTIONAL_MAX = 1_000_000_000


def copy_values(table: Table) -> dict[str, Any]:
    """The values of a copy table that are there and good."""
    values = {
        "sizing": table.choice("sizing", Sizing),
        "balance": table.choice("balance", BalanceBasis),
        "order": table.choice("order", OrderStyle),
        "max_user_risk": table.number(
            "max_user_risk",
            lambda share: 0 < share <= 1,
            'write a share over 0 and up to 1: "0.10" is ten percent',
            quoted=True,
        ),
        "ratio": table.number(
            "ratio",
            lambda ratio: 0 < ratio <= RATIO_MAX,
            f'write a number over 0 and up to {RATIO_MAX}, such as "0.5"',
            quoted=True,
        ),
        "multiplier": table.number(
            "multiplier",
            lambda times: 0 < times <= MULTIPLIER_MAX,
            f'write a number over 0 and up to {MULTIPLIER_MAX}: "0.5" copies half of what the sizing gives',
            quoted=True,
        ),
        "max_slippage_bps": table.whole(
            "max_slippage_bps",
            0,
            SLIPPAGE_MAX_BPS,
            f"write a whole number from 0 to {SLIPPAGE_MAX_BPS}: 50 is 0.5 %",
        ),
    }
    age = table.number(
        "max_entry_age_s",
        lambda s: 0 < s <= ENTRY_AGE_MAX_S,
        f"write seconds over 0 and up to {ENTRY_AGE_MAX_S}, such as 30",
        quoted=False,
    )
    good: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    notional = table.amount(
        "notional",
        lambda amount: 0 < amount <= NOTIONAL_MAX,
        f'write an amount over 0 and up to {NOTIONAL_MAX} with its currency, such as "25 USD"',
    )
    if notional is not None:
        good["notional"], good["notional_asset"] = notional
    if age is not None:
        good["max_entry_age_s"] = float(age)
    return good
