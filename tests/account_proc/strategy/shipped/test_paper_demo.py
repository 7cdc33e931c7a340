"""The demonstration trades round trips."""

from __future__ import annotations

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.shipped.paper_demo import PaperDemo
from tests.support.strategies import Held, tick


def test_the_demo_makes_round_trips_with_pauses_between_them() -> None:
    demo = PaperDemo({"seed": "7"})
    demo.on_start(Held())
    intents = [intent for at in range(100) for intent in demo.on_market(tick(1, at=at * 0.2))]
    assert len(intents) < 40
    sides = [intent.side for intent in intents]
    assert sides[:8] == [Side.BUY, Side.BUY, Side.SELL, Side.SELL] * 2
    assert all(intent.pair == intents[0].pair for intent in intents[:4])
