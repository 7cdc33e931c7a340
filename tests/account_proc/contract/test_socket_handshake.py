"""Two processes prove to each other that they have the same secret, without showing it."""

from __future__ import annotations

import os
import socket
from dataclasses import replace

import pytest

from krakencopy.account_proc.contract.socket_handshake import (
    NONCE_BYTES,
    PROOF_BYTES,
    Meeting,
    is_same,
    new_nonce,
    new_secret,
    peer_of,
)

MEETING = Meeting(b"s" * NONCE_BYTES, b"a" * NONCE_BYTES, 10, 20)


def test_both_ends_find_the_same_proof_which_does_not_show_the_secret() -> None:
    secret = new_secret()
    proof = MEETING.account_proof(secret)
    assert is_same(proof, replace(MEETING).account_proof(secret))
    assert len(proof) == PROOF_BYTES
    assert secret.encode() not in proof


@pytest.mark.parametrize(
    "other",
    [
        replace(MEETING, supervisor_nonce=b"x" * NONCE_BYTES),
        replace(MEETING, account_nonce=b"x" * NONCE_BYTES),
        replace(MEETING, supervisor_pid=11),
        replace(MEETING, account_pid=21),
    ],
)
def test_a_proof_is_worth_nothing_on_another_connection(other: Meeting) -> None:
    assert not is_same(MEETING.account_proof("s"), other.account_proof("s"))
    assert not is_same(MEETING.supervisor_proof("s"), other.supervisor_proof("s"))


def test_what_one_end_has_proven_cannot_be_said_back_to_it() -> None:
    assert not is_same(MEETING.account_proof("s"), MEETING.supervisor_proof("s"))
    assert not is_same(MEETING.account_proof("s"), MEETING.account_proof("t"))


def test_no_nonce_and_no_secret_comes_twice() -> None:
    assert len({new_nonce() for _ in range(100)} | {new_secret() for _ in range(100)}) == 200


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    mine, theirs = socket.socketpair(socket.AF_UNIX)
    with mine, theirs:
        assert (peer_of(mine).pid, peer_of(mine).uid) == (os.getpid(), os.getuid())
