"""Which key it is, without telling the key: for comparing in memory, and for people and the history."""

from __future__ import annotations

import hashlib

from krakencopy.account_proc.contract.spec import Credentials


def digest_of(credentials: Credentials) -> bytes:
    """By which two are known to be the same key."""
    return hashlib.sha256(credentials.key.encode()).digest()


def fingerprint_of(digest: bytes) -> str:
    """For people."""
    return hashlib.sha256(b"fingerprint of " + digest).hexdigest()[:12]


def fingerprint(credentials: Credentials) -> str:
    """The same, of a key."""
    return fingerprint_of(digest_of(credentials))
