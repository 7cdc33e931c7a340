"""Growth curves as SVG, written by hand: no library is needed for a few lines between two axes. Pure.

Each picture brings its own background and has colours for light and for dark; marks differ as well, for those
who see no colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from xml.sax.saxutils import escape

from tests.bench.results import Results
from tests.bench.rows import SYSTEMS, Who

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 72, 24, 64, 56
#: Between two ticks of an axis there are to be about so many steps.
STEPS = 5
LEGEND_STEP = 120
COLOURS = 5
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .small { fill: #59636e }
.paper { fill: #ffffff } .grid { stroke: #d1d9e0; stroke-width: 1 } .axis { stroke: #59636e; stroke-width: 1 }
.line { fill: none; stroke-width: 2.5 } .worse { fill: none; stroke-width: 1.2; stroke-dasharray: 4 4 }
.s0 { stroke: #0969da } .s1 { stroke: #bc4c00 } .s2 { stroke: #59636e } .s3 { stroke: #1a7f37 }
.s4 { stroke: #8250df }
.m0 { fill: #0969da } .m1 { fill: #bc4c00 } .m2 { fill: #59636e } .m3 { fill: #1a7f37 } .m4 { fill: #8250df }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .small { fill: #9198a1 }
.paper { fill: #0d1117 } .grid { stroke: #3d444d } .axis { stroke: #9198a1 }
.s0 { stroke: #4493f8 } .s1 { stroke: #f0883e } .s2 { stroke: #9198a1 } .s3 { stroke: #3fb950 }
.s4 { stroke: #ab7df8 }
.m0 { fill: #4493f8 } .m1 { fill: #f0883e } .m2 { fill: #9198a1 } .m3 { fill: #3fb950 } .m4 { fill: #ab7df8 }
}
"""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A named curve, and if there is one, its worse fellow (p99 beside the median)."""

    name: str
    points: Points
    worse: Points = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to pixels. A logarithmic one has only values above 0."""

    label: str
    least: float
    most: float
    pixels: tuple[float, float]
    log: bool
    #: Where a logarithmic axis is to have its ticks, instead of at round values.
    marks: tuple[float, ...] = ()

    @classmethod
    def over(cls, label: str, values: Sequence[float], pixels: tuple[float, float], *, log: bool) -> Axis:
        """Wide enough for all values; a linear one begins at 0."""
        if log:
            positive = [value for value in values if value > 0] or [1.0]
            return cls(label, min(positive) / 1.2, max(positive) * 1.2, pixels, log)
        most = max(values, default=0.0) or 1.0
        step = _step(most)
        return cls(label, 0.0, math.ceil(most / step) * step, pixels, log)

    def at(self, value: float) -> float:
        """Where a value stands."""
        least, most, this = (
            (math.log(each) if self.log else each) for each in (self.least, self.most, value)
        )
        begin, end = self.pixels
        return round(begin + (this - least) / (most - least) * (end - begin), 1)

    def ticks(self) -> list[float]:
        """Round values."""
        if not self.log:
            step = _step(self.most)
            return [number * step for number in range(round(self.most / step) + 1)]
        if self.marks:
            return list(self.marks)
        decades = range(math.floor(math.log10(self.least)), math.ceil(math.log10(self.most)) + 1)
        # More than three decades have no room for what is between.
        factors = (1, 2, 5) if len(decades) <= 4 else (1,)
        ticks = [factor * 10.0**decade for decade in decades for factor in factors]
        return [tick for tick in ticks if self.least <= tick <= self.most]


def _step(most: float) -> float:
    """1, 2 or 5 times a power of ten."""
    rough = most / STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def chart(title: str, note: str, labels: tuple[str, str], lines: Sequence[Line], *, log: bool) -> str:
    """A picture of a few lines; ``labels`` of x and y."""
    assert len(lines) <= COLOURS
    points = [point for line in lines for point in (*line.points, *line.worse)]
    x = Axis.over(labels[0], [point[0] for point in points], (LEFT, WIDTH - RIGHT), log=log)
    # What was measured has its number.
    x = replace(x, marks=tuple(sorted({point[0] for point in points})))
    y = Axis.over(labels[1], [point[1] for point in points], (HEIGHT - BOTTOM, TOP), log=log)
    inner = [*_frame(title, note, x, y)]
    for number, line in enumerate(lines):
        inner += _drawn(number, line, x, y)
    body = "\n".join(inner)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def _frame(title: str, note: str, x: Axis, y: Axis) -> Iterator[str]:
    (left, right), (bottom, top) = x.pixels, y.pixels
    yield f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
    yield f'<text class="title" x="{left}" y="26">{escape(title)}</text>'
    yield f'<text class="small" x="{right}" y="26" text-anchor="end">{escape(note)}</text>'
    for tick in y.ticks():
        at = y.at(tick)
        yield f'<line class="grid" x1="{left}" y1="{at}" x2="{right}" y2="{at}"/>'
        yield f'<text class="small" x="{left - 8}" y="{at + 4}" text-anchor="end">{tick:g}</text>'
    for tick in x.ticks():
        at = x.at(tick)
        yield f'<line class="axis" x1="{at}" y1="{bottom}" x2="{at}" y2="{bottom + 5}"/>'
        yield f'<text class="small" x="{at}" y="{bottom + 20}" text-anchor="middle">{tick:g}</text>'
    yield f'<line class="axis" x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
    middle = (left + right) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x.label)}</text>'
    middle = (top + bottom) / 2
    yield (
        f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">{escape(y.label)}</text>'
    )


def _drawn(number: int, line: Line, x: Axis, y: Axis) -> Iterator[str]:
    for kind, points in (("worse", line.worse), ("line", line.points)):
        if points:
            path = " ".join(f"{x.at(here)},{y.at(there)}" for here, there in points)
            yield f'<polyline class="{kind} s{number}" points="{path}"/>'
    for here, there in line.points:
        yield _mark(number, x.at(here), y.at(there))
    at = LEFT + number * LEGEND_STEP
    yield _mark(number, at + 5, 46)
    yield f'<text x="{at + 16}" y="50">{escape(line.name)}</text>'


def _mark(number: int, x: float, y: float) -> str:
    kind = f'class="m{number}"'
    return [
        f'<circle {kind} cx="{x}" cy="{y}" r="4.5"/>',
        f'<rect {kind} x="{x - 4}" y="{y - 4}" width="8" height="8"/>',
        f'<path {kind} d="M{x - 5} {y + 4} h10 l-5 -9 z"/>',
        f'<path {kind} d="M{x} {y - 6} l5 6 l-5 6 l-5 -6 z"/>',
        f'<path {kind} d="M{x - 5} {y - 4} h10 l-5 9 z"/>',
    ][number]


def figures(results: Results) -> dict[str, str]:
    """All pictures, by file name."""
    found = {}
    for answer_ms in results.answers_ms():
        late = f"answers after {answer_ms} ms" if answer_ms else "answers at once"
        found[f"orders-{answer_ms}ms.svg"] = chart(
            f"The last user's order; the exchange {late}",
            "line: median, dashed: p99",
            ("users", "ms after the master's fill"),
            [line for who in Who if (line := _copying(results, who, answer_ms)).points],
            log=True,
        )
    systems = [who for who in SYSTEMS if any(each.who is who for each in results.standing)]

    def growth(best: str, worse: str = "") -> list[Line]:
        return [_standing(results, who, best, worse) for who in systems]

    found["start.svg"] = chart(
        "Start: from the first user's start to the last one SERVING", "", ("users", "s"),
        growth("start_s"), log=False,
    )  # fmt: skip
    found["memory.svg"] = chart(
        "Own memory (PSS) of an idle user's process", "line: median, dashed: worst", ("users", "MiB"),
        growth("memory_mib", "memory_worst_mib"), log=False,
    )  # fmt: skip
    found["idle.svg"] = chart(
        "CPU time while nothing is traded, all processes together", "", ("users", "cores"),
        growth("idle_cores"), log=False,
    )  # fmt: skip
    found["status.svg"] = chart(
        "How long GetStatus takes", "line: median, dashed: p99", ("users", "ms"),
        growth("status.median", "status.p99"), log=False,
    )  # fmt: skip
    return found


def _copying(results: Results, who: Who, answer_ms: int) -> Line:
    cells = [cell for users in results.users() if (cell := results.cell(who, users, answer_ms)) is not None]
    return Line(
        who,
        [(cell.users, cell.last.median) for cell in cells],
        [(cell.users, cell.last.p99) for cell in cells],
    )


def _standing(results: Results, who: Who, best: str, worse: str) -> Line:
    """One number of each size of a system, and its worse fellow; by their names. What could not be measured
    is left out.
    """
    rows = sorted((each for each in results.standing if each.who is who), key=lambda each: each.users)

    def points(name: str) -> Points:
        every = [(each.users, attrgetter(name)(each)) for each in rows] if name else []
        return [(users, number) for users, number in every if number is not None]

    return Line(who, points(best), points(worse))
