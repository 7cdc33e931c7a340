"""The ids of copies say how each began."""

from __future__ import annotations

from krakencopy.account_proc.contract.copy_ids import asked_id, begins_with, is_asked_for, streamed_id


def test_an_id_says_whether_somebody_has_asked_for_the_copy() -> None:
    assert [streamed_id(5), asked_id(5), asked_id(5, 2)] == ["c5", "d5", "d5.2"]
    assert [is_asked_for(copy_id) for copy_id in ("c5", "d5", "d5.2", "x5", "f5")] == [
        False, True, True, False, False,
    ]  # fmt: skip


def test_a_copy_begins_with_the_fill_that_its_id_has_and_with_no_other() -> None:
    assert all(begins_with(copy_id, 5) for copy_id in ("c5", "d5", "d5.2"))
    assert not any(begins_with(copy_id, 5) for copy_id in ("c55", "d55", "d4.5", "x5", "c5.2", "d5x"))
