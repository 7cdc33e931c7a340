"""Specifications of accounts at a running paper exchange, whose files are in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role, Tier
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
        paper=True,
        tier=Tier.PRO,
        visibility_lag_s=0.0,
        journal_id="J1",
        **more,
    )


def credentials_of(spec: AccountSpec) -> Credentials:
    """The key that ``add_account`` makes."""
    return Credentials(spec.id, SECRET)


def add_account(paper: Paper, account_id: str, balances: dict[str, str]) -> None:
    """An account whose key is its name, and that no rate limit holds up: each test reads all there is."""
    keys = [{"key": account_id, "secret": SECRET}]
    form = {"id": account_id, "tier": "pro", "balances": balances, "keys": keys, "limits": False}
    paper.control("POST", "accounts", form)
