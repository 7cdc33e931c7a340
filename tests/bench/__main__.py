"""``python -m tests.bench``: krakencopy beside an asyncio script, a one-thread loop and the floor, in one
run; a table, JSON and plots.

``--out FILE.json`` is where the results go; the table, the plots and the slowest copies are put beside it,
and results that were there become FILE.previous.json. ``--short`` takes a few fills of everything, to see
that it works. ``--against CHECKOUT`` measures the krakencopy of another checkout in turn with this one's.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tests.bench import bot, figures, machine, slowest
from tests.bench.compare import in_turn
from tests.bench.run import LONG, SHORT, Run, say
from tests.bench.table import table

#: Beside the results.
SLOWEST = "slowest.json"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--users", type=_numbers, metavar="1,10,50")
    parser.add_argument(
        "--fills", type=_number, help="of the master, for each number of users and each answer time"
    )
    parser.add_argument("--short", action="store_true", help="a few fills of everything")
    parser.add_argument("--out", type=Path, default=Path("bench/results.json"), metavar="FILE.json")
    parser.add_argument(
        "--figures", type=Path, metavar="FOLDER", help="where the plots go; default: beside the results"
    )
    parser.add_argument(
        "--ccxt", type=Path, default=bot.CONFORMANCE, metavar="PYTHON",
        help="of an environment with ccxt, for the asyncio script; default: the conformance environment's",
    )  # fmt: skip
    parser.add_argument(
        "--against", type=_checkout, metavar="CHECKOUT",
        help="another checkout of krakencopy with its stubs, measured in turn with this one, as 'before'",
    )  # fmt: skip
    given = parser.parse_args()
    amounts = SHORT if given.short else LONG
    amounts = replace(amounts, users=given.users or amounts.users, fills=given.fills or amounts.fills)
    here = machine.facts()
    if not machine.is_quiet(here):
        say(
            f"WARNING: the load is {here['load']}; wait until the machine is idle, or its numbers mean little"
        )
    run = Run(amounts, here, given.ccxt, given.against)
    for number, _ in enumerate(run.parts()):
        if number == 0 and given.out.exists():
            given.out.replace(given.out.with_suffix(".previous.json"))
        # What was measured is kept, whatever becomes of the rest.
        keep(run, given.out, given.figures or given.out.parent)
    sys.stdout.write(given.out.with_suffix(".txt").read_text())
    return 0


def keep(run: Run, out: Path, plots: Path) -> None:
    """Writes JSON, table, plots and the slowest copies."""
    for folder in (out.parent, plots):
        folder.mkdir(parents=True, exist_ok=True)
    out.write_text(run.results.to_json())
    out.with_suffix(".txt").write_text(table(run.results) + in_turn(run.results))
    (out.parent / SLOWEST).write_text(slowest.to_json(run.slowest))
    for name, picture in figures.figures(run.results).items():
        (plots / name).write_text(picture)


def _checkout(text: str) -> Path:
    path = Path(text).absolute()
    if not (path / "protos/krakencopy/v1/control_pb2.py").exists():
        raise argparse.ArgumentTypeError(f"{text!r} is no checkout with its stubs (make stubs, there)")
    return path


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return number


def _numbers(text: str) -> list[int]:
    return [_number(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
