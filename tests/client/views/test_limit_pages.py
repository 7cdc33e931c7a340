"""Limits to losses as rows."""

from __future__ import annotations

from krakencopy.client.views.limit_pages import limit_columns, limit_row
from krakencopy.v1 import types_pb2 as nouns


def test_a_limit_is_a_row_with_what_is_lost_of_how_much() -> None:
    limit = nouns.LossLimit(
        account_id="ann", name="day", metric="equity", window="day", action="halted", loss="4.2%",
        max_loss="5%", used_percent="84", state=nouns.LIMIT_STATE_WARNED, configured=True,
    )  # fmt: skip
    row = dict(zip((column.title for column in limit_columns()), limit_row(limit), strict=True))
    assert row == {
        "ACCOUNT": "ann", "LIMIT": "day", "METRIC": "equity", "WINDOW": "day", "LOSS": "4.2%", "MAX": "5%",
        "USED": "84 %", "ACTION": "halted", "STATE": "WARNED", "SINCE": "", "MESSAGE": "",
    }  # fmt: skip


def test_a_hit_says_how_it_is_lifted_and_where_it_is_not_configured_any_more() -> None:
    limit = nouns.LossLimit(
        account_id="ann", name="day", state=nouns.LIMIT_STATE_HIT, message="limit day: 6% lost"
    )
    assert limit_row(limit)[-1] == (
        "limit day: 6% lost; lift it with `krakencopy reset-limit ann day --reason TEXT`; it is not in the "
        "configuration any more, and holds until it is reset"
    )
    assert limit_row(nouns.LossLimit(state=nouns.LIMIT_STATE_NOT_JUDGED))[0] == "(all users)"
    assert limit_row(nouns.LossLimit(state=nouns.LIMIT_STATE_NOT_JUDGED))[8] == "NOT JUDGED"
