"""By hand: many generated requests to every RPC of a running system (tests/support/request_campaign.py).

python -m tests.measure.generated_requests --count 100000
python -m tests.measure.generated_requests --seed 4711 --count 1000    # the same calls again
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from tests.support.account_campaign import play_accounts
from tests.support.control_campaign import play_control
from tests.support.request_campaign import Findings

#: Of ten calls so many are of the supervisor, the others of accounts' processes.
CONTROL_SHARE = 7
#: From so many calls on, a loop that stands still for longer is a finding, in milliseconds: in a short run
#: the start of what runs once would be one.
LONG_RUN, STILL_MS_MAX = 100_000, 100.0


def main(arguments: list[str] | None = None) -> int:
    """Prints what came of it; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="how many calls")
    parser.add_argument("--seed", type=int, default=0, help="of the first ones")
    options = parser.parse_args(arguments)
    findings, began = Findings(), time.monotonic()
    control = options.count * CONTROL_SHARE // 10
    play_control(control, options.seed, findings)
    sys.stdout.write(
        f"{sum(findings.calls.values())} calls of the supervisor, {len(findings.faults)} kinds\n"
    )
    sys.stdout.flush()
    play_accounts(options.count - control, options.seed, findings)
    if options.count >= LONG_RUN:
        for name, (_, own) in findings.still_ms.items():
            if own > STILL_MS_MAX:
                findings.add_fault(f"the loop of {name} stood still for {own:.0f} ms")
    sys.stdout.write("\n".join([*_lines(findings, time.monotonic() - began), ""]))
    return 1 if findings.faults else 0


def _lines(findings: Findings, took_s: float) -> Iterator[str]:
    for method, count in sorted(findings.calls.items()):
        yield f"{count:7} {method}"
    for reason, count in findings.reasons.most_common():
        yield f"{count:7} refused: {reason or '(no reason)'}"
    for name, (took, own) in findings.still_ms.items():
        yield f"the loop of {name} stood still for {took:.1f} ms at most, {own:.1f} ms of it by itself"
    yield f"{findings.orders} orders at the exchange, {sum(findings.calls.values())} calls in {took_s:.0f} s"
    for kind, call in findings.faults.items():
        yield f"FOUND {findings.counts[kind]} times: {kind}"
        if call:
            yield f"      {call}"


if __name__ == "__main__":
    sys.exit(main())
