"""Fills that come together are taken in one durable step, and none is ever answered twice or forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import InvalidOperation
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.copying.copier import FillGap
from krakencopy.account_proc.domain.copy_record import PB_SIDE
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.account_proc.copying.test_copy_execution import User, copying
from tests.support.copying import NOW
from tests.support.scripted_kraken import run

BUY, SELL = Side.BUY, Side.SELL


def fills(*what: tuple[Side, str], after: int = 0) -> list[pb.Fill]:
    """The master of 1000 USD trades 0.001 of each, by one order a pair and side; a sale is a tenth of what
    it holds.
    """
    return [
        pb.Fill(
            seq=seq,
            exec_id=f"M{seq}",
            order_id=f"{side} {pair}",
            pair=pair,
            side=PB_SIDE[side],
            price="50000",
            volume="0.001",
            master_equity="1000",
            master_cash="1000",
            master_position="0.01",
            executed_at=timestamp(NOW),
        )
        for seq, (side, pair) in enumerate(what, start=after + 1)
    ]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as opened:
        yield opened


def commits(ledger: Ledger, user: User, new: Sequence[pb.Fill]) -> int:
    """How often the disk is waited for until all of them are durable."""
    statements: list[str] = []
    ledger._db.set_trace_callback(statements.append)
    user.copier.take(new)
    ledger._db.set_trace_callback(None)
    return statements.count("COMMIT")


def test_fills_of_one_master_order_that_come_together_are_one_write_and_one_order(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            assert commits(ledger, user, fills(*[(BUY, "BTC/USD")] * 5)) == 1
            await user.done()
            assert len(user.kraken.sent) == 1
            assert [copy.fill_seqs for copy in user.copies] == [(1, 2, 3, 4, 5)]

    run(steps())


def test_the_next_master_order_is_copied_when_the_copy_of_the_first_is_paid_for(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            some = fills(*[(BUY, "BTC/USD")] * 4)
            some[2].order_id = some[3].order_id = "another"
            assert commits(ledger, user, some) == 1
            assert [seq for seq, _ in ledger.pending_fills()] == [3, 4]
            await user.done()
            assert [copy.fill_seqs for copy in user.copies] == [(1, 2), (3, 4)]

    run(steps())


def test_fills_that_come_while_an_order_is_on_its_way_are_kept_by_one_write(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.copier.take(fills((BUY, "BTC/USD")))
            assert commits(ledger, user, fills(*[(BUY, "BTC/USD")] * 20, after=1)) == 1
            assert [seq for seq, _ in ledger.pending_fills()] == list(range(2, 22))
            await user.done()
            assert [copy.fill_seqs for copy in user.copies] == [(1,), tuple(range(2, 22))]
            assert ledger.pending_fills() == []

    run(steps())


def test_repeated_fills_do_nothing_and_a_gap_takes_nothing_of_what_came_with_it(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            some = fills(*[(BUY, "BTC/USD")] * 4)
            user.copier.take(some[:2])
            user.copier.take(some[:2])
            user.copier.take([])
            for gap in (some[3:], [some[2], *fills((BUY, "BTC/USD"), after=4)]):
                with pytest.raises(FillGap):
                    user.copier.take(gap)
                assert ledger.cursor == 2
            user.copier.take(some)
            assert (ledger.cursor, ledger.cursor_exec_id) == (4, "M4")
            await user.done()
            assert Counter(seq for copy in user.copies for seq in copy.fill_seqs) == Counter(range(1, 5))

    run(steps())


@settings(max_examples=30, deadline=None)
@given(
    what=st.lists(
        st.tuples(st.sampled_from(Side), st.sampled_from(["BTC/USD", "ETH/USD", "NEW/USD"])),
        min_size=1,
        max_size=8,
    ),
    cuts=st.sets(st.integers(1, 7)),
)
def test_whatever_comes_together_each_fill_is_kept_or_answered_at_every_moment_and_answered_once_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, what: list[tuple[Side, str]], cuts: set[int]
) -> None:
    async def steps() -> None:
        with closing(Ledger(path, "anna")) as ledger:
            async with copying(ledger) as user:
                for batch in batches:
                    user.copier.take(batch)
                    # What the next process would find if this one died here.
                    kept = [seq for seq, _ in ledger.pending_fills()]
                    assert Counter(answered(user) + kept) == Counter(range(1, batch[-1].seq + 1))
                    assert ledger.cursor == batch[-1].seq
                await user.done()
                assert sorted(answered(user)) == list(range(1, len(what) + 1))
                assert ledger.pending_fills() == []

    def answered(user: User) -> list[int]:
        return [seq for copy in user.copies for seq in copy.fill_seqs]

    path = tmp_path_factory.mktemp("anna") / "anna.db"
    new = fills(*what)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(new)), len(new)]
    batches = [new[start:stop] for start, stop in pairwise(bounds)]
    run(steps())


@pytest.mark.parametrize("spoil", ["volume", "mark"])
def test_of_fills_of_which_one_cannot_be_read_none_is_taken_so_that_none_is_ordered_twice(
    ledger: Ledger, spoil: str
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            spoilt = fills(*[(BUY, "BTC/USD")] * 3)
            if spoil == "volume":
                spoilt[2].volume = "many"
            else:
                spoilt[2].marks["ETH"] = "dear"
            with pytest.raises(InvalidOperation):
                user.copier.take(spoilt)
            assert ledger.cursor == 0
            assert not user.copier.copies_open
            # They come again.
            user.copier.take(fills(*[(BUY, "BTC/USD")] * 3))
            await user.done()
            assert [copy.fill_seqs for copy in user.copies] == [(1, 2, 3)]
            assert len(user.kraken.sent) == 1

    run(steps())
