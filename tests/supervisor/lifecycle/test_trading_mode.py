"""A user's own strategy trades only while the master is lost and there is nothing to copy."""

from __future__ import annotations

from itertools import product

from krakencopy.supervisor.lifecycle.trading_mode import mode_to_send
from krakencopy.v1 import types_pb2 as pb


def test_only_one_case_of_all_is_the_users_own() -> None:
    own = [
        (has_strategy, master_lost, paused, fills_wait)
        for has_strategy, master_lost, paused, fills_wait in product([True, False], repeat=4)
        if mode_to_send(
            has_strategy=has_strategy, master_lost=master_lost, paused=paused, fills_wait=fills_wait
        )
        == pb.TRADING_MODE_OWN
    ]
    assert own == [(True, True, False, False)]
