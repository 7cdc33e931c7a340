"""What a key's trial finds out, at a real paper exchange: whose account it opens, or what is wrong; and that
it leaves nothing behind but where its nonces go on.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role
from krakencopy.account_proc.service import key_trial
from krakencopy.account_proc.state.key_lock import key_lock
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from tests.support.account_specs import credentials_of, spec_at
from tests.support.odd_exchange import SECRET, Paper


@pytest.fixture
def spec(paper: Paper, tmp_path: Path) -> AccountSpec:
    return spec_at(paper, tmp_path, "tania", Role.USER, checks_key=True)


def trial(spec: AccountSpec, credentials: Credentials | None = None) -> dict[str, str]:
    """Its ready line."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as ready:
        assert asyncio.run(key_trial.check_key(spec, credentials or credentials_of(spec), writer)) == 0
        found: dict[str, str] = json.loads(ready.read())
    return found


def add_key(paper: Paper, name: str, **fields: Any) -> Credentials:
    paper.control("POST", "accounts/tania/keys", {"key": name, "secret": SECRET, **fields})
    return Credentials(name, SECRET)


def test_a_fit_key_says_which_account_it_opens_and_its_nonces_go_on(paper: Paper, spec: AccountSpec) -> None:
    found = trial(spec)
    assert (found["reason"], found["message"]) == ("", "")
    assert found["identity"]
    another = trial(replace(spec, nonce_path=spec.nonce_path.with_name("b")), add_key(paper, "second"))
    assert another["identity"] == found["identity"], "it is the account's, and not the key's"
    first_us = time.time_ns() // 1_000 - 60_000_000
    custody = NonceCustody.open(spec.nonce_path, account_id="tania", now_us=lambda: first_us)
    assert custody.next() > first_us + 1_000_000, "above all that the trial has used"
    custody.close()
    assert not spec.ledger_path.exists()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"permissions": ["query-funds"]}, "KEY_LACKS_PERMISSION"),
        ({"valid_until": 1_000_000_000}, "KEY_REFUSED"),
    ],
)
def test_a_key_that_may_too_little_is_named(
    paper: Paper, spec: AccountSpec, fields: dict[str, Any], reason: str
) -> None:
    found = trial(spec, add_key(paper, f"of {reason}".replace(" ", "-"), **fields))
    assert found["reason"] == reason
    assert found["message"]
    assert found["identity"] == ""


def test_a_key_that_nobody_knows_or_that_somebody_uses(spec: AccountSpec) -> None:
    unknown = Credentials("nobodys", base64.b64encode(b"secret").decode())
    assert trial(spec, unknown)["reason"] == "KEY_REFUSED"
    lock = key_lock(spec.key_lock_dir, "tania", "somebody")
    try:
        found = trial(spec)
    finally:
        lock.close()
    assert found["reason"] == "KEY_USED_ELSEWHERE"
    assert "is in use by process" in found["message"]


def test_an_exchange_that_does_not_answer_says_nothing_of_the_key(
    spec: AccountSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_trial, "PATIENCE_S", 0.0)
    found = trial(replace(spec, rest_url="http://127.0.0.1:1"))
    assert found["reason"] == key_trial.EXCHANGE
    assert found["message"]


def test_what_is_wrong_with_its_files_is_said_too(spec: AccountSpec, tmp_path: Path) -> None:
    found = trial(replace(spec, nonce_path=tmp_path / "none" / "nonce"))
    assert found["reason"] == "NONCE_FAULT"
