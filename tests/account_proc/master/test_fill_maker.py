"""From the master's trades to fills: each once, with what was frozen before its order, and nothing
forgotten on the way.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.proto_time import seconds, timestamp
from krakencopy.account_proc.domain.counted_trades import Trade, apply
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Marks, Wallet
from krakencopy.account_proc.master import fill_maker as fill_maker_module
from krakencopy.account_proc.master.fill_maker import HISTORY_OVERLAP_S, FillMaker
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import NOW
from tests.support.scripted_kraken import TABLE


def trade(
    exec_id: str, order_id: str = "O1", side: Side = Side.BUY, volume: str = "0.01", price: str = "50000", *,
    symbol: str = "BTC/USD", fee: str = "0", fee_asset: str = "USD", margin: bool = False, at: float = NOW,
) -> Trade:  # fmt: skip
    return Trade(
        exec_id=exec_id,
        order_id=order_id,
        pair=symbol,
        side=side,
        price=Decimal(price),
        volume=Decimal(volume),
        cost=Decimal(volume) * Decimal(price),
        fees=((fee_asset, Decimal(fee)),) if Decimal(fee) else (),
        margin=margin,
        executed_at=at,
        source=pb.FILL_SOURCE_FEED,
    )


class Account:
    """A maker, and what the master holds."""

    def __init__(self, usd: str = "1000", **others: str) -> None:
        self.maker = FillMaker()
        self.marks = Marks()
        self.wallet = Wallet({"USD": Decimal(usd)} | {asset: Decimal(held) for asset, held in others.items()})

    def make(self, made: Trade) -> pb.Fill:
        return self.maker.make_fill(made, self.wallet, self.marks, TABLE, NOW + 1)


def test_a_fill_tells_what_the_master_had_before_its_order() -> None:
    master = Account("1000", BTC="0.5")
    fill = master.make(trade("T1", volume="0.010", price="50000", fee="2"))
    assert (fill.exec_id, fill.order_id, fill.pair, fill.side) == ("T1", "O1", "BTC/USD", pb.SIDE_BUY)
    assert (fill.price, fill.volume) == ("50000", "0.01")
    assert (fill.master_equity, fill.master_cash, fill.master_position_before) == ("26000", "1000", "0.5")
    assert (fill.order_filled_before, fill.margin, fill.source) == ("0", False, pb.FILL_SOURCE_FEED)
    assert (fill.fee.asset, fill.fee.amount, dict(fill.marks)) == ("USD", "2", {"BTC": "50000"})
    assert (seconds(fill.executed_at), seconds(fill.received_at)) == (NOW, NOW + 1)
    assert [master.wallet["USD"], master.wallet["BTC"]] == [498, Decimal("0.51")]


def test_all_fills_of_an_order_tell_the_same_and_how_much_came_before() -> None:
    master = Account("1000")
    fills = [master.make(trade(f"T{number}", volume="0.001", price="50000", fee="1")) for number in range(3)]
    other = master.make(trade("T9", "O2", volume="0.001", price="60000"))
    assert {(fill.master_equity, fill.master_cash, fill.master_position_before) for fill in fills} == {
        ("1000", "1000", "0")
    }
    assert [fill.order_filled_before for fill in fills] == ["0", "0.001", "0.002"]
    # This one is not frozen: an exit's fraction is of what the master held right before it.
    assert [fill.master_position for fill in fills] == ["0", "0.001", "0.002"]
    # 1000 - 150 - 3, and 0.003 at the new price.
    assert (other.master_equity, other.master_cash, other.master_position_before) == ("1027", "847", "0.003")


def test_equity_before_the_order_is_valued_at_the_price_of_the_trade() -> None:
    master = Account("0", BTC="2")
    assert master.make(trade("T1", side=Side.SELL, volume="1", price="40000")).master_equity == "80000"


def test_a_margin_trade_moves_nothing_but_its_fee() -> None:
    master = Account("1000")
    fill = master.make(trade("T1", margin=True, fee="3"))
    assert fill.margin
    assert [master.wallet["USD"], master.wallet["BTC"]] == [997, 0]


def test_a_fee_in_base_never_reaches_the_position() -> None:
    master = Account("1000")
    master.make(trade("T1", volume="0.01", fee="0.0001", fee_asset="BTC"))
    assert master.make(trade("T2", "O2")).master_position_before == "0.0099"


trades = st.lists(
    st.builds(
        trade,
        exec_id=st.uuids().map(str),
        order_id=st.sampled_from(["O1", "O2"]),
        side=st.sampled_from(Side),
        volume=st.integers(1, 10**8).map(lambda lots: str(Decimal(lots).scaleb(-8))),
        price=st.integers(1, 10**6).map(str),
        symbol=st.sampled_from(["BTC/USD", "ETH/USD"]),
        fee=st.integers(0, 100).map(str),
        fee_asset=st.sampled_from(["USD", "BTC"]),
        margin=st.booleans(),
    ),
    max_size=8,
)


@given(trades)
def test_taking_trades_out_again_gives_the_wallet_from_before_them(made: list[Trade]) -> None:
    wallet = Wallet({"USD": Decimal(1000)})
    for each in made:
        apply(wallet, each, TABLE)
    for each in reversed(made):
        apply(wallet, each, TABLE, undo=True)
    assert [wallet[asset] for asset in ("USD", "BTC", "ETH")] == [1000, 0, 0]


# -- what the journal has ----------------------------------------------------------------------------------


def journal(*fills: pb.Fill, since: float = 0.0) -> account_pb.StreamFillsRequest:
    """The end of a journal that has these fills, as the supervisor tells it."""
    request = account_pb.StreamFillsRequest(since=timestamp(since))
    filled: dict[str, Decimal] = {}
    for fill in fills:
        request.known_exec_ids.append(fill.exec_id)
        filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + Decimal(fill.volume)
    firsts = {fill.order_id: fill for fill in reversed(fills)}
    for order_id, first in firsts.items():
        request.frozen_orders.add(
            order_id=order_id, master_equity=first.master_equity, master_cash=first.master_cash,
            master_position_before=first.master_position_before, filled_volume=str(filled[order_id]),
        )  # fmt: skip
    return request


def test_a_trade_is_known_once_it_is_a_fill_here_or_in_the_journal() -> None:
    master, later = Account(), Account()
    assert not master.maker.knows("T1")
    fill = master.make(trade("T1"))
    assert master.maker.knows("T1")
    later.maker.learn_journal(journal(fill), 0.0)
    assert later.maker.knows("T1")


def test_an_order_that_was_begun_before_a_restart_goes_on_as_it_was_frozen() -> None:
    master = Account("1000")
    first = master.make(trade("T1", volume="0.001"))
    again = Account("950", BTC="0.001")
    again.maker.learn_journal(journal(first), 0.0)
    second = again.make(trade("T2", volume="0.002"))
    assert (second.master_equity, second.master_cash, second.master_position_before) == ("1000", "1000", "0")
    assert second.order_filled_before == "0.001"


def test_a_fill_that_never_reached_the_journal_is_made_again_as_it_was() -> None:
    master = Account("1000")
    arrived = master.make(trade("T1", volume="0.001"))
    before = master.wallet.copy()
    lost = master.make(trade("T2", volume="0.002"))
    first_of_its_order = master.make(trade("T3", "O2", volume="0.003"))
    master.maker.learn_journal(journal(arrived, since=NOW - 120), 0.0)
    assert [master.maker.knows(exec_id) for exec_id in ("T1", "T2", "T3")] == [True, False, False]
    master.wallet = before
    assert master.make(trade("T2", volume="0.002")) == lost
    assert master.make(trade("T3", "O2", volume="0.003")) == first_of_its_order


def test_what_the_journal_does_not_list_because_it_is_old_stays_known() -> None:
    master = Account("1000")
    old = master.make(trade("T1", volume="0.001", at=NOW - 3600))
    master.maker.learn_journal(journal(since=NOW - 120), 0.0)
    assert master.maker.knows("T1")
    resting = master.make(trade("T2", volume="0.001"))
    assert (resting.order_filled_before, resting.master_equity) == ("0.001", old.master_equity)


def test_what_was_learnt_once_stays_known_when_the_journal_is_asked_about_later_trades_only() -> None:
    master = Account("1000")
    master.maker.learn_journal(journal(Account().make(trade("T1", at=NOW))), 0.0)
    master.maker.learn_journal(journal(since=NOW + 60), 0.0)
    assert master.maker.knows("T1")


@pytest.mark.parametrize(("symbol", "equity"), [("NEW/USD", "1000"), ("NEWUSD", "")])
def test_a_trade_in_a_pair_that_is_not_listed_is_told_with_what_is_known(symbol: str, equity: str) -> None:
    master = Account("1000")
    before = master.wallet.balances()
    fill = master.make(trade("T1", volume="2", price="3", symbol=symbol))
    assert (fill.pair, fill.pair_unknown, fill.price, fill.volume) == (symbol, True, "3", "2")
    assert (fill.master_equity, fill.master_cash) == (equity, equity)
    # Nobody knows what it has moved; balances tell.
    assert master.wallet.balances() == before
    assert master.maker.knows("T1")
    # The journal tells it back as it was told.
    again = Account("1000")
    again.maker.learn_journal(journal(fill), 0.0)
    assert again.make(trade("T2", volume="1", symbol=symbol)).master_equity == equity


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_maker_module, "SEEN_MAX", 4)
    monkeypatch.setattr(fill_maker_module, "FROZEN_MAX", 2)
    master = Account("1000000")
    for number in range(10):
        master.make(replace(trade(f"T{number}"), order_id=f"O{number}"))
    assert [number for number in range(10) if master.maker.knows(f"T{number}")] == [6, 7, 8, 9]
    assert len(master.maker._frozen) == 2
    assert master.make(trade("T10", "O9")).order_filled_before == "0.01"


def test_a_trade_is_lacking_from_when_on_the_journal_wants_them_and_a_while_before_the_last_fill() -> None:
    master = Account("1000000")
    master.maker.learn_journal(journal(), NOW - 10)
    assert master.maker.lacks(trade("T1", at=NOW - 10))
    assert not master.maker.lacks(trade("T0", at=NOW - 11))
    master.make(trade("T1", at=NOW + HISTORY_OVERLAP_S))
    assert not master.maker.lacks(trade("T1", at=NOW + HISTORY_OVERLAP_S))
    assert master.maker.lacks(trade("T2", at=NOW))
    assert not master.maker.lacks(trade("T3", at=NOW - 1))
    # An older one does not bring it back.
    master.make(trade("T2", at=NOW))
    assert master.maker.since == NOW


def test_an_order_that_the_journal_tells_no_volume_of_has_none_so_far() -> None:
    master = Account("1000")
    request = account_pb.StreamFillsRequest(frozen_orders=[account_pb.FrozenOrder(order_id="O1")])
    master.maker.learn_journal(request, NOW)
    assert master.make(trade("T1")).volume == "0.01"
