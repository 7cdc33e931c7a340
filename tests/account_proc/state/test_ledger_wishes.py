"""Wishes for single fills outlive their process, and go with the copy that answers them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.state.ledger_wishes import Wish


def copy_of(copy_id: str, *seqs: int, state: CopyState = CopyState.FILLED) -> CopyRecord:
    return CopyRecord(
        copy_id=copy_id, fill_seqs=seqs, pair="BTC/USD", side=Side.BUY, state=state, reason="", detail=""
    )


def wish_of(copy_id: str) -> Wish:
    return Wish(copy_id=copy_id, body=b"\x00\xff", by="operator root", at=1.5)


def test_a_wish_is_there_for_the_next_process_until_its_copy_is_written(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    with closing(Ledger(path, "anna")) as ledger:
        ledger.add_wish(wish_of("d5"))
        ledger.add_wish(wish_of("d7"))
    with closing(Ledger(path, "anna")) as ledger:
        assert ledger.wishes() == [wish_of("d5"), wish_of("d7")]
        ledger.commit(copies=[copy_of("d5", 5)], beside=ledger.without_wish("d5"))
        assert ledger.wishes() == [wish_of("d7")]
    with closing(Ledger(path, "anna")) as ledger:
        assert ledger.wishes() == [wish_of("d7")]


def test_what_became_of_a_fill_is_found_by_its_number_and_among_the_latest_changes(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
        ledger.join("a journal", 3)
        ledger.commit(
            copies=[
                copy_of("c5", 5, 6),
                copy_of("d5", 5, state=CopyState.SKIPPED),
                copy_of("d5.2", 5),
                copy_of("d55", 55),
                copy_of("d2", 2),
                copy_of("d9", 9, state=CopyState.SKIPPED),
            ]
        )
        assert [copy.copy_id for copy in ledger.asked_copies(5)] == ["d5", "d5.2"]
        assert ledger.asked_copies(6) == []
        assert ledger.asked_ahead() == {5, 55}
        assert [copy.copy_id for copy in ledger.copies_with(6, 0)] == ["c5"]
        assert ledger.copies_with(6, 1) == []


def test_wishes_that_cannot_be_read_are_a_fault_of_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    with closing(Ledger(path, "anna")) as ledger:
        ledger._set("wished_fills", '[{"copy_id": "d5"}]')
        with pytest.raises(LedgerFault):
            ledger.wishes()
