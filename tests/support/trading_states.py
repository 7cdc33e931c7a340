"""What operators say about trading, straight into the file: as `krakencopy halt --offline` does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from krakencopy.account_proc.contract.trading_states import ALL, StateSetting, TradingState, TradingStates
from krakencopy.account_proc.runtime.trading_state_file import change_states

OPERATOR, REASON = "operator root", "a test"
#: 2026-09-21 14:13:20 UTC
SAID_AT = 1_790_000_000.0


def say_state(path: Path, state: TradingState, *scopes: str, reason: str = REASON) -> TradingStates:
    """Of all, unless scopes are named."""
    setting = StateSetting(state=state, by=OPERATOR, reason=reason, at=SAID_AT)
    return change_states(path, lambda states: states.with_state(scopes or (ALL,), setting))


def order_flatten(path: Path, account_ids: Iterable[str]) -> TradingStates:
    """They are to sell all that copying bought, and are REDUCING."""
    return change_states(path, lambda states: states.with_flatten(account_ids, OPERATOR, REASON, SAID_AT))


def take_back_flatten(path: Path, account_ids: Iterable[str]) -> TradingStates:
    """What they have not sold yet of that is held again."""
    return change_states(
        path, lambda states: states.with_flatten_taken_back(account_ids, OPERATOR, REASON, SAID_AT)
    )
