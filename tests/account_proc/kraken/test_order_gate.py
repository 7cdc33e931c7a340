"""The last look before an order leaves: what is refused was not sent, and it is known what may arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import ExchangeRefused, OutcomeUnknown
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.order_gate import (
    OrderGate,
    ShadowSendsNothing,
    TradingHalted,
    TradingReducing,
)

LONG_S = 1000.0


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def test_what_is_refused_is_not_sent_and_counts_for_nothing() -> None:
    gate = OrderGate(lambda side: TradingReducing("AddOrder", "reducing") if side is Side.BUY else None)
    with pytest.raises(TradingReducing, match="not sent: reducing"), gate.order_out(Side.BUY, LONG_S):
        raise AssertionError("it was let out")
    assert not gate.may_arrive(gate.mark)
    with gate.order_out(Side.SELL, LONG_S):
        assert gate.may_arrive(gate.mark)
    assert not gate.may_arrive(gate.mark)
    assert TradingHalted.state is TradingState.HALTED


@pytest.mark.parametrize("error", [NotSent("AddOrder", "no way"), ExchangeRefused("AddOrder", ("no",))])
def test_what_is_known_not_to_be_there_cannot_arrive(error: Exception) -> None:
    gate = OrderGate()
    with pytest.raises(type(error)), gate.order_out(Side.BUY, LONG_S):
        raise error
    assert not gate.may_arrive(gate.mark)


@pytest.mark.parametrize("error", [OutcomeUnknown("AddOrder", "cut"), KeyboardInterrupt()])
def test_an_order_without_an_answer_may_arrive_until_its_deadline(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, gate = Clock(monkeypatch), OrderGate()
    with pytest.raises(type(error)), gate.order_out(Side.BUY, 5.0):
        raise error
    assert gate.may_arrive(gate.mark)
    clock.now = 4.9
    assert gate.may_arrive(gate.mark)
    clock.now = 5.0
    assert not gate.may_arrive(gate.mark)


@pytest.mark.parametrize("side", Side)
def test_a_shadow_lets_no_order_and_no_cancel_out(side: Side) -> None:
    gate = OrderGate(is_shadow=True)
    with pytest.raises(ShadowSendsNothing), gate.order_out(side, LONG_S):
        raise AssertionError("it was let out")
    with pytest.raises(ShadowSendsNothing):
        gate.check(side)
    with pytest.raises(ShadowSendsNothing):
        gate.check_call("CancelOrder")
    gate.check_call("Balance")
    assert not gate.may_arrive(gate.mark)
    OrderGate().check_call("CancelOrder")


def test_orders_after_the_mark_are_nobodys_matter() -> None:
    gate = OrderGate()
    with gate.order_out(Side.SELL, LONG_S):
        mark = gate.mark
    with gate.order_out(Side.SELL, LONG_S):
        assert not gate.may_arrive(mark)
        assert gate.may_arrive(gate.mark)


def _end_as(end: str) -> None:
    if end == "refused":
        raise ExchangeRefused("AddOrder", ("no",))
    if end == "lost":
        raise OutcomeUnknown("AddOrder", "cut")


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["answered", "lost", "refused"]))))
def test_whoever_sees_no_order_from_before_a_halt_sees_none_leave_after_it(
    steps: list[tuple[int, str]],
) -> None:
    """In whatever order threads come: an order is counted before it is looked whether it may leave."""
    halted, left, inside = threading.Event(), list[str](), list[Callable[[], None]]()

    def refusal(_side: Side) -> TradingHalted | None:
        # Another thread may come in right here, between the count and the look.
        for between in inside:
            between()
        return TradingHalted("AddOrder", "halted") if halted.is_set() else None

    gate = OrderGate(refusal)
    for at, end in steps:
        if at == 0 and not halted.is_set():
            inside[:] = [halted.set]
        try:
            with gate.order_out(Side.SELL, 0.0):
                assert not halted.is_set()
                left.append(end)
                _end_as(end)
        except (TradingHalted, ExchangeRefused, OutcomeUnknown):
            pass
        inside.clear()
    assert not gate.may_arrive(gate.mark)
