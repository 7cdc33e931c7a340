"""A row for a fill, a copy and an event."""

from __future__ import annotations

import pytest

from krakencopy.client.views import rows as views
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


@pytest.mark.parametrize(
    ("fills", "shown"), [((7,), "7"), ((7, 8, 9), "7-9"), ((7, 9), "7,9"), ((7, 8), "7-8")]
)
def test_the_fills_of_a_copy_are_written_shortly(fills: tuple[int, ...], shown: str) -> None:
    assert views.seqs(samples.copy("bob", *fills)) == shown


def test_the_numbers_behind_a_copy_are_told_where_something_is_missing() -> None:
    skipped = samples.copy(state=nouns.COPY_STATE_SKIPPED)
    skipped.ordered_volume = skipped.filled_volume = "0"
    assert views.copy_row(skipped)[-1] == "SCALED: 0.005 x 1000 / 10000"
    assert views.copy_row(samples.copy())[-1] == "SCALED"


def test_the_cap_of_a_copy_that_was_filled_is_told() -> None:
    capped = samples.copy()
    capped.reason, capped.cap = "CAPPED", "max_daily_notional"
    assert views.copy_row(capped)[-1] == "CAPPED: max_daily_notional"


def test_a_condition_that_does_not_hold_is_told_once_below_the_table() -> None:
    account = nouns.Account(id="bob")
    account.message = "set the clock"
    for kind, message in (("CLOCK_RIGHT", "set the clock"), ("FUNDS_PRESENT", "NO FUNDS IN EUR")):
        account.conditions.add(type=kind, status=nouns.CONDITION_STATUS_FALSE, reason="X", message=message)
    (note,) = [line for line in views.account_notes([account]) if line]
    assert note == "bob: set the clock; NO FUNDS IN EUR"


def test_what_an_accounts_message_says_is_not_said_again() -> None:
    positions = [
        nouns.CopiedPosition(asset="BTC", exit_owed="1 BTC, refused", missing_volume="0.5"),
        nouns.CopiedPosition(asset="ETH", exit_owed="2 ETH, refused"),
    ]
    message = "exit owed: 1 BTC, refused; 2 ETH, refused; it is tried again until it is done"
    account = nouns.Account(id="ann", message=message, positions=positions)
    (_, note) = views.account_notes([account])
    assert note == f"ann: {message}; {views.missing(account)}"
    account.message = views.missing(account)
    (_, note) = views.account_notes([account])
    assert note == f"ann: {views.missing(account)}; exit owed: 1 BTC, refused; exit owed: 2 ETH, refused"


def test_a_limit_that_was_hit_is_told_once_of_an_account_that_may_not_buy() -> None:
    """It is part of what may be traded, a condition, and a notice."""
    hits = ["limit day: 5 USD lost of at most 5 USD", "limit life: 9 USD lost of at most 9 USD"]
    account = nouns.Account(id="ann")
    for words in hits:
        account.trading.settings.add(state=nouns.TRADING_STATE_REDUCING, scope="limit:x", reason=words)
        account.notices.add(code="LIMIT_HIT", subject="x", message=words)
    condition = account.conditions.add(
        type="LIMITS", status=nouns.CONDITION_STATUS_FALSE, message="; ".join(hits)
    )
    (_, note) = views.account_notes([account])
    assert [note.count(words) for words in hits] == [1, 1]
    assert "LIMIT_HIT" not in note
    warns = "limit week: 7 USD lost of at most 7 USD"
    condition.message += f"; {warns}"
    account.notices.add(code="LIMIT_HIT", subject="week", message=warns)
    (_, note) = views.account_notes([account])
    assert note.endswith(f"; {warns}"), "what is said nowhere else is not left out"
    assert [note.count(words) for words in (*hits, warns)] == [1, 1, 1]
    assert "LIMIT_HIT" not in note
