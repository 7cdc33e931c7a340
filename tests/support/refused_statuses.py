"""Which status each reason of a refused call has, and which reasons a method of ControlService may answer: as
the sources say.
"""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from grpclib.const import Status

ROOT = Path(__file__).parents[2]
CONTROL = "supervisor/control"
#: Where calls are refused.
ROOMS = (CONTROL, "supervisor/accounts", "account_proc/service", "account_proc/runtime", "client/gateway")
#: Modules of the control room that refuse whatever is asked.
FRONT = (
    "front", "call_answerer", "call_status", "room_wait", "authorization", "access_table", "owner_scope",
)  # fmt: skip
#: Which argument of a call is the reason.
REASON_PLACES = {
    "refuse": 2, "refuse_field": 3, "refusal": 1, "too_many": 0, "_status": 2, "ChangeRefused": 0,
    "CallFailed": 2, "Unauthenticated": 0, "Denied": 0, "NotOwned": 0,
}  # fmt: skip
#: Those that have a status of their own.
STATUS_OF_CALL = {
    "refuse_field": "INVALID_ARGUMENT", "too_many": "RESOURCE_EXHAUSTED",
    "Unauthenticated": "UNAUTHENTICATED", "Denied": "PERMISSION_DENIED", "NotOwned": "PERMISSION_DENIED",
}  # fmt: skip
STATUSES = frozenset(status.name for status in Status)

_BAD, _GONE, _LOST = ("INVALID_ARGUMENT",), ("NOT_FOUND",), ("DATA_LOSS",)
#: Reasons that are a class's, or are passed on, with what is made of them: in ``_refusals`` of
#: account_proc/service/order_calls.py, where fills are taken in account_service.py, and of what a reload or a
#: setting is refused for in supervisor/control.
ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "BAD_ORDER": _BAD, "UNKNOWN_PAIR": _BAD, "BAD_CONFIGURATION": _BAD, "BAD_SETTING": _BAD,
    "BAD_ACCOUNT": _BAD, "BAD_GROUP": _BAD, "UNKNOWN_FIELD": _BAD, "CANNOT_CHANGE": _BAD,
    "CREDENTIALS_NOT_PERMITTED": _BAD, "ALREADY_EXISTS": ("ALREADY_EXISTS",),
    "ETAG_NOT_CURRENT": ("ABORTED",), "KEY_NOT_SETTABLE": _BAD, "NOTHING_TO_SET": _BAD,
    "TARGET_NOT_FOUND": _GONE, "ORDER_NOT_FOUND": _GONE,
    "LEDGER_FAULT": ("INTERNAL",), "FILL_GAP": _LOST, "FILL_DIFFERS": _LOST, "FILL_INVALID": (*_BAD, *_LOST),
}  # fmt: skip
#: All others are a state of things that must be otherwise first.
ELSE = ("FAILED_PRECONDITION",)


@dataclass
class Function:
    """What the functions of one name do about refusals."""

    reasons: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    #: Whether what an account's process refuses is answered as it came.
    passes_on: bool = False


@cache
def _trees() -> Mapping[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
    }


def _texts(node: ast.expr, path: str) -> Iterator[str]:
    """The reasons that an expression may be."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name) if name.isupper():
            module = importlib.import_module(f"krakencopy.{path.removesuffix('.py').replace('/', '.')}")
            yield str(getattr(module, name))
        case ast.BoolOp(values=values):
            for value in values:
                yield from _texts(value, path)


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _given(call: ast.Call, path: str) -> Iterator[tuple[str, str]]:
    """The status, empty where it is not said there, and the reason of a call that refuses."""
    name, words = _name(call), call.args
    status = STATUS_OF_CALL.get(name) or next(
        (word.attr for word in words if isinstance(word, ast.Attribute) and word.attr in STATUSES), ""
    )
    place = REASON_PLACES.get(name, len(words))
    if name == "GRPCError":
        details = [inner for inner in ast.walk(call) if isinstance(inner, ast.Call)]
        reasons = [inner.args[0] for inner in details if _name(inner) == "error_details"]
    elif name == "refuse_field" and place >= len(words):
        reasons = [ast.Constant("FIELD_INVALID")]
    else:
        reasons = words[place : place + 1]
    for reason in reasons:
        yield from ((status, text) for text in _texts(reason, path) if text)


def _calls_in(node: ast.AST) -> Iterator[ast.Call]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def _is_front(path: str) -> bool:
    return path.startswith(tuple(f"{CONTROL}/{name}" for name in FRONT))


@cache
def of_every_call() -> frozenset[tuple[str, str]]:
    """What any call may be refused with, whatever it asks: status and reason."""
    return frozenset(
        given
        for path, tree in _trees().items()
        if _is_front(path)
        for call in _calls_in(tree)
        for given in _given(call, path)
        if given[0]
    )


@cache
def _functions() -> Mapping[str, Function]:
    """Those of the supervisor's answers, by name; what is defined in one belongs to it."""
    found: dict[str, Function] = defaultdict(Function)
    for path, tree in _trees().items():
        if path.startswith(f"{CONTROL}/") and not _is_front(path):
            classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
            for node in [*tree.body, *(inner for each in classes for inner in each.body)]:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    for call in _calls_in(node):
                        found[node.name].calls.add(_name(call))
                        found[node.name].reasons |= {reason for _, reason in _given(call, path)}
                        if _name(call) == "refuse" and "CODES[" in ast.unparse(call.args[1]):
                            found[node.name].passes_on = True
    return found


@cache
def _led_to(method: str) -> tuple[Function, ...]:
    """The functions that answer a method, as far as their names lead."""
    waiting, seen = {method}, set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if name in _functions():
            waiting |= _functions()[name].calls - seen
    return tuple(_functions()[name] for name in sorted(seen) if name in _functions())


def of_method(method: str) -> frozenset[str]:
    """The reasons that the supervisor's own code gives for one; not those that it passes on."""
    return frozenset().union(*(function.reasons for function in _led_to(method)))


def passes_on(method: str) -> bool:
    """Whether it answers also with what an account's process refuses."""
    return any(function.passes_on for function in _led_to(method))


@cache
def statuses() -> Mapping[str, frozenset[str]]:
    """Those of each reason that some code gives with one."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in _trees().items():
        for call in _calls_in(tree):
            for status, reason in _given(call, path):
                if status:
                    found[reason].add(status)
    return {reason: frozenset(names) for reason, names in found.items()}


def status_of(reason: str) -> tuple[str, ...]:
    """With which statuses a reason is answered, by name."""
    known = set(statuses().get(reason, ())) | set(ELSEWHERE.get(reason, ()))
    return tuple(sorted(known)) or ELSE
