"""Each fault of a fill has a code of its own, as it ends a conversation."""

from __future__ import annotations

from krakencopy.account_proc.contract.errors import AccountError
from krakencopy.account_proc.copying.fill_faults import FillDiffers, FillGap, FillInvalid


def test_each_has_its_code() -> None:
    faults: tuple[type[AccountError], ...] = (FillGap, FillDiffers, FillInvalid)
    assert [fault.reason for fault in faults] == ["FILL_GAP", "FILL_DIFFERS", "FILL_INVALID"]
