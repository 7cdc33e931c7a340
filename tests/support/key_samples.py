"""Keys as tests of the key check need them."""

from __future__ import annotations

from typing import Any

from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.kraken.exchange_clock import Clock
from krakencopy.account_proc.kraken.key_check import (
    READS,
    TRADES,
    KeyVerdict,
    Needs,
)
from krakencopy.account_proc.kraken.rest.messages import ApiKeyInfo

NOW = 1_800_000_000.0
DAY_S = 86_400
EXACT = Clock(0.0, 0.0)
USER = Needs.of(Role.USER, has_strategy=False, allow_withdraw=False)


def key(*more: str, without: tuple[str, ...] = (), **fields: Any) -> ApiKeyInfo:
    """A key that a user needs, with more or fewer permissions."""
    bounds: dict[str, Any] = {"name": "k", "nonce": 1, "nonce_window": 0, "valid_until": 0} | fields
    return ApiKeyInfo(permissions=frozenset({*READS, *TRADES, *more}) - set(without), **bounds)


def codes(verdict: KeyVerdict) -> list[str]:
    return [code for code, _ in verdict.refusals]
