"""Who decides what an account trades, by the rules of docs/requirements.md, 3B. Pure.

A strategy that is configured on an account is its opt-in. A Kraken user's own strategy is off while the
master is connected, and on while it is not; a user that an operator has paused trades nothing new at all. A
master, and an account at another broker, follow nobody: their strategy is always on, and nobody needs to tell
them.
"""

from __future__ import annotations

from krakencopy.v1 import types_pb2 as pb


def told_mode(
    *, has_strategy: bool, master_serving: bool, paused: bool, leaving: bool, fills_wait: bool
) -> pb.TradingMode.ValueType:
    """What a Kraken user is told. ``leaving``: the supervisor is shutting down, which is no loss of the
    master. ``fills_wait``: the journal has fills that were not sent to it: those are copied first.
    """
    if not has_strategy or master_serving or paused or leaving or fills_wait:
        return pb.TRADING_MODE_COPYING
    return pb.TRADING_MODE_OWN
