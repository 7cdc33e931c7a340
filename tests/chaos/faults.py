"""Faults of the exchange that a campaign draws: for a user, for the master, for all. Pure."""

from __future__ import annotations

from typing import Any

from tests.chaos.situations import Draws, pairs
from tests.chaos.terms import MOVED_BY, PAIRS, PairTerms

#: Answers after which nobody knows whether the order exists.
UNKNOWN_ERRORS = (
    "EService:Deadline elapsed",
    "EService:Unavailable",
    "EService:Busy",
    "EGeneral:Internal error",
)
#: Answers that say for certain that nothing was done.
REFUSALS = ("EAPI:Rate limit exceeded", "EService:Throttled: <ts>", "EOrder:Rate limit exceeded")


class Faults(Draws):
    """Draws what befalls the exchange and the way to it, round by round."""

    def round(self) -> None:
        """Faults of one round."""
        for _ in range(self._dice.choice([0, 1, 2, 3])):
            self._do("fault", self._when() * 0.5, self._dice.choice(self._users), **self._user_fault())
        if self._some(0.2):
            self._do("fault", self._when() * 0.5, "master", **self._master_fault())
        if self._some(0.03):
            self._do("fault", self._when() * 0.5, **self._state_fault())

    def _user_fault(self) -> dict[str, Any]:
        dice = self._dice
        delay = dice.randint(200, 4_000)
        method = dice.choice(["AddOrder"] * 8 + ["QueryOrders", "ClosedOrders", "OpenOrders", "BalanceEx"])
        count = dice.choice([1, 1, 1, 2, 3])
        on = {"method": method, "count": count}
        return dice.choice(
            [
                {"kind": "drop_request", **on},
                {"kind": "drop_reply", **on},
                {"kind": "drop_reply", **on},
                {"kind": "hang_reply", **on, "delay_ms": delay},
                {"kind": "hang_request", **on, "delay_ms": delay},
                {"kind": "truncate_reply", **on},
                {
                    "kind": "html_5xx",
                    **on,
                    "status": dice.choice([502, 503, 504, 520]),
                    "executed": self._some(0.5),
                },
                {"kind": "error", **on, "error": dice.choice(UNKNOWN_ERRORS), "executed": self._some(0.5)},
                {"kind": "error", **on, "error": dice.choice(REFUSALS), "executed": False},
                {"kind": "duplicate_delivery", "method": "AddOrder", "count": 1},
                {"kind": "swap", "method": method, "count": 1, "delay_ms": dice.randint(100, 1_500)},
                {
                    "kind": "partial_cancel",
                    "count": count,
                    "fraction": dice.choice(["0.1", "0.5", "0.9"]),
                    "cum_qty": self._some(0.5),
                },
                *self._feed_faults(),
            ]
        )

    def _feed_faults(self) -> list[dict[str, Any]]:
        dice = self._dice
        return [
            {"kind": "ws_cut", "when": dice.choice(["now", "after_new", "before_event"])},
            {"kind": "ws_silence", "delay_ms": dice.randint(500, 6_000), "lose": self._some(0.5)},
            {"kind": "ws_refuse", "count": dice.choice([1, 2])},
            {"kind": "sequence_gap", "count": 1},
            {"kind": "duplicate_event", "count": dice.choice([1, 3])},
            {"kind": "no_filled_marker", "count": dice.choice([1, 3])},
            {"kind": "reorder_events", "count": 1},
            {"kind": "expire_token", "close": self._some(0.7)},
            {"kind": "visibility_lag", "delay_ms": dice.randint(50, 500), "jitter_ms": dice.randint(0, 400)},
        ]

    def _master_fault(self) -> dict[str, Any]:
        """Never on AddOrder: the master is traded by hand, and that hand is no part of the system."""
        dice = self._dice
        method = dice.choice(["TradesHistory", "BalanceEx", "GetWebSocketsToken"])
        on = {"method": method, "count": dice.choice([1, 2])}
        return dice.choice(
            [
                {"kind": "drop_request", **on},
                {"kind": "drop_reply", **on},
                {"kind": "html_5xx", **on, "status": 502, "executed": False},
                {"kind": "error", **on, "error": dice.choice(UNKNOWN_ERRORS), "executed": False},
                *(fault for fault in self._feed_faults() if fault["kind"] != "expire_token"),
                # Closed for its token, the feed stays away for 30 to 60 s.
                {"kind": "expire_token", "close": self._some(0.05)},
                {"kind": "ws_cut", "when": "after_new"},
                {"kind": "ws_cut", "when": "before_event"},
            ]
        )

    def _state_fault(self) -> dict[str, Any]:
        dice = self._dice
        pair: PairTerms = PAIRS[dice.choice(pairs(self._names))]
        return dice.choice(
            [
                {
                    "kind": "market_mode",
                    "mode": dice.choice(["cancel_only", "post_only", "limit_only", "maintenance"]),
                },
                {
                    "kind": "ordermin",
                    "pair": pair.altname,
                    "ordermin": f"{pair.ordermin * MOVED_BY:f}",
                    "stale": self._some(0.5),
                },
                {"kind": "clock_skew", "seconds": dice.choice(["0.3", "-0.3"])},
            ]
        )
