"""One refused nonce proves nothing; several in a row prove a wrong clock, or another program with the key."""

from __future__ import annotations

import pytest

from krakencopy.account_proc.contract.errors import InvalidNonce, KeyUsedElsewhere, NonceFault
from krakencopy.account_proc.kraken.rest.nonce_refusals import NonceRefusals
from tests.account_proc.kraken.rest.test_client import Counter

REFUSED = InvalidNonce("Balance", ("EAPI:Invalid nonce",))


def test_before_any_nonce_was_taken_they_go_on_further_ahead_as_far_as_they_may() -> None:
    nonces = Counter()
    refusals = NonceRefusals(nonces)
    refusals.retry_read(REFUSED)
    assert nonces.resynchronisations == 0
    refusals.retry_read(REFUSED)
    assert nonces.resynchronisations == 1
    with pytest.raises(NonceFault, match="also a day ahead"):
        refusals.retry_read(REFUSED)


def test_once_a_nonce_was_taken_they_stay_and_a_third_refusal_in_a_row_proves_another_program() -> None:
    nonces = Counter()
    refusals = NonceRefusals(nonces)
    refusals.accepted()
    for _ in range(2):
        refusals.retry_read(REFUSED)
        refusals.retry_read(REFUSED)
        refusals.refused_otherwise()  # not in a row any more
    refusals.retry_read(REFUSED)
    refusals.retry_read(REFUSED)
    with pytest.raises(KeyUsedElsewhere, match="another program uses this API key"):
        refusals.retry_read(REFUSED)
    assert nonces.resynchronisations == 0
