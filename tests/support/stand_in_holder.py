"""A process that locks a file as an account's process does, under any name, and says so; then it does what it
is asked to.

python stand_in_holder.py FILE NAME ACCOUNT stop|stop-deaf
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from krakencopy.account_proc.runtime.file_lock import LockedFile, holder_line

_PR_SET_NAME = 15


def main(file: str, name: str, account: str, then: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
    lock = LockedFile(Path(file), "the file")
    lock.write(0, holder_line(account, 80))
    sys.stdout.write("locked\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGSTOP)
    while then == "stop-deaf":
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
