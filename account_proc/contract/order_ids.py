"""Client order ids: who made an order is known by the id alone, in every process and after every crash.
Pure.

    6b3a0e0e-aaaa-5aau-vuuu-uuuuuuuuuuuu
    └ mark ┘ └────┬──┘└──────┬─────────┘
                  │          └ u: of which copy and attempt, or of which request
                  └ a: for whom, of which state folder: its tag

An id is the same for the same parts for ever, so an order that was made twice (a state folder that was
brought back from a backup) is found again by it. Uniqueness within one tag is 64 bits.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from enum import StrEnum

#: Namespace of this project's client order ids.
CL_ORD_ID_SPACE = uuid.UUID("6b3a0e0e-54f4-4d0c-9a53-0f1b8a6f2d11")
_SPACE = CL_ORD_ID_SPACE.bytes
#: Every client order id begins with this, so that people and the reconciler know an order of krakencopy's
#: when they see one.
CL_ORD_ID_MARK = "6b3a0e0e-"
#: Hex digits of a tag: among a thousand accounts one foreign id in 16,000 would pass for one of theirs.
TAG_DIGITS = 6


class Maker(StrEnum):
    """What made an order."""

    COPY = "copy"
    #: An operator or the account's own strategy.
    OWN = "own"


def _hash(*parts: str) -> str:
    # RFC 9562, 5.5, as uuid.uuid5 does it, which makes an object of it and takes it apart again.
    return hashlib.sha1(_SPACE + "/".join(parts).encode(), usedforsecurity=False).hexdigest()


def tag(maker: Maker, journal_id: str, account_id: str) -> str:
    """What all ids of one maker for one account in one state folder have in common."""
    return _hash(maker, journal_id, account_id)[:TAG_DIGITS]


def tag_of(cl_ord_id: str | None) -> str:
    """The tag in an id; empty for one that is not krakencopy's."""
    if not (cl_ord_id or "").startswith(CL_ORD_ID_MARK):
        return ""
    digits = (cl_ord_id or "").replace("-", "")[len(CL_ORD_ID_MARK) - 1 :]
    return digits[:4] + digits[5:7]


def tags(journal_id: str, account_ids: Iterable[str]) -> Mapping[str, tuple[Maker, str]]:
    """Who made an order, by the tag of its id."""
    return {
        tag(maker, journal_id, account_id): (maker, account_id)
        for account_id in account_ids
        for maker in Maker
    }


def copy_order_id(journal_id: str, account_id: str, copy_id: str, attempt: int) -> str:
    """Of one attempt of one copy."""
    return _tagged(tag(Maker.COPY, journal_id, account_id), journal_id, account_id, copy_id, str(attempt))


def own_order_id(journal_id: str, account_id: str, request_id: str) -> str:
    """Of the order that an operator or a strategy asked for under this request id."""
    return _tagged(tag(Maker.OWN, journal_id, account_id), "own", journal_id, account_id, request_id)


def _tagged(owner: str, *parts: str) -> str:
    """A marked UUID of version 5."""
    name = _hash(*parts)
    variant = "89ab"[int(name[16], 16) & 3]
    return f"{CL_ORD_ID_MARK}{owner[:4]}-5{owner[4:]}{name[15]}-{variant}{name[17:20]}-{name[20:32]}"
