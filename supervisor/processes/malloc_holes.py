"""Fills the holes that imports leave in malloc's heap, before anything is forked.

Importing allocates and frees, so a preloaded process's heap is full of holes between what stays. A fork gets
the heap page by page as it writes: what it allocates goes into the holes first, and each small piece there
costs it a page of its own, most of it a copy of what its siblings have. Without holes it allocates side by
side, behind all that is shared: of 4 MiB, 1 MiB less for an account's process. It knows neither what was
imported nor who forks.
"""

from __future__ import annotations

import ctypes

#: Sizes from large to small, in bytes, so that no block is put where two larger ones would fit. malloc's own
#: steps are 16 bytes; larger requests are rare.
SIZES = (*range(65_536, 4_096, -4_096), *range(4_096, 1_024, -256), *range(1_024, 0, -16))
#: A preloaded account has about 1,200 holes. No heap is so full of them that the forkserver should be busy
#: for long.
BLOCKS_MAX = 50_000


def fill_holes() -> int:
    """Take all free memory below the heap's end, for ever; how many blocks that were. glibc's malloc:
    others have nothing there.
    """
    libc = ctypes.CDLL(None)
    allocate, move_end = libc.malloc, libc.sbrk
    allocate.argtypes, allocate.restype = (ctypes.c_size_t,), ctypes.c_size_t
    move_end.argtypes, move_end.restype = (ctypes.c_ssize_t,), ctypes.c_size_t
    end = move_end(0)
    blocks = 0
    for size in SIZES:
        # One that is beyond the end (or refused, which is 0) shows that there is no hole left for it.
        while blocks < BLOCKS_MAX and 0 < allocate(size) < end:
            blocks += 1
    return blocks
