"""Results are lines for people or JSON for programs; never a mixture."""

from __future__ import annotations

import io
import json
import os

import pytest
from google.protobuf.json_format import Parse

from krakencopy.client.cli.output import Output, TableOutput, to_json
from krakencopy.client.views.table import Column
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.typed_lines import Typed

COLUMNS = [Column("ID"), Column("MESSAGE")]


def row(account: nouns.Account) -> list[str]:
    return [account.id, account.message]


def listing(stream: io.StringIO, *, as_json: bool) -> TableOutput[nouns.Account]:
    return TableOutput(Output(stream, as_json=as_json), COLUMNS, row)


def accounts(*ids: str) -> list[nouns.Account]:
    return [nouns.Account(id=account_id, message="runs") for account_id in ids]


def test_json_is_one_line_in_proto_names_with_the_fields_that_are_empty() -> None:
    text = to_json(nouns.Account(id="anna"))
    assert "\n" not in text
    assert json.loads(text)["id"] == "anna"
    assert "message" in json.loads(text)
    assert Parse(text, nouns.Account()) == nouns.Account(id="anna")


def test_one_result_is_a_page_or_an_object() -> None:
    for as_json, expected in ((False, "ready\n"), (True, None)):
        stream = io.StringIO()
        Output(stream, as_json=as_json).one(pb.GetStatusResponse(ready=True), lambda _: ["ready"])
        assert stream.getvalue() == expected or json.loads(stream.getvalue())["ready"]


def test_rows_have_one_header_however_they_arrive() -> None:
    stream = io.StringIO()
    table = listing(stream, as_json=False)
    table.show([])
    assert stream.getvalue() == ""
    table.show(accounts("anna"))
    table.show(accounts("benjamin"))
    assert stream.getvalue().splitlines() == ["ID    MESSAGE", "anna  runs", "benjamin  runs"]


def test_as_json_each_row_is_an_object_of_its_own() -> None:
    stream = io.StringIO()
    table = listing(stream, as_json=True)
    table.show(accounts("anna", "ben"))
    assert [json.loads(line)["id"] for line in stream.getvalue().splitlines()] == ["anna", "ben"]


def test_people_are_told_that_there_is_nothing() -> None:
    for as_json, expected in ((False, "no accounts\n"), (True, "")):
        stream = io.StringIO()
        listing(stream, as_json=as_json).none("no accounts")
        assert stream.getvalue() == expected


def test_lines_are_as_wide_as_the_terminal_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((72, 24)))
    assert Output(Typed(), as_json=False).room == 72
    assert Output(io.StringIO(), as_json=False).room is None
