"""When the journal began is told by a clock that may have been wrong; trades from before it are never
copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.master.journal_began import wanted_since
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2 as account_pb
from tests.support.copying import NOW


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "master.db", "master")) as opened:
        yield opened


def since_of(ledger: Ledger, since: float, offset: float, began: float | None = NOW) -> float:
    """From when on a master's process wants trades; ``offset``: the exchange's clock minus this machine's
    now.
    """
    request = account_pb.StreamFillsRequest(since=timestamp(since))
    if began is not None:
        request.journal_began.CopyFrom(timestamp(began))
    return wanted_since(request, ledger, lambda: offset)


@pytest.mark.parametrize("offset", [40.0, -40.0, 0.0])
def test_the_beginning_is_put_right_once_and_kept(ledger: Ledger, offset: float) -> None:
    assert since_of(ledger, NOW, offset) == NOW + offset
    # The clock was set since, and fills have come.
    assert since_of(ledger, NOW, 0.0) == NOW + offset
    assert since_of(ledger, NOW + 1_000, 0.0) == NOW + 1_000
    assert since_of(ledger, NOW + 5, 0.0) == max(NOW + 5, NOW + offset)


def test_another_journal_begins_anew(ledger: Ledger) -> None:
    assert since_of(ledger, NOW, 40.0) == NOW + 40
    assert since_of(ledger, NOW + 9, 7.0, began=NOW + 9) == NOW + 16


def test_a_supervisor_that_does_not_tell_is_taken_at_its_word(ledger: Ledger) -> None:
    assert since_of(ledger, NOW, 40.0, began=None) == NOW
