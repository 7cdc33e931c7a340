"""What others than the rules about fills made owed or gave up is so in a replay, of what that holds."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.domain.copy_plan import Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Side
from krakencopy.account_proc.simulation.replayed_owing import ReplayedOwing
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import run

D = Decimal


def carry(user: User, pair: str, copy_id: str) -> None:
    copy = CopyRecord(
        copy_id=copy_id, fill_seqs=(), pair=pair, side=Side.BUY, state=CopyState.CARRIED,
        reason="BELOW_ORDERMIN", detail="",
    )  # fmt: skip
    user.book.carry(
        pair, Side.BUY, [Slice(order_id="", volume=BaseVolume(D("0.1")), cost=NO_AMOUNT)], copy_id
    )
    user.ledger.commit(copies=[copy], book=user.book)


def held(user: User, quote: str) -> None:
    user.book.coins.bought(Exchanged(base="BTC", quote=quote, volume=D(2), cost=D(9), fees={}))


def real(reason: str = "FLATTEN", pair: str = "BTC/USD") -> CopyRecord:
    return CopyRecord(
        copy_id="f1", fill_seqs=(), pair=pair, side=Side.SELL, state=CopyState.CARRIED, reason=reason,
        detail="as it was",
    )  # fmt: skip


def test_a_flatten_makes_all_that_is_held_owed_and_gives_up_what_waits(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            held(user, "USD")
            carry(user, "BTC/USD", "c1")
            ReplayedOwing(user.context).flatten(real())
            assert user.book.carried_volume("BTC/USD", Side.SELL) == BaseVolume(D(2))
            assert user.book.carried_volume("BTC/USD", Side.BUY) == BaseVolume(D(0))
            given_up = ledger.copy("c1")
            assert given_up is not None
            assert given_up.reason == Reason.FLATTEN

    run(steps())


def test_what_one_copy_carried_is_given_up_alone(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            carry(user, "BTC/USD", "c1")
            carry(user, "BTC/USD", "c2")
            ReplayedOwing(user.context).give_up("c1")
            assert [piece.copy_id for piece in user.book.carried["BTC/USD", Side.BUY]] == ["c2"]

    run(steps())


def test_no_more_is_owed_than_is_held_and_where_it_was_bought(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            held(user, "USD")
            owing = ReplayedOwing(user.context)
            owing.owe(real("RESYNC", "BTC/EUR"), D("0.5"))
            owing.owe(real("RESYNC", "BTC/EUR"), D(7))
            owed = {pair: user.book.carried_volume(pair, side) for pair, side in user.book.carried}
            assert owed == {"BTC/USD": BaseVolume(D(2))}
            owing.owe(real("RESYNC", "BTC/EUR"), D(1))
            assert user.book.owed("BTC") == BaseVolume(D(2))

    run(steps())
