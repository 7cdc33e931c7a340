"""A key that opens another account than its ledger is about is found out before anything is traded, told
or not.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.account_identity import AccountIdentity
from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeRefused, OtherAccount, OutcomeUnknown
from krakencopy.account_proc.domain.counted_trades import WALLET, CountedTrades, Trade, remembered_trades
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Wallet
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.account_check import IDENTITY, check_journal, check_own_account
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import NOW
from tests.support.order_samples import FILLED, kraken_row
from tests.support.scripted_kraken import Answer, ScriptedKraken, run

LAG_S = 60.0
TRADE = Trade(
    exec_id="T1",
    order_id="O1",
    pair="BTC/USD",
    side=Side.BUY,
    price=Decimal(5),
    volume=Decimal(1),
    cost=Decimal(5),
    fees=(),
    margin=False,
    executed_at=NOW,
    source=pb.FILL_SOURCE_FEED,
)
MINE, OTHER = AccountIdentity.of("PAPER MINE"), AccountIdentity.of("PAPER OTHER")


def placed(ledger: Ledger, finished_at: float = NOW - 3600) -> None:
    """The ledger has an order that traded."""
    ledger.commit(copies=[replace(FILLED, state=CopyState.FILLED, finished_at=finished_at)])


def check(
    ledger: Ledger, told: AccountIdentity | None, orders: Answer = None, trades: Answer = None
) -> list[str]:
    """Checks the account; the methods that were asked."""
    kraken = ScriptedKraken({"QueryOrders": {} if orders is None else orders, "TradesHistory": trades})
    run(check_own_account("anna", kraken.exchange, ledger, told, lambda: NOW, LAG_S))
    return [method for method, _ in kraken.asked]


def test_an_account_that_is_told_and_known_is_compared_and_nothing_is_asked(ledger: Ledger) -> None:
    placed(ledger)
    ledger.keep_value(IDENTITY, str(MINE))
    assert check(ledger, MINE) == []
    with pytest.raises(
        OtherAccount, match=r"key of anna opens account …THER .* is about account …MINE .*an id of its own"
    ):
        check(ledger, OTHER)


@pytest.mark.parametrize("told", [None, MINE])
def test_where_it_is_not_told_or_not_known_the_ledgers_own_orders_say_it(
    ledger: Ledger, told: AccountIdentity | None
) -> None:
    assert check(ledger, told) == []
    placed(ledger)
    assert check(ledger, told, {"O1": kraken_row(FILLED.cl_ord_id)}) == ["QueryOrders"]
    unknown = ExchangeRefused("QueryOrders", ("EOrder:Unknown order",))
    answers: tuple[Answer, ...] = ({}, unknown)
    for answer in answers:
        with pytest.raises(OtherAccount, match="knows none of the last 1 orders"):
            check(ledger, told, answer)


def test_orders_that_may_not_be_told_yet_prove_nothing_and_neither_does_a_read_that_fails(
    ledger: Ledger,
) -> None:
    placed(ledger, finished_at=NOW - LAG_S / 2)
    with pytest.raises(OutcomeUnknown, match="too young"):
        check(ledger, None, {})
    with pytest.raises(OutcomeUnknown, match="502"):
        check(ledger, None, OutcomeUnknown("QueryOrders", "HTTP 502"))
    with pytest.raises(ExchangeRefused):
        check(ledger, None, ExchangeRefused("QueryOrders", ("EGeneral:Permission denied",)))


def test_the_trades_that_a_masters_wallet_holds_say_it_as_well(ledger: Ledger) -> None:
    wallet = Wallet({"USD": Decimal(5)})
    ledger.keep_value(WALLET, CountedTrades(NOW - 9000).to_json(wallet))
    assert check(ledger, MINE) == []  # it has not traded
    counted = CountedTrades(NOW - 9000)
    counted.add_trade(replace(TRADE, exec_id="T1", executed_at=NOW - 3600))
    ledger.keep_value(WALLET, counted.to_json(wallet))
    row = {"ordertxid": "O1", "pair": "XBTUSD", "type": "buy", "price": "5", "vol": "1", "time": NOW - 3600}

    def told(**trades: dict[str, object]) -> Answer:
        return {"trades": trades, "count": len(trades)}

    assert check(ledger, MINE, trades=told(T0=row, T1=row)) == ["TradesHistory"]
    with pytest.raises(OtherAccount, match="knows none of the last 1 trades"):
        check(ledger, MINE, trades=told(T0=row))
    counted = CountedTrades(NOW - 9000)
    counted.add_trade(replace(TRADE, exec_id="T1", executed_at=NOW - LAG_S / 2))
    ledger.keep_value(WALLET, counted.to_json(wallet))
    with pytest.raises(OutcomeUnknown, match="too young"):
        check(ledger, None, trades=told())
    assert remembered_trades("no such text") == {}


@pytest.mark.parametrize("certain", [True, False])
def test_a_journal_is_another_masters_if_the_exchange_knows_none_of_its_orders(certain: bool) -> None:
    unknown = ScriptedKraken({"QueryOrders": {}})
    with pytest.raises(OtherAccount if certain else OutcomeUnknown):
        run(check_journal("boss", unknown.exchange, ["O1", "O2"], certain=certain))


def test_a_journal_of_which_one_order_is_known_is_this_masters_and_an_empty_one_asks_nothing() -> None:
    known = ScriptedKraken({"QueryOrders": {"O2": kraken_row("")}})
    run(check_journal("boss", known.exchange, ["O1", "O2"], certain=True))
    nothing = ScriptedKraken({})
    run(check_journal("boss", nothing.exchange, [], certain=True))
