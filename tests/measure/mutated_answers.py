"""By hand: many odd answers of the exchange into all that reads them (tests/support/mutated_answers.py), or
odd rows of ccxt's (tests/support/mutated_ccxt.py).

python -m tests.measure.mutated_answers --count 100000
python -m tests.measure.mutated_answers --count 100000 --ccxt
python -m tests.measure.mutated_answers --seed 4711 --count 1    # plays one finding again
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections import Counter

from tests.support import mutated_answers, mutated_ccxt

#: Seeds of one kind of finding that are printed.
SHOWN = 3


def main(arguments: list[str] | None = None) -> int:
    """Prints how many ended how; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--ccxt", action="store_true", help="rows of ccxt's instead of Kraken's answers")
    options = parser.parse_args(arguments)
    play = mutated_ccxt.play if options.ccxt else mutated_answers.play
    logging.disable(logging.CRITICAL)
    kinds: Counter[str] = Counter()
    seeds: dict[str, list[str]] = {}
    bad = refused = 0
    longest_s, slowest, began = 0.0, options.seed, time.monotonic()
    for seed in range(options.seed, options.seed + options.count):
        at = time.monotonic()
        found = play(seed)
        if (took_s := time.monotonic() - at) > longest_s:
            longest_s, slowest = took_s, seed
        bad += bool(found.faults)
        refused += bool(found.named)
        for fault in found.faults:
            kind = " ".join(fault.split()[:2])
            kinds[kind] += 1
            seeds.setdefault(kind, []).append(f"    seed {seed}: {fault}")
        if options.count == 1:
            for error in found.errors:
                traceback.print_exception(error)
    lines = [
        line for kind, count in kinds.most_common() for line in (f"{count:6} {kind}", *seeds[kind][:SHOWN])
    ]
    lines.append(
        f"{options.count} seeds in {time.monotonic() - began:.0f} s: {bad} with findings "
        f"({100 * bad / options.count:.2f} %), {refused} with an error that has a name; "
        f"the longest took {longest_s * 1e3:.0f} ms (seed {slowest})"
    )
    sys.stdout.write("\n".join([*lines, ""]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
