"""A script is followed line by line."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.api import StopReason
from krakencopy.account_proc.strategy.shipped.scripted import Scripted
from tests.support.strategies import Held, wanted


def test_a_script_is_followed_line_by_line_as_often_as_it_says_and_goes_on_where_it_was() -> None:
    script = Scripted(
        {"script": ["buy BTC/USD 0.5", "sell BTC/USD 25%"], "repeat": 1, "on_stop": ["sell BTC/USD 100%"]}
    )
    script.on_start(Held())
    first = wanted(script, [1])
    script.on_start(Held())
    rest = wanted(script, [1] * 10)
    assert [(intent.side, intent.volume, intent.share) for intent in first + rest] == [
        (Side.BUY, Decimal("0.5"), None),
        (Side.SELL, None, Decimal("0.25")),
    ] * 2
    (last,) = script.on_stop(StopReason.SHUTDOWN)
    assert last.share == 1
