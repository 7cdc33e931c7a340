"""Each reason says what it means; a code stands once among those of one kind."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from krakencopy.account_proc.contract.reason_catalogue import COPIES, STATES, STREAMS, Meaning

KINDS = {
    "states": [found for part in STATES.values() for found in part],
    "streams": list(STREAMS),
    "copies": [found for part in COPIES.values() for found in part],
}


@pytest.mark.parametrize("found", KINDS.values(), ids=list(KINDS))
def test_each_code_is_short_constant_explained_and_there_once(found: Sequence[Meaning]) -> None:
    assert len({each.code for each in found}) == len(found)
    for each in found:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,62}", each.code)
        assert each.meaning
        assert not each.meaning.endswith(".")
