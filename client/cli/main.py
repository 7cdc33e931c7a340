"""The `krakencopy` command as a process: Ctrl-C is looked after before anything else is imported, which takes
most of a short command's time.
"""

from __future__ import annotations

from krakencopy.client.cli import interrupts


def main(argv: list[str] | None = None) -> int:
    """Run one command and give its exit code. ``--help`` and ``--version`` end with SystemExit(0), as
    argparse does. Without ``argv`` it is a process of its own, which also looks after its signals.
    """
    is_process = argv is None and interrupts.begin()
    import sys  # everything else is imported behind this

    from krakencopy.client.cli.run import dial, run

    if argv is not None:
        return run(argv, dial)
    try:
        return run(sys.argv[1:], dial, is_process=is_process)
    finally:
        if is_process:
            interrupts.end_at_once()


if __name__ == "__main__":
    raise SystemExit(main())
