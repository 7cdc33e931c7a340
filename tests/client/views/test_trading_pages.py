from __future__ import annotations

import pytest

from krakencopy.client.views import trading_pages as views
from krakencopy.client.views.account_page import account_page
from krakencopy.client.views.formats import local_time
from krakencopy.client.views.pages import status_page
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples

HALTED, REDUCING = nouns.TRADING_STATE_HALTED, nouns.TRADING_STATE_REDUCING


def said(
    scope: str, state: nouns.TradingState.ValueType = HALTED, reason: str = ""
) -> nouns.TradingStateSetting:
    made = nouns.TradingStateSetting(scope=scope, state=state, by="operator root", reason=reason)
    made.at.seconds = 1_700_000_000
    return made


def user(name: str, *settings: nouns.TradingStateSetting) -> nouns.Account:
    account = samples.user(name)
    state = max((each.state for each in settings), default=nouns.TRADING_STATE_ACTIVE)
    account.trading.CopyFrom(nouns.TradingStatus(state=state, settings=settings))
    return account


def at() -> str:
    """In the zone that the tests are in while they run."""
    return local_time(said("all").at)[: len("2023-11-14 22:13")]


def test_the_first_line_says_who_may_not_trade_by_whose_word_and_since_when() -> None:
    ann = user("ann", said("all", REDUCING), said("account:ann", reason="odd orders"))
    bob = user("bob", said("account:bob", reason="odd orders"))
    cora = user("cora", said("all", REDUCING))
    words = views.headline([user("eve"), ann, bob, cora])
    assert words == (
        f"2 accounts HALTED by operator root since {at()} (odd orders); "
        f"1 account REDUCING by operator root since {at()}"
    )
    assert views.headline([bob]).startswith("all accounts HALTED by operator root")
    assert views.headline([user("eve"), samples.master()]) == ""
    # Of an older supervisor, or where nobody said anything: the state alone.
    assert views.headline([nouns.Account(trading=nouns.TradingStatus(state=HALTED))]) == "all accounts HALTED"
    status = samples.status(samples.master(), ann, bob)
    page = status_page(status)
    assert page[0].endswith(f"2 accounts HALTED by operator root since {at()} (odd orders)")
    assert (
        f"ann: HALTED for itself by operator root since {at()} (odd orders); "
        f"REDUCING for all by operator root since {at()}" in page
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (nouns.FLATTEN_STATE_REQUESTED, "is to sell what copying bought"),
        (nouns.FLATTEN_STATE_SELLING, "sells what copying bought"),
        (nouns.FLATTEN_STATE_DONE, "has sold what copying had bought"),
    ],
)
def test_how_far_a_sale_of_everything_has_come(state: nouns.FlattenState.ValueType, words: str) -> None:
    account = user("bob", said("group:eu", REDUCING))
    flatten = nouns.Flatten(number=3, state=state, by="operator ann", reason="leaving", at=said("").at)
    account.trading.flatten.CopyFrom(flatten)
    line = f"{words}: flatten 3, asked for by operator ann at {at()} (leaving)"
    assert views.flattening(account) == line
    assert views.still_flattening(account) == ("" if state == nouns.FLATTEN_STATE_DONE else line)
    page = account_page(account)
    assert any(each.endswith(f"REDUCING for group eu by operator root since {at()}") for each in page)
    assert any(each.endswith(line) for each in page)
    assert views.flattening(user("eve")) == ""


def test_rows_of_acknowledgements_and_of_what_is_sold() -> None:
    one = pb.TradingAcknowledgement(
        account_id="bob", trading=nouns.TradingStatus(state=HALTED), acknowledged=True, message="no process"
    )
    late = pb.TradingAcknowledgement(account_id="eve")
    assert views.acknowledgement_row(one) == ["bob", "HALTED", "yes", "no process"]
    assert views.acknowledgement_row(late) == ["eve", "", "NO", ""]
    assert views.not_acknowledged([one, late]) == ["eve"]
    sold = pb.FlattenPosition(
        account_id="bob", asset="BTC", volume="0.01", pair="BTC/USD", message="all of it",
        value=nouns.Money(amount="200", asset="USD"),
    )  # fmt: skip
    assert views.position_row(sold) == ["bob", "BTC", "0.01", "BTC/USD", "200 USD", "all of it"]
    assert len(views.position_columns()) == len(views.position_row(sold))
    assert len(views.acknowledgement_columns()) == len(views.acknowledgement_row(one))
