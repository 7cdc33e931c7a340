"""What a sync would do is one row a coin, and what else there is to know one line each."""

from __future__ import annotations

from krakencopy.client.views.sync_pages import notes, position_columns, position_row
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def test_a_row_has_a_cell_for_each_column_also_where_little_is_known() -> None:
    row = position_row(nouns.SyncPosition(asset="BTC", reason="NO_MARK"))
    assert len(row) == len(position_columns())
    assert row == ["BTC", "", "", "", "", "", "", "", "NO_MARK"]


def test_notes_say_under_what_it_is_done_only_where_it_is() -> None:
    assert notes(pb.ResyncAccountResponse(notes=["a"])) == ["a"]
    assert notes(pb.ResyncAccountResponse(number=3, source="x")) == [
        "asked for: x; see its copies s3.1, s3.2 ..."
    ]
