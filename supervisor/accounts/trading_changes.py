"""What is different between two versions of the trading states, each as one event. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from krakencopy.account_proc.contract.trading_states import (
    ALL,
    FlattenOrder,
    StateSetting,
    TradingState,
    TradingStates,
    account_scope,
    group_scope,
)

TRADING_STATE_CHANGED, FLATTEN_REQUESTED, FLATTEN_TAKEN_BACK = (
    "TRADING_STATE_CHANGED", "FLATTEN_REQUESTED", "FLATTEN_TAKEN_BACK",
)  # fmt: skip
_ACCOUNT, _GROUP = account_scope(""), group_scope("")


@dataclass(frozen=True, slots=True)
class Change:
    """What an event says."""

    code: str
    #: Empty where it is about a group, or all.
    account_id: str
    message: str
    data: Mapping[str, str]


def account_of(scope: str) -> str:
    """The account that a scope is of; empty for a group's and for all."""
    return scope.removeprefix(_ACCOUNT) if scope.startswith(_ACCOUNT) else ""


def scope_words(scope: str) -> str:
    """Whom a scope means, for people."""
    if scope == ALL:
        return "all accounts"
    return f"group {scope.removeprefix(_GROUP)}" if scope.startswith(_GROUP) else account_of(scope)


def lift_words(scope: str) -> str:
    """The command that lifts what was said for a scope."""
    if scope == ALL:
        return "krakencopy resume --all"
    whom = f"--group {scope.removeprefix(_GROUP)}" if scope.startswith(_GROUP) else account_of(scope)
    return f"krakencopy resume {whom}"


def said_words(by: str, reason: str) -> str:
    """Who has said something, and why."""
    return " ".join(filter(None, (f"by {by}" if by else "", f"({reason})" if reason else "")))


def changes(before: TradingStates, after: TradingStates, by: str, reason: str, note: str) -> Iterator[Change]:
    """All of it. ``by`` and ``reason`` are of what was lifted, which the states themselves do not keep;
    ``note``: what else there is to say of each.
    """
    flattened = {
        account_id: order
        for account_id, order in after.flattens.items()
        if before.flattens.get(account_id) != order
    }
    for account_id, order in flattened.items():
        code, words = FLATTEN_REQUESTED, "it is to sell what copying bought, and buys nothing"
        if order.taken_back:
            code, words = FLATTEN_TAKEN_BACK, "what of its flatten is not sold yet is held again"
        words = f"{words}, {said_words(order.by, order.reason)}"
        data = {"number": str(order.number), "by": order.by, "reason": order.reason}
        yield Change(code, account_id, _noted(words, note), data)
    for scope in sorted({*before.states, *after.states}):
        now = after.states.get(scope)
        if now == before.states.get(scope) or _follows(now, flattened.get(account_of(scope))):
            continue
        state = TradingState.ACTIVE if now is None else now.state
        who, why = (by, reason) if now is None else (now.by, now.reason)
        words = f"{scope_words(scope)}: {state} {said_words(who, why)}".rstrip()
        data = {"scope": scope, "state": str(state), "by": who, "reason": why}
        yield Change(TRADING_STATE_CHANGED, account_of(scope), _noted(words, note), data)


def _follows(now: StateSetting | None, order: FlattenOrder | None) -> bool:
    """Whether it is the state that comes with an order to sell everything, whose event says so."""
    if now is None or order is None:
        return False
    return (now.by, now.reason, now.at) == (order.by, order.reason, order.at)


def _noted(words: str, note: str) -> str:
    return f"{words}; {note}" if note else words
