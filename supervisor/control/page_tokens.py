"""Page tokens: where the next page begins, signed with the question that it belongs to.

A token says nothing to a client, and is taken back only for the same question (the request, but for the size
of the page) about the same journal. It stays good over restarts.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256

from google.protobuf.message import Message

#: Bytes of a position, and of the signature behind it.
POSITION_BYTES, SIGNATURE_BYTES = 8, 16


class BadPageToken(ValueError):
    """It was not given out for this question by this installation."""


class PageTokens:
    """The page tokens of one journal."""

    def __init__(self, journal_id: str) -> None:
        """``journal_id`` is no secret: a signature keeps tokens from being mistaken, and guards nothing."""
        self._key = sha256(f"page tokens of {journal_id}".encode()).digest()

    def token(self, request: Message, position: int) -> str:
        """The token of the page of this question that begins at a position, from 0 to 2**63 - 1."""
        body = position.to_bytes(POSITION_BYTES, "big")
        return base64.urlsafe_b64encode(body + self._signature(request, body)).decode().rstrip("=")

    def position(self, request: Message, token: str) -> int:
        """Where the page of a token begins, which must be this question's. Raises BadPageToken."""
        try:
            found = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadPageToken(token) from error
        body, signature = found[:POSITION_BYTES], found[POSITION_BYTES:]
        if not hmac.compare_digest(signature, self._signature(request, body)):
            raise BadPageToken(token)
        return int.from_bytes(body, "big")

    def _signature(self, request: Message, body: bytes) -> bytes:
        question = type(request)()
        question.CopyFrom(request)
        for field in ("page_token", "page_size"):
            question.ClearField(field)
        asked = question.SerializeToString(deterministic=True)
        name = request.DESCRIPTOR.full_name.encode()
        return hmac.new(self._key, b"\0".join((body, name, asked)), sha256).digest()[:SIGNATURE_BYTES]
