"""``python -m tests.bench.compare BASE.json NEW.json``: every number of two runs, their ratio, and whether it
changed.

A median has changed when the ranges that it lies in 19 times of 20 do not meet. That is what one run knows of
itself: between two runs the machine may have changed as well, which the floor's lines show. What was measured
once has a ratio and no verdict.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.numbers import numbers
from tests.bench.results import Results
from tests.bench.rows import Who
from tests.bench.table import aligned, shown
from tests.bench.timing import Spread

#: Of fewer values not even the whole range has the median in it 19 times of 20: 1 - 2 / 2^count.
COUNT_LEAST = 6


def comparison(base: Results, new: Results) -> str:
    """A table of what both runs have, and what only one has. Pure."""
    return "\n".join(aligned([("number", "base", "new", "new/base", "verdict"), *_rows(base, new)])) + "\n"


def _rows(base: Results, new: Results) -> Iterator[Sequence[str]]:
    before, after = dict(numbers(base)), dict(numbers(new))
    for name in before | after:
        was, now = before.get(name), after.get(name)
        if was is None and now is None:
            continue
        if was is None or now is None:
            side = "base" if now is None else "new"
            yield (
                name,
                *("-" if number is None else shown(number) for number in (was, now)),
                "-",
                f"only in {side}",
            )
        else:
            yield (name, shown(was), shown(now), _ratio(was, now), verdict(was, now))


def in_turn(results: Results) -> str:
    """The same table of the two builds that one run has measured in turn; nothing where there was only one.
    Pure.
    """
    mark, all_numbers = f"{Who.BEFORE}, ", dict(numbers(results))
    before = {name.removeprefix(mark): each for name, each in all_numbers.items() if name.startswith(mark)}
    ours = {name.removeprefix(f"{Who.OURS}, "): each for name, each in all_numbers.items()}
    rows = [
        (name, shown(was), shown(now), _ratio(was, now), verdict(was, now))
        for name, was in before.items()
        if was is not None and (now := ours.get(name)) is not None
    ]
    if not rows:
        return ""
    head = (f"{Who.BEFORE} and {Who.OURS}", Who.BEFORE, Who.OURS, "ratio", "verdict")
    return "\nBoth builds in turn\n" + "\n".join(aligned([head, *rows])) + "\n"


def _ratio(was: Spread | float, now: Spread | float) -> str:
    before, after = (each.median if isinstance(each, Spread) else each for each in (was, now))
    return f"{after / before:.2f}" if before else "-"


def verdict(was: Spread | float, now: Spread | float) -> str:
    """Less or more only where the two ranges do not meet."""
    if not isinstance(was, Spread) or not isinstance(now, Spread):
        return "measured once"
    if min(was.count, now.count) < COUNT_LEAST:
        return "too few"
    if now.high < was.low:
        return "LESS"
    return "MORE" if now.low > was.high else "same"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.compare", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("base", type=Path)
    parser.add_argument("new", type=Path)
    given = parser.parse_args()
    runs = []
    for path in (given.base, given.new):
        try:
            runs.append(Results.from_json(path.read_text()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            sys.stderr.write(f"{path}: no results of make bench ({type(error).__name__}: {error})\n")
            return 3
    for name, run in zip(("base", "new"), runs, strict=True):
        sys.stdout.write(
            f"{name}: " + ", ".join(f"{what} {value}" for what, value in run.machine.items()) + "\n"
        )
    sys.stdout.write(comparison(*runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
