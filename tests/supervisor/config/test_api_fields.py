"""What a change of an account of the API leaves of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.config.api_fields import (
    ACCOUNT,
    GROUP,
    UnknownPath,
    differences,
    fixed_changes,
    leaves,
    merged,
    table_of,
)

OLD = {"group": "vip", "tier": "pro", "copy": {"ratio": "2", "order": "market"}}


@pytest.mark.parametrize(
    ("given_", "paths", "new"),
    [
        ({"group": "a"}, [], {**OLD, "group": "a"}),
        ({"copy": {"ratio": "3"}}, [], {**OLD, "copy": {"ratio": "3"}}),
        ({"copy": {"ratio": "3"}}, ["copy.ratio"], {**OLD, "copy": {"ratio": "3", "order": "market"}}),
        ({}, ["copy.ratio", "tier"], {"group": "vip", "copy": {"order": "market"}}),
        ({}, ["copy"], {"group": "vip", "tier": "pro"}),
        ({"tier": "x"}, ["*"], {"tier": "x"}),
        ({"tier": "x", "group": "a"}, ["tier"], {**OLD, "tier": "x"}),
    ],
)
def test_what_is_named_is_changed_and_the_rest_stays(given_: Any, paths: list[str], new: Any) -> None:
    before = {key: dict(value) if isinstance(value, dict) else value for key, value in OLD.items()}
    assert merged(ACCOUNT, OLD, given_, paths) == new
    assert before == OLD


@pytest.mark.parametrize("path", ["colour", "group.x", "account_id", "etag", "", "copy_", ".copy"])
def test_a_path_that_names_nothing_is_refused_with_what_there_is(path: str) -> None:
    with pytest.raises(UnknownPath, match="there are broker, copy"):
        merged(ACCOUNT, OLD, {}, [path])
    with pytest.raises(UnknownPath, match="there are copy and"):
        merged(GROUP, {}, {}, ["tier"])


def test_what_an_account_is_cannot_be_changed() -> None:
    assert fixed_changes(ACCOUNT, {}, {"mode": "trade", "broker": "kraken"}) == []
    assert fixed_changes(ACCOUNT, {}, {"mode": "shadow", "broker": "coinbase"}) == ["broker", "mode"]


bodies = st.fixed_dictionaries(
    {},
    optional={
        "group": st.sampled_from(["a", "b"]),
        "copy": st.dictionaries(st.sampled_from(["ratio", "order"]), st.sampled_from("12"), min_size=1),
    },
)


@given(bodies, bodies)
def test_differences_and_paths_lead_from_one_to_the_other(old: Any, new: Any) -> None:
    before, after = differences(old, new)
    assert merged(ACCOUNT, old, new, sorted(before | after) or ["group"]) == new
    assert {**{k: v for k, v in leaves(old).items() if k not in before | after}, **after} == leaves(new)


def test_values_mean_what_they_would_in_the_file() -> None:
    body = {"copy": {"max_slippage_bps": "7"}, "reserve": {"BTC": "1.0"}, "credentials_file": "anna.key"}
    assert table_of(ACCOUNT, "anna", body, Path("/k/anna.key")) == {
        "id": "anna", "role": "user", "broker": "kraken", "credentials_file": "/k/anna.key",
        "copy": {"max_slippage_bps": 7}, "reserve": {"BTC": "1.0"},
    }  # fmt: skip
    assert table_of(GROUP, "vip", {"copy": {"order": "market"}}) == {"id": "vip", "copy": {"order": "market"}}
