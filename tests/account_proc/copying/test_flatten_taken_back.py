"""What is owed by a flatten alone is held again when that is taken back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.trading_states import FlattenBy, TradingState
from krakencopy.account_proc.domain.copy_plan import SettledOrder, Slice
from krakencopy.account_proc.domain.quantities import (
    NO_AMOUNT,
    BaseVolume,
    QuoteAmount,
    Side,
)
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import User, copying, played_in_turn, streamed_fill
from tests.support.flattened_user import flatten, holds
from tests.support.scripted_kraken import run
from tests.support.trading_states import say_state, take_back_flatten


def take_back(user: User) -> None:
    take_back_flatten(user.states_path, ["anna"])
    user.guard.look()


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("exited", [0, 50, 100])
def test_what_is_taken_back_is_held_again_but_for_what_the_master_has_left(
    tmp_path: Path, exited: int, *, restart: bool
) -> None:
    async def before(user: User) -> None:
        holds(user, "BTC/USD", "0.01")
        say_state(user.states_path, TradingState.HALTED)
        user.guard.look()
        flatten(user)
        assert user.book.owed("BTC").amount == Decimal("0.01")
        if exited:
            fill = streamed_fill(1, Side.SELL, "BTC/USD", user.now, master_position="0.002")
            fill.volume = format(Decimal("0.002") * exited / 100, "f")
            user.copier.take_fills([fill])
            await user.done()
            assert user.book.owed("BTC").amount == Decimal("0.01")

    async def after(user: User) -> None:
        take_back(user)
        assert user.book.owed("BTC").amount == Decimal("0.01") * exited / 100
        assert user.book.held("BTC").amount == Decimal("0.01")
        assert user.ledger.flattened(FlattenBy.SAID) == 3
        copy = next(each for each in user.copies if each.copy_id.startswith("f"))
        assert ("held again, taken back by operator root: a test" in copy.detail) is (exited == 0)
        take_back(user)  # nothing more to be taken back
        assert user.ledger.flattened(FlattenBy.SAID) == 3

    played_in_turn(tmp_path, before, after, restart=restart)


def test_what_an_order_on_its_way_leaves_is_held_again_and_what_exits_owe_is_sold_first(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            holds(user, "BTC/USD", "0.01")
            owed = Slice(order_id="", volume=BaseVolume(Decimal("0.002")), cost=NO_AMOUNT)
            user.book.carry("BTC/USD", Side.SELL, [owed], "c0")
            flatten(user)
            order = SettledOrder(
                copy_id="x9", slices=tuple(user.book.carried["BTC/USD", Side.SELL]),
                ordered=BaseVolume(Decimal("0.01")), filled=BaseVolume(Decimal("0.0005")),
                cost=QuoteAmount(Decimal(25)), fees={}, sweep=False,
            )  # fmt: skip
            user.book.put_carried("BTC/USD", Side.SELL, ())
            user.copier._turns.begin_order("x9", "BTC/USD")
            take_back(user)
            assert user.copier._flatten.state == pb.FLATTEN_STATE_SELLING
            user.book.settle("BTC/USD", Side.SELL, order)
            user.copier._turns.end_order("x9")
            user.copier._look_at_wishes()
            assert user.book.owed("BTC").amount == Decimal("0.0015")
            assert user.book.held("BTC").amount == Decimal("0.0095")

    run(steps())
