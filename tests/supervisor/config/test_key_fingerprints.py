"""A fingerprint names a key and tells nothing of it."""

from __future__ import annotations

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.config.key_fingerprints import digest_of, fingerprint, fingerprint_of


def test_it_is_the_keys_whatever_the_secret() -> None:
    one, same, other = Credentials("k1", "s1"), Credentials("k1", "s2"), Credentials("k2", "s1")
    assert digest_of(one) == digest_of(same) != digest_of(other)
    assert fingerprint(one) == fingerprint(same) == fingerprint_of(digest_of(one))
    assert fingerprint(one) != fingerprint(other)
    assert len(fingerprint(one)) == 12
    assert fingerprint(one) not in digest_of(one).hex()
