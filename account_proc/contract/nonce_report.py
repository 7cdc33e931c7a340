"""What an operator should know about the nonce of one key. Pure: values in, a message out; shared by
process and supervisor.
"""

from __future__ import annotations

from dataclasses import dataclass

from krakencopy.account_proc.contract.nonce_file import BLOCK_US, SLOT_BYTES, SLOT_OFFSETS, decode_slot
from krakencopy.v1 import types_pb2 as pb

#: Nonces this far ahead of the clock, in microseconds, have a story: a clock that was set back, a file of
#: other software, a resynchronisation. Ordinary crashes move them ahead by one reservation each.
AHEAD_US = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNonce:
    """What the exchange says of the key."""

    #: The last nonce that it accepted, None if it does not tell.
    nonce: int | None
    window: int
    #: The exchange's clock minus ours.
    clock_offset_ms: int


def report(
    account_id: str,
    path: str,
    *,
    now_us: int,
    last: int,
    reserved: int,
    holder_pid: int,
    key_nonce: KeyNonce | None,
) -> pb.NonceReport:
    """The report. ``last``: 0 while no process hands nonces out; ``key_nonce``: None if the exchange was not
    asked or refused to say.
    """
    known = key_nonce is not None and key_nonce.nonce is not None
    found = pb.NonceReport(
        account_id=account_id, path=path, last=last, reserved=reserved, ahead_us=(last or reserved) - now_us,
        holder_pid=holder_pid, exchange_known=known,
    )  # fmt: skip
    if key_nonce is not None:
        found.exchange_nonce = key_nonce.nonce or 0
        found.exchange_window = key_nonce.window
        found.clock_offset_ms = key_nonce.clock_offset_ms
    found.verdict, found.message = _verdict(found, key_nonce)
    return found


def _verdict(found: pb.NonceReport, key_nonce: KeyNonce | None) -> tuple[str, str]:
    if found.exchange_known and found.exchange_nonce > max(found.last, found.reserved):
        return (
            "NONCE_BEHIND",
            (
                "the exchange has accepted a larger nonce than was ever handed out here: another program "
                "uses this key; give this "
                "account a key of its own"
            ),
        )
    if found.exchange_window:
        return (
            "NONCE_WINDOW",
            (
                f"the key has a nonce window of {found.exchange_window}: late requests are accepted, also "
                "ones that somebody repeats; "
                "set it to 0 at Kraken, this account sends strictly in order"
            ),
        )
    if found.ahead_us > AHEAD_US:
        return (
            "NONCE_AHEAD",
            (
                f"nonces are {found.ahead_us // 1_000_000} s ahead of the clock (it was set back, or other "
                "software used the key); they "
                "go on above and nothing need be done, but do not go back to software that counts by the "
                "clock with this key"
            ),
        )
    if key_nonce is None:
        return "NOT_ASKED", "the exchange was not asked, or gave no answer; what the file says is in order"
    if not found.exchange_known:
        return "NOT_ASKED", "the exchange does not tell this key's nonce; file and process are in order"
    return "OK", "file, process and exchange agree"


def report_of_file(
    account_id: str, path: str, content: bytes | None, *, now_us: int, holder_pid: int
) -> pb.NonceReport:
    """What the file alone tells, while no process can be asked. ``content``: None for a file that does not
    exist.
    """
    slots = {
        name: decode_slot(name, (content or b"")[offset : offset + SLOT_BYTES])
        for name, offset in SLOT_OFFSETS.items()
    }
    valid = [reserved for reserved in slots.values() if reserved is not None]
    found = report(
        account_id,
        path,
        now_us=now_us,
        last=0,
        reserved=max(valid, default=0),
        holder_pid=holder_pid,
        key_nonce=None,
    )
    if content is None:
        found.verdict, found.message = "FILE_MISSING", "there is no nonce file yet; the first start makes it"
    elif not valid:
        found.verdict = "FILE_DAMAGED"
        found.message = (
            f"neither slot of the file can be read; the next start goes on {BLOCK_US // 1_000_000} s above "
            "the clock, which is "
            "above all that were used unless the clock was set back as well"
        )
    elif len(valid) < len(slots):
        bad = next(name for name, reserved in slots.items() if reserved is None)
        found.message = (
            f"slot {bad} is damaged, as after a kill in the middle of writing; the other one "
            "holds all that is needed"
        )
    if not valid:
        found.ahead_us = 0
    return found
