"""What accounts may trade, as rows and sentences for people. Pure: messages in, lines out."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.views.formats import joined, local_time, money, nanoseconds, plain, word
from krakencopy.client.views.table import Column
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

_RESTRICTED = frozenset({nouns.TRADING_STATE_REDUCING, nouns.TRADING_STATE_HALTED})


def acknowledgement_columns() -> tuple[Column, ...]:
    """What acknowledgement_row's cells are."""
    return (Column("ACCOUNT"), Column("STATE"), Column("ACKNOWLEDGED"), Column("MESSAGE"))


def acknowledgement_row(one: pb.TradingAcknowledgement) -> list[str]:
    """Whether an account keeps to what was said."""
    state = state_word(one.trading.state)
    return [plain(one.account_id), state, "yes" if one.acknowledged else "NO", plain(one.message)]


def not_acknowledged(accounts: Iterable[pb.TradingAcknowledgement]) -> list[str]:
    """Their ids."""
    return [plain(one.account_id) for one in accounts if not one.acknowledged]


def position_columns() -> tuple[Column, ...]:
    """What position_row's cells are."""
    return (
        Column("ACCOUNT"),
        Column("COIN"),
        Column("VOLUME", right=True),
        Column("PAIR"),
        Column("ABOUT", right=True),
        Column("MESSAGE"),
    )


def position_row(position: pb.FlattenPosition) -> list[str]:
    """A coin that is to be sold."""
    return [
        plain(position.account_id),
        plain(position.asset),
        position.volume,
        plain(position.pair),
        money(position.value),
        plain(position.message),
    ]


def state_word(state: int) -> str:
    """``HALTED``; empty where it is not known."""
    return word(nouns.TradingState.DESCRIPTOR, state)


def setting_words(setting: nouns.TradingStateSetting) -> str:
    """``HALTED for all by operator root since 2026-11-28 05:58 (odd orders)``."""
    return f"{state_word(setting.state)} for {plain(_scope_words(setting.scope))} {said_words(setting)}"


def said_words(setting: nouns.TradingStateSetting) -> str:
    """Who said it, since when, and why."""
    why = f" ({plain(setting.reason)})" if setting.reason else ""
    return f"by {plain(setting.by)} since {minute(setting.at)}{why}"


def minute(at: Timestamp) -> str:
    """Local time to the minute."""
    return local_time(at)[: len("2026-11-28 05:58")]


def _scope_words(scope: str) -> str:
    kind, _, name = scope.partition(":")
    return {"account": "itself", "limit": "itself", "group": f"group {name}"}.get(kind, scope)


def restricted(account: nouns.Account) -> str:
    """All that was said of what an account may trade, the strictest first; empty for one that trades."""
    settings = sorted(account.trading.settings, key=lambda setting: setting.state, reverse=True)
    return joined(*map(setting_words, settings))


def flattening(account: nouns.Account) -> str:
    """How far the order to sell what copying bought has come."""
    flatten = account.trading.flatten
    what = {
        nouns.FLATTEN_STATE_REQUESTED: "is to sell what copying bought",
        nouns.FLATTEN_STATE_SELLING: "sells what copying bought",
        nouns.FLATTEN_STATE_DONE: "has sold what copying had bought",
    }.get(flatten.state)
    if what is None:
        return ""
    why = f" ({plain(flatten.reason)})" if flatten.reason else ""
    return f"{what}: flatten {flatten.number}, asked for by {plain(flatten.by)} at {minute(flatten.at)}{why}"


def still_flattening(account: nouns.Account) -> str:
    """The same while it is not over."""
    return "" if account.trading.flatten.state == nouns.FLATTEN_STATE_DONE else flattening(account)


def headline(accounts: Iterable[nouns.Account]) -> str:
    """Who may not trade everything, by whose word: ``2 accounts HALTED by operator root since ... (why)``."""
    accounts = list(accounts)
    about: dict[tuple[int, int, str], int] = {}
    for account in accounts:
        state = account.trading.state
        if state in _RESTRICTED:
            said = [each for each in account.trading.settings if each.state == state]
            key = (-state, nanoseconds(said[0].at), said_words(said[0])) if said else (-state, 0, "")
            about[key] = about.get(key, 0) + 1
    return joined(
        *(
            f"{_counted(number, len(accounts))} {state_word(-state)} {words}".rstrip()
            for (state, _, words), number in sorted(about.items())
        )
    )


def _counted(number: int, of_all: int) -> str:
    if number == of_all:
        return "all accounts"
    return "1 account" if number == 1 else f"{number} accounts"
