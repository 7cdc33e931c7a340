"""An account at another broker says whether its balances are fresh and its disk has room."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from krakencopy.account_proc.ccxt_broker.broker import CcxtBroker
from krakencopy.account_proc.contract.conditions import ConditionType
from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.health import ExchangeHealth
from krakencopy.account_proc.service.ccxt_conditions import findings, of_poll, of_room


def test_balances_that_were_not_read_for_a_while_are_stale_and_say_when_they_are_read_again() -> None:
    assert of_poll(0.0, 100.0, 30.0, "").holds is None
    assert of_poll(100.0, 190.0, 30.0, "").holds
    assert of_poll(100.0, 130.0, 1.0, "").holds, "a machine may be slow"
    stale = of_poll(100.0, 191.0, 30.0, "10:00:05 UTC")
    assert (stale.type, stale.reason) == (ConditionType.FEED_FRESH, "BALANCES_STALE")
    assert stale.message == "balances were last read 91 s ago; next try at 10:00:05 UTC"
    assert of_poll(100.0, 131.0, 1.0, "").message.endswith("they are read again and again")


def test_a_disk_without_room_is_told_before_a_write_fails() -> None:
    assert of_room("").holds
    full = of_room("0 bytes are free on the disk of /x")
    assert (full.type, full.reason) == (ConditionType.DISK_WRITABLE, "DISK_NOT_WRITABLE")
    assert full.message.startswith("0 bytes are free on the disk of /x: make room")


def test_each_condition_that_makes_sense_there_is_found_once(tmp_path: Path) -> None:
    health = ExchangeHealth()
    for _ in range(2):
        health.note_failure("fetch_balance", OutcomeUnknown("fetch_balance", "HTTP 502 (no)"), 0.0)
    seen = SimpleNamespace(health=health, clock=ExchangeClock(), read_at=time.time())
    ledger = tmp_path / "carl.db"
    found = {each.type: each for each in findings(cast("CcxtBroker", seen), ledger, 30.0, "10:00:05 UTC")}
    kind = ConditionType
    assert list(found) == [
        kind.KEY_ACCEPTED, kind.KEY_PERMITTED, kind.NONCE_ACCEPTED, kind.EXCHANGE_ANSWERS, kind.RATE_FREE,
        kind.FEED_FRESH, kind.CLOCK_RIGHT, kind.DISK_WRITABLE,
    ]  # fmt: skip
    answers = found[kind.EXCHANGE_ANSWERS]
    assert (answers.reason, answers.data["next_try"]) == ("HTTP_ERROR", "10:00:05 UTC")
    assert [each.type for each in found.values() if each.holds is False] == [kind.EXCHANGE_ANSWERS]
