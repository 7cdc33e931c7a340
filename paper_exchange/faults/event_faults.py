"""What an account's sockets hear of events when a fault distorts it: which events, in which order, how
often. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from krakencopy.paper_exchange.accounts.orders import ExecType, OrderEvent
from krakencopy.paper_exchange.faults.table import Fault, FaultKind, Faults, Occasion

_EVERY_KIND = frozenset(FaultKind)


@dataclass(frozen=True, slots=True)
class Telling:
    """Events in the order in which they are told. `times`: how often each; 0 uses a sequence number up and
    tells nothing.

    `times` is None where each is told once. `cut`: the sockets are cut off afterwards.
    """

    events: list[OrderEvent]
    times: Sequence[int] | None = None
    cut: bool = False


def distorted(
    faults: Faults, account: str, events: list[OrderEvent], is_heard: Callable[[OrderEvent], bool]
) -> Telling:
    """Let faults strike a batch of events of one account. An event that no socket would hear is not
    struck.
    """

    def strike(occasion: Occasion, *about: OrderEvent) -> Fault | None:
        if not faults.armed(occasion):
            return None
        barred = frozenset[FaultKind]() if any(is_heard(event) for event in about) else _EVERY_KIND
        return faults.strike(occasion, account, barred=barred)

    if strike(Occasion.BATCH, *events):
        return Telling([], cut=True)
    entry = _first_trade_of_a_new_order(events)
    cut = entry is not None and strike(Occasion.ENTRY, *events) is not None
    told = events[:entry] if cut else list(events)
    _reverse_trades(told, strike)
    told = [
        event for event in told if event.kind is not ExecType.FILLED or not strike(Occasion.FILLED, event)
    ]
    times = []
    for event in told:
        if strike(Occasion.MESSAGE, event):
            times.append(0)
        else:
            times.append(2 if event.kind is ExecType.TRADE and strike(Occasion.TRADE, event) else 1)
    return Telling(told, times, cut)


def _first_trade_of_a_new_order(events: list[OrderEvent]) -> int | None:
    """The place of the first trade whose order is new in the same batch."""
    entered = set()
    for place, event in enumerate(events):
        if event.kind is ExecType.NEW:
            entered.add(event.order.txid)
        elif event.kind is ExecType.TRADE and event.order.txid in entered:
            return place
    return None


def _reverse_trades(events: list[OrderEvent], strike: Callable[..., Fault | None]) -> None:
    """Put the trades of an order into reverse order, each into the place of another."""
    places: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        if event.kind is ExecType.TRADE:
            places.setdefault(event.order.txid, []).append(place)
    for own in places.values():
        trades = [events[place] for place in own]
        if len(trades) > 1 and strike(Occasion.TRADES, *trades):
            for place, trade in zip(own, reversed(trades), strict=True):
                events[place] = trade
