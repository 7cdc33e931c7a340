"""The life of one copy, as a table. Pure: no clock, no files, no exchange.

    RECEIVED ──▶ PLANNED ──▶ INTENT ──▶ SENT ──▶ ACKNOWLEDGED ──▶ FILLED | PART_FILLED | REJECTED
       │            │           │         │           ▲
       ├─▶ SKIPPED ◀┤           └──▶ UNKNOWN ◀────────┤ (not shown under its id)
       └─▶ CARRIED ◀┘                  ├──────────────┘ (found at the exchange)
                                       └─▶ INTENT (sent again, once its absence is proven) or REJECTED

INTENT is the line that matters: before it nothing has left this machine and nothing can have; from it on, an
order may exist at the exchange under the copy's ``cl_ord_id``, whatever happens to this process.
"""

from __future__ import annotations

from enum import StrEnum


class CopyState(StrEnum):
    """Where a copy stands; the names are those of ``krakencopy.v1.CopyState``."""

    RECEIVED = "RECEIVED"
    PLANNED = "PLANNED"
    INTENT = "INTENT"
    SENT = "SENT"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    UNKNOWN = "UNKNOWN"
    FILLED = "FILLED"
    PART_FILLED = "PART_FILLED"
    REJECTED = "REJECTED"
    SKIPPED = "SKIPPED"
    CARRIED = "CARRIED"


S = CopyState

#: From each state, the states that may follow.
TRANSITIONS: dict[CopyState, frozenset[CopyState]] = {
    S.RECEIVED: frozenset({S.PLANNED, S.SKIPPED, S.CARRIED}),
    S.PLANNED: frozenset({S.INTENT, S.SKIPPED, S.CARRIED}),
    # A process that died between the intent and the answer cannot know whether the order left.
    S.INTENT: frozenset({S.SENT, S.UNKNOWN}),
    # CARRIED: the exchange's minimum has grown since the pair's rules were read, and the volume waits for
    # more. INTENT: a refusal or a connection that was never made prove that nothing was done; it is sent
    # again, cut or in another form.
    S.SENT: frozenset({S.ACKNOWLEDGED, S.UNKNOWN, S.REJECTED, S.CARRIED, S.INTENT}),
    # UNKNOWN: it was acknowledged under an id that the exchange does not show.
    S.ACKNOWLEDGED: frozenset({S.FILLED, S.PART_FILLED, S.REJECTED, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.ACKNOWLEDGED, S.REJECTED, S.INTENT}),
    S.FILLED: frozenset(),
    S.PART_FILLED: frozenset(),
    S.REJECTED: frozenset(),
    S.SKIPPED: frozenset(),
    S.CARRIED: frozenset(),
}

#: Nothing follows these.
ENDS = frozenset(state for state, after in TRANSITIONS.items() if not after)

#: An order may exist at the exchange, and its end is not known.
MAY_BE_LIVE = frozenset({S.INTENT, S.SENT, S.ACKNOWLEDGED, S.UNKNOWN})


class Reason(StrEnum):
    """Why a copy is what it is. Kraken's own error strings stand beside these where the exchange refused."""

    # sized and ordered
    SCALED = "SCALED"
    CAPPED = "CAPPED"
    CASH_LIMITED = "CASH_LIMITED"
    EXIT_FRACTION = "EXIT_FRACTION"
    EXIT_FULL = "EXIT_FULL"
    HOLDINGS_LIMITED = "HOLDINGS_LIMITED"
    EXIT_OWED = "EXIT_OWED"
    # the order was given up, and was there after all
    FOUND_LATE = "FOUND_LATE"
    # the order was made before the ledger was brought back from a backup
    TAKEN_OVER = "TAKEN_OVER"
    # carried
    BELOW_ORDERMIN = "BELOW_ORDERMIN"
    BELOW_COSTMIN = "BELOW_COSTMIN"
    # carried, and then given up because the master left the position
    CARRY_EXITED = "CARRY_EXITED"
    # carried, and then given up because the pair is copied in another one
    MAP_CHANGED = "MAP_CHANGED"
    # skipped
    STALE_ENTRY = "STALE_ENTRY"
    MARGIN_TRADE = "MARGIN_TRADE"
    NO_COPIED_POSITION = "NO_COPIED_POSITION"
    POSITION_BELOW_MINIMUM = "POSITION_BELOW_MINIMUM"
    CAP_EXHAUSTED = "CAP_EXHAUSTED"
    BELOW_MIN_COPY = "BELOW_MIN_COPY"
    PAIR_EXCLUDED = "PAIR_EXCLUDED"
    NOTHING_LEFT_OF_ORDER = "NOTHING_LEFT_OF_ORDER"
    NO_EQUITY = "NO_EQUITY"
    MASTER_EQUITY_UNKNOWN = "MASTER_EQUITY_UNKNOWN"
    UNKNOWN_PAIR = "UNKNOWN_PAIR"
    NO_MARK = "NO_MARK"
    NOTIONAL_NEEDS_CURRENCY = "NOTIONAL_NEEDS_CURRENCY"
    # answered by orders of before the ledger was brought back from a backup
    ANSWERED_BEFORE = "ANSWERED_BEFORE"
    # the master's order is a copy of one of our own users
    SAME_ACCOUNT = "SAME_ACCOUNT"
    # by the account's trading state: an entry ends, an exit is owed
    TRADING_REDUCING = "TRADING_REDUCING"
    TRADING_HALTED = "TRADING_HALTED"
    # by a limit to losses that was hit: the same
    LIMIT_HIT = "LIMIT_HIT"
    # what copying held is to be sold
    FLATTEN = "FLATTEN"
    # brought to the master's positions: to be sold, not bought as it would be worse, or near enough already
    RESYNC = "RESYNC"
    SYNC_WORSE = "SYNC_WORSE"
    SYNC_NOT_NEEDED = "SYNC_NOT_NEEDED"
    # ended without a fill, or with a part
    ENDED_UNFILLED = "ENDED_UNFILLED"
    SLIPPAGE_BOUND = "SLIPPAGE_BOUND"
    SELF_TRADE = "SELF_TRADE"
    NOT_THERE = "NOT_THERE"
    NEVER_ARRIVED = "NEVER_ARRIVED"


def advance(current: CopyState, new: CopyState) -> CopyState:
    """``new``, if it may follow ``current``; AssertionError otherwise: that is a defect here, never bad
    input.
    """
    if new not in TRANSITIONS[current]:
        raise AssertionError(f"a copy cannot go from {current} to {new}")
    return new
