"""Every number of a run by a name that is the same in each run: what two runs are compared by. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.results import BASES, Results
from tests.bench.rows import SYSTEMS, Who
from tests.bench.timing import Spread

Number = tuple[str, Spread | float | None]


def numbers(results: Results) -> Iterator[Number]:
    """None is what could not be measured."""
    yield from _copying(results)
    yield from _cpu(results)
    yield from _sustained(results)
    yield from _whole(results)
    yield from _others(results)
    yield "journal: commits a second", results.commits_per_s


def _copying(results: Results) -> Iterator[Number]:
    for cell in results.copying:
        where = f"{cell.who}, {_many(cell.users)}, answer {cell.answer_ms} ms"
        for name in ("first", "middle", "last"):
            yield f"{where}: {name} order, ms", getattr(cell, name)
        if cell.who in SYSTEMS:
            yield f"{where}: last order, p99 times the median", cell.last.p99 / cell.last.median
            for base in BASES:
                if base is not cell.who and results.cell(base, cell.users, cell.answer_ms):
                    yield f"{where}: last order, times the {base}", results.ratio(cell, base)
    for way in results.ways:
        for name, spread in way.hops.items():
            yield f"{_of(way.who)}{_many(way.users)}, answer {way.answer_ms} ms: {name}, ms", spread
    for tail in results.tails:
        where = f"{tail.who}, {_many(tail.users)}, answer {tail.answer_ms} ms"
        yield f"{where}: slowest copy, ms", tail.most_ms
        yield f"{where}: orders refused", float(tail.refused)


def _cpu(results: Results) -> Iterator[Number]:
    for used in results.cpu:
        for until, spreads in (("the last order", used.left), ("all is settled", used.settled)):
            for name, spread in spreads.items():
                yield f"{used.who}, {_many(used.users)}: CPU of a copy until {until}, {name}, ms", spread


def _sustained(results: Results) -> Iterator[Number]:
    for each in results.sustained:
        where = f"{each.who}, {_many(each.users)}, {each.seconds:g} s of load, answer {each.answer_ms} ms"
        yield f"{where}: fills a second", each.fills_per_s
        yield f"{where}: last order, ms", each.lag
    rates = {each.who: each.fills_per_s for each in results.sustained}
    ours = rates.get(Who.OURS)
    for base in (Who.BEFORE, Who.ASYNCIO):
        other = rates.get(base)
        if ours is not None and other is not None:
            yield f"{Who.OURS}: fills a second of load, times the {base}", ours / other


def _whole(results: Results) -> Iterator[Number]:
    for each in results.standing:
        where = f"{_of(each.who)}{_many(each.users)}"
        yield f"{where}: start, s", each.start_s
        yield f"{where}: idle, cores", each.idle_cores
        yield f"{where}: memory of a process, MiB", each.memory_mib
        yield f"{where}: worst memory of a process, MiB", each.memory_worst_mib
        yield f"{where}: status, ms", each.status
    for burst in results.bursts:
        where = (
            f"{_of(burst.who)}burst of {burst.fills} fills to {_many(burst.users)}, "
            f"answer {burst.answer_ms} ms"
        )
        yield f"{where}: orders", float(burst.orders)
        yield f"{where}: refused orders", float(burst.refused)
        yield f"{where}: copies skipped or rejected", float(burst.uncopied)
        yield f"{where}: last order, s", burst.last_s
    for stopped in results.stopping:
        where = f"{_of(stopped.who)}{_many(stopped.users)}"
        yield f"{where}: halt to the last acknowledgement, ms", stopped.halt
        yield f"{where}: flatten until the last exit is filled, ms", stopped.flatten


def _others(results: Results) -> Iterator[Number]:
    for flood in results.floods:
        where = f"{_many(flood.users)}, flood of the control socket ({flood.kind})"
        yield f"{where}: last order, ms", flood.last
        yield f"{where}: times the median without", flood.median_ratio
        yield f"{where}: times the p95 without", flood.p95_ratio
        yield f"{where}: times the median with it elsewhere", flood.median_over_elsewhere
        yield f"{where}: times the p95 with it elsewhere", flood.p95_over_elsewhere
        yield f"{where}: memory of the supervisor, MiB", flood.supervisor_mib
        yield f"{where}: memory of the front, MiB", flood.front_mib
    for some in results.watched:
        where = f"{_many(some.users)}, {some.watches} watches by TLS"
        yield f"{where}: last order, ms", some.last
        yield f"{where}: times the median without", some.median_ratio
        yield f"{where}: times the p95 without", some.p95_ratio


def _of(who: Who) -> str:
    """krakencopy's own numbers have no name before them."""
    return "" if who is Who.OURS else f"{who}, "


def _many(users: int) -> str:
    return "1 user" if users == 1 else f"{users} users"
