"""How the two ends of an account's socket prove to each other who they are, before either reads a message.

    supervisor ── MAGIC, its nonce ──────────────▶ account
    supervisor ◀──────── its nonce, its proof ──── account
    supervisor ── its proof ─────────────────────▶ account      and from here on HTTP/2

The secret comes over the boot pipe (runtime/boot.py), is another one for each start, and never leaves either
process. A proof is an HMAC over both nonces and both processes' ids as the kernel tells them of the socket
(SO_PEERCRED, unix(7)), so that a process in between, which passes on what both say, proves nothing.
"""

from __future__ import annotations

import hmac
import secrets
import socket
import struct
from dataclasses import dataclass

#: What the supervisor begins with, and HTTP/2 never does ("PRI * HTTP/2.0").
MAGIC = b"krakencopy 1\r\n"
NONCE_BYTES = 32
PROOF_BYTES = 32
GREETING_BYTES = len(MAGIC) + NONCE_BYTES
ANSWER_BYTES = NONCE_BYTES + PROOF_BYTES
#: Both ends together take milliseconds; a machine may be busy. In seconds.
HANDSHAKE_S = 10.0

# struct ucred, sys/socket.h: pid, uid, gid
_UCRED = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, as the kernel says: who connected, or who listens."""

    pid: int
    uid: int


def peer_of(connected: socket.socket) -> Peer:
    """Raises OSError."""
    pid, uid, _ = _UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return Peer(pid, uid)


def new_secret() -> str:
    """For one start of one process."""
    return secrets.token_hex(32)


def new_nonce() -> bytes:
    """For one connection."""
    return secrets.token_bytes(NONCE_BYTES)


@dataclass(frozen=True, slots=True)
class Meeting:
    """What is proven: these two processes, on this connection."""

    supervisor_nonce: bytes
    account_nonce: bytes
    supervisor_pid: int
    account_pid: int

    def account_proof(self, secret: str) -> bytes:
        """That the account's process has the secret."""
        return self._proof(secret, b"account")

    def supervisor_proof(self, secret: str) -> bytes:
        """That the supervisor has it."""
        return self._proof(secret, b"supervisor")

    def _proof(self, secret: str, who: bytes) -> bytes:
        pids = f"{self.supervisor_pid} {self.account_pid}".encode()
        return hmac.digest(
            secret.encode(), b"\n".join((who, pids, self.supervisor_nonce + self.account_nonce)), "sha256"
        )


def is_same(proof: bytes, expected: bytes) -> bool:
    """Compared in a time that says nothing of where they differ."""
    return hmac.compare_digest(proof, expected)
