"""Whose a token or a certificate is, as the supervisor says it; over real sockets in test_remote_door.py."""

from __future__ import annotations

import pytest

from krakencopy.supervisor.control.access_table import (
    AccessTable,
    Certificate,
    Known,
    Tls,
    Unauthenticated,
    bearer_of,
    hash_of,
)
from krakencopy.supervisor.control.principals import Principal, Role

SECRET = "x" * 43
TABLE = AccessTable(
    tokens={"abcd2345": Known("bot", Role.OWNER, "anna", 200.0, secret_hash=hash_of(SECRET))},
    certificates={"ab" * 32: Known("olga", Role.ADMIN, "", 200.0)},
    names={"box": (Role.VIEWER, ""), "dns://other": (Role.ADMIN, "")},
    tls=Tls("c", "k", "a"),
)
TOKEN = f"kct_abcd2345_{SECRET}"


def reason_of(token: str, now: float = 100.0) -> str:
    with pytest.raises(Unauthenticated) as raised:
        TABLE.by_token(token, "tls 1.2.3.4:5", now)
    assert SECRET not in str(raised.value)
    return raised.value.reason


def test_a_table_comes_as_it_left_and_shows_no_key() -> None:
    assert AccessTable.of(TABLE.encoded()) == TABLE
    assert "'k'" not in repr(TABLE.tls)


@pytest.mark.parametrize(
    "encoded", [b"", b"[]", b"{}", b'{"tokens": 1, "certificates": {}, "names": {}, "tls": 0}']
)
def test_what_is_no_table_is_refused(encoded: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's, or ours
        AccessTable.of(encoded)


def test_a_token_is_whom_it_names_until_it_ends() -> None:
    found = TABLE.by_token(TOKEN, "tls 1.2.3.4:5", 100.0)
    assert found == Principal("bot", Role.OWNER, "anna", "tls 1.2.3.4:5", "token abcd2345", 200.0)
    assert not found.is_local
    assert reason_of(TOKEN, 200.0) == "TOKEN_EXPIRED"
    assert (
        reason_of(TOKEN[:-1] + "y") == reason_of("kct_none2345_" + SECRET) == reason_of("") == "TOKEN_UNKNOWN"
    )
    assert reason_of("kct_abcd2345_") == reason_of("kct__" + SECRET) == "TOKEN_UNKNOWN"


def test_a_certificate_is_whom_its_fingerprint_or_one_of_its_names_means() -> None:
    def found(
        *names: str, fingerprint: str = "cd" * 32, ends: float = 200.0, now: float = 100.0
    ) -> Principal:
        return TABLE.by_certificate(Certificate(fingerprint, names, ends), "tls", now)

    assert found("whatever", fingerprint="ab" * 32).name == "olga"
    assert found("box", "unknown").role is Role.VIEWER
    for names, ends, reason in (
        ((), 200.0, "CERTIFICATE_UNKNOWN"),
        (("unknown",), 200.0, "CERTIFICATE_UNKNOWN"),
        (("box", "dns://other"), 200.0, "CERTIFICATE_UNKNOWN"),
        (("box",), 100.0, "CERTIFICATE_EXPIRED"),
    ):
        with pytest.raises(Unauthenticated) as raised:
            found(*names, ends=ends)
        assert raised.value.reason == reason


def test_a_call_carries_one_token_or_none() -> None:
    assert bearer_of([("user-agent", "x")]) is None
    assert bearer_of([("authorization", "Bearer kct_1_2")]) == "kct_1_2"
    assert bearer_of([("authorization", "bearer kct_1_2")]) == "kct_1_2"
    for wrong in (["Basic x"], ["Bearer "], ["kct_1_2"], ["Bearer a", "Bearer b"]):
        with pytest.raises(Unauthenticated, match='is not "Bearer kct_'):
            bearer_of([("authorization", each) for each in wrong])
