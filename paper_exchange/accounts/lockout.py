"""Who is locked out after too many refused keys, signatures and nonces. Pure: times are passed in."""

from dataclasses import dataclass
from typing import Final

from krakencopy.paper_exchange.values.time_format import US_PER_S

# Kraken: "about 15 minutes"; attempts in between begin them anew.
LOCKOUT_US: Final = 15 * 60 * US_PER_S
# Key texts that are remembered: a client that makes keys up must not fill the memory.
_KEYS_MOST: Final = 10_000


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last_us: int = 0
    until_us: int = 0


class Lockouts:
    """Counts failures in a row by the text of the API key, known or not. (Kraken may lock by address as
    well.)
    """

    def __init__(self) -> None:
        self._failures: dict[str, _Failures] = {}

    def is_locked(self, key: str, now_us: int) -> bool:
        """Whether a key is locked out; asking again while it is starts the clock anew."""
        failures = self._failures.get(key)
        if failures is None or failures.until_us <= now_us:
            return False
        failures.until_us = now_us + LOCKOUT_US
        return True

    def failed(self, key: str, most: int, now_us: int) -> None:
        """A call was refused for its key, signature or nonce; the `most`-th of them in a row locks the key
        out.
        """
        if key not in self._failures and len(self._failures) >= _KEYS_MOST:
            del self._failures[next(iter(self._failures))]
        failures = self._failures.setdefault(key, _Failures())
        if now_us - failures.last_us >= LOCKOUT_US:
            failures.count = 0
        failures.count += 1
        failures.last_us = now_us
        if failures.count >= most:
            failures.count, failures.until_us = 0, now_us + LOCKOUT_US

    def clear(self, key: str) -> None:
        """A call came through, or an operator repaired the key."""
        if self._failures:
            self._failures.pop(key, None)
