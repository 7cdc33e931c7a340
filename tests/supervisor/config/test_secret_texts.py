"""Keys and secrets are known by their form; what people write is not taken for one."""

from __future__ import annotations

import base64
import random

import pytest

from krakencopy.supervisor.config.secret_texts import looks_secret


def test_keys_and_secrets_are_seen_wherever_they_stand() -> None:
    drawn = random.Random(1)  # noqa: S311 - nothing is kept secret with them
    for _ in range(300):
        key = base64.b64encode(drawn.randbytes(42)).decode()
        secret = base64.b64encode(drawn.randbytes(64)).decode()
        assert looks_secret(key)
        assert looks_secret(secret)
        assert looks_secret(f'key = "{key}"')
        assert looks_secret(f"/etc/keys/{secret}")
        assert looks_secret(drawn.randbytes(32).hex())
        assert looks_secret(base64.urlsafe_b64encode(drawn.randbytes(48)).decode())
    # One of ten thousand has no digit.
    assert looks_secret("AXUZmjuNMioskVOmUtksDSUPkrUcCycSQKTktOZbcmzShWB/JfOjMsWg")
    assert looks_secret("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE")


@pytest.mark.parametrize(
    "text",
    [
        "", "anna", "0.05", "close_only", "2026-11-29T08:00:00Z", "a-portal/change-4711 of Ida Miller",
        '["BTC/USD", "ETH/USD", "SOL/EUR", "XRP/USD", "DOGE/USD"]', '{ "BTC/*" = "XBT/*" }',
        "/etc/krakencopy/credentials/customers/Europe/anna-2026.key", "123e4567-e89b-12d3-a456-426614174000",
        "/srv/KrakenCopy/CustomerKeys/ProductionAccounts2026/anna_miller_second_account.toml",
        "a" * 64, "0" * 40, "the quick brown fox jumps over the lazy dog " * 3,
    ],
)  # fmt: skip
def test_what_people_write_is_no_secret(text: str) -> None:
    assert not looks_secret(text)
