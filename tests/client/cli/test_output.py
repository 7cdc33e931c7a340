"""Results are lines for people or data for programs; never a mixture."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest
import yaml
from google.protobuf.json_format import Parse, ParseDict

from krakencopy.client.cli.output import Output, TableOutput, to_json
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.views.table import Column
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.typed_lines import Typed

COLUMNS = [Column("ID"), Column("MESSAGE")]
#: How forms are read back into objects.
READ = {
    "json": lambda text: [json.loads(line) for line in text.splitlines()],
    "yaml": lambda text: list(yaml.safe_load_all(text)),
}


def row(account: nouns.Account) -> list[str]:
    return [account.id, account.message]


def listing(
    stream: io.StringIO, *, form: str = "table", columns: tuple[str, ...] = ()
) -> TableOutput[nouns.Account]:
    return TableOutput(Output(stream, form=form, columns=columns), COLUMNS, row, nouns.Account.DESCRIPTOR)


def accounts(*ids: str) -> list[nouns.Account]:
    return [nouns.Account(id=account_id, message="runs") for account_id in ids]


def records(stream: io.StringIO) -> list[dict[str, str]]:
    assert all(line.endswith("\r\n") for line in stream.getvalue().splitlines(keepends=True))
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))


def test_json_is_one_line_in_proto_names_with_the_fields_that_are_empty() -> None:
    text = to_json(nouns.Account(id="anna"))
    assert "\n" not in text
    assert json.loads(text)["id"] == "anna"
    assert "message" in json.loads(text)
    assert Parse(text, nouns.Account()) == nouns.Account(id="anna")


@pytest.mark.parametrize("form", READ)
def test_one_result_is_a_page_or_an_object_from_which_the_message_can_be_read_back(form: str) -> None:
    stream = io.StringIO()
    Output(stream).one(samples.status(), lambda _: ["ready"])
    assert stream.getvalue() == "ready\n"
    stream = io.StringIO()
    Output(stream, form=form).one(samples.status(), lambda _: ["ready"])
    [found] = READ[form](stream.getvalue())
    assert ParseDict(found, pb.GetStatusResponse()) == samples.status()


def test_rows_have_one_header_however_they_arrive() -> None:
    stream = io.StringIO()
    table = listing(stream)
    table.show([])
    assert stream.getvalue() == ""
    table.show(accounts("anna"))
    table.show(accounts("benjamin"))
    assert stream.getvalue().splitlines() == ["ID    MESSAGE", "anna  runs", "benjamin  runs"]


@pytest.mark.parametrize("form", READ)
def test_as_data_each_row_is_an_object_of_its_own(form: str) -> None:
    stream = io.StringIO()
    table = listing(stream, form=form)
    table.show(accounts("anna", "ben"))
    table.show(accounts("eve"))
    assert [found["id"] for found in READ[form](stream.getvalue())] == ["anna", "ben", "eve"]


def test_csv_has_a_header_and_each_field_as_json_writes_it() -> None:
    stream = io.StringIO()
    table = listing(stream, form="csv")
    table.show([samples.user("bob")])
    table.show([samples.user("eve")])
    bob, eve = records(stream)
    assert [bob["id"], eve["id"]] == ["bob", "eve"]
    expected = json.loads(to_json(samples.user("bob")))
    assert bob["state"] == expected["state"] == "ACCOUNT_STATE_RUNNING"
    assert bob["since"] == expected["since"]
    assert bob["equity.amount"] == expected["equity"]["amount"]


def test_csv_of_nothing_is_its_header() -> None:
    stream = io.StringIO()
    listing(stream, form="csv").show([])
    assert stream.getvalue().startswith("id,")
    assert records(stream) == []


def test_an_answer_about_several_is_a_record_for_each() -> None:
    stream = io.StringIO()
    out = Output(stream, form="csv", columns=("id", "state"))
    out.one(samples.status(), lambda _: [])
    out.one(samples.status(), lambda _: [])
    count = len(samples.status().accounts)
    assert count > 1
    assert [found["id"] for found in records(stream)] == [each.id for each in samples.status().accounts] * 2


def test_columns_are_those_of_the_table_and_fields_in_the_order_asked_for() -> None:
    stream = io.StringIO()
    listing(stream, columns=("message", "restarts", "id")).show(accounts("anna"))
    assert stream.getvalue().splitlines() == ["MESSAGE  RESTARTS  ID", "runs     0         anna"]
    stream = io.StringIO()
    Output(stream, columns=("id", "state")).one(samples.status(), lambda _: ["the page"])
    assert stream.getvalue().splitlines()[0].split() == ["ID", "STATE"]


@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_column_that_is_none_is_refused_before_a_row_with_those_that_there_are(form: str) -> None:
    with pytest.raises(BadInput, match=r"--columns: nope is no column here; there are id, "):
        listing(io.StringIO(), form=form, columns=("id", "nope")).show([])


def test_columns_are_named_where_help_is_asked_for() -> None:
    with pytest.raises(BadInput, match=r"^--columns takes some of these: id, message, "):
        listing(io.StringIO(), columns=("help",)).show([])


def test_people_are_told_that_there_is_nothing() -> None:
    for form, expected in (("table", "no accounts\n"), ("json", ""), ("yaml", ""), ("csv", "")):
        stream = io.StringIO()
        listing(stream, form=form).none("no accounts")
        assert stream.getvalue() == expected


LOG = ['{"at": "2026-01-02T03:04:05+00:00", "level": "INFO", "message": "=1+1", "run": 3}', "no object"]
FIELDS = ("at", "level", "message", "run")


@pytest.mark.parametrize(
    ("form", "columns", "expected"),
    [
        ("table", (), "{}\n".format("\n".join(map(str.upper, LOG)))),
        ("table", ("run", "message"), "3  =1+1\n  no object\n"),
        ("json", (), "{}\n".format("\n".join(LOG))),
        ("csv", ("level", "message"), "level,message\r\nINFO,'=1+1\r\n,no object\r\n"),
    ],
)
def test_objects_that_are_json_already_have_the_forms_of_messages(
    form: str, columns: tuple[str, ...], expected: str
) -> None:
    stream = io.StringIO()
    Output(stream, form=form, columns=columns).objects(LOG, FIELDS, str.upper)
    assert stream.getvalue() == expected


def test_such_objects_are_documents_of_yaml_and_none_are_a_header_of_csv() -> None:
    stream = io.StringIO()
    Output(stream, form="yaml").objects(LOG, FIELDS, str)
    assert list(yaml.safe_load_all(stream.getvalue())) == [json.loads(LOG[0]), {"message": "no object"}]
    stream = io.StringIO()
    Output(stream, form="csv").objects([], FIELDS, str)
    assert stream.getvalue() == "at,level,message,run\r\n"


def test_lines_are_as_wide_as_the_terminal_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda **_: os.terminal_size((72, 24)))
    assert Output(Typed()).room == 72
    assert Output(io.StringIO()).room is None


def test_colours_are_of_tables_and_leave_columns_where_they_are() -> None:
    plain, coloured = io.StringIO(), io.StringIO()
    for stream, colours in ((plain, False), (coloured, True)):
        listing_of_states: TableOutput[nouns.Account] = TableOutput(
            Output(stream, colours=colours), [Column("STATE"), Column("ID")],
            lambda account: ["FAILED", account.id], nouns.Account.DESCRIPTOR,
        )  # fmt: skip
        listing_of_states.show(accounts("anna"))
    assert plain.getvalue() == "STATE   ID\nFAILED  anna\n"
    assert coloured.getvalue() == "STATE   ID\n\x1b[31mFAILED\x1b[0m  anna\n"


@pytest.mark.parametrize("form", ["json", "yaml", "csv"])
def test_data_has_no_colours(form: str) -> None:
    stream = io.StringIO()
    Output(stream, form=form, colours=True).one(nouns.Account(id="a", message="FAILED"), lambda _: [])
    assert "FAILED" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
