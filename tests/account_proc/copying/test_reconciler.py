"""The ledger against the exchange's record of orders: what does not agree is found, said, and taken into
account where it can be.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeRefused, OutcomeUnknown
from krakencopy.account_proc.contract.order_ids import copy_order_id, own_order_id
from krakencopy.account_proc.copying import reconciler as reconciler_module
from krakencopy.account_proc.copying.reconciler import Reconciler
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.requested_order import RequestedOrder
from krakencopy.account_proc.kraken.rest.messages import OrderRow
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.state.ledger import NO_COPY, Ledger
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.timing import Timing
from tests.support.copying import NOW
from tests.support.order_samples import FIRST, SECOND, copy, kraken_row
from tests.support.scripted_kraken import ScriptedKraken, execution, run, until


class Desk:
    """A user's ledger and reconciler before a scripted exchange. The copier's part is played by a list."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.kraken = ScriptedKraken({"OpenOrders": {"open": {}}})
        self.now = NOW
        self.busy = False
        self.adopted: list[tuple[str, str]] = []
        exchange = self.kraken.exchange
        self.gateway = OrderGateway(exchange, lambda: NOW, Timing())
        self.reconciler = self.start()

    def start(self) -> Reconciler:
        return Reconciler(
            ledger=self.ledger,
            adopter=self,
            gateway=self.gateway,
            now=lambda: self.now,
            changed=lambda: None,
            account_id="anna",
            journal_id="j",
        )

    def adopt_order(self, row: OrderRow, given_up: CopyRecord) -> bool:
        if not self.busy:
            self.adopted.append((row.txid, given_up.copy_id))
        return not self.busy

    def told(self, **orders: dict[str, Any] | None) -> None:
        self.kraken.always["ClosedOrders"] = {"closed": orders, "count": len(orders)}

    def codes(self) -> list[tuple[str, str]]:
        return [(drift.code, drift.order_id) for drift in self.reconciler.shown_drifts()]


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
        ledger.commit(copies=[copy(state=CopyState.INTENT, order_id="", filled=Decimal(0))])
        yield Desk(ledger)


def test_a_ledger_that_agrees_says_when_that_was_found_out(it: Desk) -> None:
    async def steps() -> None:
        it.ledger.commit(copies=[copy()])
        it.told(O1=kraken_row(FIRST))
        assert await it.reconciler.compare()
        assert (it.ledger.reconciled_at, it.codes()) == (NOW, [])

    run(steps())


def test_a_record_that_cannot_be_read_proves_nothing(it: Desk) -> None:
    async def steps() -> None:
        it.kraken.always["ClosedOrders"] = OutcomeUnknown("ClosedOrders", "timeout")
        with pytest.raises(OutcomeUnknown):
            await it.reconciler.compare()
        assert (it.ledger.reconciled_at, it.codes(), it.adopted) == (None, [], [])
        # ... and does not end the comparing.
        task = asyncio.get_running_loop().create_task(it.reconciler.run(ChangeSignal()))
        await until(lambda: len(it.kraken.asked) > 3)
        assert not task.done()
        task.cancel()

    run(steps())


def test_an_order_that_nobody_intended_is_said_once_and_remembered_across_a_restart(it: Desk) -> None:
    async def steps() -> None:
        it.told(O9=kraken_row(copy_order_id("other", "someone", "c1", 1)))
        assert await it.reconciler.compare()
        it.now += 300
        assert await it.reconciler.compare()
        assert it.codes() == [("ORDER_UNINTENDED", "O9")]
        it.reconciler = it.start()
        assert it.codes() == [("ORDER_UNINTENDED", "O9")]
        assert "another installation" in it.reconciler.shown_drifts()[0].message
        it.now += 90_000
        assert it.codes() == []

    run(steps())


def test_an_order_that_was_asked_for_is_no_drift(it: Desk) -> None:
    async def steps() -> None:
        own = own_order_id("j", "anna", "r1")
        it.ledger.put_requested_order(
            RequestedOrder(
                request_id="r1",
                cl_ord_id=own,
                pair="BTC/USD",
                side=Side.BUY,
                volume=Decimal("0.01"),
                limit_price=None,
                state=CopyState.INTENT,
                deadline=NOW,
            )
        )
        it.told(O2=kraken_row(own))
        assert await it.reconciler.compare()
        assert it.codes() == []

    run(steps())


def test_an_order_that_was_given_up_is_handed_over_when_its_pair_is_free_and_reads_get_more_time(
    it: Desk,
) -> None:
    async def steps() -> None:
        it.ledger.commit(copies=[copy(state=CopyState.INTENT, cl_ord_id=SECOND, attempts=2)])
        it.told(O1=kraken_row(FIRST))
        it.busy = True
        assert not await it.reconciler.compare()
        assert (it.adopted, it.codes(), it.ledger.reconciled_at) == ([], [], None)
        it.busy = False
        before = it.gateway.visibility_lag
        assert await it.reconciler.compare()
        assert (it.adopted, it.codes()) == ([("O1", "c1")], [("ORDER_FOUND_LATE", "O1")])
        assert it.gateway.visibility_lag > before

    run(steps())


def test_each_comparison_reaches_back_behind_the_one_before(it: Desk) -> None:
    async def steps() -> None:
        it.told()
        for _ in range(2):
            assert await it.reconciler.compare()
            it.now += 300
        starts = [int(params["start"]) for method, params in it.kraken.asked if method == "ClosedOrders"]
        assert starts[0] <= NOW - 86_400
        assert starts[1] == int(NOW - it.gateway.visibility_lag - 120) - 1

    run(steps())


def test_an_account_that_neither_orders_nor_trades_is_compared_seldom_until_it_does_again(
    it: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler_module, "SETTLED_S", 0.0)

    async def steps() -> None:
        it.told()
        it.reconciler = Reconciler(
            ledger=it.ledger, adopter=it, gateway=it.gateway, now=time.monotonic,
            changed=lambda: None, period_s=0.001,
        )  # fmt: skip
        news = ChangeSignal()
        task = asyncio.get_running_loop().create_task(it.reconciler.run(news))
        for _ in range(2):
            await until(lambda: bool(news._waiters))
            asked = len(it.kraken.asked)
            news.notify()
            await until(lambda asked=asked: len(it.kraken.asked) > asked)  # type: ignore[misc]  # a lambda's default
        task.cancel()

    run(steps())


def test_what_the_record_has_and_an_older_ledger_has_not_is_told_apart_before_anything_is_sent(
    it: Desk,
) -> None:
    async def steps() -> None:
        lost, own = copy_order_id("j", "anna", "c9", 1), own_order_id("j", "anna", "r9")
        elsewhere = copy_order_id("j", "ben", "c9", 1)
        it.told(
            O3=kraken_row(lost) | {"opentm": NOW - 1},
            O2=kraken_row(copy_order_id("j", "anna", "c8", 1)) | {"opentm": NOW - 2},
            O4=kraken_row(copy_order_id("j", "anna", "c7", 1), vol_exec="0") | {"status": "canceled"},
            O5=kraken_row(own),
            O6=kraken_row(elsewhere),
            O7=kraken_row("9ce3b826-0000-4000-8000-000000000000"),
        )
        found = await it.reconciler.look_back(NOW)
        assert [row.txid for row in found.lost] == ["O2", "O3"]
        assert [(drift.code, drift.cl_ord_id) for drift in found.marked] == [("ORDER_UNINTENDED", elsewhere)]
        # An order that was asked for is known by its id from now on.
        assert it.ledger.owner(own) == NO_COPY
        # The record need not be read a second time for the first comparison.
        asked = len(it.kraken.asked)
        assert await it.reconciler.compare()
        assert len(it.kraken.asked) == asked

    run(steps())


@pytest.mark.parametrize("odd", [{"descr": {}}, None])
def test_a_lost_order_whose_row_is_odd_is_asked_for_and_awaited(it: Desk, odd: dict[str, Any] | None) -> None:
    lost = copy_order_id("j", "anna", "c9", 1)
    it.told(O2=odd if odd is None else kraken_row(lost) | odd, O3={"descr": {}}, O4={"cl_ord_id": FIRST})

    async def steps() -> None:
        it.kraken.always["QueryOrders"] = {"O2": kraken_row(lost)}
        found = await it.reconciler.look_back(NOW)
        assert [row.txid for row in found.lost] == ["O2"]
        # The account's own orders, and those that the ledger knows, are none of these.
        assert [params["txid"] for method, params in it.kraken.asked if method == "QueryOrders"] == ["O2"]
        it.kraken.always["QueryOrders"] = {"O2": {"cl_ord_id": lost, "descr": {}}}
        with pytest.raises(OutcomeUnknown, match="O2 was made by this account's ledger"):
            await it.reconciler.look_back(NOW)

    run(steps())


def test_an_odd_row_that_is_no_order_keeps_nobody_from_beginning(it: Desk) -> None:
    it.told(O2=None)

    async def steps() -> None:
        for answer in ({}, {"O2": None}, ExchangeRefused("QueryOrders", ("EOrder:Unknown order",))):
            it.kraken.always["QueryOrders"] = answer
            assert (await it.reconciler.look_back(NOW)).lost == ()

    run(steps())


def test_a_record_that_cannot_be_read_lets_nobody_begin(it: Desk) -> None:
    async def steps() -> None:
        it.kraken.always["ClosedOrders"] = OutcomeUnknown("ClosedOrders", "HTTP 502")
        with pytest.raises(OutcomeUnknown):
            await it.reconciler.look_back(NOW)

    run(steps())


def test_a_foreign_order_from_before_is_shown_and_one_from_now_on_is_a_sign_of_life(it: Desk) -> None:
    async def steps() -> None:
        it.told(O1=kraken_row(copy_order_id("x", "anna", "c1", 1)) | {"opentm": NOW + 5})
        await it.reconciler.look_back(NOW)
        await it.reconciler.compare()
        it.told(
            O1=kraken_row(copy_order_id("x", "anna", "c1", 1)) | {"opentm": NOW + 5},
            O2=kraken_row(copy_order_id("x", "anna", "c2", 1)) | {"opentm": NOW - 1},
            O3=kraken_row(copy_order_id("x", "anna", "c3", 1)) | {"opentm": NOW + 1},
        )  # fmt: skip
        await it.reconciler.compare()
        assert it.codes() == [
            ("ORDER_UNINTENDED", "O1"), ("ORDER_UNINTENDED", "O2"), ("ORDER_MADE_ELSEWHERE", "O3"),
        ]  # fmt: skip

    run(steps())


def test_the_feed_tells_of_a_foreign_order_at_once_and_it_is_said_once(it: Desk) -> None:
    async def steps() -> None:
        it.told()
        await it.reconciler.look_back(NOW)
        foreign = copy_order_id("x", "anna", "c3", 1)
        began = replace(
            execution("new", "O3", cl_ord_id=foreign), timestamp=datetime.fromtimestamp(NOW + 1, UTC)
        )
        it.reconciler.take_unknown_execution(replace(began, timestamp=datetime.fromtimestamp(NOW - 1, UTC)))
        it.reconciler.take_unknown_execution(replace(began, exec_type="trade"))
        it.ledger.claim_own(FIRST)
        it.reconciler.take_unknown_execution(replace(began, cl_ord_id=FIRST))
        assert it.codes() == []
        it.reconciler.take_unknown_execution(began)
        it.reconciler.take_unknown_execution(began)
        it.told(O3=kraken_row(foreign) | {"opentm": NOW + 1})
        await it.reconciler.compare()
        assert it.codes() == [("ORDER_MADE_ELSEWHERE", "O3")]

    run(steps())
