"""The SDK's calls about trading: what accounts may trade, and that what copying bought is to be sold."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Literal

from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

StateWord = Literal["ACTIVE", "REDUCING", "HALTED"]


class TradingCalls:
    """A part of KrakenCopy. Whom a call is about: accounts by id, groups, or with ``everyone`` all there are
    and will be. All that is named must be there, or nothing is done.
    """

    _connection: Connection

    def set_trading_state(
        self,
        state: StateWord,
        *,
        account_ids: Iterable[str] = (),
        groups: Iterable[str] = (),
        everyone: bool = False,
        reason: str = "",
        by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.SetTradingStateResponse:
        """Say what accounts may trade, until ``"ACTIVE"`` is said for the same ones: with ``"REDUCING"`` they
        buy nothing, with ``"HALTED"`` no order leaves.

        It is on the disk when this returns, and holds across restarts. The answer names each account with
        whether its process has ``acknowledged`` it within a second, and what else keeps it from trading.
        ``by``: who says so, this machine user unless given. Raises NotFound, Refused (``STATES_UNREADABLE``:
        all are HALTED; say ``"ACTIVE"`` for ``everyone``), ServerFault (``STATES_NOT_WRITTEN``).
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.SetTradingStateRequest(
            request_id=request_id,
            target=pb.TradingTarget(all=everyone, account_ids=account_ids, groups=groups),
            state=nouns.TradingState.Value(f"TRADING_STATE_{state}"),
            reason=reason,
            by=by or operator_name(),
        )
        return self._connection.ask(self._connection.stub.SetTradingState, request, timeout_s, request_id)

    def flatten_accounts(
        self,
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
    ) -> pb.FlattenAccountsResponse:
        """Have users sell all that copying bought and still holds, never coins of their own, and buy nothing
        from then on; with ``dry_run`` only say what that would be. Of ``groups`` and ``everyone`` those that
        copy. ``cancel`` takes it back: what is not sold yet is held again.

        Returns when it is on the disk, and not when it is sold: ``Account.trading.flatten`` shows how far it
        has come. Raises as ``set_trading_state`` does, and Refused for an account that copies nobody.
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.FlattenAccountsRequest(
            request_id=request_id,
            target=pb.TradingTarget(all=everyone, account_ids=account_ids, groups=groups),
            reason=reason,
            by=by or operator_name(),
            dry_run=dry_run,
            cancel=cancel,
        )
        return self._connection.ask(self._connection.stub.FlattenAccounts, request, timeout_s, request_id)
