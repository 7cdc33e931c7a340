"""A key that opens another account than its ledger is about is found out before anything is traded, told or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from account_proc.copy_state import CopyState
from account_proc.errors import ExchangeRefused, OtherAccount, OutcomeUnknown
from account_proc.identity import AccountIdentity
from account_proc.ledger import Ledger
from account_proc.own_account import IDENTITY, check_own_account
from tests.account_proc.scripted_kraken import Answer, ScriptedKraken, run
from tests.account_proc.test_reconciler import FILLED, kraken_row
from tests.account_proc.trading import NOW

LAG_S = 60.0
MINE, OTHER = AccountIdentity.of("PAPER MINE"), AccountIdentity.of("PAPER OTHER")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
        yield ledger


def placed(ledger: Ledger, finished_at: float = NOW - 3600) -> None:
    """The ledger has an order that traded."""
    ledger.commit(copies=[replace(FILLED, state=CopyState.FILLED, finished_at=finished_at)])


def check(ledger: Ledger, told: AccountIdentity | None, orders: Answer = None) -> list[str]:
    """Checks the account; the methods that were asked."""
    kraken = ScriptedKraken({"QueryOrders": {} if orders is None else orders})
    run(check_own_account("anna", kraken.exchange, ledger, told, lambda: NOW, LAG_S))
    return [method for method, _ in kraken.asked]


def test_an_account_that_is_told_and_known_is_compared_and_nothing_is_asked(ledger: Ledger) -> None:
    placed(ledger)
    ledger.keep(IDENTITY, str(MINE))
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
