"""What an operator sees of the account's orders, and what becomes of a cancel whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import (
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.contract.order_ids import copy_order_id
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading import own_orders as module
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.own_orders import (
    CancelUnknown,
    KeyMayNotCancel,
    KeyMayNotTrade,
    OrderNotFound,
    OwnOrders,
    UnknownPair,
)
from krakencopy.account_proc.trading.requested_orders import BadOrder, OrderAsked, RequestedOrders
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import NOW
from tests.support.scripted_kraken import Answer, ScriptedKraken, broker_of, order_row

FIRST, SECOND, THIRD = (f"O{letter * 5}-AAAAA-AAAAAA" for letter in "ABC")
ASKED = OrderAsked(
    request_id="mine", pair="XBTUSD", side=Side.BUY, volume=Decimal("0.002"), limit_price=Decimal(40_000)
)
ACCEPTED = {"descr": {"order": "buy 0.002 XBTUSD @ limit 40000"}, "txid": [FIRST]}
COUNT = {"count": 1}
LOST = OutcomeUnknown("CancelOrder", "timeout")


def refused(text: str, kind: type[ExchangeRefused] = ExchangeRefused) -> ExchangeRefused:
    return kind("CancelOrder", (text,))


GONE, NEVER = refused("EOrder:Unknown order"), refused("EOrder:Invalid order")


@dataclass
class Account:
    """One account with a scripted exchange."""

    kraken: ScriptedKraken
    ledger: Ledger
    requested: RequestedOrders
    own: OwnOrders
    may: bool = True

    async def may_any(self, permissions: Iterable[str]) -> bool:
        assert set(permissions) <= {"modify-trades", "close-trades"}
        return self.may

    def answers(self, method: str, *answers: Answer) -> None:
        self.kraken.next[method] = list(answers)

    def shows(self, *statuses: str, filled: str = "0", order_id: str = FIRST) -> None:
        """What QueryOrders says of the order, one status after the other."""
        rows = [order_row(status, "0.002", filled, opentm=NOW - 20) for status in statuses]
        self.answers("QueryOrders", *({order_id: row} for row in rows))

    def shows_open(self, *order_ids: str, **more: Any) -> None:
        rows = {each: order_row("open", "0.002", "0", **more) for each in order_ids}
        self.kraken.always["OpenOrders"] = {"open": rows}


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.0)
    always = {
        "AddOrder": ACCEPTED, "CancelOrder": COUNT, "QueryOrders": {}, "OpenOrders": {"open": {}},
        "ClosedOrders": {"closed": {}, "count": 0},
    }  # fmt: skip
    kraken = ScriptedKraken(always)
    with closing(Ledger(tmp_path / "tania.db", "tania")) as ledger:
        gateway = OrderGateway(kraken.exchange, lambda: NOW, Timing())
        requested = RequestedOrders("tania", ledger, broker_of(kraken, gateway), lambda: NOW)
        made = Account(kraken, ledger, requested, None)  # type: ignore[arg-type]  # follows
        made.own = OwnOrders(kraken.exchange, ledger, requested, lambda: NOW, made.may_any)
        yield made


# -- reading -------------------------------------------------------------------------------------------------


def test_open_orders_tell_who_placed_them(account: Account) -> None:
    copy_id = copy_order_id("", "tania", "c1", 1)
    placed = asyncio.run(account.requested.place(ASKED))
    account.ledger.claim_own(copy_order_id("", "tania", "c2", 1))
    rows = {
        f"O{number}": order_row("open", "0.002", "0", opentm=NOW + number, cl_ord_id=cl_ord_id)
        for number, cl_ord_id in enumerate((placed.cl_ord_id, copy_id, "by-hand", ""))
    }
    account.kraken.always["OpenOrders"] = {"open": rows}
    orders, unreadable = asyncio.run(account.own.open_orders())
    assert [(order.shown.txid, order.origin, order.request_id) for order in orders] == [
        ("O0", pb.ORDER_ORIGIN_REQUEST, "mine"),
        ("O1", pb.ORDER_ORIGIN_ELSEWHERE, ""),
        ("O2", pb.ORDER_ORIGIN_BY_HAND, ""),
        ("O3", pb.ORDER_ORIGIN_BY_HAND, ""),
    ]
    assert unreadable == []


def test_orders_of_a_strategy_and_of_copying_have_different_origins(account: Account) -> None:
    strategy = replace(
        asyncio.run(account.requested.place(ASKED)), request_id="s", cl_ord_id="6b3a0e0e-s", strategy="x"
    )
    account.ledger.put_requested_order(strategy)
    account.ledger._claim("6b3a0e0e-c", "c1")
    for cl_ord_id, origin in (
        ("6b3a0e0e-s", pb.ORDER_ORIGIN_STRATEGY),
        ("6b3a0e0e-c", pb.ORDER_ORIGIN_COPY),
    ):
        account.shows_open(FIRST, cl_ord_id=cl_ord_id)
        ((order,), _) = asyncio.run(account.own.open_orders())
        assert order.origin == origin


def test_a_filter_takes_any_spelling_of_a_pair(account: Account) -> None:
    row = order_row("open", "0.002", "0")
    sell = row | {"descr": row["descr"] | {"type": "sell"}}
    account.kraken.always["OpenOrders"] = {"open": {FIRST: row, SECOND: sell}}
    for spelling in ("BTC/USD", "XBTUSD", "xbtusd", "XXBTZUSD"):
        orders, _ = asyncio.run(account.own.open_orders(spelling, Side.SELL))
        assert [order.shown.txid for order in orders] == [SECOND]
    assert asyncio.run(account.own.open_orders("ETH/USD")) == ([], [])
    with pytest.raises(UnknownPair, match="write it like BTC/USD"):
        asyncio.run(account.own.open_orders("NO/SUCH"))


def test_an_order_is_found_by_each_of_its_ids(account: Account) -> None:
    placed = asyncio.run(account.requested.place(ASKED))
    row = order_row("open", "0.002", "0", cl_ord_id=placed.cl_ord_id)
    account.kraken.always["QueryOrders"] = {FIRST: row}
    account.kraken.always["OpenOrders"] = {"open": {FIRST: row}}
    for name in (FIRST, placed.cl_ord_id, "mine"):
        order = asyncio.run(account.own.find_order(name))
        assert (order.shown.txid, order.request_id) == (FIRST, "mine")


@pytest.mark.parametrize("name", [FIRST, "no such id of any form, and too long", "6b3a0e0e-54f4"])
def test_an_order_that_is_not_there_is_not_found(account: Account, name: str) -> None:
    with pytest.raises(OrderNotFound):
        asyncio.run(account.own.find_order(name))


def test_an_id_that_the_exchange_refuses_is_not_found_and_other_refusals_are_passed_on(
    account: Account,
) -> None:
    account.answers("QueryOrders", NEVER, refused("EGeneral:Internal"))
    with pytest.raises(OrderNotFound):
        asyncio.run(account.own.find_order(FIRST))
    with pytest.raises(ExchangeRefused, match="EGeneral:Internal"):
        asyncio.run(account.own.find_order(FIRST))


def test_a_request_that_placed_no_order_says_why(account: Account) -> None:
    order = replace(
        asyncio.run(account.requested.place(ASKED)),
        order_id="",
        state=CopyState.REJECTED,
        error="EOrder:Insufficient",
    )
    account.ledger.put_requested_order(order)
    with pytest.raises(OrderNotFound, match="'mine' placed no order: EOrder:Insufficient"):
        asyncio.run(account.own.find_order("mine"))


# -- the exchange's own check --------------------------------------------------------------------------------


def test_a_checked_order_is_neither_placed_nor_kept(account: Account) -> None:
    account.answers("AddOrder", {"descr": {"order": "buy 0.002"}})
    assert asyncio.run(account.own.check_order(ASKED)).description == "buy 0.002"
    ((method, params),) = account.kraken.asked
    assert (method, params["validate"], "cl_ord_id" in params) == ("AddOrder", "true", False)
    assert account.ledger.requested_order("mine") is None
    # The request id is as good as new.
    assert asyncio.run(account.requested.place(ASKED)).order_id == FIRST


def test_what_is_no_order_is_not_even_asked_about(account: Account) -> None:
    with pytest.raises(BadOrder, match="below the exchange's minimum"):
        asyncio.run(account.own.check_order(replace(ASKED, volume=Decimal("0.00001"))))
    account.answers("AddOrder", refused("EOrder:Insufficient funds"))
    with pytest.raises(ExchangeRefused, match="Insufficient funds"):
        asyncio.run(account.own.check_order(ASKED))
    assert len(account.kraken.asked) == 1


def test_a_key_that_may_not_trade_is_not_tried_and_earlier_requests_keep_their_answers(
    account: Account,
) -> None:
    placed = asyncio.run(account.requested.place(ASKED))
    account.may = False
    with pytest.raises(KeyMayNotTrade, match="modify-trades"):
        asyncio.run(account.own.check_may_place("new"))
    asyncio.run(account.own.check_may_place(placed.request_id))
    account.may = True
    asyncio.run(account.own.check_may_place("new"))


# -- one cancel ----------------------------------------------------------------------------------------------


def cancelled(account: Account, name: str = FIRST) -> tuple[str, str]:
    """In short, and how the order is shown."""
    answer = asyncio.run(account.own.cancel_order(name))
    status = "" if answer.order is None else answer.order.shown.status
    return pb.CancelOutcome.Name(answer.outcome).removeprefix("CANCEL_OUTCOME_"), status


def test_an_order_is_cancelled_and_counts_against_its_pairs_limit(account: Account) -> None:
    account.shows("canceled", filled="0.0005")
    assert cancelled(account) == ("CANCELLED", "canceled")
    assert account.kraken.asked[0] == ("CancelOrder", {"txid": FIRST})
    # Kraken: 4 for an order of 20 s.
    assert account.kraken.limits.status(0.0, 0).order_counter > 0


def test_an_order_is_cancelled_by_the_name_that_is_known(account: Account) -> None:
    account.kraken.always["QueryOrders"] = {FIRST: order_row("canceled", "0.002", "0")}
    placed = asyncio.run(account.requested.place(ASKED))
    account.kraken.asked.clear()
    cancelled(account, "mine")
    # Its answer was lost: the exchange's id is not known.
    account.ledger.put_requested_order(replace(placed, order_id="", state=CopyState.INTENT))
    cancelled(account, "mine")
    # Kraken takes a number as txid for a userref, which many orders may carry.
    cancelled(account, "7")
    sent = [params for method, params in account.kraken.asked if method == "CancelOrder"]
    assert sent == [{"txid": FIRST}, {"cl_ord_id": placed.cl_ord_id}, {"cl_ord_id": "7"}]


def test_a_cancel_that_is_not_shown_yet_is_said_to_be_accepted(account: Account) -> None:
    account.shows("open", "open")
    assert cancelled(account) == ("ACCEPTED", "open")
    account.shows("open", "canceled")
    assert cancelled(account) == ("CANCELLED", "canceled")
    account.answers("CancelOrder", refused("EOrder:Cancel pending"))
    account.answers("QueryOrders", LOST, LOST)
    assert cancelled(account) == ("ACCEPTED", "")


def test_an_order_that_fills_while_it_is_cancelled_was_over_already(account: Account) -> None:
    account.shows("closed", filled="0.002")
    assert cancelled(account) == ("ALREADY_OVER", "closed")


@pytest.mark.parametrize("status", ["closed", "canceled", "expired"])
def test_an_order_that_is_over_is_said_to_be(account: Account, status: str) -> None:
    account.answers("CancelOrder", GONE)
    account.shows(status)
    assert cancelled(account) == ("ALREADY_OVER", status)


def test_a_row_that_trails_behind_the_exchanges_word_is_not_shown(account: Account) -> None:
    account.answers("CancelOrder", GONE)
    account.shows("open", "open")
    assert cancelled(account) == ("ALREADY_OVER", "")


def test_an_order_that_never_was_is_not_found(account: Account) -> None:
    account.answers("CancelOrder", NEVER)
    with pytest.raises(OrderNotFound):
        cancelled(account)


def test_a_lost_answer_is_asked_about_and_the_cancel_is_sent_again_while_the_order_is_open(
    account: Account,
) -> None:
    account.answers("CancelOrder", LOST)
    account.shows("canceled", "canceled")
    assert cancelled(account) == ("CANCELLED", "canceled")
    assert account.kraken.times_asked("CancelOrder") == 1
    account.answers("CancelOrder", InvalidNonce("CancelOrder", ("EAPI:Invalid nonce",)), COUNT)
    account.shows("open", "canceled")
    assert cancelled(account) == ("CANCELLED", "canceled")
    # The first try has ended it, and its row trails.
    account.answers("CancelOrder", LOST, GONE)
    account.shows("open", "canceled")
    assert cancelled(account) == ("CANCELLED", "canceled")


def test_a_cancel_that_nobody_knows_of_says_so(account: Account) -> None:
    account.answers("CancelOrder", OutcomeUnknown("CancelOrder", "EService:Unavailable"), LOST)
    account.answers("QueryOrders", LOST, LOST)
    with pytest.raises(CancelUnknown, match="timeout; the order may still be open: ask again"):
        cancelled(account)
    assert account.kraken.times_asked("CancelOrder") == module.CANCEL_TRIES


def test_what_never_left_is_not_in_doubt_but_after_what_did_it_is(account: Account) -> None:
    account.answers("CancelOrder", NotSent("CancelOrder", "connection refused"))
    with pytest.raises(NotSent):
        cancelled(account)
    account.answers("CancelOrder", LOST, NotSent("CancelOrder", "connection refused"))
    account.answers("QueryOrders", LOST, LOST)
    with pytest.raises(CancelUnknown):
        cancelled(account)


def test_refusals_say_what_to_do(account: Account) -> None:
    account.answers("CancelOrder", refused("EOrder:Rate limit exceeded", RateLimited))
    with pytest.raises(RateLimited, match="counts the more the younger its order is") as limited:
        cancelled(account)
    assert limited.value.errors == ("EOrder:Rate limit exceeded",)
    account.answers("CancelOrder", refused("EGeneral:Permission denied", KeyRefused))
    with pytest.raises(KeyMayNotCancel, match="close-trades"):
        cancelled(account)
    account.answers("CancelOrder", refused("EAPI:Invalid key", KeyRefused))
    with pytest.raises(KeyRefused):
        cancelled(account)


def test_a_key_that_may_not_cancel_is_not_tried(account: Account) -> None:
    account.may = False
    with pytest.raises(KeyMayNotCancel):
        cancelled(account)
    with pytest.raises(KeyMayNotCancel):
        asyncio.run(account.own.cancel_orders())
    assert account.kraken.asked == []


# -- many ----------------------------------------------------------------------------------------------------


def test_all_are_cancelled_by_one_call(account: Account) -> None:
    account.answers("CancelAll", {"count": 300})
    assert asyncio.run(account.own.cancel_orders()).cancelled == 300
    assert account.kraken.asked == [("CancelAll", {})]


def test_what_became_of_all_may_be_unknown_or_refused(account: Account) -> None:
    account.answers("CancelAll", LOST, NotSent("CancelAll", "x"), refused("EService:x", RateLimited), {})
    with pytest.raises(CancelUnknown, match="ask again"):
        asyncio.run(account.own.cancel_orders())
    with pytest.raises(NotSent):
        asyncio.run(account.own.cancel_orders())
    with pytest.raises(RateLimited):
        asyncio.run(account.own.cancel_orders())
    with pytest.raises(CancelUnknown, match="unexpected form"):
        asyncio.run(account.own.cancel_orders())


def test_those_of_a_pair_are_cancelled_one_by_one(account: Account) -> None:
    account.shows_open(FIRST, SECOND)
    account.answers("CancelOrder", COUNT, GONE)
    done = asyncio.run(account.own.cancel_orders("XBTUSD", Side.BUY))
    assert (done.cancelled, done.already_over, done.left, done.message) == (1, 1, 0, "")


def test_where_the_limits_have_no_room_the_rest_is_left_with_a_reason(account: Account) -> None:
    account.shows_open(FIRST, SECOND, THIRD)
    account.answers("CancelOrder", COUNT, refused("EOrder:Rate limit exceeded", RateLimited))
    done = asyncio.run(account.own.cancel_orders(side=Side.BUY))
    assert (done.cancelled, done.left) == (1, 2)
    assert "EOrder:Rate limit exceeded" in done.message


def test_the_lost_answer_to_one_of_many_leaves_it_and_those_behind_it(account: Account) -> None:
    account.shows_open(FIRST, SECOND)
    account.answers("CancelOrder", LOST)
    account.answers("QueryOrders", LOST)
    done = asyncio.run(account.own.cancel_orders("BTC/USD"))
    assert (done.cancelled, done.left, "ask again" in done.message) == (0, 2, True)
    assert account.kraken.times_asked("CancelOrder") == 1


def test_what_takes_too_long_is_left_with_a_reason(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANCEL_WITHIN_S", 0.0)
    account.shows_open(FIRST)
    done = asyncio.run(account.own.cancel_orders("BTC/USD"))
    assert (done.cancelled, done.left, "ask again" in done.message) == (0, 1, True)
