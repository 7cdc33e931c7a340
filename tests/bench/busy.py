"""A process that only keeps a core busy, and never touches the control socket: ``python -m tests.bench.busy
SHARE``. It says "ready" in one line when it begins, uses that share of one core, and goes on until it is
killed.
"""

from __future__ import annotations

import sys
import time

#: Between two spells of work: as a client that waits for an answer now and then, in seconds.
REST_S = 0.001


def main() -> None:
    """For ever."""
    share = float(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    began, used = time.monotonic(), time.process_time()
    while True:
        while time.process_time() - used < share * (time.monotonic() - began):
            pass
        time.sleep(REST_S)


if __name__ == "__main__":
    main()
