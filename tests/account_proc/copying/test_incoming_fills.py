"""Fills of the journal are taken in order, once, and only as what they are."""

from __future__ import annotations

from collections import Counter

import pytest

from krakencopy.account_proc.copying.fill_faults import FillDiffers, FillGap, FillInvalid
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import copying, fills
from tests.support.scripted_kraken import run

BUY = Side.BUY


def test_repeated_fills_do_nothing_and_a_gap_takes_nothing_of_what_came_with_it(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            some = fills(*[(BUY, "BTC/USD")] * 4)
            user.copier.take_fills(some[:2])
            user.copier.take_fills(some[:2])
            user.copier.take_fills([])
            for gap in (some[3:], [some[2], *fills((BUY, "BTC/USD"), after=4)]):
                with pytest.raises(FillGap):
                    user.copier.take_fills(gap)
                assert ledger.cursor == 2
            user.copier.take_fills(some)
            assert (ledger.cursor, ledger.cursor_exec_id) == (4, "M4")
            await user.done()
            assert Counter(seq for copy in user.copies for seq in copy.fill_seqs) == Counter(range(1, 5))

    run(steps())


def test_another_fill_of_a_number_that_was_taken_is_a_fault_and_nothing_of_it_is_taken(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            some = fills(*[(BUY, "BTC/USD")] * 3)
            user.copier.take_fills(some[:2])
            for number, changed in (
                (0, pb.Fill(volume="7")), (1, pb.Fill(exec_id="OTHER")), (1, pb.Fill(price="7"))
            ):  # fmt: skip
                other = pb.Fill()
                other.CopyFrom(some[number])
                other.MergeFrom(changed)
                with pytest.raises(FillDiffers, match=f"fill {number + 1} came again with other content"):
                    user.copier.take_fills([other, some[2]])
                assert ledger.cursor == 2
            user.copier.take_fills(some)
            assert ledger.cursor == 3
            await user.done()

    run(steps())


@pytest.mark.parametrize(
    "wrong",
    [
        pb.Fill(volume="many"), pb.Fill(price="NaN"), pb.Fill(master_equity="Infinity"),
        pb.Fill(side=7),  # type: ignore[arg-type]
        pb.Fill(journal_position="-NaN"), pb.Fill(marks={"ETH": "dear"}), pb.Fill(marks={"ETH": "NaN"}),
    ],
)  # fmt: skip
def test_of_fills_of_which_one_cannot_be_read_none_is_taken_so_that_none_is_ordered_twice(
    ledger: Ledger, wrong: pb.Fill
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            spoilt = fills(*[(BUY, "BTC/USD")] * 3)
            spoilt[2].MergeFrom(wrong)
            with pytest.raises(FillInvalid, match=r"fill 3 \(M3\) cannot be read"):
                user.copier.take_fills(spoilt)
            assert ledger.cursor == 0
            assert not user.copier.copies_open
            # They come again.
            user.copier.take_fills(fills(*[(BUY, "BTC/USD")] * 3))
            await user.done()
            assert [copy.fill_seqs for copy in user.copies] == [(1, 2, 3)]
            assert len(user.kraken.sent) == 1

    run(steps())
