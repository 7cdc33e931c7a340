"""What an error of ccxt says of key, exchange and rate is what the exchange's own words would say."""

from __future__ import annotations

import pytest

from krakencopy.account_proc.ccxt_broker.health_errors import NEEDED, health_error
from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.kraken.health import ExchangeHealth

KRAKEN = 'AuthenticationError: kraken {"error":["EAPI:Invalid key"]}'


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyRefused("fetch_balance", (KRAKEN,)), 200, "INVALID_KEY"),
        (
            KeyRefused("fetch_balance", ("AuthenticationError: EAPI:Invalid signature",)),
            200,
            "INVALID_SIGNATURE",
        ),
        (KeyRefused("fetch_balance", ("AuthenticationError: coinbase no",)), 401, "KEY_REFUSED"),
        (KeyRefused("fetch_balance", ("AccountSuspended: coinbase no",)), 403, "ACCOUNT_DISABLED"),
        (KeyRefused("createOrder", ("PermissionDenied: coinbase no",)), 403, "PERMISSION_DENIED"),
        (
            KeyRefused("createOrder", ("PermissionDenied: EGeneral:Permission denied",)),
            200,
            "PERMISSION_DENIED",
        ),
        (KeyRefused("fetch_balance", ("the secret cannot be used for signing",)), None, "KEY_REFUSED"),
        (OutcomeUnknown("createOrder", "InvalidNonce: kraken EAPI:Invalid nonce"), 200, "INVALID_NONCE"),
        (ExchangeRefused("fetch_balance", ("InvalidNonce: kraken",)), 200, "INVALID_NONCE"),
        (RateLimited("fetch_balance", ("RateLimitExceeded: kraken",)), 429, "RATE_LIMITED"),
        (OutcomeUnknown("fetch_balance", "ExchangeNotAvailable: 502"), 502, "HTTP_ERROR"),
        (OutcomeUnknown("fetch_balance", "RequestTimeout: read"), None, "EXCHANGE_UNREACHABLE"),
    ],
)
def test_each_kind_of_error_becomes_the_reason_that_a_kraken_account_would_have(
    error: ExchangeError, status: int | None, reason: str
) -> None:
    health = ExchangeHealth(needed=NEEDED)
    for _ in range(2):  # one that is lost on the way proves nothing
        health.note_failure(error.method, health_error(error, status), 1.0)  # type: ignore[attr-defined]
    lacking = [found for found in health.findings(2.0) if found.holds is False]
    assert [found.reason for found in lacking] == [reason]
    assert lacking[0].data.get("http_status", "") == ("502" if status == 502 else "")
    health.note_success(error.method, private=True)  # type: ignore[attr-defined]
    over = [found.reason for found in health.findings(100.0) if found.holds is False]
    assert over == []


def test_a_refused_order_says_nothing_of_key_or_exchange() -> None:
    health = ExchangeHealth(needed=NEEDED)
    refused = ExchangeRefused("createOrder", ("InvalidOrder: kraken EOrder:Volume",))
    health.note_failure("createOrder", health_error(refused, 200), 1.0)
    assert all(found.holds is not False for found in health.findings(2.0))
