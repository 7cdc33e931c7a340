"""A front that refuses is asked ever more seldom, and the first answer of the exchange itself ends that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.spec import Credentials, Tier
from krakencopy.account_proc.kraken.errors import FrontRefuses, NotSent, result_of
from krakencopy.account_proc.kraken.front import (
    ORDER_PAUSE_S_MAX,
    PAUSE_S,
    PAUSE_S_MAX,
    Front,
)
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.kraken.rest.request_queue import Priority, RequestQueue
from tests.account_proc.kraken.rest.test_client import Counter
from tests.support.odd_exchange import SECRET, answer, odd_exchange
from tests.support.scripted_kraken import run

NOW = 1_000.0
UNIX_NOW = 1_800_000_000.0
BLOCKED = answer(status="429 Too Many Requests", body=b"error code: 1015")
DICE = st.floats(0, 1)
#: What floats lose, in seconds.
TINY = 1e-6


@given(st.lists(DICE, min_size=1, max_size=40))
def test_each_refusal_in_a_row_doubles_the_pause_up_to_its_bound(dice: list[float]) -> None:
    front, now = Front(), NOW
    for number, drawn in enumerate(dice):
        front.refused(429, "error code: 1015", now, drawn)
        bound = min(PAUSE_S_MAX, PAUSE_S * 2.0**number)
        assert bound / 2 - TINY <= front.until - now <= bound + TINY
        assert front.orders_until - now <= ORDER_PAUSE_S_MAX + TINY
        assert front.orders_until <= front.until
        now = front.until
    front.passed()
    assert front == Front()


def test_what_is_in_force_is_told_with_its_status_and_the_next_try() -> None:
    front = Front()
    assert front.words(NOW, UNIX_NOW) == ""
    front.refused(403, "error code: 1020", NOW, 1.0)
    assert front.words(NOW, UNIX_NOW) == (
        "HTTP 403 from the exchange's front 1 times in a row (error code: 1020); next try at 08:00:01 UTC, "
        "orders at least every 20 s"
    )


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("is_order", [False, True])
def test_a_page_of_a_front_says_that_nothing_was_done(status: int, is_order: bool) -> None:
    with pytest.raises(FrontRefuses, match=f"HTTP {status}: error code: 1015") as raised:
        result_of("GetApiKeyInfo", status, b"<html>error code: 1015</html>", is_order=is_order)
    assert isinstance(raised.value, NotSent)
    with pytest.raises(OutcomeUnknown) as unknown:
        result_of("AddOrder", 520, b"<html>error code: 520</html>", is_order=is_order)
    assert not isinstance(unknown.value, NotSent)


def test_reads_wait_longer_than_orders_and_what_they_hang_on() -> None:
    limits = AccountLimits(Tier.PRO)
    for number in range(10):
        limits.front.refused(429, "", NOW + number, 1.0)
    now = NOW + 9
    assert limits.goes_at("Balance", 7.0, now) == now + PAUSE_S_MAX
    assert limits.goes_at("OpenOrders", 0.0, now) == now + ORDER_PAUSE_S_MAX
    assert limits.order_wait_s("BTC/USD", now) == ORDER_PAUSE_S_MAX
    assert limits.closed_until(is_urgent=False, is_public=True) < now, (
        "public calls have a front of their own"
    )


def test_nothing_is_sent_while_the_front_is_left_alone_and_all_goes_on_when_it_lets_through() -> None:
    async def steps() -> None:
        with odd_exchange(BLOCKED, answer({"ZUSD": "1"}), answer({"unixtime": 1})) as exchange:
            limits = AccountLimits(Tier.PRO)
            rest = KrakenRest(exchange.url, Credentials("key", SECRET), Counter(), limits)
            queue = RequestQueue(rest)
            with pytest.raises(FrontRefuses):
                await queue.private("Balance", priority=Priority.READ)
            assert limits.front.refusals == 1
            with pytest.raises(FrontRefuses, match="not tried before"):
                rest.private("AddOrder", {})
            assert len(exchange.asked) == 1, "the second never left"
            assert await queue.private("Balance", priority=Priority.READ) == {"ZUSD": "1"}
            assert limits.front == Front()
            assert await queue.public("Time", priority=Priority.READ) == {"unixtime": 1}
            queue.close()

    run(steps())
