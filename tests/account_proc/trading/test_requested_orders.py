"""An order that was asked for is placed once for each request id, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeRefused, LedgerFault, OutcomeUnknown
from krakencopy.account_proc.contract.order_ids import own_order_id
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.requested_orders import (
    BadOrder,
    OrderAsked,
    OrderRefused,
    RequestedOrders,
    decimal_of,
)
from krakencopy.account_proc.trading.timing import Timing
from tests.support.copying import NOW
from tests.support.scripted_kraken import NOWHERE, ScriptedKraken, broker_of, order_row, run

ASKED = OrderAsked(request_id="r1", pair="XBTUSD", side=Side.BUY, volume=Decimal("0.0020"))
ACCEPTED = {"descr": {"order": "buy 0.002 XBTUSD @ market"}, "txid": ["OABC"]}
LOST = OutcomeUnknown("AddOrder", "timeout")
#: A deadline that is over at once, and reads that do not trail.
AT_ONCE = Timing(deadline=-60.0, margin=0.0, visibility_lag=0.0, poll=0.0, retry=0.0)


@contextmanager
def placing(folder: Path, kraken: ScriptedKraken) -> Iterator[RequestedOrders]:
    with closing(Ledger(folder / "tania.db", "tania")) as ledger:
        yield orders_of(ledger, kraken)


def orders_of(ledger: Ledger, kraken: ScriptedKraken) -> RequestedOrders:
    gateway = OrderGateway(kraken.exchange, lambda: NOW, AT_ONCE)
    return RequestedOrders("tania", ledger, broker_of(kraken, gateway), lambda: NOW)


def test_pairs_are_read_again_for_an_order_in_one_that_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kraken = ScriptedKraken({"AddOrder": ACCEPTED})
    read: list[str] = []

    async def steps() -> None:
        with placing(tmp_path, kraken) as orders:
            known = orders._broker.market
            monkeypatch.setattr(orders._broker, "market", lambda pair: known(pair) if read else None)

            async def learn(pair: str) -> None:
                read.append(pair)

            orders._learn = learn
            assert (await orders.place(ASKED)).state is CopyState.ACKNOWLEDGED
            assert read == [ASKED.pair]
            with pytest.raises(BadOrder, match="'NO/SUCH' is not listed"):
                await orders.place(replace(ASKED, request_id="another", pair="NO/SUCH"))
            assert read == [ASKED.pair, "NO/SUCH"]

    run(steps())


def test_an_order_is_sent_once_and_asking_again_gives_the_same_answer(tmp_path: Path) -> None:
    kraken = ScriptedKraken({"AddOrder": ACCEPTED})

    async def steps() -> None:
        with placing(tmp_path, kraken) as orders:
            first = await orders.place(ASKED)
            assert (first.order_id, first.state, first.pair) == ("OABC", CopyState.ACKNOWLEDGED, "BTC/USD")
            assert await orders.place(ASKED) == first
        with placing(tmp_path, kraken) as orders:  # and after the process has started again
            assert await orders.place(ASKED) == first
        ((_, params),) = kraken.asked
        assert (params["pair"], params["type"], params["ordertype"], params["volume"]) == (
            "XBTUSD",
            "buy",
            "market",
            "0.002",
        )
        assert params["cl_ord_id"] == own_order_id("", "tania", "r1")
        assert "timeinforce" not in params

    run(steps())


def test_a_limit_price_makes_it_a_limit_order(tmp_path: Path) -> None:
    kraken = ScriptedKraken({"AddOrder": ACCEPTED})

    async def steps() -> None:
        with placing(tmp_path, kraken) as orders:
            await orders.place(replace(ASKED, side=Side.SELL, limit_price=Decimal(60_000)))
        ((_, params),) = kraken.asked
        assert (params["type"], params["ordertype"], params["price"]) == ("sell", "limit", "60000")

    run(steps())


def test_each_request_id_is_an_order_of_its_own(tmp_path: Path) -> None:
    kraken = ScriptedKraken({"AddOrder": ACCEPTED})

    async def steps() -> None:
        with placing(tmp_path, kraken) as orders:
            await asyncio.gather(
                *(orders.place(replace(ASKED, request_id=f"r{number}")) for number in range(3))
            )
        assert len({params["cl_ord_id"] for _, params in kraken.asked}) == 3

    run(steps())


def test_asking_many_times_at_once_places_one_order(tmp_path: Path) -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"AddOrder": ACCEPTED}, held={"AddOrder": asyncio.Event()})
        with placing(tmp_path, kraken) as orders:
            asking = [asyncio.create_task(orders.place(ASKED)) for _ in range(5)]
            await asyncio.sleep(0)
            kraken.held["AddOrder"].set()
            answers = await asyncio.gather(*asking)
            assert len({answer.order_id for answer in answers}) == 1
            assert orders._locks == {}
        assert kraken.times_asked("AddOrder") == 1

    run(steps())


def test_draining_waits_for_the_answer_to_an_order_that_is_on_its_way(tmp_path: Path) -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"AddOrder": ACCEPTED}, held={"AddOrder": asyncio.Event()})
        with placing(tmp_path, kraken) as orders:
            await orders.drain()
            placing_it = asyncio.create_task(orders.place(ASKED))
            await asyncio.sleep(0)
            assert orders.open
            draining = asyncio.create_task(orders.drain())
            done, _ = await asyncio.wait([draining], timeout=0.01)
            assert not done
            kraken.held["AddOrder"].set()
            await draining
            assert (orders.open, (await placing_it).state) == (False, CopyState.ACKNOWLEDGED)

    run(steps())


def test_a_refusal_is_the_answer_for_ever(tmp_path: Path) -> None:
    kraken = ScriptedKraken({"AddOrder": ExchangeRefused("AddOrder", ("EOrder:Insufficient funds",))})

    async def steps() -> None:
        for _ in range(2):
            with placing(tmp_path, kraken) as orders, pytest.raises(OrderRefused) as refused:
                await orders.place(ASKED)
            assert refused.value.reason == "EXCHANGE_REFUSED"
            assert refused.value.errors == ("EOrder:Insufficient funds",)
        assert kraken.times_asked("AddOrder") == 1

    run(steps())


def test_an_order_that_a_restored_ledger_does_not_know_is_looked_for_in_all_the_past_and_not_sent_again(
    tmp_path: Path,
) -> None:
    lost = own_order_id("", "tania", "r1")
    row = order_row("closed", "0.002", "0.002", cl_ord_id=lost)
    kraken = ScriptedKraken(NOWHERE | {"ClosedOrders": {"closed": {"OLD": row}, "count": 1}})

    async def steps() -> None:
        with closing(Ledger(tmp_path / "tania.db", "tania")) as ledger:
            # What the look back at a start does (reconciler.py).
            ledger.claim_own(lost)
            order = await orders_of(ledger, kraken).place(ASKED)
        assert (order.order_id, order.state) == ("OLD", CopyState.ACKNOWLEDGED)
        assert [params["start"] for method, params in kraken.asked if method == "ClosedOrders"] == ["0"]
        assert kraken.times_asked("AddOrder") == 0

    run(steps())


@pytest.mark.parametrize("place", ["OpenOrders", "ClosedOrders"])
def test_an_order_whose_answer_was_lost_is_found_and_not_sent_again(tmp_path: Path, place: str) -> None:
    key = "open" if place == "OpenOrders" else "closed"
    row = order_row(key, "0.002", "0.002", cl_ord_id=own_order_id("", "tania", "r1"))
    kraken = ScriptedKraken(NOWHERE | {"AddOrder": LOST, place: {key: {"OFOUND": row}, "count": 1}})

    async def steps() -> None:
        with placing(tmp_path, kraken) as orders, pytest.raises(OutcomeUnknown):
            await orders.place(ASKED)
        with placing(tmp_path, kraken) as orders:
            found = await orders.place(ASKED)
        assert (found.order_id, found.state) == ("OFOUND", CopyState.ACKNOWLEDGED)
        assert kraken.times_asked("AddOrder") == 1

    run(steps())


def test_an_order_that_is_proven_not_to_exist_is_refused_after_two_looks(tmp_path: Path) -> None:
    kraken = ScriptedKraken(NOWHERE | {"AddOrder": LOST})

    async def steps() -> None:
        with placing(tmp_path, kraken) as orders:
            with pytest.raises(OutcomeUnknown):
                await orders.place(ASKED)
            for _ in range(2):
                with pytest.raises(OrderRefused, match="never reached the exchange"):
                    await orders.place(ASKED)
        assert [method for method, _ in kraken.asked] == ["AddOrder", *["OpenOrders", "ClosedOrders"] * 2]

    run(steps())


def test_a_look_that_fails_proves_nothing_and_is_repeated(tmp_path: Path) -> None:
    row = order_row("closed", "0.002", "0.002")
    kraken = ScriptedKraken(
        NOWHERE | {"AddOrder": LOST, "ClosedOrders": {"closed": {"OFOUND": row}, "count": 1}},
        {"ClosedOrders": [OutcomeUnknown("ClosedOrders", "reset")] * 3},
    )

    async def steps() -> None:
        with placing(tmp_path, kraken) as orders:
            with pytest.raises(OutcomeUnknown):
                await orders.place(ASKED)
            assert (await orders.place(ASKED)).order_id == "OFOUND"
        assert kraken.times_asked("ClosedOrders") == 4

    run(steps())


def test_the_intent_is_on_disk_before_the_order_leaves(tmp_path: Path) -> None:
    seen: list[CopyState] = []

    async def steps() -> None:
        with closing(Ledger(tmp_path / "tania.db", "tania")) as ledger:

            def answer(_: dict[str, str]) -> dict[str, Any]:
                assert not ledger._db.in_transaction
                order = ledger.requested_order("r1")
                assert order is not None
                seen.append(order.state)
                return ACCEPTED

            await orders_of(ledger, ScriptedKraken({"AddOrder": answer})).place(ASKED)
        assert seen == [CopyState.INTENT]

    run(steps())


def test_an_order_that_cannot_be_written_down_is_not_sent(tmp_path: Path) -> None:
    kraken = ScriptedKraken({"AddOrder": ACCEPTED})

    async def steps() -> None:
        with closing(Ledger(tmp_path / "tania.db", "tania")) as ledger:
            ledger._db.execute("DROP TABLE own_orders")
            ledger._db.execute("CREATE TABLE own_orders (request_id TEXT, body TEXT CHECK (body IS NULL))")
            with pytest.raises(LedgerFault):
                await orders_of(ledger, kraken).place(ASKED)
        assert kraken.asked == []

    run(steps())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (replace(ASKED, request_id=""), "request_id is empty"),
        (replace(ASKED, pair="BTC/XYZ"), "not listed"),
        (replace(ASKED, volume=Decimal(0)), "larger than 0"),
        (replace(ASKED, volume=Decimal(-1)), "larger than 0"),
        (replace(ASKED, volume=Decimal("NaN")), "larger than 0"),
        (replace(ASKED, volume=Decimal("Infinity")), "larger than 0"),
        (replace(ASKED, volume=Decimal("0.123456789")), "more decimals than the exchange takes"),
        (replace(ASKED, volume=Decimal("1E+25")), "more decimals than the exchange takes"),
        (replace(ASKED, volume=Decimal("0.00004")), "minimum of 0.00005"),
        (replace(ASKED, limit_price=Decimal(0)), "limit_price"),
        (replace(ASKED, limit_price=Decimal("NaN")), "limit_price"),
    ],
)  # fmt: skip
def test_what_is_no_order_is_refused_and_leaves_no_trace(
    tmp_path: Path, asked: OrderAsked, message: str
) -> None:
    kraken = ScriptedKraken({"AddOrder": ACCEPTED})

    async def steps() -> None:
        with closing(Ledger(tmp_path / "tania.db", "tania")) as ledger:
            with pytest.raises(BadOrder, match=message):
                await orders_of(ledger, kraken).place(asked)
            assert ledger.requested_order(asked.request_id) is None
        assert kraken.asked == []

    run(steps())


@pytest.mark.parametrize("text", ["", "much", "1,5", "0x10"])
def test_what_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadOrder, match="volume"):
        decimal_of(text, "volume")
    assert decimal_of("0.005", "volume") == Decimal("0.005")


def test_an_order_that_is_refused_for_its_deadline_is_sent_once_more_with_another(tmp_path: Path) -> None:
    late = ExchangeRefused("AddOrder", ("EGeneral:Invalid arguments:deadline",))
    kraken = ScriptedKraken({"AddOrder": ACCEPTED}, next={"AddOrder": [late]})

    async def steps() -> None:
        with placing(tmp_path, kraken) as orders:
            assert (await orders.place(ASKED)).order_id == "OABC"
        kraken.next["AddOrder"] = [late, late]
        with placing(tmp_path, kraken) as orders, pytest.raises(OrderRefused, match="deadline"):
            await orders.place(replace(ASKED, request_id="r2"))

    run(steps())
    assert kraken.times_asked("AddOrder") == 4


def test_the_time_is_asked_for_before_an_order_and_not_again_for_its_answer(tmp_path: Path) -> None:
    kraken = ScriptedKraken({"AddOrder": ACCEPTED})
    asked: list[int] = []

    async def ask() -> None:
        asked.append(kraken.times_asked("AddOrder"))

    async def steps() -> None:
        with closing(Ledger(tmp_path / "tania.db", "tania")) as ledger:
            gateway = OrderGateway(kraken.exchange, lambda: NOW, AT_ONCE)
            orders = RequestedOrders("tania", ledger, broker_of(kraken, gateway), lambda: NOW, ask)
            await orders.place(ASKED)
            await orders.place(ASKED)

    run(steps())
    assert asked == [0]
