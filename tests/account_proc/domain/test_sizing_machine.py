"""The memory of the rules over a long life: any fills, endings and restarts, and the book stays true to
what was bought and sold.
"""

from __future__ import annotations

import tempfile
from collections import deque
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import Carry, MasterFill, Order, OrderPlan
from krakencopy.account_proc.domain.exit_sizing import owed_exit
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import Price, Side
from krakencopy.account_proc.state import ledger as ledger_module
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import BTC, ETH, NOW, Follower, TradingMaster, copy_id_of, side_of

PAIRS = {pair.name: replace(pair, ordermin=Decimal("0.05"), lot_decimals=4) for pair in (BTC, ETH)}
EQUITY = Decimal(1000)

symbols = st.sampled_from(sorted(PAIRS))
orders = st.sampled_from("123")
prices = st.integers(90, 110).map(Decimal)
volumes = st.integers(1, 40_000).map(lambda number: Decimal(number).scaleb(-4))


class CopyingForMonths(RuleBasedStateMachine):
    """One user, two pairs. Fills wait behind the order of their pair, as in the trading loop."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "tania.db"
        self.master = TradingMaster(equity=Decimal(3000))
        self.users: dict[str, Follower] = {}
        self.waiting: dict[str, deque[MasterFill]] = {symbol: deque() for symbol in PAIRS}
        self.on_its_way: dict[str, Order] = {}
        # What a clerk would write down, knowing no rules.
        self.bought = dict.fromkeys(PAIRS, Decimal(0))
        self.fees = dict.fromkeys(PAIRS, Decimal(0))
        self.sold = dict.fromkeys(PAIRS, Decimal(0))
        self.written_off = dict.fromkeys(PAIRS, Decimal(0))
        self.answered: list[int] = []
        self.carried_copies: set[tuple[str, str]] = set()
        self.master_orders: set[str] = set()
        self.ledger = Ledger(self.path, "tania")
        self.take_up(self.ledger.load_book())

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    def take_up(self, book: CopyBook) -> None:
        for symbol, pair in PAIRS.items():
            user = Follower(self.ledger, CopyRules(max_user_risk=Decimal("0.05")), pair, equity=EQUITY)
            user.book = book
            self.users[symbol] = user

    # -- what happens ---------------------------------------------------------------------------------------

    @rule(symbol=symbols, order=orders, volume=volumes, price=prices, age=st.sampled_from([0, 0, 0, 60]))
    def master_buys(self, symbol: str, order: str, volume: Decimal, price: Decimal, age: int) -> None:
        order_id = f"{symbol} buy {order}"
        fill = self.master.buy(order_id, volume, price, PAIRS[symbol], executed_at=NOW - age)
        self.arrives(fill)

    @rule(symbol=symbols, order=orders, percent=st.sampled_from([1, 20, 50, 100]), price=prices)
    def master_sells(self, symbol: str, order: str, percent: int, price: Decimal) -> None:
        held = self.master.position.get(PAIRS[symbol].base, Decimal(0))
        volume = (held * percent / 100).quantize(Decimal("0.0001"))
        if volume:
            self.arrives(self.master.sell(f"{symbol} sell {order}", volume, price, PAIRS[symbol]))

    @precondition(lambda self: self.on_its_way)
    @rule(
        data=st.data(),
        percent=st.sampled_from([0, 30, 100, 100, 100]),
        slip=st.integers(-3, 0),
        fee_bps=st.integers(0, 40),
    )
    def an_order_ends(self, data: st.DataObject, percent: int, slip: int, fee_bps: int) -> None:
        symbol = data.draw(st.sampled_from(sorted(self.on_its_way)))
        order = self.on_its_way.pop(symbol)
        side = side_of(order)
        held = self.users[symbol].position
        filled = (order.volume.amount * percent / 100).quantize(Decimal("0.0001"))
        # An order's limit is within the bound of each of its fills (copying/turns.py).
        price = min((fill.price.amount for fill in order.fills), default=Decimal(100)) * (100 + slip) / 100
        fee = filled * fee_bps / 10_000 if side is Side.BUY else Decimal(0)
        self.users[symbol].settle(order, filled=filled, price=price, fee_base=fee)
        if side is Side.BUY:
            self.bought[symbol] += filled
            self.fees[symbol] += fee
        else:
            assert filled <= held
            self.sold[symbol] += filled
            left = held - filled
            if order.sweep and filled:
                self.written_off[symbol] += left - min(left, order.volume.amount - filled)
            if filled < order.volume.amount:
                self.carried_copies.add((symbol, copy_id_of(order.fills)))
        self.commit(symbol)
        self.go_on(symbol)

    @rule(symbol=symbols)
    def an_exit_that_is_owed_is_tried_again(self, symbol: str) -> None:
        if symbol in self.on_its_way:
            return
        user = self.users[symbol]
        carried, held = user.carried(Side.SELL), user.position
        order = owed_exit(user.book, PAIRS[symbol], Price(Decimal(100)))
        if order is None:
            assert (user.carried(Side.SELL), user.position) == (carried, held)
            assert min(carried, held) < PAIRS[symbol].ordermin
            return
        assert PAIRS[symbol].ordermin <= order.volume.amount <= min(carried, held)
        for copy_id in order.carried_in:
            self.carried_copies.remove((symbol, copy_id))
        self.on_its_way[symbol] = order
        self.commit(symbol)

    @rule()
    def the_process_starts_again(self) -> None:
        before = self.users[BTC.name].book
        plans = self.plans(self.ledger)
        self.ledger.close()
        self.ledger = Ledger(self.path, "tania")
        after = self.ledger.load_book()
        assert self.plans(self.ledger) == plans
        for coin in (pair.base for pair in PAIRS.values()):
            assert after.coins.position(coin) == before.coins.position(coin)
        assert after.carried == {key: pieces for key, pieces in before.carried.items() if pieces}
        self.take_up(after)

    # -- how it is taken ------------------------------------------------------------------------------------

    def plans(self, ledger: Ledger) -> dict[str, OrderPlan | None]:
        found = {order_id: ledger.get_plan(order_id) for order_id in self.master_orders}
        return {order_id: None if plan is None else replace(plan) for order_id, plan in found.items()}

    def arrives(self, fill: MasterFill) -> None:
        self.master_orders.add(fill.order_id)
        self.waiting[fill.pair].append(fill)
        self.go_on(fill.pair)

    def go_on(self, symbol: str) -> None:
        waiting = self.waiting[symbol]
        while waiting and symbol not in self.on_its_way:
            run = [waiting.popleft()]
            while waiting and waiting[0].side is run[0].side:
                run.append(waiting.popleft())
            self.answer(symbol, PAIRS[symbol], run)

    def answer(self, symbol: str, pair: PairRules, run: list[MasterFill]) -> None:
        user = self.users[symbol]
        held = user.position
        verdict = user.decide(*run)
        for copy_id in verdict.exited_copies:
            self.carried_copies.remove((symbol, copy_id))
        for decision in verdict.decisions:
            self.answered += [fill.seq for fill in decision.fills]
            if isinstance(decision, Carry):
                self.carried_copies.add((symbol, copy_id_of(decision.fills)))
            if isinstance(decision, Order):
                assert decision.volume.amount >= pair.ordermin
                assert run[0].side is Side.BUY or decision.volume.amount <= held
                for copy_id in decision.carried_in:
                    self.carried_copies.remove((symbol, copy_id))
                self.on_its_way[symbol] = decision
        self.commit(symbol)

    def commit(self, symbol: str) -> None:
        self.ledger.commit(book=self.users[symbol].book)

    # -- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def the_position_is_what_was_bought_and_neither_sold_nor_paid_in_fees(self) -> None:
        for symbol, user in self.users.items():
            assert user.position >= 0
            assert all(cost >= 0 for cost in user.book.coins.position(PAIRS[symbol].base).costs.values())
            assert self.sold[symbol] <= self.bought[symbol] - self.fees[symbol]
            counted = self.bought[symbol] - self.fees[symbol] - self.sold[symbol] - self.written_off[symbol]
            assert user.position == counted

    @invariant()
    def no_more_is_owed_than_is_held(self) -> None:
        # What is owed is sold without another fill: more than the position would be sold out of the next
        # entry.
        for user in self.users.values():
            assert user.carried(Side.SELL) <= user.position

    @invariant()
    def every_fill_is_answered_once(self) -> None:
        waiting = [fill.seq for fills in self.waiting.values() for fill in fills]
        assert sorted(self.answered + waiting) == list(range(1, self.master.seq + 1))

    @invariant()
    def what_waits_belongs_to_copies_that_wait(self) -> None:
        book = self.users[BTC.name].book
        found = {(pair, piece.copy_id) for (pair, _), pieces in book.carried.items() for piece in pieces}
        assert found == self.carried_copies

    @invariant()
    def no_master_order_counts_more_than_its_cap(self) -> None:
        for plan in self.plans(self.ledger).values():
            if plan is not None and plan.cap:
                assert Decimal("-1e-15") <= plan.cost.amount <= plan.cap.amount + Decimal("1e-15")


@pytest.mark.parametrize("plans_in_memory", [0, 256])
def test_the_book_stays_true_over_a_long_life(monkeypatch: pytest.MonkeyPatch, plans_in_memory: int) -> None:
    monkeypatch.setattr(ledger_module, "PLANS_IN_MEMORY", plans_in_memory)
    run_state_machine_as_test(CopyingForMonths, settings=settings(max_examples=40, stateful_step_count=40))
