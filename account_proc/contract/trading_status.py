"""What an account may trade, as messages have it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.trading_states import (
    LIMIT,
    FlattenOrder,
    StateSetting,
    TradingState,
    TradingStates,
)
from krakencopy.v1 import types_pb2 as pb

PB_STATE = {state: pb.TradingState.Value(f"TRADING_STATE_{state}") for state in TradingState}
#: Of an account without a process.
NO_VERSION = -1


def trading_status(
    states: TradingStates, account_id: str, group: str = "", *, version: int = NO_VERSION, fault: str = ""
) -> pb.TradingStatus:
    """Of one account. ``version``: the one that its process keeps to; ``fault``: why the states cannot be
    read. An order to sell everything is there as one that nobody has read yet.
    """
    state, settings = states.state_of(account_id, group), states.settings_of(account_id, group)
    status = status_message(state, settings, version=version, fault=fault)
    if (order := states.flattens.get(account_id)) is not None and not order.taken_back:
        status.flatten.CopyFrom(flatten_message(order, pb.FLATTEN_STATE_REQUESTED))
    return status


def status_message(
    state: TradingState, settings: Mapping[str, StateSetting], *, version: int, fault: str
) -> pb.TradingStatus:
    """A state with what was said, by scope."""
    status = pb.TradingStatus(state=PB_STATE[state], version=version, fault=fault)
    for scope, said in settings.items():
        status.settings.add(
            scope=scope, state=PB_STATE[said.state], by=said.by, reason=said.reason, at=timestamp(said.at)
        )
    return status


def taken_back_words(
    before: TradingStates, after: TradingStates, account_id: str, shown: pb.TradingStatus
) -> str:
    """What comes of taking back an account's flatten, for people; ``shown``: how far it had come."""
    order = before.flattens.get(account_id)
    if order is None or order.taken_back:
        limited = any(each.scope.startswith(LIMIT) for each in shown.settings)
        more = ", and what a limit of its own sells is not taken back by this" if limited else ""
        return f"no flatten of it is owed{more}"
    if not before.may_take_back(account_id):
        return f"its flatten was ordered by {order.by}, and is not taken back by this"
    if not (now := after.flattens[account_id]).taken_back:
        return f"its flatten is taken back, and it sells all the same: by {now.by}"
    if shown.flatten.number == order.number and shown.flatten.state == pb.FLATTEN_STATE_DONE:
        return "its flatten was done, nothing of it is left to be taken back"
    return "what of its flatten is not sold yet is held again"


def flatten_message(order: FlattenOrder, state: pb.FlattenState.ValueType) -> pb.Flatten:
    """An order to sell everything, and how far it has come."""
    return pb.Flatten(
        number=order.number, state=state, by=order.by, reason=order.reason, at=timestamp(order.at)
    )
