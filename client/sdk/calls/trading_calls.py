"""Calls about trading: what accounts may trade, and that what copying bought is to be sold. Whom they are
about: accounts by id, groups, or with ``everyone`` all there are and will be. All that is named must be
there, or nothing is done.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias

from krakencopy.client.sdk.call import Ask, whole
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

if TYPE_CHECKING:  # the command line does without the enums
    from krakencopy.client.sdk.generated.enums import TradingState

StateName = Literal["ACTIVE", "REDUCING", "HALTED"]
#: A trading state by its name, or as an account has it.
StateWord: TypeAlias = "StateName | TradingState"

_STATES = {
    "ACTIVE": nouns.TRADING_STATE_ACTIVE,
    "REDUCING": nouns.TRADING_STATE_REDUCING,
    "HALTED": nouns.TRADING_STATE_HALTED,
}


def set_trading_state(
    state: StateWord,
    *,
    account_ids: Iterable[str] = (),
    groups: Iterable[str] = (),
    everyone: bool = False,
    reason: str = "",
    by: str = "",
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[pb.SetTradingStateResponse, pb.SetTradingStateResponse]:
    """Say what accounts may trade, until ``"ACTIVE"`` is said for the same ones: with ``"REDUCING"`` they buy
    nothing, with ``"HALTED"`` no order leaves.

    It is on the disk when this returns, and holds across restarts. The answer names each account with whether
    its process has ``acknowledged`` it within a second, and what else keeps it from trading. ``by``: who says
    so, this machine user unless given. Raises NotFound, Refused (``STATES_UNREADABLE``: all are HALTED; say
    ``"ACTIVE"`` for ``everyone``), ServerFault (``STATES_NOT_WRITTEN``).
    """
    asked = _STATES.get(state) if isinstance(state, str) else nouns.TradingState.ValueType(state)
    if asked is None:
        raise BadInput(f"state is {state!r}; write 'ACTIVE', 'REDUCING' or 'HALTED'")
    request = pb.SetTradingStateRequest(
        request_id=request_id or str(uuid.uuid4()),
        target=pb.TradingTarget(all=everyone, account_ids=account_ids, groups=groups),
        state=asked,
        reason=reason,
        by=by or operator_name(),
    )
    # Said again, a stop stops no more than it did; ACTIVE could lift what somebody has said in between.
    is_stop = asked != nouns.TRADING_STATE_ACTIVE
    return Ask(request, pb.SetTradingStateResponse, whole, timeout_s, once_for_ever=is_stop)


def flatten_accounts(
    *,
    account_ids: Iterable[str] = (),
    groups: Iterable[str] = (),
    everyone: bool = False,
    dry_run: bool = False,
    cancel: bool = False,
    reason: str = "",
    by: str = "",
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[pb.FlattenAccountsResponse, pb.FlattenAccountsResponse]:
    """Have users sell all that copying bought and still holds, never coins of their own, and buy nothing from
    then on; with ``dry_run`` only say what that would be. Of ``groups`` and ``everyone`` those that copy.
    ``cancel`` takes it back: what is not sold yet is held again.

    Returns when it is on the disk, and not when it is sold: ``Account.trading.flatten`` shows how far it has
    come. Raises as ``set_trading_state`` does, and Refused for an account that copies nobody.
    """
    request = pb.FlattenAccountsRequest(
        request_id=request_id or str(uuid.uuid4()),
        target=pb.TradingTarget(all=everyone, account_ids=account_ids, groups=groups),
        reason=reason,
        by=by or operator_name(),
        dry_run=dry_run,
        cancel=cancel,
    )
    return Ask(request, pb.FlattenAccountsResponse, whole, timeout_s)
