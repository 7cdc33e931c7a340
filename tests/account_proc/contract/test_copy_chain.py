"""Each key of a copy table has its place in the chain of settings."""

from __future__ import annotations

from krakencopy.account_proc.contract.copy_chain import CHAIN, Chain
from krakencopy.account_proc.contract.spec import CopyRules


def test_each_key_of_a_copy_table_says_how_it_goes_along_the_chain() -> None:
    # An amount and its asset are one key.
    fields = [name for name in CopyRules.__dataclass_fields__ if not name.endswith("_asset")]
    assert list(CHAIN) == fields


def test_keys_of_before_there_was_a_chain_override() -> None:
    before = ("sizing", "balance", "ratio", "notional", "max_user_risk", "order", "max_slippage_bps")
    assert {CHAIN[key] for key in (*before, "max_entry_age_s")} == {Chain.OVERRIDES}
