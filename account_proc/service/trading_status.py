"""What an account may trade, in the form in which it is reported."""

from __future__ import annotations

from krakencopy.account_proc.contract.trading_status import flatten_message, status_message
from krakencopy.account_proc.trading.trading_guard import TradingGuard
from krakencopy.v1 import types_pb2 as pb


def trading_status(
    guard: TradingGuard, flatten_state: pb.FlattenState.ValueType = pb.FLATTEN_STATE_REQUESTED
) -> pb.TradingStatus:
    """By a look at the file. ``flatten_state``: how far the last order to sell has come, if there is one."""
    status = status_message(guard.state, guard.settings, version=guard.kept_version, fault=guard.fault)
    if (order := guard.flatten) is not None and not order.taken_back:
        status.flatten.CopyFrom(flatten_message(order, flatten_state))
    return status
