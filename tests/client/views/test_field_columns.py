"""Messages as columns by their fields."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor

from krakencopy.client.views.field_columns import LISTS, cells, field_names, kind_of_rows, rows_of, to_dict
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import simulation_pb2
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


def test_a_column_for_each_field_with_a_point_before_fields_of_fields() -> None:
    names = field_names(nouns.Account.DESCRIPTOR)
    assert {"id", "since", "equity.amount", "equity.asset", "positions"} <= set(names)
    assert "equity" not in names
    assert len(names) == len(set(names))


def test_columns_of_several_kinds_are_there_once() -> None:
    names = field_names(nouns.Fill.DESCRIPTOR, nouns.Event.DESCRIPTOR)
    assert names.count("seq") == 1
    assert {"exec_id", "severity"} <= set(names)


def test_values_are_those_of_json() -> None:
    event = samples.event()
    event.data["pair"] = "BTC/USD"
    found = to_dict(event)
    seq, at, severity, data, none = cells(event, ["seq", "at", "severity", "data", "no.such.field"])
    assert (seq, at, severity) == (found["seq"], found["at"], found["severity"])
    assert data == '{"pair": "BTC/USD"}'
    assert none == ""
    assert cells(pb.GetStatusResponse(), ["ready", "settings"]) == ["false", ""]


def test_the_rows_of_an_answer_are_its_list_or_itself() -> None:
    status = samples.status()
    assert rows_of(status) == list(status.accounts)
    assert kind_of_rows(status) is nouns.Account.DESCRIPTOR
    assert rows_of(samples.event()) == [samples.event()]
    assert kind_of_rows(samples.event()) is nouns.Event.DESCRIPTOR


def test_each_list_that_is_named_is_there() -> None:
    known: dict[str, Descriptor] = {
        **pb.DESCRIPTOR.message_types_by_name, **simulation_pb2.DESCRIPTOR.message_types_by_name
    }  # fmt: skip
    for name, field in LISTS.items():
        assert known[name].fields_by_name[field].is_repeated
