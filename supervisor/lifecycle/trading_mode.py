"""Who decides what an account trades, by the rules of docs/requirements.md, 3B. Pure.

A strategy that is configured on an account is its opt-in. A Kraken user's own strategy is off while the
master is connected, and on while it is not; a user that an operator has paused trades nothing new at all. A
master, and an account at another broker, follow nobody: their strategy is always on, and nothing is sent
to them.
"""

from __future__ import annotations

from krakencopy.v1 import types_pb2 as pb


def mode_to_send(
    *, has_strategy: bool, master_lost: bool, paused: bool, fills_wait: bool
) -> pb.TradingMode.ValueType:
    """What the process of a Kraken user gets to know. ``master_lost``: it does not serve, and not because the
    supervisor is shutting down. ``fills_wait``: the journal has fills that were not sent to the user: those
    are copied first.
    """
    if has_strategy and master_lost and not paused and not fills_wait:
        return pb.TRADING_MODE_OWN
    return pb.TRADING_MODE_COPYING
