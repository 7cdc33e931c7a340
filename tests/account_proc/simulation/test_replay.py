"""A replay by the rules that held then finds what was really done; and one by others what an independent
count says.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, Sizing
from krakencopy.account_proc.domain.copy_record import PB_SIDE
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.history import MasterHistory
from krakencopy.account_proc.simulation.performance import deepest_fall
from krakencopy.account_proc.simulation.replay import Account, Interval, replay
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import LOTS, NOW
from tests.support.copying_user import User, copying
from tests.support.replayed_lives import living, past_of, replayed, shown
from tests.support.scripted_kraken import execution, run

D = Decimal
CENT = D("0.01")


def lived(path: Path, rules: CopyRules, *fills: tuple[Side, str, str]) -> list[pb.Fill]:
    """A user's process copies these fills (side, pair, what the master holds), one after the other."""
    made: list[pb.Fill] = []

    async def steps() -> None:
        async with copying(ledger, rules=rules) as user:
            for side, pair, held in fills:
                user.now += 1
                fill = user.made(side, pair)
                fill.master_position = held
                user.copier.take_fills([fill])
                made.append(fill)
                await user.done()

    with closing(Ledger(path, "anna")) as ledger:
        run(steps())
    return made


def test_the_same_rules_make_the_same_copies(tmp_path: Path) -> None:
    rules = CopyRules(max_user_risk=Decimal("0.04"), max_daily_notional=Money(Decimal(10), "USD"))
    fills = lived(
        tmp_path / "anna.db", rules,
        (Side.BUY, "BTC/USD", "0"), (Side.BUY, "BTC/USD", "0"), (Side.SELL, "BTC/USD", "0.004"),
        (Side.BUY, "BTC/USD", "0"), (Side.BUY, "BTC/USD", "0"), (Side.SELL, "BTC/USD", "0.001"),
    )  # fmt: skip
    found = replayed(tmp_path / "anna.db", fills, rules)
    assert shown(found.copies) == shown(found.real_copies)
    assert len(found.copies) == len(fills)
    assert found.replayed.won == found.real.won


def test_other_rules_make_what_they_say(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    fills = lived(path, CopyRules(), *[(Side.BUY, "BTC/USD", "0")] * 3)
    halved = replayed(path, fills, CopyRules(multiplier=Decimal("0.5")))
    assert [copy.ordered for copy in halved.copies] == [copy.ordered / 2 for copy in halved.real_copies]
    capped = replayed(path, fills, CopyRules(max_orders_per_day=1))
    assert [(copy.state, copy.reason, copy.cap) for copy in capped.copies] == [
        (CopyState.FILLED, Reason.SCALED, ""),
        (CopyState.SKIPPED, Reason.CAP_EXHAUSTED, "max_orders_per_day"),
        (CopyState.SKIPPED, Reason.CAP_EXHAUSTED, "max_orders_per_day"),
    ]


def test_a_replay_that_begins_later_begins_with_what_was_held(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    fills = lived(
        path, CopyRules(),
        (Side.BUY, "BTC/USD", "0"), (Side.BUY, "BTC/USD", "0"), (Side.SELL, "BTC/USD", "0.001"),
    )  # fmt: skip
    later = Interval(since=NOW + 2.5, until=NOW + 1e6)
    found = replayed(path, fills, CopyRules(), later)
    assert shown(found.copies) == shown(found.real_copies)
    assert [copy.side for copy in found.copies] == [Side.SELL]
    ended = replayed(path, fills, CopyRules(), Interval(since=0.0, until=NOW + 2.5))
    assert shown(ended.copies) == shown(ended.real_copies)
    assert len(ended.copies) == 2


def test_the_same_is_found_each_time(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    fills = lived(path, CopyRules(), (Side.BUY, "BTC/USD", "0"), (Side.SELL, "BTC/USD", "0.004"))
    rules = CopyRules(multiplier=Decimal("1.7"))
    first, second = (replayed(path, fills, rules) for _ in range(2))
    assert first.copies == second.copies
    assert first.replayed.curve == second.replayed.curve


# -- any life, by the rules that held ------------------------------------------------------------------------

#: What the exchange does with an order: it fills it at a price, or refuses it.
answers = st.one_of(st.integers(49_000, 51_000), st.just("EOrder:Margin allowance exceeded"))
#: Fills that come together: of which order of the master, whether it buys, lots of 0.0001, price.
lives = st.lists(
    st.lists(
        st.tuples(st.integers(1, 3), st.booleans(), st.integers(1, 40), st.integers(49_500, 50_500)),
        min_size=1, max_size=4,
    ),
    min_size=1, max_size=6,
)  # fmt: skip
any_rules = st.builds(
    CopyRules,
    max_user_risk=st.sampled_from([D("0.02"), D("0.1"), D(1)]),
    multiplier=st.sampled_from([D(1), D("0.3"), D(3)]),
    balance=st.sampled_from([BalanceBasis.EQUITY, BalanceBasis.CASH]),
    max_orders_per_day=st.sampled_from([None, 2]),
    max_position_share=st.sampled_from([None, D("0.15")]),
    max_daily_notional=st.sampled_from([None, Money(D(12), "USD")]),
    exclude=st.sampled_from([(), ("BTC/*",)]),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives, st.lists(answers, min_size=24, max_size=24), any_rules)
def test_any_life_is_found_again_by_the_rules_that_held(
    tmp_path_factory: pytest.TempPathFactory,
    life: list[list[tuple[int, bool, int, int]]], exchange: list[int | str], rules: CopyRules,
) -> None:  # fmt: skip
    path = tmp_path_factory.mktemp("life") / "anna.db"
    made: list[pb.Fill] = []
    held = 0

    async def steps() -> None:
        nonlocal held
        async with living(ledger, rules) as user:
            answer_orders(user, list(exchange))
            for together in life:
                user.now += 10
                burst = []
                for order, is_buy, lots, price in together:
                    sold = min(lots, held)
                    if not is_buy and not sold:
                        continue
                    after = held + lots if is_buy else held - sold
                    user.seq += 1
                    burst.append(
                        _fill(
                            user.seq,
                            is_buy=is_buy,
                            lots=lots if is_buy else sold,
                            price=price,
                            held=held,
                            after=after,
                            lot=D("0.0001"),
                            order=f"{is_buy}{order}{len(made)}",
                        )
                    )
                    burst[-1].executed_at.CopyFrom(timestamp(user.now))
                    held = after
                user.copier.take_fills(burst)
                made.extend(burst)
                await user.done()

    with closing(Ledger(path, "anna")) as ledger:
        run(steps())
    found = replayed(path, made, rules)
    assert shown(found.copies) == shown(found.real_copies)
    assert found.replayed.won == found.real.won


def answer_orders(user: User, exchange: list[int | str]) -> None:
    """Each order in turn is filled at a price, or refused."""

    def answer(params: dict[str, str]) -> Any:
        user.kraken.sent.append(params)
        number, what = len(user.kraken.sent), exchange.pop(0) if exchange else 50_000
        if isinstance(what, str):
            return ExchangeRefused("AddOrder", (what,))
        price = min(D(what), D(params["price"])) if "price" in params else D(what)
        told = execution(
            order_id=f"O{number}", cl_ord_id=params["cl_ord_id"], exec_id=f"T{number}", qty=params["volume"],
            side=Side(params["type"]), price=str(price), fees=(("USD", str(what // 10_000)),),
        )  # fmt: skip
        asyncio.get_running_loop().call_soon(user.gateway.count_executions, [told])
        return {"descr": {"order": "an order"}, "txid": [f"O{number}"]}

    user.kraken.always["AddOrder"] = answer


# -- an independent count, in fractions ----------------------------------------------------------------------

#: Orders of the master: whether it buys, lots (a sale sells no more than it holds), price.
trades = st.lists(st.tuples(st.booleans(), st.integers(1, 300), st.integers(1, 999)), min_size=1, max_size=12)
CENT_LOT = Fraction(1, 100)
BOUND, KEPT_BACK, FEE = Fraction(10_050, 10_000), Fraction(99, 100), Fraction(4, 1000)


class Count:
    """A follower with money, by hand."""

    def __init__(self, money: int, ratio: int, risk: Fraction) -> None:
        self.begun = self.money = Fraction(money)
        self.ratio, self.risk = ratio, risk
        self.lots = 0
        self.ordered: list[int] = []
        self.curve: list[Fraction] = []

    def worth(self, price: int) -> Fraction:
        return self.money + self.lots * CENT_LOT * price

    def buys(self, lots: int, price: int) -> None:
        worst = price * BOUND
        allowed = self.worth(price) * self.risk / worst / CENT_LOT
        affordable = self.money * KEPT_BACK / worst / CENT_LOT
        self.trade(int(min(Fraction(lots * self.ratio), allowed, affordable)), price)

    def sells(self, sold: int, held: int, price: int) -> None:
        self.trade(-int(Fraction(self.lots * sold, held)), price)

    def trade(self, lots: int, price: int) -> None:
        cost = lots * CENT_LOT * price
        self.money -= cost + abs(cost) * FEE
        self.lots += lots
        if lots:
            self.ordered.append(abs(lots))


@given(trades, st.integers(100, 100_000), st.integers(1, 3), st.sampled_from(["0.1", "0.5", "1"]))
def test_copies_and_profit_are_those_of_an_independent_count(
    orders: list[tuple[bool, int, int]], money: int, ratio: int, risk: str
) -> None:
    count, fills, held = Count(money, ratio, Fraction(risk)), [], 0
    for number, (is_buy, lots, price) in enumerate(orders, start=1):
        sold = 0 if is_buy else min(lots, held)
        if not is_buy and not sold:
            continue
        after = held + lots if is_buy else held - sold
        fills.append(
            _fill(number, is_buy=is_buy, lots=lots if is_buy else sold, price=price, held=held, after=after)
        )
        count.curve.append(count.worth(price) - count.begun)
        if is_buy:
            count.buys(lots, price)
        else:
            count.sells(sold, held, price)
        held = after
    last = Decimal(fills[-1].price) if fills else Decimal(0)
    count.curve.append(count.worth(int(last)) - count.begun)
    account = Account(
        account_id="anna", history=None, wallet={"USD": Decimal(money)},
        rules=CopyRules(sizing=Sizing.FIXED_RATIO, ratio=Decimal(ratio), max_user_risk=Decimal(risk)),
    )  # fmt: skip
    master = MasterHistory(journal_id="a journal", fills=tuple(fills))
    found = replay(account, past_of(master, [LOTS]))
    made = [copy for copy in found.copies if copy.filled]
    assert [
        int(copy.filled * 100) for copy in sorted(made, key=lambda copy: copy.decided_at)
    ] == count.ordered
    assert abs(Fraction(found.replayed.won) - count.curve[-1]) < Fraction(1, 10**12)
    fall, _ = deepest_fall(found.replayed.curve)
    high = fell = Fraction(0)
    for value in count.curve:
        high = max(high, value)
        fell = max(fell, high - value)
    assert abs(Fraction(fall) - fell) < Fraction(1, 10**12)


def _fill(
    number: int, *, is_buy: bool, lots: int, price: int, held: int, after: int, lot: Decimal = CENT,
    order: str = "",
) -> pb.Fill:  # fmt: skip
    def volume(lots: int) -> str:
        return f"{lots * lot:f}"

    return pb.Fill(
        seq=number, exec_id=f"M{number}", order_id=order or f"MO{number}", pair="BTC/USD",
        side=PB_SIDE[Side.BUY if is_buy else Side.SELL], price=str(price), volume=volume(lots),
        master_equity="1000", master_cash="1000", master_position=volume(held), journal_position=volume(held),
        journal_position_after=volume(after), executed_at=timestamp(NOW + number),
    )  # fmt: skip
