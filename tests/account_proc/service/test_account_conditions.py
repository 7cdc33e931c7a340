"""What is seen of an account's conditions, from what its parts say."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from krakencopy.account_proc.contract.conditions import ConditionType, Finding
from krakencopy.account_proc.copying.copied_positions import ObstructedExit
from krakencopy.account_proc.kraken.exchange_clock import Clock
from krakencopy.account_proc.service.account_conditions import (
    of_clock,
    of_coins,
    of_disk,
    of_drifts,
    of_exits,
    of_feed,
    of_front,
    of_funds,
)
from krakencopy.account_proc.state.ledger import Drift
from krakencopy.v1 import types_pb2 as pb

if TYPE_CHECKING:
    from krakencopy.account_proc.kraken.feed.executions_feed import ExecutionsFeed


@dataclass
class Feed:
    fresh: bool = False
    blocked: str = ""
    trouble: str = ""
    next_try: str = ""
    connected: bool = False


@pytest.mark.parametrize(
    ("feed", "token_refused", "holds", "reason", "says"),
    [
        (None, "", None, "", ""),
        (Feed(), "", None, "", ""),
        (Feed(fresh=True), "", True, "", ""),
        (Feed(trouble="closed: 1006"), "", False, "FEED_DOWN", "closed: 1006"),
        (Feed(connected=True), "", False, "FEED_DOWN", "silent"),
        (Feed(trouble="HTTP 403", blocked="the feed: HTTP 403"), "", False, "FRONT_REFUSES", "HTTP 403"),
        (Feed(), "EAPI:Invalid key", False, "FEED_TOKEN_REFUSED", "EAPI:Invalid key"),
    ],
)
def test_a_feed_that_is_not_fresh_says_why(
    feed: Feed | None, token_refused: str, holds: bool | None, reason: str, says: str
) -> None:
    found = of_feed(cast("ExecutionsFeed | None", feed), token_refused)
    assert (found.type, found.holds, found.reason) == (ConditionType.FEED_FRESH, holds, reason)
    assert says in found.message


ANSWERS = ConditionType.EXCHANGE_ANSWERS


def test_a_front_that_answers_instead_of_the_exchange_is_told_at_once() -> None:
    found = of_front("HTTP 429; next try at 10:00:05 UTC", Finding(type=ANSWERS))
    assert (found.holds, found.reason) == (False, "FRONT_REFUSES")
    assert found.message == "FRONT REFUSES: HTTP 429; next try at 10:00:05 UTC"
    assert of_front("", Finding(type=ANSWERS)).holds


def test_what_began_before_the_front_stays_the_reason() -> None:
    before = Finding(type=ANSWERS, holds=False, reason="HTTP_ERROR", message="HTTP 503")
    assert of_front("HTTP 429", before) is before


def test_a_clock_that_is_wrong_is_told() -> None:
    assert of_clock(None).holds is None
    assert of_clock(Clock(2.4, 0.5)).holds
    found = of_clock(Clock(-120.0, 0.5))
    assert (found.reason, dict(found.data)) == ("CLOCK_OFF", {"offset_s": "-120"})
    assert "120 s ahead of the exchange's" in found.message


def test_a_disk_that_takes_no_nonces_is_told() -> None:
    assert of_disk("").holds
    assert of_disk("No space left on device").reason == "DISK_NOT_WRITABLE"


def test_drifts_are_told_by_the_last_one_and_how_many_there_are() -> None:
    assert of_drifts([]).holds
    drifts = [
        Drift(code=code, order_id="O", cl_ord_id="C", copy_id="", message=f"about {code}", found_at=1.0)
        for code in ("VOLUME_DIFFERS", "ORDER_FOUND_LATE")
    ]
    found = of_drifts(drifts)
    assert (found.reason, found.data["count"]) == ("ORDER_FOUND_LATE", "2")
    assert "and 1 more" in found.message


def test_an_exit_that_is_owed_is_told_with_pair_volume_since_and_why() -> None:
    assert of_exits([]).holds
    exits = [
        ObstructedExit("ETH/USD", Decimal(2), 20.0, 3_605.0, "2 ETH, closed"),
        ObstructedExit("BTC/USD", Decimal("0.05"), 10.0, 7_200.0, "0.05 BTC, EOrder:Refused"),
    ]
    found = of_exits(exits)
    assert (found.reason, dict(found.data)) == (
        "EXIT_OWED",
        {
            "pair": "BTC/USD", "volume": "0.05", "since": "10", "why": "0.05 BTC, EOrder:Refused",
            "count": "2", "next_try": "01:00:05 UTC",
        },
    )  # fmt: skip
    assert "2 ETH, closed; 0.05 BTC" in found.message
    assert found.message.endswith("it is tried again until it is done")


def test_coins_that_are_gone_are_told_with_their_volumes() -> None:
    there = pb.CopiedPosition(asset="ETH", volume="1")
    assert of_coins([there]).holds
    found = of_coins([there, pb.CopiedPosition(asset="BTC", volume="1", missing_volume="0.4")])
    assert (found.reason, dict(found.data)) == ("COINS_MISSING", {"BTC": "0.4"})
    assert found.message.startswith("MISSING 0.4 BTC")


def test_a_quote_that_lacks_is_told() -> None:
    assert of_funds({}).holds
    found = of_funds({"EUR": "NO FUNDS IN EUR"})
    assert (found.reason, found.message, dict(found.data)) == (
        "NO_FUNDS",
        "NO FUNDS IN EUR",
        {"quotes": "EUR"},
    )
