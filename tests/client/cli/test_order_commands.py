"""Commands about orders: what is asked, what is shown, how it ends; and the question before a market order
on a live master.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import grpc
import pytest

from krakencopy.client.cli.output import Output
from krakencopy.client.sdk.errors import ExitCode
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted, refuse
from tests.support.typed_lines import Typed, types

ID = "OABCDE-ABCDE-ABCDEF"


@pytest.fixture
def live(supervisor: Scripted) -> Scripted:
    """A supervisor with a live master and two users."""
    status = samples.status(samples.master(), samples.user(), samples.user("eve"))
    status.exchange.mode = "live"
    supervisor.on["GetStatus"] = lambda _request, _context: status
    supervisor.on["PlaceOrder"] = lambda _request, _context: pb.PlaceOrderResponse(
        order_id=ID, cl_ord_id="c1", description="buy 1.0 XBTUSD @ market"
    )
    return supervisor


def placed(supervisor: Scripted) -> int:
    return len(supervisor.requests(pb.PlaceOrderRequest))


# -- the question --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_a_market_order_on_a_live_master_waits_for_a_yes(
    endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Any, answer: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(answer))
    assert types(endpoint, "order buy BTC/USD 1") == 0
    said = capsys.readouterr()
    assert said.err == (
        f"the LIVE system at {endpoint}: buy 1 BTC/USD at whatever price the market has, on the master; "
        "2 users follow it.\n"
        "Place it? [y/N] "
    )
    assert "placed on the master" in said.out
    assert placed(live) == 1


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yeah\n"])
def test_anything_but_a_yes_places_nothing(
    endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Any, answer: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(answer))
    assert types(endpoint, "order buy BTC/USD 1") == ExitCode.REFUSED
    assert "nothing was placed" in capsys.readouterr().err
    assert placed(live) == 0


@pytest.mark.parametrize("stdin", [io.StringIO("y\n"), None])
def test_without_a_terminal_it_is_refused_with_a_word(
    endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Any, stdin: Any
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert types(endpoint, "order buy BTC/USD 1") == ExitCode.BAD_INPUT
    assert "give it with --yes, or a price with --limit" in capsys.readouterr().err
    assert placed(live) == 0


@pytest.mark.parametrize("more", ["--yes", "--limit 50000", "--validate"])
def test_what_is_answered_bound_or_only_checked_is_not_asked_about(
    endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert types(endpoint, f"order buy BTC/USD 1 {more}") == 0
    assert placed(live) == 1


def test_on_paper_nobody_is_asked(endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    status = samples.status(samples.master())
    status.exchange.mode = "paper"
    live.on["GetStatus"] = lambda _request, _context: status
    assert types(endpoint, "order buy BTC/USD 1") == 0
    assert placed(live) == 1


# -- a check -------------------------------------------------------------------------------------------------


def test_a_check_says_that_nothing_was_placed(endpoint: str, live: Scripted, capsys: Any) -> None:
    assert types(endpoint, "order buy BTC/USD 1 --validate") == 0
    assert capsys.readouterr().out == (
        "the exchange would take it: buy 1.0 XBTUSD @ market\n  nothing was placed\n"
    )
    assert live.requests(pb.PlaceOrderRequest)[0].validate


def test_a_check_that_got_no_answer_is_not_said_to_be_in_doubt(
    endpoint: str, live: Scripted, capsys: Any
) -> None:
    live.on["PlaceOrder"] = refuse(grpc.StatusCode.UNAVAILABLE, "EXCHANGE", "the exchange did not answer")
    assert types(endpoint, "order buy BTC/USD 1 --validate") == ExitCode.UNAVAILABLE
    assert "may have been placed" not in capsys.readouterr().err


# -- lists ---------------------------------------------------------------------------------------------------


def listed() -> nouns.Order:
    return nouns.Order(
        order_id=ID, pair="BTC/USD", side=nouns.SIDE_BUY, type="limit", price="48000.0", volume="0.001",
        filled_volume="0", origin=nouns.ORDER_ORIGIN_BY_HAND, opened_at=samples.at(),
    )  # fmt: skip


def test_open_orders_are_a_table_or_an_object_a_line(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["ListOrders"] = lambda _request, _context: pb.ListOrdersResponse(
        orders=[listed(), listed()]
    )
    assert types(endpoint, "orders --pair xbtusd --side buy --account eve --limit 5") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    asked = supervisor.requests(pb.ListOrdersRequest)[0]
    assert (asked.pair, asked.side, asked.account_id, asked.page_size) == ("XBTUSD", nouns.SIDE_BUY, "eve", 5)
    assert types(endpoint, "-o json orders") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_in_a_narrow_terminal_each_order_has_two_lines(
    supervisor: Scripted, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.on["ListOrders"] = lambda _request, _context: pb.ListOrdersResponse(orders=[listed()])
    from krakencopy.client.cli.arguments import parse
    from krakencopy.client.cli.order_commands import orders

    monkeypatch.setenv("COLUMNS", "80")
    terminal = Typed()
    assert orders(parse(["orders"]), lambda: MessageClient(endpoint), Output(terminal)) == 0
    lines = terminal.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == [ID, "by"]
    assert max(map(len, lines)) <= 80


def test_people_read_that_there_are_no_orders(endpoint: str, capsys: Any) -> None:
    assert types(endpoint, "orders --pair BTC/USD --side sell") == 0
    assert capsys.readouterr().out == "no open sell BTC/USD orders\n"
    assert types(endpoint, "-o json orders") == 0
    assert capsys.readouterr().out == ""


def test_one_order_is_shown_whole(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    supervisor.on["GetOrder"] = lambda _request, _context: pb.GetOrderResponse(order=listed())
    assert types(endpoint, "orders mine --account eve") == 0
    assert capsys.readouterr().out.startswith(f"order      {ID}\n")
    asked = supervisor.requests(pb.GetOrderRequest)[0]
    assert (asked.order_id, asked.account_id) == ("mine", "eve")


# -- cancels -------------------------------------------------------------------------------------------------


def test_one_order_that_cannot_be_cancelled_does_not_keep_the_others_from_it(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    no = refuse(grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND", "the account has no order 'O2' at the exchange")

    def answer(request: pb.CancelOrderRequest, context: Any) -> Any:
        if request.order_id == "O2":
            return no(request, context)
        return pb.CancelOrderResponse(outcome=nouns.CANCEL_OUTCOME_CANCELLED, order=listed())

    supervisor.on["CancelOrder"] = answer
    assert types(endpoint, "cancel O1 O2 O3") == ExitCode.REFUSED
    said = capsys.readouterr()
    assert said.out.count("cancelled") == 2
    assert said.err == "krakencopy: the account has no order 'O2' at the exchange (ORDER_NOT_FOUND)\n"


def test_a_cancel_that_nobody_knows_of_ends_as_a_fault(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["CancelOrder"] = refuse(grpc.StatusCode.UNKNOWN, "CANCEL_OUTCOME_UNKNOWN", "ask again")
    assert types(endpoint, "cancel O1") == ExitCode.SERVER_FAULT
    assert "ask again" in capsys.readouterr().err


def test_all_or_those_of_a_pair_and_side_are_cancelled(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["CancelOrders"] = lambda _request, _context: pb.CancelOrdersResponse(cancelled=3)
    assert types(endpoint, "cancel --all") == 0
    assert capsys.readouterr().out == "cancelled 3 orders of the master\n"
    assert types(endpoint, "cancel --all --pair xbtusd --side sell") == 0
    asked = supervisor.requests(pb.CancelOrdersRequest)
    assert [(each.pair, each.side) for each in asked] == [("", 0), ("XBTUSD", nouns.SIDE_SELL)]


def test_what_is_left_has_a_reason_and_ends_as_refused(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["CancelOrders"] = lambda _request, _context: pb.CancelOrdersResponse(
        cancelled=1, left=2, message="EOrder:Rate limit exceeded"
    )
    assert types(endpoint, "cancel --all --pair BTC/USD") == ExitCode.REFUSED
    assert capsys.readouterr().err == "krakencopy: 2 orders left: EOrder:Rate limit exceeded\n"


@pytest.mark.parametrize(
    "line", ["cancel", "cancel O1 --all", "cancel O1 --pair BTC/USD", "orders --side up", "orders --limit -1"]
)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(
    endpoint: str, supervisor: Scripted, line: str
) -> None:
    assert types(endpoint, line) == ExitCode.BAD_INPUT
    assert supervisor.asked == []
