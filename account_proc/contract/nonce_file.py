"""Nonce arithmetic and the nonce file's format. Pure: bytes and times come in as values.

The promise: every nonce is larger than every nonce used before it, whatever happened to the process, the file
or the clock.

    used <= reserved        a nonce is used only after a reservation at or above it is on the disk
    reserved <= clock + BLOCK_US, but for STEP_US per 1000 nonces while nonces run ahead of the clock
    start > reserved        after a crash; after a clean end the reservation was taken back to the last nonce
    start > clock + BLOCK_US, always

So the file makes up for a clock that was set back, and the clock for a file that is lost, destroyed or an old
backup. Only both at once cannot be made up for.

The file holds two slots of the same value, written one after the other and each complete on the disk before
the next is begun: a kill tears at most one, and the other then holds at least every nonce used; one slot that
goes bad later loses nothing either.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from krakencopy.account_proc.contract.errors import NonceFault

#: How far above the clock nonces are reserved: 5 minutes. Reserving costs two fdatasync, so it must almost
#: never happen on the way of an order; a crash moves nonces ahead of the clock by no more than this.
BLOCK_US = 300_000_000
#: How far above a nonce that is itself ahead of the clock: 1000 calls. Less than the time in which a process
#: can start.
STEP_US = 1_000
#: A plain number in the file is believed to be microseconds up to one day ahead of the clock.
FOREIGN_AHEAD_US_MAX = 86_400_000_000
#: How far ahead of the clock nonces go on when Kraken refuses them from a process's start: two hours are more
#: than the clock of another machine that had the key differs by, or than one in the wrong summer time; then a
#: day.
RESYNCHRONISE_US = (7_200_000_000, FOREIGN_AHEAD_US_MAX)
#: Kraken: an unsigned 64-bit integer.
NONCE_MAX = 2**64 - 1

SLOT_BYTES = 64
#: Offsets in the order of writing. The first line goes last: a plain number of other software stands there
#: until the value that replaces it is safe.
SLOT_OFFSETS = {"B": SLOT_BYTES, "A": 0}
HOLDER_OFFSET = 2 * SLOT_BYTES
HOLDER_BYTES = 2 * SLOT_BYTES
FILE_BYTES = HOLDER_OFFSET + HOLDER_BYTES

_DIGITS = re.compile(rb"reserved (\d{20})")
_PLAIN_NUMBER = re.compile(rb"\s*(\d{1,40})\s*(?:[\n\0].*)?", re.DOTALL)

_WAY_OUT = "make a new API key for this account at Kraken, delete the file, and start again"


@dataclass(frozen=True, slots=True)
class Start:
    """Where nonces go on: above ``last``. ``warnings`` are sentences for people."""

    last: int
    warnings: tuple[str, ...] = ()


def next_nonce(last: int, now_us: int) -> int:
    """The clock, or one more than the last nonce if the clock has not passed it. Raises NonceFault at the
    end of 64 bits.
    """
    nonce = max(last + 1, now_us)
    if nonce > NONCE_MAX:
        raise NonceFault(f"the nonce after {last} does not fit into 64 bits; {_WAY_OUT}")
    return nonce


def reservation(nonce: int, now_us: int) -> int:
    """Up to where to reserve, so that ``nonce`` and many more are covered."""
    return min(max(now_us + BLOCK_US, nonce + STEP_US), NONCE_MAX)


def is_top_up_due(reserved: int, last: int, now_us: int) -> bool:
    """Whether half of what was reserved is gone, by time or by use."""
    return reserved < max(now_us + BLOCK_US // 2, last + STEP_US // 2)


def encode_slot(name: str, reserved: int) -> bytes:
    """One slot, SLOT_BYTES long, readable with ``cat``."""
    text = f"slot {name}: reserved {reserved:020d}".encode("ascii")
    return (text + f", crc32 {zlib.crc32(text):08x}".encode("ascii")).ljust(SLOT_BYTES - 1) + b"\n"


def decode_slot(name: str, raw: bytes) -> int | None:
    """The slot's value, or None if a single bit of it is not as it was written."""
    found = _DIGITS.search(raw)
    if found is None:
        return None
    reserved = int(found[1])
    return reserved if encode_slot(name, reserved) == raw else None


def encode_slots(reserved: int) -> list[tuple[int, bytes]]:
    """Offsets and bytes to write, each to be on the disk before the next is written."""
    return [(offset, encode_slot(name, reserved)) for name, offset in SLOT_OFFSETS.items()]


def recover(content: bytes | None, now_us: int) -> Start:
    """Where to go on after what was found in the file; None is a file that did not exist.

    Raises NonceFault if a number of other software stands in it that microseconds cannot pass.
    """
    fresh = now_us + BLOCK_US
    if content is None:
        return Start(fresh)
    slots = {
        name: decode_slot(name, content[offset : offset + SLOT_BYTES])
        for name, offset in SLOT_OFFSETS.items()
    }
    valid = [reserved for reserved in slots.values() if reserved is not None]
    foreign = _plain_number(content, now_us)
    if not valid:
        if foreign is not None:
            return Start(
                max(foreign, fresh),
                (f"the nonce file held the plain number {foreign}; nonces go on above it",),
            )
        state = "is empty" if not content.strip() else "is damaged: neither slot is valid"
        return Start(
            fresh,
            (
                (
                    f"the nonce file {state}; nonces start again {BLOCK_US // 1_000_000} s above the clock, "
                    "which is above all "
                    "that were used unless the clock was set back as well"
                ),
            ),
        )
    last = max(*valid, foreign or 0, fresh)
    warnings = [
        f"slot {name} of the nonce file is damaged, as after a kill in the middle of writing; the other one "
        "is used"
        for name, reserved in slots.items()
        if reserved is None
    ]
    if last > fresh + FOREIGN_AHEAD_US_MAX // 24:
        behind_s = (last - now_us) // 1_000_000
        warnings.append(
            f"nonces are {behind_s} s ahead of the clock, which seems to have been set back; they go on above"
        )
    return Start(last, tuple(warnings))


def _plain_number(content: bytes, now_us: int) -> int | None:
    """The number in the first line, if that is all there is in it: other software keeps its last nonce
    like this.
    """
    found = _PLAIN_NUMBER.fullmatch(content)
    if found is None:
        return None
    number = int(found[1])
    if number > now_us + FOREIGN_AHEAD_US_MAX:
        raise NonceFault(
            f"the nonce file holds {number}, which is no time in microseconds near now ({now_us}): other "
            "software used this key "
            f"with finer nonces, as nanoseconds, and Kraken never takes a smaller one again; {_WAY_OUT}"
        )
    return number
