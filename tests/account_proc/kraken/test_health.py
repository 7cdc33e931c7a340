"""What calls have met, and that the first cause is kept."""

from __future__ import annotations

import pytest

from krakencopy.account_proc.contract.conditions import ConditionType, Finding
from krakencopy.account_proc.contract.errors import ExchangeError, KeyRefused, OutcomeUnknown
from krakencopy.account_proc.kraken.errors import FrontRefuses, LockedOut, NotSent, classify
from krakencopy.account_proc.kraken.health import RATE_SHOWN_S, ExchangeHealth


def _refusal(text: str, method: str = "Balance", *, is_order: bool = False) -> ExchangeError:
    return classify(method, [text], is_order=is_order)


def _found(health: ExchangeHealth, kind: ConditionType, now: float = 0.0) -> Finding:
    (finding,) = [each for each in health.findings(now) if each.type is kind]
    return finding


KEY, PERMITTED, NONCE = ConditionType.KEY_ACCEPTED, ConditionType.KEY_PERMITTED, ConditionType.NONCE_ACCEPTED
ANSWERS, RATE = ConditionType.EXCHANGE_ANSWERS, ConditionType.RATE_FREE


def test_nothing_is_known_before_the_first_call() -> None:
    health = ExchangeHealth()
    assert {each.type: each.holds for each in health.findings(0.0)} == {
        KEY: None, PERMITTED: None, NONCE: None, ANSWERS: None, RATE: True,
    }  # fmt: skip
    assert health.note_success("Time", private=False)
    assert {each.type: each.holds for each in health.findings(0.0)} == {
        KEY: None, PERMITTED: None, NONCE: None, ANSWERS: True, RATE: True,
    }  # fmt: skip
    assert health.note_success("Balance", private=True)
    assert all(each.holds for each in health.findings(0.0))
    assert not health.note_success("Balance", private=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("EAPI:Invalid key", "INVALID_KEY"),
        ("EAPI:Invalid signature", "INVALID_SIGNATURE"),
        ("EGeneral:Temporary lockout", "LOCKED_OUT"),
        ("EAuth:Account temporary disabled", "ACCOUNT_DISABLED"),
    ],
)
def test_a_key_that_is_refused_says_why_until_a_private_call_passes(text: str, reason: str) -> None:
    health = ExchangeHealth()
    assert health.note_failure("Balance", _refusal(text), 1.0)
    found = _found(health, KEY)
    assert (found.holds, found.reason, dict(found.data)) == (
        False,
        reason,
        {"method": "Balance", "error": text},
    )
    assert text in found.message
    assert _found(health, ANSWERS).holds  # it did answer
    health.note_success("Time", private=False)
    assert _found(health, KEY).reason == reason
    assert health.note_success("Balance", private=True)
    assert _found(health, KEY).holds


def test_the_lockout_that_follows_does_not_hide_the_invalid_key() -> None:
    health = ExchangeHealth()
    health.note_failure("Balance", _refusal("EAPI:Invalid key"), 1.0)
    assert not health.note_failure("AddOrder", _refusal("EGeneral:Temporary lockout"), 2.0)
    assert not health.note_failure("AddOrder", LockedOut("AddOrder", 900.0), 3.0)
    assert _found(health, KEY).reason == "INVALID_KEY"


def test_a_permission_is_missing_until_that_call_passes() -> None:
    health = ExchangeHealth()
    health.note_success("Balance", private=True)
    assert health.note_failure(
        "AddOrder", _refusal("EGeneral:Permission denied", "AddOrder", is_order=True), 1.0
    )
    health.note_success("Balance", private=True)
    found = _found(health, PERMITTED)
    assert (found.reason, found.data["methods"]) == ("PERMISSION_DENIED", "AddOrder")
    assert _found(health, KEY).holds
    assert health.note_success("AddOrder", private=True)
    assert _found(health, PERMITTED).holds


def test_a_market_that_the_account_may_not_trade_in_is_no_fault_of_the_key() -> None:
    health = ExchangeHealth()
    health.note_success("Balance", private=True)
    text = "EAccount:Invalid permissions:AAPLx trading restricted for NL."
    health.note_failure("AddOrder", _refusal(text, "AddOrder", is_order=True), 1.0)
    assert all(each.holds for each in health.findings(1.0))


def test_a_nonce_that_is_refused_is_told_until_one_is_taken() -> None:
    health = ExchangeHealth()
    health.note_failure("Balance", _refusal("EAPI:Invalid nonce"), 1.0)
    assert _found(health, NONCE).reason == "INVALID_NONCE"
    health.note_success("Balance", private=True)
    assert _found(health, NONCE).holds


@pytest.mark.parametrize(
    ("error", "reason", "data"),
    [
        (OutcomeUnknown("Balance", "HTTP 503: 'busy'"), "HTTP_ERROR", {"http_status": "503"}),
        (OutcomeUnknown("Balance", "ReadTimeout"), "EXCHANGE_UNREACHABLE", {}),
        (NotSent("Balance", "connection refused"), "EXCHANGE_UNREACHABLE", {}),
        (FrontRefuses("Balance", 429, "error code: 1015"), "FRONT_REFUSES", {"http_status": "429"}),
        (classify("Balance", ["EService:Unavailable"], is_order=False), "SERVICE_TROUBLE", {}),
        (classify("AddOrder", ["EService:Busy"], is_order=True), "SERVICE_TROUBLE", {}),
    ],
)
def test_a_second_failure_in_a_row_says_that_nobody_answers(
    error: OutcomeUnknown, reason: str, data: dict[str, str]
) -> None:
    health = ExchangeHealth()
    health.note_success("Balance", private=True)
    health.note_failure("Balance", error, 1.0)
    assert _found(health, ANSWERS).holds
    assert health.note_failure("Balance", error, 2.0)
    found = _found(health, ANSWERS)
    assert (found.holds, found.reason) == (False, reason)
    assert data.items() <= found.data.items()
    assert error.cause in found.message
    assert _found(health, KEY).holds  # what is known of the key stays
    health.note_success("Time", private=False)
    assert not _found(health, ANSWERS).holds  # public calls may be answered while signed ones are not
    health.note_success("Balance", private=True)
    assert _found(health, ANSWERS).holds


def test_a_public_call_that_fails_is_over_with_the_next_that_is_answered() -> None:
    health = ExchangeHealth()
    for _ in range(2):
        health.note_failure("Ticker", OutcomeUnknown("Ticker", "ReadTimeout"), 1.0, private=False)
    assert not _found(health, ANSWERS).holds
    assert health.is_unwell
    health.note_success("Ticker", private=False)
    assert _found(health, ANSWERS).holds
    assert not health.is_unwell


def test_what_a_key_need_not_be_allowed_is_not_missed() -> None:
    health = ExchangeHealth()
    health.note_failure("GetApiKeyInfo", _refusal("EGeneral:Permission denied", "GetApiKeyInfo"), 1.0)
    assert _found(health, PERMITTED).holds


def test_the_exchange_may_tell_itself_that_a_key_is_permitted_again() -> None:
    rung: list[bool] = []
    health = ExchangeHealth(changed=lambda: rung.append(True))
    health.note_failure("AddOrder", _refusal("EGeneral:Permission denied", "AddOrder", is_order=True), 1.0)
    assert (health.is_denied, health.is_key_refused, rung) == (True, False, [True])
    health.note_permitted()
    health.note_permitted()
    assert (health.is_denied, rung) == (False, [True, True])


def test_a_success_between_two_failures_keeps_the_exchange_answering() -> None:
    health = ExchangeHealth()
    for _ in range(5):
        health.note_failure("Balance", OutcomeUnknown("Balance", "ReadTimeout"), 1.0)
        health.note_success("Balance", private=True)
        assert _found(health, ANSWERS).holds


def test_a_refusal_is_an_answer() -> None:
    health = ExchangeHealth()
    for _ in range(3):
        health.note_failure("Balance", OutcomeUnknown("Balance", "ReadTimeout"), 1.0)
    health.note_failure("AddOrder", _refusal("EOrder:Insufficient funds", "AddOrder", is_order=True), 2.0)
    assert _found(health, ANSWERS).holds


def test_the_first_cause_of_an_outage_is_kept() -> None:
    health = ExchangeHealth()
    for cause in ("HTTP 503: 'busy'", "ReadTimeout", "ReadTimeout"):
        health.note_failure("Balance", OutcomeUnknown("Balance", cause), 1.0)
    assert (_found(health, ANSWERS).reason, _found(health, ANSWERS).data["http_status"]) == (
        "HTTP_ERROR",
        "503",
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyRefused("Balance", ("EAPI:Invalid key",)), ConditionType.KEY_ACCEPTED),
        (KeyRefused("AddOrder", ("EGeneral:Permission denied",)), ConditionType.KEY_PERMITTED),
    ],
)
def test_of_a_key_too_the_next_try_is_told(error: KeyRefused, kind: ConditionType) -> None:
    health = ExchangeHealth()
    health.note_failure(error.method, error, 1.0)
    (found,) = [each for each in health.findings(2.0, next_try="10:00:05 UTC") if each.type is kind]
    assert found.message.endswith(" at 10:00:05 UTC")
    (found,) = [each for each in health.findings(2.0) if each.type is kind]
    assert "10:00" not in found.message


def test_the_next_try_is_told_where_it_is_known() -> None:
    health = ExchangeHealth()
    for _ in range(2):
        health.note_failure("Balance", FrontRefuses("Balance", 403, "error code: 1020"), 1.0)
    (found,) = [each for each in health.findings(2.0, next_try="10:00:05 UTC") if each.type is ANSWERS]
    # Not in the words: those of many accounts are the same, and are shown once.
    assert "next try" not in found.message
    assert found.data["next_try"] == "10:00:05 UTC"


@pytest.mark.parametrize(
    "text", ["EAPI:Rate limit exceeded", "EOrder:Rate limit exceeded", "EGeneral:Too many requests"]
)
def test_refusals_for_the_rate_are_counted_and_shown_for_a_minute(text: str) -> None:
    health = ExchangeHealth()
    health.note_failure("Balance", _refusal(text), 10.0)
    health.note_failure("Balance", _refusal(text), 20.0)
    found = _found(health, RATE, 20.0)
    assert (found.reason, found.data["count"], found.data["error"]) == ("RATE_LIMITED", "2", text)
    assert health.rate_free_in(20.0) == RATE_SHOWN_S
    assert _found(health, RATE, 20.0 + RATE_SHOWN_S).holds
    assert health.rate_free_in(20.0 + RATE_SHOWN_S) == 0.0
    health.note_failure("Balance", _refusal(text), 200.0)
    assert _found(health, RATE, 200.0).data["count"] == "1"


def test_what_is_refused_though_the_keys_rights_permit_it_stays_refused_until_it_passes() -> None:
    """Else it would begin and end with each look at the key."""
    health = ExchangeHealth()
    refusal = _refusal("EGeneral:Permission denied", "GetWebSocketsToken")
    for _ in range(2):
        health.note_failure("GetWebSocketsToken", refusal, 1.0)
        health.note_permitted()
    assert health.is_denied
    health.note_success("GetWebSocketsToken", private=True)
    assert not health.is_denied
