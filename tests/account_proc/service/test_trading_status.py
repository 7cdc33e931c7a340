"""What is reported of what an account may trade."""

from __future__ import annotations

from pathlib import Path

from krakencopy.account_proc.contract.trading_states import TradingState, account_scope
from krakencopy.account_proc.service.trading_status import trading_status
from krakencopy.v1 import types_pb2 as pb
from tests.support.account_specs import guard_in, states_file_in
from tests.support.trading_states import SAID_AT, order_flatten, say_state


def test_all_that_was_said_is_reported_with_who_and_why(tmp_path: Path) -> None:
    path = states_file_in(tmp_path)
    guard = guard_in(tmp_path, "anna")
    assert trading_status(guard) == pb.TradingStatus(state=pb.TRADING_STATE_ACTIVE, version=-1)
    say_state(path, TradingState.REDUCING)
    say_state(path, TradingState.HALTED, account_scope("anna"), reason="")
    status = trading_status(guard)
    assert status.state == pb.TRADING_STATE_HALTED
    found = [(each.scope, each.state, each.by, each.reason, each.at.seconds) for each in status.settings]
    assert found == [
        ("all", pb.TRADING_STATE_REDUCING, "operator root", "a test", SAID_AT),
        ("account:anna", pb.TRADING_STATE_HALTED, "operator root", "", SAID_AT),
    ]
    assert not status.HasField("flatten")


def test_a_flatten_is_reported_with_how_far_it_has_come(tmp_path: Path) -> None:
    guard = guard_in(tmp_path, "anna")
    order_flatten(states_file_in(tmp_path), ["anna"])
    requested, selling = trading_status(guard), trading_status(guard, pb.FLATTEN_STATE_SELLING)
    assert (requested.flatten.number, requested.flatten.state) == (1, pb.FLATTEN_STATE_REQUESTED)
    assert (selling.flatten.state, selling.flatten.reason) == (pb.FLATTEN_STATE_SELLING, "a test")


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    states_file_in(tmp_path).write_text("{}")
    status = trading_status(guard_in(tmp_path, "anna"))
    assert status.state == pb.TRADING_STATE_HALTED
    assert "it is cut or damaged" in status.fault
