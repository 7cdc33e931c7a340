"""Trades that the feed has sent while the master's past is not complete: they become fills behind those of
the trade history. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from krakencopy.account_proc.domain.counted_trades import Trade


class HeldTrades:
    """Trades that wait, in the order in which they came."""

    def __init__(self) -> None:
        self._held: list[tuple[Trade, float]] = []

    def hold(self, trade: Trade, received_at: float) -> None:
        """One more; it came at ``received_at`` (Unix seconds)."""
        self._held.append((trade, received_at))

    def clear(self) -> None:
        """They have become fills."""
        self._held.clear()

    def received(self) -> dict[str, float]:
        """When each came (Unix seconds), by execution id."""
        return {trade.exec_id: at for trade, at in self._held}

    def symbols(self) -> list[str]:
        """The pairs that they are in, under the names that the feed has for them."""
        return [trade.pair for trade, _ in self._held]

    def merged_with(self, known: Iterable[Trade], hints: Iterable[Trade] = ()) -> list[Trade]:
        """These and others, each once, in order of execution. ``known`` is from the history or from an
        earlier call, ``hints`` from the feed's snapshot. The feed's own row wins: it knows the fee's asset.
        """
        trades: dict[str, Trade] = {}
        for trade in (*known, *hints, *(trade for trade, _ in self._held)):
            before = trades.get(trade.exec_id)
            # The feed's snapshot may leave it out.
            carried = trade.cl_ord_id or ("" if before is None else before.cl_ord_id)
            trades[trade.exec_id] = replace(trade, cl_ord_id=carried)
        return sorted(trades.values(), key=lambda trade: trade.executed_at)
