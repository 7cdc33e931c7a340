"""What a fork allocates goes behind the heap that it shares, and not between."""

from __future__ import annotations

import subprocess
import sys

#: In a process of its own: its heap has no business with the tests'.
PROGRAM = """
import ctypes
from krakencopy.supervisor.processes.malloc_holes import fill_holes

libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = (ctypes.c_size_t,), ctypes.c_size_t
libc.free.argtypes, libc.free.restype = (ctypes.c_size_t,), None
libc.sbrk.argtypes, libc.sbrk.restype = (ctypes.c_ssize_t,), ctypes.c_size_t
sizes = (24, 100, 500, 1000, 3000, 20_000)

def inside(end):
    return sum(libc.malloc(size) < end for size in sizes for _ in range(50))

blocks = [libc.malloc(size) for size in sizes for _ in range(400)]
for block in blocks[::2]:
    libc.free(block)
end = libc.sbrk(0)
print("before", inside(end))
filled = fill_holes()
print("filled", filled)
print("after", inside(end))
"""


def test_when_the_holes_are_filled_nothing_more_is_allocated_between_what_was_there() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    told = dict(line.split() for line in done.stdout.splitlines())
    assert int(told["before"]) == 300
    assert int(told["filled"]) > 900
    # Python itself frees a few small blocks while it counts.
    assert int(told["after"]) <= 5
