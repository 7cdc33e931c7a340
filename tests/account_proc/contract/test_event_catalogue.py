"""Each code of the catalogue says what it means, and those that last also end."""

from __future__ import annotations

import re

import pytest

from krakencopy.account_proc.contract.condition_reasons import CONDITIONS
from krakencopy.account_proc.contract.event_catalogue import BY_CODE, ENTRIES, NOTICES
from krakencopy.account_proc.contract.event_entry import Entry


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_each_code_is_short_constant_and_explained(entry: Entry) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,62}", entry.code)
    assert entry.meaning
    assert BY_CODE[entry.code] is entry


def test_what_lasts_also_ends() -> None:
    lasting = [*NOTICES, *(entry for entries in CONDITIONS.values() for entry in entries)]
    assert all(entry.ends for entry in lasting)
