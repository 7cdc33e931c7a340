"""What is read of the trade history, and what it does not tell itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.master.fill_maker import HISTORY_OVERLAP_S
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import NOW
from tests.support.master_parts import MasterParts, history, trade
from tests.support.scripted_kraken import order_row, run


@pytest.fixture
def master(tmp_path: Path) -> Iterator[MasterParts]:
    with closing(Ledger(tmp_path / "master.db", "master")) as ledger:
        yield MasterParts(ledger)


def asked_since(master: MasterParts) -> float:
    return float(next(params["start"] for method, params in master.kraken.asked if method == "TradesHistory"))


def test_it_is_read_from_where_the_journal_ends(master: MasterParts) -> None:
    master.maker.since = NOW - 50
    run(_read(master))
    assert NOW - 52 <= asked_since(master) <= NOW - 50


def test_it_is_read_from_before_the_newest_trade_of_the_wallet_where_that_is_earlier(
    master: MasterParts,
) -> None:
    master.maker.since = NOW - 50
    master.wallet.believe_balances({"USD": Decimal(1000)}, NOW - 500)
    run(_read(master))
    assert NOW - 502 - HISTORY_OVERLAP_S <= asked_since(master) <= NOW - 500 - HISTORY_OVERLAP_S


async def _read(master: MasterParts) -> None:
    await master.history.read()


def test_new_trades_have_the_client_ids_of_their_orders_which_are_asked_for_once(
    master: MasterParts,
) -> None:
    async def steps() -> None:
        master.maker.since = NOW - 50
        old, new = trade("T0", at=NOW - 51, order_id="O0"), trade("T1")
        master.kraken.always["TradesHistory"] = history(old, new)
        master.kraken.always["QueryOrders"] = {"O1": order_row("closed", "1", "1", cl_ord_id="c1")}
        for _ in range(2):
            assert [(one.exec_id, one.cl_ord_id) for one in await master.history.read()] == [
                ("T0", ""),
                ("T1", "c1"),
            ]
        assert [params["txid"] for method, params in master.kraken.asked if method == "QueryOrders"] == ["O1"]

    run(steps())


def test_trades_without_client_ids_are_better_than_none(master: MasterParts) -> None:
    async def steps() -> None:
        master.kraken.always["TradesHistory"] = history(trade("T1"))
        master.kraken.always["QueryOrders"] = ExchangeRefused("QueryOrders", ("EGeneral:Permission denied",))
        (one,) = await master.history.read()
        assert (one.exec_id, one.cl_ord_id) == ("T1", "")

    run(steps())


def test_pairs_are_read_again_for_a_trade_that_waits_in_one_that_is_not_known(master: MasterParts) -> None:
    async def steps() -> None:
        before = master.portfolio.pairs.latest
        master.held.hold(trade("T9", symbol="NEW/USD"), NOW)
        await master.history.read()
        assert master.portfolio.pairs.latest is not before

    run(steps())
