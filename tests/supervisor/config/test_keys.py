"""Every key that may be written has a place where it is read, and the other way round."""

from __future__ import annotations

from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.supervisor.config import reader
from krakencopy.supervisor.config.keys import ACCOUNT_KEYS, KEYS


def test_every_key_is_in_the_readers_list_of_them() -> None:
    told = reader.__doc__ or ""
    for key in frozenset().union(*KEYS.values()) | ACCOUNT_KEYS:
        assert key in told, key


def test_each_rule_of_copying_is_a_key() -> None:
    assert KEYS["copy"] | {"notional_asset"} == CopyRules.__dataclass_fields__.keys()
