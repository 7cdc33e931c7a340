from krakencopy.paper_exchange.accounts.lockout import LOCKOUT_US, Lockouts
from tests.support.paper_venue import START_US


def failed(lockouts: Lockouts, times: int, key: str = "key") -> None:
    for _ in range(times):
        assert not lockouts.is_locked(key, START_US)
        lockouts.failed(key, 3, START_US)


def test_failures_in_a_row_lock_a_key_out_for_a_while() -> None:
    lockouts = Lockouts()
    failed(lockouts, 3)
    assert lockouts.is_locked("key", START_US)
    assert not lockouts.is_locked("other", START_US)
    assert not lockouts.is_locked("key", START_US + LOCKOUT_US)


def test_asking_again_starts_the_clock_anew() -> None:
    lockouts = Lockouts()
    failed(lockouts, 3)
    assert lockouts.is_locked("key", START_US + LOCKOUT_US - 1)
    assert lockouts.is_locked("key", START_US + LOCKOUT_US)


def test_a_call_that_comes_through_ends_the_row() -> None:
    lockouts = Lockouts()
    failed(lockouts, 2)
    lockouts.clear("key")
    failed(lockouts, 2)
    assert not lockouts.is_locked("key", START_US)


def test_failures_long_ago_do_not_count() -> None:
    lockouts = Lockouts()
    failed(lockouts, 2)
    lockouts.failed("key", 3, START_US + LOCKOUT_US)
    assert not lockouts.is_locked("key", START_US + LOCKOUT_US)


def test_made_up_keys_do_not_fill_the_memory() -> None:
    lockouts = Lockouts()
    for number in range(20_000):
        lockouts.failed(str(number), 3, START_US)
    assert len(lockouts._failures) == 10_000
