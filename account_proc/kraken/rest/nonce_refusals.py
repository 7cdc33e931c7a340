"""What it proves when Kraken refuses nonces, and what is done about it. No I/O but the source of nonces.

An Invalid nonce may be the answer to a second delivery of a request that was taken at the first (a proxy
that repeats), so a read is asked once more as it is. Once Kraken has taken a nonce of this process, larger
ones are refused only if another program has used the key since: then nonces stay where they are. Before that,
a clock or a file may have been wrong: nonces go on further ahead, in few bounded steps.
"""

from __future__ import annotations

import logging
from typing import Protocol

from krakencopy.account_proc.contract.errors import InvalidNonce, KeyUsedElsewhere, NonceFault

log = logging.getLogger(__name__)

#: Refused nonces in a row that prove something: one may be the answer to a second delivery.
NONCE_TRIES = 2
#: The same with a key that has taken our nonces before: then they prove that another program is alive, and
#: this one stops trading.
ALIVE_TRIES = 3


class NonceSource(Protocol):
    """Where nonces come from."""

    def next(self) -> int:
        """A nonce larger than all before."""
        ...

    def top_up(self) -> None:
        """Prepare for further nonces."""
        ...

    def resynchronise(self) -> bool:
        """After an Invalid nonce: go on further ahead; False if that was tried already as far as it may
        be.
        """
        ...


class NonceRefusals:
    """Those of one process, in a row."""

    def __init__(self, nonces: NonceSource) -> None:
        self._nonces = nonces
        self._in_a_row = 0
        #: Whether Kraken has taken a nonce of this process.
        self._was_accepted = False

    def accepted(self) -> None:
        """Kraken has carried out a call of this process."""
        self._in_a_row = 0
        self._was_accepted = True

    def refused_otherwise(self) -> None:
        """Kraken has refused a call, and not for its nonce."""
        self._in_a_row = 0

    def retry_read(self, error: InvalidNonce) -> None:
        """A read was refused for its nonce; it is asked again when this returns. Raises KeyUsedElsewhere, or
        NonceFault where Kraken takes no nonce.
        """
        self._in_a_row += 1
        log.warning("%s: Invalid nonce, %d in a row", error.method, self._in_a_row)
        if self._was_accepted:
            if self._in_a_row < ALIVE_TRIES:
                return
            raise KeyUsedElsewhere(
                f"{error.method}: Kraken has taken nonces of this process and now refuses larger ones: "
                "another program uses this API key, perhaps this one on another machine; stop it, or make a "
                "new API key for this account alone"
            ) from error
        if self._in_a_row < NONCE_TRIES:
            return
        if not self._nonces.resynchronise():
            raise NonceFault(
                f"{error.method}: Kraken refuses nonces as too small, also a day ahead of the clock: another "
                "program uses this key with finer nonces; make a new API key for this account alone"
            ) from error
        log.warning("%s: nonces go on further ahead", error.method)
