"""Specifications of accounts at a running paper exchange, whose files are in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role, Tier
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.trading_state_file import make_states_file, states_path
from krakencopy.account_proc.service.kraken_account import KrakenAccount
from krakencopy.account_proc.trading.trading_guard import TradingGuard
from tests.support.odd_exchange import SECRET, Paper


def spec_at(paper: Paper, folder: Path, account_id: str, role: Role, **more: Any) -> AccountSpec:
    """An account that has no strategy and copies by the defaults, unless more is said."""
    return AccountSpec(
        id=account_id,
        role=role,
        broker="kraken",
        epoch=1,
        instance_id=f"{account_id}-1",
        rest_url=paper.rest_url,
        ws_url=paper.ws_url,
        nonce_path=folder / f"{account_id}.nonce",
        socket_path=folder / f"{account_id}.sock",
        ledger_path=folder / f"{account_id}.db",
        log_path=folder / f"{account_id}.jsonl",
        key_lock_dir=folder / "locks",
        states_path=states_file_in(folder),
        paper=True,
        tier=Tier.PRO,
        visibility_lag_s=0.0,
        journal_id="J1",
        **more,
    )


def states_file_in(folder: Path) -> Path:
    """By which all may trade, unless a test changes it."""
    path = states_path(folder)
    make_states_file(path)
    return path


def guard_of(spec: AccountSpec) -> TradingGuard:
    """As the account's process makes it."""
    return TradingGuard(spec.states_path, spec.id, spec.group)


def guard_in(folder: Path, account_id: str, changed: Callable[[], None] = lambda: None) -> TradingGuard:
    """By the file of a folder, which is made."""
    return TradingGuard(states_file_in(folder), account_id, changed=changed)


def credentials_of(spec: AccountSpec) -> Credentials:
    """The key that ``add_account`` makes."""
    return Credentials(spec.id, SECRET)


def add_account(paper: Paper, account_id: str, balances: dict[str, str]) -> None:
    """An account whose key is its name, and that no rate limit holds up: each test reads all there is."""
    keys = [{"key": account_id, "secret": SECRET}]
    form = {"id": account_id, "tier": "pro", "balances": balances, "keys": keys, "limits": False}
    paper.control("POST", "accounts", form)


def kraken_account(
    paper: Paper, folder: Path, account_id: str, role: Role = Role.USER, *,
    changes: ChangeSignal | None = None, **more: Any,
) -> KrakenAccount:  # fmt: skip
    """An account of ``add_account``, as its process begins with it. ``changes`` rings at all that changes."""
    spec = spec_at(paper, folder, account_id, role, **more)
    changes = changes or ChangeSignal()
    return KrakenAccount(
        spec, credentials_of(spec), changed=changes.notify, holdings_changed=changes.notify_of_copies,
        failed=lambda _: None, copied=lambda _: Decimal(0), guard=guard_of(spec),
    )  # fmt: skip
