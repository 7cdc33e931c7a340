"""What is written as YAML is read as the same value by a reader of YAML."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from krakencopy.client.views.yaml_text import yaml_document

SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@given(VALUES)
@example(
    {"on": True, "no": "no", "at": "2026-11-29", "n": "1e3", "": [], "x": {}, "-": [[1, [2]], {"a": [{}]}]}
)
@example({"text": "\x85\u2028\x1b[31m \U0001f419 \ufeff \x7f 'a': #b"})
def test_what_is_written_is_read_back(value: Any) -> None:
    lines = yaml_document(value)
    assert all(line.isprintable() for line in lines)
    assert yaml.safe_load("\n".join(lines)) == value


def test_objects_and_lists_stand_below_each_other() -> None:
    value = {"id": "anna", "on": True, "positions": [{"asset": "BTC", "tags": ["a"]}, {}], "data": {}}
    assert yaml_document(value) == [
        "---",
        'id: "anna"',
        '"on": true',
        "positions:",
        '  - asset: "BTC"',
        "    tags:",
        '      - "a"',
        "  - {}",
        "data: {}",
    ]


def test_documents_may_follow_each_other() -> None:
    text = "".join(f"{line}\n" for value in ({"a": 1}, {"b": 2}) for line in yaml_document(value))
    assert list(yaml.safe_load_all(text)) == [{"a": 1}, {"b": 2}]
