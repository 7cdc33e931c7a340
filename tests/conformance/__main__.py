"""``python -m tests.conformance``: other people's Kraken clients, unmodified but for their URL, against the
paper exchange.

Exit 0 when every call did what it does with Kraken, 1 otherwise. ``--short`` is one pass; without it a second
one follows in which every private answer comes late, behind the events that it is about.
"""

from __future__ import annotations

import argparse
import sys

from tests.conformance import against_ccxt, against_ccxt_pro, against_krakenex, against_sdk, against_sdk_ws
from tests.conformance.checking import Report, RoundRobin, run, summary
from tests.conformance.world import World

ROUNDS: list[type[RoundRobin]] = [
    against_krakenex.Krakenex,
    against_sdk.Sdk,
    against_sdk_ws.SdkWebSocket,
    against_ccxt.Ccxt,
    against_ccxt_pro.CcxtPro,
]
# Longer than any client takes between two calls, so that events are always ahead of their answers.
LATENCY_MS = 40


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only the pass without latency")
    parser.add_argument(
        "--exchange", default=sys.executable, metavar="PYTHON", help="the exchange's interpreter"
    )
    parser.add_argument("--only", default="", metavar="CLIENT", help="rounds whose name contains this")
    given = parser.parse_args()
    rounds = [kind for kind in ROUNDS if given.only in f"{kind.name()}"]
    report = Report()
    for latency_ms in (0,) if given.short else (0, LATENCY_MS):
        sys.stdout.write(f"\nprivate answers after {latency_ms} ms\n\n")
        world = World(given.exchange, latency_ms)
        try:
            run(rounds, world, report)
        finally:
            world.close()
    sys.stdout.write("\n".join(summary(report)) + "\n")
    return 0 if report.clean else 1


if __name__ == "__main__":
    sys.exit(main())
