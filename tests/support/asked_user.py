"""A user who is asked to copy a fill that it has skipped."""

from __future__ import annotations

from typing import Any

from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.asked_fills import Asked, AskedAnswer
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import User
from tests.support.trading_states import say_state


async def ask(user: User, fill: pb.Fill, **given: Any) -> AskedAnswer:
    return await user.copier.copy_asked_fill(Asked(fill=fill, by="operator root", **given))


def say(user: User, state: TradingState) -> None:
    say_state(user.states_path, state)
    user.guard.look()


def skipped(user: User, side: Side = Side.BUY) -> pb.Fill:
    """A fill that the user has skipped, as it buys nothing."""
    say(user, TradingState.REDUCING)
    fill = user.made(side)
    user.copier.take_fills([fill])
    say(user, TradingState.ACTIVE)
    return fill
