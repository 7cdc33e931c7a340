"""docs/api is what the sources say, its examples are requests that would be taken, and each reason that the
protos name is one of the catalogue's, with its status.
"""

from __future__ import annotations

import ast
import json
import shlex
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.account_proc.contract.request_bounds import violations
from krakencopy.v1 import control_pb2 as pb
from tests.support import api_examples, api_parts, refused_statuses
from tests.support.api_pages import FOLDER, errors, groups, render
from tests.support.api_texts import GROUPS, RESERVED

METHODS = pytest.mark.parametrize("method", api_parts.methods(), ids=lambda method: method.name)
ANEW = "write them anew: .venv/bin/python -m tests.support.api_pages"


def test_the_pages_are_what_the_sources_say() -> None:
    pages = render()
    assert {path.name for path in FOLDER.glob("*")} == pages.keys(), ANEW
    for name, text in pages.items():
        assert (FOLDER / name).read_text() == text, f"{name}: {ANEW}"


def test_no_page_is_huge() -> None:
    assert {path.name for path in FOLDER.glob("*") if path.stat().st_size > 60_000} == set()


def test_each_method_is_on_one_page() -> None:
    named = [name for group in groups().values() for name in group.methods]
    assert sorted(named) == sorted(method.name for method in api_parts.methods())
    gone = {name for group in GROUPS.values() for name in group.methods} - set(named)
    assert gone | (api_examples.EXAMPLES.keys() - set(named)) == set()


@METHODS
def test_an_example_is_a_request_that_would_be_taken(method: MethodDescriptor) -> None:
    command = shlex.split(api_examples.grpcurl(method))
    service, _, name = command[-1].rpartition("/")
    assert service == "krakencopy.v1.ControlService"
    assert name == method.name
    shown = command[command.index("-d") + 1] if "-d" in command else "{}"
    request = ParseDict(json.loads(shown), GetMessageClass(method.input_type)())
    assert list(violations(request)) == []
    if method.input_type.fields_by_name.get("request_id") and not getattr(request, "dry_run", False):
        assert request.request_id  # type: ignore[attr-defined]  # of this type
    assert _evaluated(api_examples.python(method)) == (method.name, request)
    words = shlex.split(api_examples.curl(method).replace("\\\n", ""))
    assert (json.loads(words[words.index("-d") + 1]), words[-1].rpartition("/")[2]) == (
        json.loads(shown), method.name,
    )  # fmt: skip


def _evaluated(line: str) -> tuple[str, Any]:
    """The method and the request of a line of Python, whose names are those that the index imports."""
    (expression,) = ast.parse(line).body
    assert isinstance(expression, ast.Expr)
    call = expression.value
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    modules: dict[str, Any] = {"pb": pb}
    for method in api_parts.methods():
        kind = GetMessageClass(method.input_type)
        modules.setdefault(api_examples.module(method.input_type), _Module()).__dict__[kind.__name__] = kind
    code = compile(ast.Expression(call.args[0]), "<example>", "eval")
    return call.func.attr, eval(code, modules)  # noqa: S307 - a line of our own page


class _Module:
    """Has the classes of a module."""


@METHODS
def test_a_reason_that_the_protos_name_is_in_the_catalogue_with_its_status(method: MethodDescriptor) -> None:
    for error in api_parts.named_errors(method):
        if error.reason in RESERVED:
            assert RESERVED[error.reason][0] == error.status
        elif error.reason:
            assert error.reason in REFUSALS
            assert error.status in refused_statuses.status_of(error.reason), error
    assert "" not in {error.status for error in api_parts.named_errors(method)}


@METHODS
def test_what_the_code_refuses_is_on_its_page(method: MethodDescriptor) -> None:
    named = {reason for reasons in errors(method).values() for reason in reasons}
    common = {reason for _, reason in refused_statuses.of_every_call()}
    always = {"FIELD_INVALID", "REQUEST_ID_MISSING"}
    assert refused_statuses.of_method(method.name) <= named | common | always
    assert named <= REFUSALS.keys() | RESERVED.keys() | {""}


def test_what_is_reserved_is_given_by_no_code() -> None:
    assert RESERVED.keys() & (REFUSALS.keys() | refused_statuses.statuses().keys()) == set()
    assert refused_statuses.ELSEWHERE.keys() - REFUSALS.keys() == set()


def test_reasons_and_statuses_are_found_where_they_are_given() -> None:
    assert refused_statuses.of_method("ListFills") == {"BAD_PAGE_TOKEN", "BAD_INTERVAL"}
    assert refused_statuses.status_of("BAD_INTERVAL") == ("INVALID_ARGUMENT",)
    assert refused_statuses.status_of("TOO_MANY_CALLS") == ("RESOURCE_EXHAUSTED",)
    assert ("UNAVAILABLE", "DISK_NOT_WRITABLE") in refused_statuses.of_every_call()
    assert refused_statuses.passes_on("PlaceOrder")
    assert not refused_statuses.passes_on("ListFills")


def test_fields_are_described_as_they_are_checked() -> None:
    order = pb.PlaceOrderRequest.DESCRIPTOR.fields_by_name
    assert api_parts.bounds(order["request_id"]) == "at most 128 characters"
    assert api_parts.bounds(order["volume"]) == "a decimal number, not negative"
    settings = pb.SetSettingsRequest.DESCRIPTOR.fields_by_name["settings"]
    assert api_parts.type_name(settings) == "map of string to string"
    assert api_parts.bounds(settings) == "at most 50 of them, at most 2,000 characters"
    assert api_parts.bounds(pb.ReadLogRequest.DESCRIPTOR.fields_by_name["lines"]) == "0 to 100,000"
