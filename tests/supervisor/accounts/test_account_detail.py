"""What is shown of one account where its process does not say: what its ledger says, and how old that is."""

from __future__ import annotations

import asyncio
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.ledger_file import BALANCES, Held, balances_text
from krakencopy.account_proc.domain.copy_plan import Slice
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.accounts.account_detail import show_detail
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import small_config

CONFIG = small_config("anna")
MASTER, ANNA = CONFIG.accounts


def shown(
    ledger: Path, snapshot: account_pb2.WatchSnapshotResponse | None = None, *, is_master: bool = False
) -> pb.Account:
    message = pb.Account()
    if snapshot is not None:
        message.positions.extend(snapshot.positions)
    asyncio.run(show_detail(message, MASTER if is_master else ANNA, CONFIG, ledger, snapshot))
    return message


def write_ledger(path: Path) -> Path:
    """One that holds BTC, and money that came in for another coin; that owes ETH; and its balances."""
    with closing(Ledger(path, "anna")) as ledger:
        book = ledger.load_book()
        for base, volume, cost in (("BTC", "0.002", "100"), ("SOL", "1", "50.1234567890")):
            trade = Exchanged(base=base, quote="USD", volume=Decimal(volume), cost=Decimal(cost))
            book.coins.bought(trade)
        book.coins.sold(Exchanged(base="SOL", quote="EUR", volume=Decimal(1), cost=Decimal(40)))
        owed = Slice(order_id="", volume=BaseVolume(Decimal(3)), cost=NO_AMOUNT)
        book.carry("ETH/USD", Side.SELL, [owed], "c1")
        book.carry("BTC/EUR", Side.BUY, [owed], "c2")
        ledger.commit(book=book)
        held = {"BTC": Held(Decimal("0.5"), Decimal(0)), "USD": Held(Decimal("1e3"))}
        ledger.beside = lambda: {BALANCES: balances_text(1_000_000.5, held)}
        ledger.keep_beside()
    return path


def test_without_a_process_its_ledger_says_what_copying_holds_and_what_there_is(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "anna.db")
    message = shown(path)
    btc = pb.CopiedPosition(
        pair="BTC/USD", asset="BTC", volume="0.002", cost="100", carried_buy="3", carried_sell="0",
        costs=[pb.Money(amount="100", asset="USD")],
    )  # fmt: skip
    eth = pb.CopiedPosition(
        pair="ETH/USD", asset="ETH", volume="0", cost="0", carried_buy="0", carried_sell="3"
    )
    assert list(message.positions) == [btc, eth]
    assert message.positions_at.ToMilliseconds() == int(path.stat().st_mtime * 1000)
    assert list(message.balances) == [
        pb.AssetBalance(asset="BTC", volume="0.5", held="0"),
        pb.AssetBalance(asset="USD", volume="1000"),
    ]
    assert message.balances_at.ToMilliseconds() == 1_000_000_500
    assert {rule.key for rule in message.rules} > {"copy.sizing", "copy.max_user_risk", "tier"}


def test_what_its_process_says_is_newer(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "anna.db")
    snapshot = account_pb2.WatchSnapshotResponse(
        positions_known=True, balances=[pb.AssetBalance(asset="USD", volume="7", held="0")]
    )
    snapshot.balances_at.FromSeconds(2_000_000)
    message = shown(path, snapshot)
    assert (list(message.positions), message.HasField("positions_at")) == ([], False)
    assert [each.volume for each in message.balances] == ["7"]
    # One that has not reached the exchange yet knows neither.
    message = shown(path, account_pb2.WatchSnapshotResponse(reason="KEY_REFUSED"))
    assert [each.asset for each in message.positions] == ["BTC", "ETH"]
    assert message.balances_at.seconds == 1_000_000


def test_a_master_has_no_copied_positions(tmp_path: Path) -> None:
    message = shown(write_ledger(tmp_path / "anna.db"), is_master=True)
    assert (len(message.positions), len(message.balances)) == (0, 2)


def test_nothing_is_made_up_without_a_ledger_or_of_one_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    message = shown(path)
    assert (len(message.positions), len(message.balances), message.ledger_fault) == (0, 0, "")
    path.write_bytes(b"no database")
    message = shown(path)
    assert "file is not a database" in message.ledger_fault
    assert (len(message.positions), message.HasField("balances_at")) == (0, False)
