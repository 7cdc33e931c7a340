"""Who is synced and when, and what they are sent: the master's positions as of the journal's last fill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.spec import CopyRules, OnDeposit, OnJoin
from krakencopy.supervisor.accounts.sync_orders import DEPOSIT_PAUSE_S, Origin, SyncOrders, source_words
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.idle_supervisor import Link, idle_supervisor, set_running
from tests.support.supervisor_samples import fill, small_config


class World:
    """Anna and ben, and a master that has bought 0.005 BTC for 50 USD."""

    def __init__(self, folder: Path, journal: Journal, rules: CopyRules) -> None:
        config = small_config("anna", "ben")
        accounts = tuple(replace(one, copy=rules) if one.id == "anna" else one for one in config.accounts)
        journal.append([fill(1)], 1)
        self.journal = journal
        self.supervisor: Supervisor = idle_supervisor(folder, journal, replace(config, accounts=accounts))
        self.woken: list[bool] = []
        self.now = 1_795_336_500.0
        self.master: Link | None = Link(
            account_pb2.WatchSnapshotResponse(
                equity=pb.Money(amount="1000", asset="USD"),
                balances=[
                    pb.AssetBalance(asset="USD", volume="950"), pb.AssetBalance(asset="BTC", volume="1.005"),
                    pb.AssetBalance(asset="ETH", volume="2"),
                ],
            )
        )  # fmt: skip
        self.syncs = SyncOrders(
            journal, self.supervisor.events, lambda: self.master, lambda: self.woken.append(True),
            lambda: self.now,
        )  # fmt: skip

    def account(self, user: str = "anna") -> AccountConfig:
        return self.supervisor.accounts[user].config

    def shows(self, **fields: Any) -> None:
        """What anna's process shows."""
        link = Link(account_pb2.WatchSnapshotResponse(**fields))
        set_running(self.supervisor.accounts["anna"], link)
        self.syncs.look(self.supervisor.accounts)

    def events(self) -> list[str]:
        found = self.journal.events_after(0, 1_000)
        return [event.code for event in found if event.code.startswith("SYNC")]


def make(folder: Path, journal: Journal, **rules: Any) -> World:
    return World(folder, journal, replace(CopyRules(), **rules))


def test_who_joins_is_synced_as_its_rule_says(tmp_path: Path, journal: Journal) -> None:
    world = make(tmp_path, journal, on_join=OnJoin.SYNC_IF_NOT_WORSE)
    # It has joined with the supervisor's start, and ben's rule is to copy fills only.
    [row] = journal.syncs_waiting["anna"]
    assert (row.origin, row.not_worse) == (Origin.JOIN, True)
    assert "ben" not in journal.syncs_waiting
    assert not world.syncs.ask_for_join(world.account("ben"))
    order = world.syncs.order_for("anna", 0)
    assert order is not None
    assert (order.number, order.as_of_seq, order.not_worse, order.sells) == (1, 1, True, False)
    assert order.master_equity == pb.Money(amount="1000", asset="USD")
    assert list(order.master_cash) == [pb.Money(amount="950", asset="USD")]
    [position] = order.positions
    assert (position.asset, position.volume, position.pair) == ("BTC", "0.005", "BTC/USD")
    assert list(position.costs) == [pb.Money(amount="50", asset="USD")]
    assert order.source.endswith("(on_join)")
    assert world.syncs.order_for("anna", 1) is None
    assert not world.syncs.is_waiting("anna", 1)
    assert world.syncs.is_waiting("anna", 0)


def test_nobody_is_synced_to_a_master_that_holds_nothing(tmp_path: Path, journal: Journal) -> None:
    config = small_config("anna")
    rules = replace(CopyRules(), on_join=OnJoin.SYNC)
    accounts = tuple(replace(one, copy=rules) for one in config.accounts)
    idle_supervisor(tmp_path, journal, replace(config, accounts=accounts))
    assert journal.syncs_waiting == {}


def test_an_order_waits_until_the_masters_equity_is_known(tmp_path: Path, journal: Journal) -> None:
    world = make(tmp_path, journal, on_join=OnJoin.SYNC)
    world.master, master = None, world.master
    assert world.syncs.order_for("anna", 0) is None
    assert list(world.syncs.not_counted()) == []
    world.master = Link()
    assert world.syncs.order_for("anna", 0) is None
    world.master = master
    assert world.syncs.order_for("anna", 0) is not None


def test_what_an_operator_asks_for_is_kept_once_and_recorded(tmp_path: Path, journal: Journal) -> None:
    world = make(tmp_path, journal)
    row = world.syncs.ask_by_operator("anna", "r1", "olga", "late", not_worse=False)
    assert world.syncs.ask_by_operator("anna", "r1", "olga", "late", not_worse=False) == row
    assert world.events() == ["SYNC_REQUESTED"]
    assert world.woken == [True]
    assert source_words(row).startswith("resync of 2026-")
    assert source_words(row).endswith("by olga: late")
    order = world.syncs.order_for("anna", 0)
    assert order is not None
    assert order.sells
    world.shows(synced=1)
    assert world.events() == ["SYNC_REQUESTED", "SYNC_TAKEN"]
    assert journal.syncs_waiting["anna"] == []


def test_what_the_journal_does_not_know_is_said(tmp_path: Path, journal: Journal) -> None:
    world = make(tmp_path, journal)
    btc, eth = world.syncs.not_counted()
    assert btc.startswith("1 BTC of the master's are from before the journal")
    assert eth.startswith("2 ETH of the master's")


def test_deposits_set_off_one_sync_and_another_one_after_an_hour(tmp_path: Path, journal: Journal) -> None:
    world = make(tmp_path, journal, on_deposit=OnDeposit.RESYNC)
    world.shows()
    assert journal.syncs_waiting == {}
    world.shows(deposits=1)
    world.shows(deposits=1)
    assert len(journal.syncs_waiting["anna"]) == 1
    world.now += 60
    world.shows(deposits=2)
    world.shows(deposits=3)
    assert len(journal.syncs_waiting["anna"]) == 1
    world.now += DEPOSIT_PAUSE_S
    world.shows(deposits=3)
    _, second = journal.syncs_waiting["anna"]
    assert second.request_id == "deposit 3"
    assert "deposit noticed" in source_words(second)
    # Another run of the supervisor sees the same.
    world.syncs = SyncOrders(journal, world.supervisor.events, lambda: None, lambda: None, lambda: world.now)
    world.shows(deposits=3)
    assert len(journal.syncs_waiting["anna"]) == 2


def test_who_invests_with_the_next_fills_is_not_synced_by_a_deposit(tmp_path: Path, journal: Journal) -> None:
    world = make(tmp_path, journal)
    world.shows(deposits=1)
    assert journal.syncs_waiting == {}


def test_a_sync_of_a_journal_that_was_brought_back_is_none_that_the_user_has_taken(
    tmp_path: Path, journal: Journal
) -> None:
    world = make(tmp_path, journal, on_deposit=OnDeposit.RESYNC)
    world.shows(synced=7)
    row = world.syncs.ask_by_operator("anna", "r1", "olga", "", not_worse=False, above=7)
    world.shows(synced=7, deposits=1)
    assert row.number == 8
    assert [row.number for row in journal.syncs_waiting["anna"]] == [8, 9]
    assert world.events().count("SYNC_TAKEN") == 0


def test_a_deposit_of_before_is_no_reason_for_a_sync_once_the_rule_is_another(
    tmp_path: Path, journal: Journal
) -> None:
    world = make(tmp_path, journal)
    world.shows(deposits=1)
    account = world.supervisor.accounts["anna"]
    account.config = replace(account.config, copy=replace(CopyRules(), on_deposit=OnDeposit.RESYNC))
    world.syncs = SyncOrders(journal, world.supervisor.events, lambda: None, lambda: None, lambda: world.now)
    world.shows(deposits=1)
    assert journal.syncs_waiting == {}
    world.shows(deposits=2)
    assert [row.request_id for row in journal.syncs_waiting["anna"]] == ["deposit 2"]
