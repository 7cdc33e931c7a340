"""What the owner of one account may ask, and what of an answer is about that account. Pure: two tables, the
only place that says so. A method that is in neither is not for owners.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

#: What an owner gets: the message with nothing of others in it; None for a message of a stream that is about
#: somebody else.
Own = Callable[[Any, str], Message | None]

NOT_FOR_OWNERS = "NOT_FOR_OWNERS"
NOT_YOUR_ACCOUNT = "NOT_YOUR_ACCOUNT"
OWNERS_NEVER_LIFT = "OWNERS_NEVER_LIFT"
#: Fields that hold texts for people, and what stands there in the place of another account's id.
_TEXTS = frozenset({"message", "detail", "explanation", "leaving"})
HIDDEN = "(another account)"
#: Ids that are words of such texts as well, and say nothing.
_WORDS = frozenset({"master", "user", "account"})
#: Reasons whose words name other accounts, or groups.
_NAMES_OTHERS = frozenset({"ACCOUNT_NOT_FOUND", "GROUP_NOT_FOUND"})


class NotOwned(Exception):
    """An owner may not ask this. ``reason`` is stable."""

    def __init__(self, reason: str, words: str) -> None:
        self.reason, self.words = reason, words
        super().__init__(words)


def _one(request: Any) -> list[str]:
    return [request.account_id] if request.account_id else []


def _several(request: Any) -> list[str]:
    return list(request.account_ids)


def _target(request: Any) -> list[str]:
    target = request.target
    # All, and a group, are others, whoever is in them.
    return ["", *target.account_ids] if target.all or target.groups else list(target.account_ids)


#: Of each method that is for owners: the accounts that its request names; None for one that is about all, and
#: whose answer has only what is the owner's.
NAMED: Mapping[str, Callable[[Any], list[str]] | None] = MappingProxyType(
    {
        "WhoAmI": None,
        "GetStatus": None,
        "ListAccounts": None,
        "GetAccount": _one,
        "ListCopies": _one,
        "WatchCopies": _one,
        "ExplainFill": None,
        "ListEvents": _one,
        "WatchEvents": None,
        "ListLimits": _several,
        "StopAccount": _one,
        "PauseAccount": _one,
        "SetTradingState": _target,
        "FlattenAccounts": _target,
    }
)


def check_request(method: str, request: Any, account: str) -> None:
    """Raises NotOwned for what is not the owner's to ask."""
    if method not in NAMED:
        raise NotOwned(NOT_FOR_OWNERS, f"{method} is not for the owner of one account")
    names = NAMED[method]
    if names is not None:
        found = names(request)
        if not found:
            raise NotOwned(NOT_YOUR_ACCOUNT, f"name your account: you may ask of {account} alone")
        if set(found) != {account}:
            raise NotOwned(NOT_YOUR_ACCOUNT, f"you may ask of {account} alone, and by its id")
    if method == "SetTradingState" and request.state == types_pb2.TRADING_STATE_ACTIVE:
        raise NotOwned(
            OWNERS_NEVER_LIFT, "an owner halts or stops buying, and never lifts it; ask an operator"
        )
    if method == "FlattenAccounts" and request.cancel:
        raise NotOwned(OWNERS_NEVER_LIFT, "an owner never takes a flatten back; ask an operator")


#: What is named here is let through, and what is added to a message later is not.
_OF_STATUS = frozenset({"version", "epoch", "started_at", "head_seq", "head_change", "head_event"})
#: What was traded, and nothing of what the master has.
_OF_FILL = frozenset(
    {"seq", "exec_id", "pair", "side", "price", "volume", "executed_at", "received_at", "journalled_at"}
)


def _only(message: Any, names: frozenset[str]) -> Any:
    """A copy with these fields alone."""
    found = type(message)()
    found.CopyFrom(message)
    for field, _ in message.ListFields():
        if field.name not in names:
            found.ClearField(field.name)
    return found


def _status(answer: pb.GetStatusResponse, account: str) -> pb.GetStatusResponse:
    found: pb.GetStatusResponse = _only(answer, _OF_STATUS)
    found.exchange.mode = answer.exchange.mode
    found.accounts.extend(each for each in answer.accounts if each.id == account)
    for own in found.accounts:
        found.ready, found.message = own.state == types_pb2.ACCOUNT_STATE_RUNNING, own.message
    return found


def _accounts(answer: pb.ListAccountsResponse, account: str) -> pb.ListAccountsResponse:
    return pb.ListAccountsResponse(accounts=[each for each in answer.accounts if each.id == account])


def _of_account(answer: Any, account: str) -> Any:
    return answer if answer.account.id == account else None


def _copies(answer: pb.ListCopiesResponse, account: str) -> pb.ListCopiesResponse:
    copies = [each for each in answer.copies if each.account_id == account]
    return pb.ListCopiesResponse(copies=copies, next_page_token=answer.next_page_token)


def _copy(answer: pb.WatchCopiesResponse, account: str) -> pb.WatchCopiesResponse | None:
    return answer if answer.copy.account_id == account else None


def _explanation(answer: pb.ExplainFillResponse, account: str) -> pb.ExplainFillResponse:
    outcomes = [each for each in answer.outcomes if each.account_id == account]
    return pb.ExplainFillResponse(fill=_only(answer.fill, _OF_FILL), outcomes=outcomes)


def _events(answer: pb.ListEventsResponse, account: str) -> pb.ListEventsResponse:
    events = [each for each in answer.events if each.account_id == account]
    return pb.ListEventsResponse(events=events, next_page_token=answer.next_page_token)


def _event(answer: pb.WatchEventsResponse, account: str) -> pb.WatchEventsResponse | None:
    return answer if answer.event.account_id == account else None


def _limits(answer: pb.ListLimitsResponse, account: str) -> pb.ListLimitsResponse:
    return pb.ListLimitsResponse(limits=[each for each in answer.limits if each.account_id == account])


def _states(answer: pb.SetTradingStateResponse, account: str) -> pb.SetTradingStateResponse:
    own = [each for each in answer.accounts if each.account_id == account]
    return pb.SetTradingStateResponse(accounts=own, version=answer.version)


def _flattened(answer: pb.FlattenAccountsResponse, account: str) -> pb.FlattenAccountsResponse:
    return pb.FlattenAccountsResponse(
        positions=[each for each in answer.positions if each.account_id == account],
        accounts=[each for each in answer.accounts if each.account_id == account],
    )


def hide_names(message: Message, names: Collection[str]) -> None:
    """Texts for people may name other accounts, e.g. one whose key opens the same account at the exchange."""
    pattern = _pattern(tuple(sorted(names)))
    if pattern is not None:
        _hide(message, pattern)


@lru_cache(maxsize=8)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    found = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name not in _WORDS)
    return re.compile(rf"(?<![\w-])(?:{found})(?![\w-])") if found else None


def _hide(message: Message, pattern: re.Pattern[str]) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key in list(value) if field.name == "data" else ():
                value[key] = pattern.sub(HIDDEN, value[key])
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in value if field.is_repeated else (value,):
                _hide(each, pattern)
        elif field.name in _TEXTS and isinstance(value, str):
            setattr(message, field.name, pattern.sub(HIDDEN, value))


def own_refusal(encoded: bytes) -> bytes:
    """A google.rpc.Status as an owner gets it: one about an account that is not there names all others."""
    status, info = status_pb2.Status.FromString(encoded), error_details_pb2.ErrorInfo()
    if any(part.Unpack(info) for part in status.details) and info.reason in _NAMES_OTHERS:
        status.message = "it is not in the configuration"
        return bytes(status.SerializeToString())
    return encoded


#: Of each method that is for owners: what of its answer is the owner's.
OWN: Mapping[str, Own] = MappingProxyType(
    {
        "WhoAmI": lambda answer, _account: answer,
        "GetStatus": _status,
        "ListAccounts": _accounts,
        "GetAccount": _of_account,
        "ListCopies": _copies,
        "WatchCopies": _copy,
        "ExplainFill": _explanation,
        "ListEvents": _events,
        "WatchEvents": _event,
        "ListLimits": _limits,
        "StopAccount": _of_account,
        "PauseAccount": _of_account,
        "SetTradingState": _states,
        "FlattenAccounts": _flattened,
    }
)
