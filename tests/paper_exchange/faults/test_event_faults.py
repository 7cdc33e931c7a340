"""What sockets hear of a batch of events when faults distort it: the pure part."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.orders import ExecType, Order, OrderEvent, OrderRequest
from krakencopy.paper_exchange.faults.event_faults import distorted
from krakencopy.paper_exchange.faults.table import CutWhen, FaultKind, Faults, FaultSpec
from krakencopy.paper_exchange.values.pairs import PAIRS
from krakencopy.paper_exchange.values.sides import OrderType, Side

NEW_ORDER = (ExecType.PENDING_NEW, ExecType.NEW)


def batch(*orders: tuple[ExecType, ...]) -> list[OrderEvent]:
    """The events of some orders, one after the other; trades are told apart by `cum_qty`."""
    events = []
    for number, kinds in enumerate(orders):
        request = OrderRequest(PAIRS[0], Side.BUY, OrderType.MARKET, Decimal(1))
        order = Order(f"O{number}", "tania", request, 0)
        for place, kind in enumerate(kinds):
            events.append(OrderEvent(kind, order, 0, Decimal(place), Decimal(0)))
    return events


one_order = st.builds(
    lambda new, trades, end: (*new, *[ExecType.TRADE] * trades, *end),
    st.sampled_from([NEW_ORDER, ()]),
    st.integers(0, 4),
    st.sampled_from([(), (ExecType.FILLED,), (ExecType.CANCELED,)]),
)
batches = st.lists(one_order, min_size=1, max_size=3).map(lambda orders: batch(*orders))
kinds = st.sampled_from(
    [
        FaultKind.WS_CUT,
        FaultKind.SEQUENCE_GAP,
        FaultKind.DUPLICATE_EVENT,
        FaultKind.NO_FILLED_MARKER,
        FaultKind.REORDER_EVENTS,
    ]
)
specs = st.builds(
    FaultSpec,
    kind=kinds,
    count=st.integers(0, 2),
    after=st.integers(0, 2),
    when=st.sampled_from([CutWhen.AFTER_NEW, CutWhen.BEFORE_EVENT]),
)


def book(*specs: FaultSpec) -> Faults:
    faults = Faults()
    for spec in specs:
        faults.add_fault(spec)
    return faults


@given(st.lists(specs, max_size=5), batches)
def test_events_are_left_out_twiced_or_put_in_another_order_but_never_made_up(
    many: list[FaultSpec], events: list[OrderEvent]
) -> None:
    faults = book(*many)
    telling = distorted(faults, "tania", events, lambda _event: True)
    told = telling.events
    times = [1] * len(told) if telling.times is None else list(telling.times)
    assert len(times) == len(told)
    assert {id(event) for event in told} <= {id(event) for event in events}
    assert len({id(event) for event in told}) == len(told)
    others = [event for event in told if event.kind is not ExecType.TRADE]
    assert others == [event for event in events if event in others], "only trades change places"
    assert all(event.kind is ExecType.TRADE for event, count in zip(told, times, strict=True) if count == 2)
    fired = {kind: sum(fault.fired for fault in faults if fault.spec.kind is kind) for kind in FaultKind}
    assert times.count(0) == fired[FaultKind.SEQUENCE_GAP]
    assert times.count(2) == fired[FaultKind.DUPLICATE_EVENT]
    assert telling.cut == bool(fired[FaultKind.WS_CUT])
    if not telling.cut:
        assert len(events) - len(told) == fired[FaultKind.NO_FILLED_MARKER]


@given(st.lists(specs, max_size=5), batches)
def test_what_nobody_hears_is_not_struck(many: list[FaultSpec], events: list[OrderEvent]) -> None:
    faults = book(*many)
    telling = distorted(faults, "tania", events, lambda _event: False)
    assert telling.events == events
    assert telling.times == [1] * len(events)
    assert not telling.cut
    assert sum(fault.fired for fault in faults) == 0


def test_the_trades_of_each_order_change_places_among_themselves() -> None:
    trades = (ExecType.TRADE,) * 3
    events = batch((*NEW_ORDER, *trades, ExecType.FILLED), (ExecType.TRADE,))
    faults = book(FaultSpec(kind=FaultKind.REORDER_EVENTS, count=0))
    told = distorted(faults, "tania", events, lambda _event: True).events
    assert told == [events[place] for place in (0, 1, 4, 3, 2, 5, 6)]


def test_a_resting_order_that_fills_later_is_no_entry_that_trades_at_once() -> None:
    faults = book(FaultSpec(kind=FaultKind.WS_CUT, when=CutWhen.AFTER_NEW))
    for events in (batch(NEW_ORDER), batch((ExecType.TRADE, ExecType.FILLED))):
        assert not distorted(faults, "tania", events, lambda _event: True).cut
    entered = batch((*NEW_ORDER, ExecType.TRADE, ExecType.FILLED))
    telling = distorted(faults, "tania", entered, lambda _event: True)
    assert (telling.events, telling.cut) == (entered[:2], True)
