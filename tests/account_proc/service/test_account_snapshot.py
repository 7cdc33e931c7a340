"""What an account's process reports of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.proto_time import seconds
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.service.account_snapshot import AccountSnapshots, drift_to_proto
from krakencopy.account_proc.service.kraken_account import KrakenAccount
from krakencopy.account_proc.service.user_side import UserSide
from krakencopy.account_proc.state.ledger import Drift
from krakencopy.v1 import types_pb2 as pb
from krakencopy.v1.account_pb2 import WatchSnapshotResponse
from tests.support.account_specs import add_account, kraken_account
from tests.support.copying import NOW
from tests.support.odd_exchange import Paper, paper_exchange
from tests.support.scripted_kraken import run, until
from tests.support.trading_states import say_state


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with paper_exchange("--seed", "1") as running:
        add_account(running, "tania", {"USD": "1000"})
        yield running


async def user_at(paper: Paper, folder: Path) -> tuple[KrakenAccount, UserSide, Copier]:
    """A user that has looked back and may copy."""
    account = kraken_account(paper, folder, "tania")
    await account.key_check.check()
    await account.portfolio.load()
    user = UserSide(account, ChangeSignal(), lambda _: None, lambda: False)
    await user.look_back()
    assert user.copier is not None
    return account, user, user.copier


def snapshot_of(
    account: KrakenAccount, user: UserSide | None, readiness: tuple[str, str]
) -> WatchSnapshotResponse:
    """Made anew, whatever was kept."""
    return AccountSnapshots(account, ChangeSignal()).take(user, None, readiness)


def test_before_the_exchange_was_reached_little_is_known(paper: Paper, tmp_path: Path) -> None:
    async def steps() -> None:
        account = kraken_account(paper, tmp_path, "tania")
        snapshot = snapshot_of(account, None, ("CONNECTING", "connecting"))
        assert (snapshot.reason, snapshot.message, snapshot.feed_connected) == (
            "CONNECTING",
            "connecting",
            False,
        )
        assert not snapshot.HasField("equity")
        assert not snapshot.HasField("reconciled_at")
        assert snapshot.nonce.path == str(account.nonce.path)
        assert snapshot.trading_mode == pb.TRADING_MODE_COPYING
        await account.close()

    run(steps())


def test_a_master_trades_by_itself_and_is_worth_what_it_holds(paper: Paper, tmp_path: Path) -> None:
    async def steps() -> None:
        account = kraken_account(paper, tmp_path, "tania", Role.MASTER)
        await account.portfolio.load()
        snapshot = snapshot_of(account, None, ("", ""))
        assert (snapshot.equity.amount, snapshot.equity.asset) == ("1000", "USD")
        assert snapshot.trading_mode == pb.TRADING_MODE_OWN
        await account.close()

    run(steps())


def test_a_user_reports_what_it_has_copied_and_what_differs(paper: Paper, tmp_path: Path) -> None:
    async def steps() -> None:
        account, user, copier = await user_at(paper, tmp_path)
        copier.master_pairs.add("BTC/USD")
        snapshot = snapshot_of(account, user, ("", ""))
        assert (snapshot.cursor_seq, snapshot.copies_open, list(snapshot.drifts)) == (0, 0, [])
        assert snapshot.HasField("preflight")
        await account.close()

    run(steps())


def test_one_that_buys_nothing_shows_whether_copying_holds_something_to_sell(
    paper: Paper, tmp_path: Path
) -> None:
    async def steps() -> None:
        account, user, copier = await user_at(paper, tmp_path)
        trade = Exchanged(base="BTC", quote="USD", volume=Decimal(1), cost=Decimal(5))
        copier._context.book.coins.bought(trade)
        assert not snapshot_of(account, user, ("", "")).holds_copied
        say_state(account.spec.states_path, TradingState.REDUCING)
        account.guard.look()
        assert snapshot_of(account, user, ("", "")).holds_copied
        copier._context.book.coins.keep_at_most("BTC", Decimal(0))
        # An order that an earlier process has left may still buy.
        assert snapshot_of(account, user, ("", "")).holds_copied
        copier.recover_unfinished()
        assert not snapshot_of(account, user, ("", "")).holds_copied
        account.portfolio.loaded = False  # nobody knows
        assert snapshot_of(account, user, ("", "")).holds_copied
        await account.close()

    run(steps())


def test_what_is_kept_from_one_snapshot_to_the_next_is_what_it_would_be_anew(
    paper: Paper, tmp_path: Path
) -> None:
    async def steps() -> None:
        changes = ChangeSignal()
        account = kraken_account(paper, tmp_path, "tania", changes=changes)
        snapshots, seen = AccountSnapshots(account, changes), changes.version

        async def is_as_anew() -> WatchSnapshotResponse:
            nonlocal seen
            await until(lambda: changes.version > seen)  # or the watch of snapshots would not ask either
            seen = changes.version
            kept = snapshots.take(None, None, ("", ""))
            assert kept == snapshot_of(account, None, ("", ""))
            return kept

        def hears_of_trouble() -> None:
            for _ in range(2):
                account.health.note_failure("Balance", OutcomeUnknown("Balance", "ReadTimeout"), 0.0)

        changing: list[Callable[[], Any]] = [
            account.key_check.check, account.portfolio.load, hears_of_trouble, account.portfolio.refresh,
        ]  # fmt: skip
        told = []
        for step in changing:
            snapshots.take(None, None, ("", ""))
            if (waiting := step()) is not None:
                await waiting
            told.append(await is_as_anew())
        assert [each.HasField("preflight") for each in told] == [True] * 4
        assert [bool(each.balances) for each in told] == [False, True, True, True]
        assert [_reasons(each) for each in told] == [[], [], ["EXCHANGE_UNREACHABLE"], []]
        await account.close()

    run(steps())


def _reasons(snapshot: WatchSnapshotResponse) -> list[str]:
    return [each.reason for each in snapshot.conditions if each.reason]


def test_a_drift_is_reported_whole() -> None:
    drift = Drift(
        code="ORDER_UNINTENDED", order_id="O1", cl_ord_id="c1", copy_id="k1", message="words", found_at=NOW
    )
    told = drift_to_proto(drift)
    assert (told.code, told.order_id, told.cl_ord_id, told.copy_id, told.message) == (
        "ORDER_UNINTENDED",
        "O1",
        "c1",
        "k1",
        "words",
    )
    assert seconds(told.found_at) == NOW


def test_what_calls_have_met_is_shown_until_a_read_of_its_own_shows_that_it_is_over(
    paper: Paper, tmp_path: Path
) -> None:
    async def steps() -> None:
        account = kraken_account(paper, tmp_path, "tania", Role.MASTER)
        await account.portfolio.load()
        for _ in range(2):
            account.health.note_failure("Balance", OutcomeUnknown("Balance", "ReadTimeout"), 0.0)
        reasons = [each.reason for each in snapshot_of(account, None, ("", "")).conditions]
        assert "EXCHANGE_UNREACHABLE" in reasons
        await asyncio.sleep(0)  # the news is on its way to the loop
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        account.health.changed = partial(loop.call_soon_threadsafe, over.set)
        looking = asyncio.ensure_future(account.look_after_health())
        await until(lambda: account.next_try.endswith(" UTC"))
        told = snapshot_of(account, None, ("", "")).conditions
        assert [each.data["next_try"] for each in told if each.data.get("next_try")] == [account.next_try]
        await over.wait()
        looking.cancel()
        conditions = snapshot_of(account, None, ("", "")).conditions
        assert not any(each.reason for each in conditions)
        await account.close()

    run(steps())
