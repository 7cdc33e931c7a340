"""A fill that somebody asks for, and a sync that counts it: together they buy it once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.copying.asked_fills import Outcome
from krakencopy.account_proc.domain.quantities import NO_VOLUME, Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.asked_user import ask, skipped
from tests.support.copying_user import User, copying, played_in_turn
from tests.support.scripted_kraken import run


def sync(volume: str, seq: int) -> account_pb2.SyncOrder:
    """The master of 1000 dollars holds so much, as of a fill."""
    position = account_pb2.MasterPosition(asset="BTC", volume=volume, pair="BTC/USD")
    return account_pb2.SyncOrder(
        number=1, as_of_seq=seq, source="resync", master_equity=pb.Money(amount="1000", asset="USD"),
        positions=[position],
    )  # fmt: skip


@pytest.mark.parametrize(("volume", "reason"), [("0.002", "SCALED"), ("0.00000001", "SYNC_NOT_NEEDED")])
def test_a_fill_that_a_sync_has_counted_is_not_bought_on_top(
    ledger: Ledger, volume: str, reason: str
) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=CopyRules(max_user_risk=Decimal(1))) as user:
            old = skipped(user)
            user.copier.take_sync(sync(volume, 1))
            await user.done()
            assert ledger.copy("s1.1").reason == reason  # type: ignore[union-attr]
            held, sent = user.book.held("BTC"), len(user.kraken.sent)
            answer = await ask(user, old)
            assert (answer.outcome, answer.copy_id) == (Outcome.ALREADY, "s1.1")
            assert (user.book.held("BTC"), len(user.kraken.sent)) == (held, sent)

    run(steps())


def test_a_fill_may_be_asked_for_where_its_sync_was_refused(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=CopyRules(max_user_risk=Decimal(1))) as user:
            old = skipped(user)
            user.kraken.next["AddOrder"] = [ExchangeRefused("AddOrder", ("EOrder:Insufficient funds",))]
            user.copier.take_sync(sync("0.002", 1))
            await user.done()
            assert not user.book.held("BTC")
            assert (await ask(user, old)).outcome is Outcome.COPIED

    run(steps())


@pytest.mark.parametrize("restart", [False, True])
def test_a_wish_goes_before_a_sync_that_counts_its_fill_and_before_an_exit_that_comes_later(
    tmp_path: Path, *, restart: bool
) -> None:
    rules = CopyRules(max_user_risk=Decimal(1))

    async def asks(user: User) -> None:
        old = skipped(user)
        user.copier._turns.begin_lookup("BTC")
        user.fill()
        assert (await ask(user, old)).outcome is Outcome.WAITING
        user.copier.take_sync(sync("0.002", 2))
        user.copier.take_fills([user.made(Side.SELL)])
        assert user.ledger.cursor == 3

    async def goes_on(user: User) -> None:
        if not restart:
            user.copier._turns.end_lookup("BTC")
            user.copier._answer_waiting()
        await user.done()
        entries = [copy.copy_id for copy in user.copies if copy.side is Side.BUY and copy.filled]
        # Nothing more than the master's two fills were worth, and all of it is sold.
        assert entries == ["d1", "c2"]
        assert user.copies[-1].copy_id == "c3"
        assert user.ledger.copy("s1.1").reason == "SYNC_NOT_NEEDED"  # type: ignore[union-attr]
        assert (user.ledger.wishes(), user.ledger.sync_items()) == ([], [])
        assert user.book.held("BTC") == NO_VOLUME

    played_in_turn(tmp_path, asks, goes_on, rules, restart=restart)


def test_a_coin_of_a_sync_that_waits_is_not_taken_for_the_fill_that_it_comes_behind(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            old = skipped(user)
            user.copier._turns.begin_lookup("BTC")
            user.copier.take_sync(sync("0.001", 1))
            assert (await ask(user, old)).outcome is Outcome.WAITING
            user.copier._turns.end_lookup("BTC")
            user.copier._answer_waiting()
            await user.done()
            assert [copy.copy_id for copy in user.copies if copy.filled] == ["d1"]

    run(steps())
