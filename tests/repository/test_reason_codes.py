"""Every refusal of a call has a constant reason in UPPER_SNAKE_CASE (google.rpc.ErrorInfo), never a text of
somebody else's.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from krakencopy import account_proc
from krakencopy.account_proc.contract.errors import AccountError
from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.account_proc.contract.refusals import REASON

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path
    for package in (
        "supervisor/control",
        "account_proc/service",
        "account_proc/runtime",
        "account_proc/contract",
        "client/gateway",
    )
    for path in (ROOT / package).rglob("*.py")
)
#: Which argument of a call is the reason.
PLACES = {
    "refuse": 2, "refuse_field": 3, "refusal": 1, "ChangeRefused": 0,
    "error_details": 0, "too_many": 0,
}  # fmt: skip
#: Constants of another module, and reasons that were checked where they were made.
NAMES = {"FIELD_INVALID", "UNAUTHENTICATED", "reason", "REQUEST_UNREADABLE", "INTERNAL_FAULT"}
#: Constants of another kind.
NO_REFUSALS = {"EXIT_OWED", "NOT_LISTED", ""}


def _reasons(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = PLACES.get(node.func.id)
            if place is not None and len(node.args) > place:
                yield node.args[place]
        elif isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "reason":
                    yield line.value


def _problem(reason: ast.expr) -> str:
    match reason:
        case ast.Constant(value=str(text)):
            return "" if REASON.fullmatch(text) else f"{text!r} is no reason in UPPER_SNAKE_CASE"
        case ast.Name(id=name):
            return "" if name in NAMES or REASON.fullmatch(name) else f"{name} is no constant"
        case ast.Attribute(attr="reason"):
            return ""  # of an error, whose class is looked at
        case ast.BoolOp(values=values):
            return next(filter(None, map(_problem, values)), "")
        case _:
            return f"{ast.unparse(reason)} is no constant"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_reason_of_a_refusal_is_a_constant(module: Path) -> None:
    found = [_problem(reason) for reason in _reasons(ast.parse(module.read_text(encoding="utf-8")))]
    assert not list(filter(None, found))


def _kinds_of(error: type[AccountError]) -> Iterator[type[AccountError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _kinds_of(kind)


def _constants(tree: ast.Module) -> Iterator[ast.expr]:
    """Reasons that are a constant of their own name."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = {ast.unparse(target) for target in node.targets}
            yield from [node.value] * (names == {node.value.value})


def test_each_reason_of_a_refusal_is_in_the_catalogue_and_no_other() -> None:
    for module in pkgutil.walk_packages(account_proc.__path__, f"{account_proc.__name__}."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)
    found = {kind.reason for kind in _kinds_of(AccountError) if kind.__module__.startswith("krakencopy.")}
    rooms = (ROOT / "supervisor" / "accounts", ROOT / "account_proc" / "copying")
    for path in [*MODULES, *(path for room in rooms for path in room.rglob("*.py"))]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for reason in [*_reasons(tree), *_constants(tree)]:
            found |= {
                node.value for node in ast.walk(reason)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }  # fmt: skip
    assert found - NO_REFUSALS - REFUSALS.keys() == set()
    assert REFUSALS.keys() - found == set()


def test_a_text_of_the_exchanges_is_no_reason() -> None:
    bad = ast.parse('refuse(context, code, str(error), "no")\nrefuse(context, code, "EOrder:No funds", "no")')
    assert list(map(_problem, _reasons(bad))) == [
        "str(error) is no constant",
        "'EOrder:No funds' is no reason in UPPER_SNAKE_CASE",
    ]


def test_no_error_is_given_a_reason_that_is_not_of_its_class() -> None:
    allowed = {"account_proc/kraken/key_check.py", "account_proc/domain/copy_record.py"}  # constants; copies
    found = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if "self.reason = " in path.read_text(encoding="utf-8")
    }
    assert found - allowed <= {"supervisor/control/change_refused.py", "supervisor/accounts/grpc_client.py"}
