"""Conditions keep since when they hold or do not, and which of them names an account's state."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from krakencopy.account_proc.contract.conditions import (
    Conditions,
    ConditionType,
    Finding,
    first_that_matters,
)
from krakencopy.v1 import types_pb2 as pb


@dataclass
class Clock:
    at: float = 100.0

    def __call__(self) -> float:
        return self.at


KEY, FEED, FUNDS = ConditionType.KEY_ACCEPTED, ConditionType.FEED_FRESH, ConditionType.FUNDS_PRESENT


def _lacking(kind: ConditionType, reason: str = "WHY", message: str = "words") -> Finding:
    return Finding(type=kind, holds=False, reason=reason, message=message)


def test_since_is_when_it_began_to_hold_or_ceased_to() -> None:
    now = Clock()
    conditions = Conditions(now)
    (unknown,) = conditions.update([Finding(type=KEY, holds=None)])
    now.at = 110.0
    (holds,) = conditions.update([Finding(type=KEY)])
    now.at = 120.0
    (still,) = conditions.update([Finding(type=KEY)])
    now.at = 130.0
    (lacks,) = conditions.update([_lacking(KEY)])
    now.at = 140.0
    (changed,) = conditions.update([_lacking(KEY, message="other words")])
    found = [unknown, holds, still, lacks, changed]
    assert [each.since for each in found] == [100.0, 110.0, 110.0, 130.0, 130.0]
    assert [each.changed_at for each in found] == [100.0, 110.0, 110.0, 130.0, 140.0]


def test_they_come_in_the_order_of_their_types_and_go_when_they_are_not_seen() -> None:
    conditions = Conditions(Clock())
    found = conditions.update([Finding(type=FUNDS), Finding(type=FEED), Finding(type=KEY)])
    assert [each.finding.type for each in found] == [KEY, FEED, FUNDS]
    assert [each.finding.type for each in conditions.update([Finding(type=FEED)])] == [FEED]


@pytest.mark.parametrize("cause", [KEY, ConditionType.EXCHANGE_ANSWERS])
def test_a_feed_that_was_cut_before_a_call_found_out_why_does_not_name_the_state(
    cause: ConditionType,
) -> None:
    now = Clock()
    conditions = Conditions(now)
    conditions.update([Finding(type=cause), _lacking(FEED, "FEED_DOWN")])
    now.at = 100.3
    found = conditions.update([_lacking(cause, "CAUSE"), _lacking(FEED, "FEED_TOKEN_REFUSED")])
    named = first_that_matters(each.to_proto() for each in found)
    assert named is not None
    assert named.reason == "CAUSE"


@pytest.mark.parametrize(("holds", "reason"), [(True, "WHY"), (None, "WHY"), (False, "")])
def test_a_reason_is_there_exactly_where_it_does_not_hold(holds: bool | None, reason: str) -> None:
    with pytest.raises(AssertionError):
        Finding(type=KEY, holds=holds, reason=reason)


def test_a_type_is_found_once() -> None:
    with pytest.raises(AssertionError, match="twice"):
        Conditions(Clock()).update([Finding(type=KEY), _lacking(KEY)])


def test_a_state_is_named_by_what_ceased_first() -> None:
    now = Clock()
    conditions = Conditions(now)
    conditions.update([Finding(type=KEY), Finding(type=FEED), Finding(type=FUNDS)])
    now.at = 110.0
    conditions.update([Finding(type=KEY), Finding(type=FEED), _lacking(FUNDS)])
    now.at = 120.0
    conditions.update([Finding(type=KEY), _lacking(FEED, "FEED_DOWN"), _lacking(FUNDS)])
    now.at = 130.0
    found = conditions.update([_lacking(KEY, "INVALID_KEY"), _lacking(FEED, "FEED_DOWN"), _lacking(FUNDS)])
    named = first_that_matters(each.to_proto() for each in found)
    assert named is not None
    assert (named.reason, named.since.seconds) == ("FEED_DOWN", 120)


def test_what_is_harmless_or_unknown_names_no_state() -> None:
    found = Conditions(Clock()).update([_lacking(FUNDS), Finding(type=KEY, holds=None), Finding(type=FEED)])
    assert first_that_matters(each.to_proto() for each in found) is None


def test_the_public_api_has_all_of_it() -> None:
    finding = Finding(
        type=KEY, holds=False, reason="INVALID_KEY", message="words", data={"method": "Balance"}
    )
    (condition,) = Conditions(Clock(7.5)).update([finding])
    message = condition.to_proto()
    assert (message.type, message.reason, message.message) == ("KEY_ACCEPTED", "INVALID_KEY", "words")
    assert message.status == pb.CONDITION_STATUS_FALSE
    assert (message.since.ToMilliseconds(), message.changed_at.ToMilliseconds()) == (7500, 7500)
    assert dict(message.data) == {"method": "Balance"}
    assert message.matters
