"""A run's results as one plain table for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tests.bench.machine import is_quiet
from tests.bench.results import BASES, Results
from tests.bench.rows import EXCHANGE, OWN, Who
from tests.bench.timing import Spread


def table(results: Results) -> str:
    """Everything that was measured."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in results.machine.items())
    if not is_quiet(results.machine):
        yield (
            f"WARNING: the load was {results.machine['load']} before the run began: these numbers are of "
            "a busy machine."
        )
    for what in results.left_out:
        yield f"LEFT OUT: {what}"
    for answer_ms in results.answers_ms():
        yield ""
        late = f"answers after {answer_ms} ms" if answer_ms else "answers at once"
        yield f"From a fill of the master to users' orders at an exchange that {late}; ms, median and p99"
        yield from aligned(_copying(results, answer_ms))
    yield from _ways(results)
    yield from _tails(results)
    yield from _cpu(results)
    yield from _sustained(results)
    yield from _standing(results)
    yield from _bursts(results)
    yield from _floods(results)
    yield from _watched(results)
    yield from _stopping(results)
    yield ""
    yield f"Journal: {results.commits_per_s:.0f} commits a second, one fill each"


def _copying(results: Results, answer_ms: int) -> Iterator[Sequence[str]]:
    bases = [base for base in BASES if base is not Who.BEFORE or results.has(base)]
    yield (
        "users",
        "who",
        "fills",
        "first",
        "p99",
        "median",
        "p99",
        "last",
        "p99",
        "p99/last",
        "last/users",
        *(f"of {base}" for base in bases),
    )
    for users in results.users():
        for who in Who:
            cell = results.cell(who, users, answer_ms)
            if cell is None:
                continue
            spreads = (cell.first, cell.middle, cell.last)
            times = [text for spread in spreads for text in (_ms(spread.median), _ms(spread.p99))]
            ratios = [_times(results.ratio(cell, base)) for base in bases]
            tail, each = cell.last.p99 / cell.last.median, cell.last.median / users
            yield (str(users), who, str(cell.last.count), *times, f"{tail:.1f}", f"{each:.2f}", *ratios)


def _ways(results: Results) -> Iterator[str]:
    yield ""
    yield "Where the time of a system's copies goes, over all users: each hop's median and p99 in ms"
    names = list(dict.fromkeys(name for way in results.ways for name in way.hops))
    rows: list[Sequence[str]] = [
        ("users", "answer ms", "who", *(text for name in names for text in (name, "p99"))),
    ]
    for way in results.ways:
        spreads = [way.hops[name] for name in names]
        times = [text for spread in spreads for text in (f"{spread.median:.2f}", f"{spread.p99:.1f}")]
        rows.append((str(way.users), str(way.answer_ms), way.who, *times))
    yield from aligned(rows)


def _tails(results: Results) -> Iterator[str]:
    yield ""
    yield (
        "The slowest copies, from when to when they were at the exchange, and orders that it refused, and "
        "how late the"
    )
    yield "first of these was; ms after the fill. Their time stamps are in slowest.json"
    rows: list[Sequence[str]] = [
        ("users", "answer ms", "who", "slowest", "from", "to", "refused", "from late")
    ]
    rows += [
        (
            str(each.users), str(each.answer_ms), each.who, str(each.copies), _ms(each.least_ms),
            _ms(each.most_ms), str(each.refused),
            "-" if each.refused_least_ms is None else _ms(each.refused_least_ms),
        )
        for each in results.tails
    ]  # fmt: skip
    yield from aligned(rows)


def _cpu(results: Results) -> Iterator[str]:
    yield ""
    yield (
        "CPU time of a copy until the last user's order is at the exchange, and until all is settled, less "
        "what is used idle;"
    )
    yield "ms for each user and fill, medians, by process"
    found = dict.fromkeys(name for each in results.cpu for name in each.left)
    names = [*(name for name in found if name not in {OWN, EXCHANGE}), OWN, EXCHANGE]
    rows: list[Sequence[str]] = [("users", "answer ms", "who", "until", "fills", *names)]
    for each in results.cpu:
        for until, spreads in (("ordered", each.left), ("settled", each.settled)):
            times = [f"{spreads[name].median:.2f}" if name in spreads else "-" for name in names]
            count = next(iter(spreads.values())).count
            rows.append((str(each.users), str(each.answer_ms), each.who, until, str(count), *times))
    yield from aligned(rows)


def _sustained(results: Results) -> Iterator[str]:
    yield ""
    yield (
        "Sustained load: the highest rate of the master's fills that users' orders keep up with for so long, "
        "and from a fill to"
    )
    yield "the last user's order at that rate; ms, median, p99"
    rows: list[Sequence[str]] = [
        ("users", "answer ms", "who", "for s", "fills a second", "orders a second", "median", "p99", "trials")
    ]
    for each in results.sustained:
        rate = each.fills_per_s
        rows.append((
            str(each.users), str(each.answer_ms), each.who, f"{each.seconds:g}",
            *(("none", "-") if rate is None else (f"{rate:.2f}", f"{rate * each.users:.0f}")),
            *(("-", "-") if each.lag is None else (_ms(each.lag.median), _ms(each.lag.p99))),
            str(len(each.trials)),
        ))  # fmt: skip
    yield from aligned(rows)


def _times(ratio: Spread | None) -> str:
    return "-" if ratio is None else f"{ratio.median:.3g}"


def _standing(results: Results) -> Iterator[str]:
    yield ""
    yield (
        "A system that trades nothing: start until the last user is SERVING, own memory of a user's "
        "process (PSS), all processes"
    )
    yield "together in shares of one core, and how long GetStatus takes"
    rows: list[Sequence[str]] = [
        ("users", "who", "start s", "MiB", "worst", "idle cores", "status ms", "p99"),
    ]
    for each in results.standing:
        memory = ("-" if mib is None else f"{mib:.1f}" for mib in (each.memory_mib, each.memory_worst_mib))
        rows.append(
            (
                str(each.users),
                each.who,
                f"{each.start_s:.2f}",
                *memory,
                f"{each.idle_cores:.3f}",
                _ms(each.status.median),
                _ms(each.status.p99),
            )
        )
    yield from aligned(rows)


def _bursts(results: Results) -> Iterator[str]:
    yield ""
    yield (
        "A burst of fills: users' orders, fills that went along with another's order, orders that were "
        "refused, copies skipped or"
    )
    yield "rejected, and seconds from the first fill to the last fill and to the last user's last order"
    rows: list[Sequence[str]] = [
        ("answer ms", "users", "who", "fills", "orders", "merged", "refused", "uncopied", "fills s", "last s")
    ]
    rows += [
        (
            str(each.answer_ms), str(each.users), each.who, str(each.fills), str(each.orders),
            str(each.merged), str(each.refused), str(each.uncopied),
            f"{each.fills_s:.2f}", f"{each.last_s:.2f}",
        )
        for each in results.bursts
    ]  # fmt: skip
    yield from aligned(rows)


def _floods(results: Results) -> Iterator[str]:
    yield ""
    yield (
        "A client that floods the control socket: from a fill to the last user's order in ms, how many times "
        "as long as"
    )
    yield "without it and with the same flood on another system; the first fill after it began; memory in MiB"
    rows: list[Sequence[str]] = [
        (
            "flood",
            "users",
            "median",
            "p95",
            "first",
            "times",
            "p95",
            "elsewhere",
            "p95",
            "supervisor",
            "front",
        )
    ]
    rows += [
        (
            each.kind, str(each.users), _ms(each.last.median), _ms(each.p95), _ms(each.first),
            f"{each.median_ratio:.2f}", f"{each.p95_ratio:.2f}",
            f"{each.median_over_elsewhere:.2f}", f"{each.p95_over_elsewhere:.2f}",
            f"{each.supervisor_mib:.0f}", f"{each.front_mib:.0f}",
        )
        for each in results.floods
    ]  # fmt: skip
    yield from aligned(rows)


def _watched(results: Results) -> Iterator[str]:
    yield ""
    yield "Watches by TLS: from a fill to the last user's order in ms, and how many times as long as without"
    rows: list[Sequence[str]] = [("watches", "users", "median", "p95", "times", "p95")]
    rows += [
        (
            str(each.watches), str(each.users), f"{each.last.median:.1f}", f"{each.p95:.1f}",
            f"{each.median_ratio:.2f}", f"{each.p95_ratio:.2f}",
        )
        for each in results.watched
    ]  # fmt: skip
    yield from aligned(rows)


def _stopping(results: Results) -> Iterator[str]:
    yield ""
    yield (
        "How long it takes to stop: from a halt of all to the last user's acknowledgement, and from a "
        "flatten of all"
    )
    yield "until the last user's exit is filled; ms, median and p99"
    rows: list[Sequence[str]] = [("users", "who", "halts", "halt", "p99", "flattens", "flatten", "p99")]
    rows += [
        (
            str(each.users), each.who, str(each.halt.count), _ms(each.halt.median), _ms(each.halt.p99),
            str(each.flatten.count), _ms(each.flatten.median), _ms(each.flatten.p99),
        )
        for each in results.stopping
    ]  # fmt: skip
    yield from aligned(rows)


def _ms(value: float) -> str:
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def shown(number: Spread | float) -> str:
    """A number of any kind, for a comparison."""
    return f"{number.median if isinstance(number, Spread) else number:.4g}"


def aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns under a head, words to the left and numbers to the right."""
    kept = list(rows)
    for row in kept:
        cells = []
        for cell, column in zip(row, zip(*kept, strict=True), strict=True):
            width = max(map(len, column))
            is_words = column[-1][:1].isalpha() or " " in column[-1]
            cells.append(cell.ljust(width) if is_words else cell.rjust(width))
        yield "  ".join(cells).rstrip()
