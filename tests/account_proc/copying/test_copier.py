"""Fills that come together are taken in one durable step, each order leaves in the turn in which its fill was
taken, and none is ever answered twice or forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import NonceFault
from krakencopy.account_proc.copying.fill_faults import FillDiffers, FillGap, FillInvalid
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import LockedOut
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import User, copying, fills
from tests.support.scripted_kraken import ASSETS, PAIRS, run, until

BUY, SELL = Side.BUY, Side.SELL
ETH_BTC = PAIRS["XETHZUSD"] | {
    "altname": "ETHXBT",
    "wsname": "ETH/XBT",
    "quote": "XXBT",
    "pair_decimals": 5,
    "tick_size": "0.00001",
}


def commits(ledger: Ledger, user: User, new: Sequence[pb.Fill]) -> int:
    """How often the disk is waited for until all of them are durable."""
    statements: list[str] = []
    ledger._db.set_trace_callback(statements.append)
    user.copier.take_fills(new)
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
            user.copier.take_fills(fills((BUY, "BTC/USD")))
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
                    user.copier.take_fills(batch)
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


def test_nothing_is_asked_between_a_fill_and_its_order(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            for number, side in enumerate((Side.BUY, Side.BUY, Side.SELL), start=1):
                user.fill(side)
                await user.done()
                assert user.kraken.every == ["AddOrder"] * number

    run(steps())


def test_an_order_has_left_when_its_fill_is_taken(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            assert len(user.kraken.sent) == 1
            await user.done()
            assert user.copy().state is CopyState.FILLED

    run(steps())


def test_an_order_that_is_refused_before_it_could_leave_is_over_and_the_next_fill_is_taken(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.next["AddOrder"] = [LockedOut("AddOrder", 60.0)]
            user.fill()
            user.fill()
            await user.done()
            assert [copy.state for copy in user.copies] == [CopyState.REJECTED, CopyState.FILLED]

    run(steps())


def test_what_fails_before_an_order_has_left_ends_the_process(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(_: OrderGateway, pair: str) -> float:
        raise NonceFault(f"no nonce for {pair}")

    async def steps() -> None:
        async with copying(ledger) as user:
            monkeypatch.setattr(OrderGateway, "wait_s", fault)
            user.fill()
            assert [str(error) for error in user.failures] == ["no nonce for BTC/USD"]
            assert user.copy().state is CopyState.INTENT, "the next process looks for it"

    run(steps())


def test_fills_that_wait_for_each_others_coins_are_all_answered_though_none_of_them_is_an_order(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["AssetPairs"] = PAIRS | {"XETHXXBT": ETH_BTC}
            await user.portfolio.pairs.read()
            # The third is paid in BTC and waits for the second, which is answered after the first in another
            # turn.
            pairs = ("ETH/USD", "BTC/USD", "ETH/BTC")
            user.copier.take_fills([user.made(Side.SELL, pair) for pair in pairs])
            assert user.copier.copies_open == 0
            assert [user.copy(number).reason for number in (1, 2, 3)] == ["NO_COPIED_POSITION"] * 3

    run(steps())


def test_fills_are_not_merged_over_one_between_them_that_spends_their_coin(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["AssetPairs"] = PAIRS | {"XETHXXBT": ETH_BTC}
            await user.portfolio.pairs.read()
            steps = (
                (Side.SELL, "ETH/USD"),
                (Side.SELL, "BTC/USD"),
                (Side.SELL, "ETH/BTC"),
                (Side.SELL, "BTC/USD"),
            )
            user.copier.take_fills([user.made(side, pair) for side, pair in steps])
            assert [user.copy(number).fill_seqs for number in (2, 3, 4)] == [(2,), (3,), (4,)]

    run(steps())


def test_an_exit_in_a_coins_old_name_sells_what_is_counted_under_the_new_one(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            new = PAIRS["XXBTZUSD"] | {"altname": "NEWUSD", "wsname": "NEW/USD", "base": "NEW"}
            user.kraken.always["AssetPairs"] = PAIRS | {"NEWUSD": new}
            user.kraken.always["Assets"] = ASSETS | {"NEW": {"altname": "NEW"}}
            # Its pair is read at once, so that nothing waits for it; the old one is still known.
            user.copier.rename_coin(1, "BTC", "NEW")
            await until(lambda: user.portfolio.pairs.table.find("NEW/USD") is not None)
            user.fill(Side.SELL)
            await user.done()
            assert user.kraken.sent[-1]["pair"] == "NEWUSD"
            assert user.copier.positions.to_proto() == []

    run(steps())


def test_fills_that_waited_while_their_coin_was_renamed_are_answered_when_the_new_pairs_are_read(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            it.fill()
            it.fill(Side.SELL)
            assert len(it.kraken.sent) == 1
            renamed = {
                "XBT2ZUSD": PAIRS["XXBTZUSD"] | {"altname": "XBT2USD", "wsname": "XBT2/USD", "base": "XBT2"}
            }
            it.kraken.always["AssetPairs"] = renamed
            it.kraken.always["Assets"] = ASSETS | {"XBT2": {"altname": "XBT2", "decimals": 10}}
            it.copier.rename_coin(1, "BTC", "XBT2")
            await it.done()
            assert (it.copy(2).state, it.copy(2).pair) == (CopyState.FILLED, "XBT2/USD")

    run(steps())
