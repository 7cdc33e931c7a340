"""Which events an account's sockets are sent while a fault is set, in which order, how often. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from krakencopy.paper_exchange.accounts.orders import ExecType, OrderEvent
from krakencopy.paper_exchange.faults.table import Fault, FaultKind, Faults, Occasion

_EVERY_KIND = frozenset(FaultKind)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events in the order in which they are sent. `times`: how often each; 0 uses up a sequence number and
    sends nothing.

    `times` is None where each is sent once. `cut`: the sockets are cut off afterwards.
    """

    events: list[OrderEvent]
    times: Sequence[int] | None = None
    cut: bool = False


def distorted(
    faults: Faults, account: str, events: list[OrderEvent], is_wanted: Callable[[OrderEvent], bool]
) -> Delivery:
    """Apply the faults that fire on a batch of events of one account. None fires on an event that no socket
    wants.
    """

    def fire(occasion: Occasion, *about: OrderEvent) -> Fault | None:
        if not faults.armed(occasion):
            return None
        barred = frozenset[FaultKind]() if any(is_wanted(event) for event in about) else _EVERY_KIND
        return faults.fire(occasion, account, barred=barred)

    if fire(Occasion.BATCH, *events):
        return Delivery([], cut=True)
    entry = _first_trade_of_a_new_order(events)
    cut = entry is not None and fire(Occasion.ENTRY, *events) is not None
    sent = events[:entry] if cut else list(events)
    _reverse_trades(sent, fire)
    sent = [event for event in sent if event.kind is not ExecType.FILLED or not fire(Occasion.FILLED, event)]
    times = []
    for event in sent:
        if fire(Occasion.MESSAGE, event):
            times.append(0)
        else:
            times.append(2 if event.kind is ExecType.TRADE and fire(Occasion.TRADE, event) else 1)
    return Delivery(sent, times, cut)


def _first_trade_of_a_new_order(events: list[OrderEvent]) -> int | None:
    """The place of the first trade whose order is new in the same batch."""
    entered = set()
    for place, event in enumerate(events):
        if event.kind is ExecType.NEW:
            entered.add(event.order.txid)
        elif event.kind is ExecType.TRADE and event.order.txid in entered:
            return place
    return None


def _reverse_trades(events: list[OrderEvent], fire: Callable[..., Fault | None]) -> None:
    """Put the trades of an order into reverse order, each into the place of another."""
    places: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        if event.kind is ExecType.TRADE:
            places.setdefault(event.order.txid, []).append(place)
    for own in places.values():
        trades = [events[place] for place in own]
        if len(trades) > 1 and fire(Occasion.TRADES, *trades):
            for place, trade in zip(own, reversed(trades), strict=True):
                events[place] = trade
