"""What the master holds right before a fill, and when it is not to be believed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ExchangeError, LedgerFault, OutcomeUnknown
from krakencopy.account_proc.domain.counted_trades import WALLET, apply
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.feed.session import BalanceChanged
from krakencopy.account_proc.master import master_wallet
from krakencopy.account_proc.master.master_wallet import MasterWallet
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import NOW
from tests.support.master_parts import LAG_S, MasterParts, trade
from tests.support.scripted_kraken import TABLE, run


@pytest.fixture
def master(tmp_path: Path) -> Iterator[MasterParts]:
    with closing(Ledger(tmp_path / "master.db", "master")) as ledger:
        yield MasterParts(ledger)


@pytest.fixture(autouse=True)
def _readings_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_wallet, "CONFIRM_S", 0.0)


def begins_with(master: MasterParts, usd: str, **others: str) -> MasterWallet:
    balances = {"USD": Decimal(usd)} | {asset: Decimal(held) for asset, held in others.items()}
    master.wallet.believe_balances(balances, NOW - LAG_S)
    return master.wallet


# -- trades ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usd", "is_disproved"),
    [("500", False), ("499.6", False), ("499", True), ("0", True), ("-1", False)],
)
def test_a_purchase_that_costs_more_than_there_is_disproves_the_wallet(
    master: MasterParts, usd: str, is_disproved: bool
) -> None:
    wallet = begins_with(master, usd)
    assert wallet.is_disproved_by(trade("T1")) == is_disproved
    wallet.doubt_if_disproved_by(trade("T1"))
    assert wallet.is_doubted == is_disproved
    # What is doubted stays so until balances explain it.
    wallet.doubt_if_disproved_by(trade("T2", "0"))
    assert wallet.is_doubted == is_disproved


def test_sales_margin_trades_and_pairs_that_nobody_lists_disprove_nothing(master: MasterParts) -> None:
    wallet = begins_with(master, "0")
    told = [trade("T1", side=Side.SELL), trade("T2", margin=True), trade("T3", symbol="NEW/USD")]
    assert not any(wallet.is_disproved_by(one) for one in told)


def test_missing_trades_are_taken_out_and_others_counted(master: MasterParts) -> None:
    wallet = begins_with(master, "1000", BTC="1")
    counted, missing, uncounted = (
        trade("T1", at=NOW + 1),
        trade("T0", at=NOW - LAG_S - 1),
        trade("T2", at=NOW + 2),
    )
    wallet.note_counted(counted)
    wallet.stand_before({"T0"}, [missing, counted, uncounted])
    # T0 is out of it, T1 was in it already, T2 is in it now.
    assert (master.holds("USD"), master.holds("BTC")) == (1000, 1)
    assert wallet.newest_trade_at == NOW + 2
    wallet.stand_before({"T0"}, [missing])
    assert master.holds("BTC") == 0.99


def test_what_is_missing_has_a_price_before_it_is_counted(master: MasterParts) -> None:
    wallet = begins_with(master, "1000")
    wallet.stand_before({"T1"}, [trade("T1"), trade("T2", symbol="NEW/USD")])
    assert master.portfolio.prices.marks.rate("BTC", "USD") == 50000


# -- balances ----------------------------------------------------------------------------------------------


def test_what_the_feed_tells_beside_trades_counts_at_once(master: MasterParts) -> None:
    async def steps() -> None:
        wallet = begins_with(master, "1000")
        wallet.balance_changed(BalanceChanged("USD", Decimal(50), "deposit"))
        assert (master.holds("USD"), wallet.refresh_wanted.is_set()) == (1050, True)

    run(steps())


@pytest.mark.parametrize("kind", ["trade", "earn", "transfer"])
def test_trades_and_moves_between_wallets_do_not_count(master: MasterParts, kind: str) -> None:
    async def steps() -> None:
        wallet = begins_with(master, "1000")
        wallet.balance_changed(BalanceChanged("USD", Decimal(50), kind))
        assert (master.holds("USD"), wallet.refresh_wanted.is_set()) == (1000, kind != "trade")

    run(steps())


def test_before_the_wallet_was_compared_balances_are_only_read_again(master: MasterParts) -> None:
    async def steps() -> None:
        wallet = begins_with(master, "1000")
        wallet.is_compared = False
        wallet.balance_changed(BalanceChanged("USD", Decimal(50), "deposit"))
        assert (master.holds("USD"), wallet.refresh_wanted.is_set()) == (1000, True)

    run(steps())


def test_what_came_in_unseen_counts_once_two_readings_agree(master: MasterParts) -> None:
    async def steps() -> None:
        wallet = begins_with(master, "900")
        assert await wallet.compare([], master.held, {"USD": Decimal(1000)}, NOW)
        assert (master.holds("USD"), wallet.is_compared) == (1000, True)
        assert master.kraken.times_asked("BalanceEx") == 1

    run(steps())


def test_balances_that_trail_behind_a_trade_are_no_income(master: MasterParts) -> None:
    async def steps() -> None:
        wallet, one = begins_with(master, "1000"), trade("T1")
        apply(master.portfolio.wallet, one, TABLE)
        wallet.note_counted(one)
        assert await wallet.compare([one], master.held, {"USD": Decimal(1000)}, NOW)
        assert (master.holds("USD"), master.holds("BTC")) == (500, 0.01)

    run(steps())


def test_income_that_must_have_come_and_is_not_shown_leaves_the_count_as_it_is(master: MasterParts) -> None:
    async def steps() -> None:
        wallet = begins_with(master, "1000")
        balances = {"USD": Decimal(1000)}
        assert not await wallet.compare([], master.held, balances, NOW, expect_change=True)
        assert (master.holds("USD"), wallet.is_compared) == (1000, True)

    run(steps())


def test_a_reading_that_fails_or_disagrees_is_wanted_again(master: MasterParts) -> None:
    def stands(*, wanted: bool, doubted: bool) -> bool:
        return (master.wallet.refresh_wanted.is_set(), master.wallet.is_doubted) == (wanted, doubted)

    async def steps() -> None:
        await master.portfolio.refresh()
        master.wallet.is_doubted = True
        master.kraken.next["Balance"] = [OutcomeUnknown("Balance", "no answer"), {"ZUSD": "1100"}]
        with pytest.raises(ExchangeError):
            await master.wallet.refresh()
        assert stands(wanted=True, doubted=True)
        await master.wallet.refresh()
        assert stands(wanted=True, doubted=True)
        await master.wallet.refresh()
        assert stands(wanted=False, doubted=False)

    run(steps())


def test_balances_are_due_a_while_after_they_were_read(master: MasterParts) -> None:
    async def steps() -> None:
        await master.portfolio.refresh()
        due = [master.wallet.is_refresh_due]
        master.now += 300
        due.append(master.wallet.is_refresh_due)
        await master.wallet.refresh()
        due.append(master.wallet.is_refresh_due)
        assert due == [False, True, False]

    run(steps())


def test_income_whose_price_cannot_be_read_is_doubted(master: MasterParts) -> None:
    async def steps() -> None:
        wallet = begins_with(master, "1000", BTC="1")
        await wallet.price_income()
        assert not wallet.is_doubted
        master.kraken.always["Ticker"] = OutcomeUnknown("Ticker", "no answer")
        await wallet.price_income()
        assert (wallet.is_doubted, wallet.refresh_wanted.is_set()) == (True, True)

    run(steps())


# -- across restarts ---------------------------------------------------------------------------------------


def test_the_wallet_is_kept_with_its_trades_once_it_was_compared(master: MasterParts) -> None:
    assert not master.wallet.save()
    wallet = begins_with(master, "1000")
    wallet.note_counted(trade("T1", at=NOW + 5))
    assert wallet.save()
    assert not wallet.save()
    again = MasterParts(master.ledger)
    assert (again.holds("USD"), again.wallet.newest_trade_at) == (1000, NOW + 5)
    assert (again.wallet.is_counted, again.wallet.is_compared) == (True, False)


def test_a_wallet_that_cannot_be_read_is_a_fault_of_the_ledger(master: MasterParts) -> None:
    master.ledger.keep_value(WALLET, '{"balances": 1}')
    with pytest.raises(LedgerFault, match="the wallet in it cannot be read"):
        MasterParts(master.ledger)
