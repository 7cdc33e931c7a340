"""Judges of trading states: nothing leaves against what an account's process has said that it keeps to, and a
flatten leaves nothing of what copying held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tests.chaos.coin_book import MONEY
from tests.chaos.copied_by_trades import copied
from tests.chaos.judge_copies import coins_gone, coins_promised, minima_moved
from tests.chaos.judge_exits import DUST_DOLLARS
from tests.chaos.records import Finding, Record
from tests.chaos.terms import MOVED_BY, PAIRS, TRADED_COINS
from tests.chaos.worth import Prices

STRICTNESS = ("ACTIVE", "REDUCING", "HALTED")


@dataclass(frozen=True)
class Stretch:
    """From when to when a state was kept to (Unix seconds)."""

    state: str
    version: int
    since: float
    until: float


def stretches(record: Record, account: str) -> Iterator[Stretch]:
    """In which it was certain that the account's process keeps to a state that stops orders: from when it was
    seen to say so, until somebody began to say something else.
    """
    said = record.said
    states = [_state_of(row.states, account) for row in said]
    for index, state in enumerate(states):
        if state == "ACTIVE" or (index and states[index - 1] == state):
            continue
        end = next((other for other in range(index, len(said)) if states[other] != state), None)
        until = record.settled[-1].at if record.settled else 0.0
        last_version = said[-1].version
        if end is not None:
            until, last_version = said[end].before, said[end].version - 1
        since = [
            row.at
            for row in record.kept
            if row.account == account and said[index].version <= row.version <= last_version
        ]
        if since and min(since) < until:
            yield Stretch(state, said[index].version, min(since), until)


def _state_of(states: dict[str, str], account: str) -> str:
    mine = (states.get(scope, "ACTIVE") for scope in ("all", f"account:{account}"))
    return max(mine, key=STRICTNESS.index)


def nothing_arrives_against_a_state_that_is_kept_to(record: Record) -> Iterator[Finding]:
    """No order of copying arrives in HALTED, none that buys in REDUCING."""
    for user in record.users:
        orders = [
            request
            for request in record.requests_of(user.account)
            if request.method == "AddOrder" and request.outcome != "unseen" and not request.by_hand
        ]
        for stretch in stretches(record, user.account):
            for request in orders:
                is_stopped = stretch.state == "HALTED" or request.side == "buy"
                if is_stopped and stretch.since < request.at < stretch.until:
                    text = (
                        f"request {request.n} to {request.side} {request.pair} came "
                        f"{request.at - stretch.since:.3f} s after version {stretch.version} "
                        f"({stretch.state}) was kept to"
                    )
                    yield Finding(validator="trading states", account=user.account, text=text)


def a_flatten_leaves_nothing(record: Record) -> Iterator[Finding]:
    """At the next rest after it nothing is held of what copying had bought before; but for what its owner
    took or put away.
    """
    moved = minima_moved(record)
    for user in record.users:
        numbers = [row.flattens.get(user.account, 0) for row in record.said]
        excused = coins_gone(record, user.account) | coins_promised(record, user.account) | MONEY
        for index, row in enumerate(record.said):
            rest = next((rest for rest in record.settled if rest.at > row.at), None)
            if rest is None or not numbers[index] or (index and numbers[index - 1] == numbers[index]):
                continue
            later = {
                PAIRS[trade.pair].base
                for trade in record.trades_of(user.account)
                if trade.side == "buy" and row.before < trade.at <= rest.at
            }
            if record.clock_stepped:  # by its process's clock an entry may be of later than it was
                bought = (copy for copy in record.copies_of(user.account) if copy.side == "buy")
                later |= {PAIRS[copy.pair].base for copy in bought if copy.decided_at > row.before}
            held = copied(record, user.account, rest.trades)
            worth = Prices(record).in_dollars(rest.at - 60.0, rest.at)
            for coin in set(TRADED_COINS) - later - excused:
                least = max(
                    pair.ordermin * (MOVED_BY if pair.symbol in moved else 1)
                    for pair in PAIRS.values()
                    if pair.base == coin
                )
                if coin not in worth or held.held(coin) < least:
                    continue
                if held.held(coin) * Fraction(worth[coin][1]) >= DUST_DOLLARS:
                    text = f"holds {float(held.held(coin)):.8f} {coin} after flatten {numbers[index]}"
                    yield Finding(validator="flatten", account=user.account, text=text)
