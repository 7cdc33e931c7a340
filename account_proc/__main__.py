"""An account's process started by exec: ``python -m krakencopy.account_proc --boot-fd N --ready-fd N
--lifeline-fd N --pulse-fd N``.

Started by the supervisor, with pipes as in runtime/boot.py; not for hands.
"""

from __future__ import annotations

import argparse

from krakencopy.account_proc.runtime.boot import (
    DEFAULT_ENTRY,
    BootPipes,
    continue_when_parent_dies,
    harden,
    leave,
    load_entry,
    reset_signals,
    run,
)


def main() -> None:
    """Run the entry and leave with its code."""
    parser = argparse.ArgumentParser(
        prog="python -m krakencopy.account_proc", description="Started by the supervisor."
    )
    for name in ("--boot-fd", "--ready-fd", "--lifeline-fd", "--pulse-fd"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--entry", default=DEFAULT_ENTRY, metavar="MODULE:FUNCTION")
    given = parser.parse_args()
    harden()
    reset_signals()
    continue_when_parent_dies()
    pipes = BootPipes(
        boot=given.boot_fd, ready=given.ready_fd, lifeline=given.lifeline_fd, pulse=given.pulse_fd
    )
    leave(run(lambda: load_entry(given.entry), pipes))


if __name__ == "__main__":
    main()
