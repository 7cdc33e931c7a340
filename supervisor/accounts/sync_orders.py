"""Which users are to be brought to the master's positions, and what they are sent for it: what the master
holds by the journal's count, as of the journal's last fill.

A sync is asked for durably (journal/sync_requests.py), and becomes an order only when it is sent: right
behind the last fill, with the positions and the equity of that moment. A user that has not taken it by the
end of a conversation is sent it again in the next one, as of then; it takes each number once. What it buys
and sells is decided in its own process (account_proc/copying/syncs.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from krakencopy.account_proc.contract.amounts import FIAT, MONEY
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.contract.spec import OnDeposit, OnJoin
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.event_log import EventLog, event_of
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.sync_requests import SyncRow
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

if TYPE_CHECKING:
    from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount

#: Between two syncs that deposits of one user have set off, in seconds at least.
DEPOSIT_PAUSE_S = 3_600.0

Snapshot = account_pb2.WatchSnapshotResponse


class Link(Protocol):
    """A conversation with a process, as far as it is looked at."""

    snapshot: Snapshot


class Origin(StrEnum):
    """Why a user is synced."""

    JOIN = "join"
    OPERATOR = "operator"
    DEPOSIT = "deposit"


class SyncOrders:
    """Of one supervisor. What it keeps raises JournalFault."""

    def __init__(
        self, journal: Journal, events: EventLog, link_of_master: Callable[[], Link | None],
        wake: Callable[[], None], now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """``link_of_master``: None without a process of the master's. ``wake``: those who send look
        again.
        """
        self._journal = journal
        self._events = events
        self._link_of_master = link_of_master
        self._wake = wake
        self._now = now
        #: By user, how many deposits it had noticed that are seen to.
        self._deposits: dict[str, int] = {}

    # -- what is asked for ----------------------------------------------------------------------------------

    def ask_for_join(self, account: AccountConfig) -> bool:
        """Asks for what a user does that has just joined; whether it does anything. Keeps it with what is
        written together.
        """
        rule = account.copy.on_join
        if rule is OnJoin.FILLS_ONLY or not any(True for _ in self._journal.coins.held()):
            return False
        now = self._now()
        self._journal.add_sync(
            account.id, f"join {now:.6f}", Origin.JOIN, now, not_worse=rule is OnJoin.SYNC_IF_NOT_WORSE
        )
        return True

    def ask_by_operator(
        self, account_id: str, request_id: str, by: str, reason: str, *, not_worse: bool, above: int = 0
    ) -> SyncRow:
        """Asks for what an operator wants, once for each request id. ``above``: the last sync that the user
        shows.
        """
        known = self._journal.sync_of(account_id, request_id)
        if known is not None:
            return known
        now, added = self._now(), list[SyncRow]()

        def keep() -> None:
            added.append(
                self._journal.add_sync(
                    account_id, request_id, Origin.OPERATOR, now, asked_by=by, reason=reason,
                    not_worse=not_worse, above=above,
                )
            )  # fmt: skip

        words = f"it is to be brought to the master's positions, by {by}" + (f" ({reason})" if reason else "")
        self._events.record_wishes(keep, [event_of(pb.SEVERITY_INFO, account_id, "SYNC_REQUESTED", words)])
        self._wake()
        return added[0]

    def look(self, accounts: Mapping[str, SupervisedAccount]) -> None:
        """Sees to what users' processes show: syncs that were taken, and deposits."""
        waiting, seen_to = self._journal.syncs_waiting, self._deposits
        for account_id, account in accounts.items():
            link = account.process.link
            # In each turn of the supervisor's, for hundreds of users that show nothing new.
            if link is None or not (
                waiting.get(account_id) or link.snapshot.deposits > seen_to.get(account_id, 0)
            ):
                continue
            config, snapshot = account.config, link.snapshot
            if not config.copies:
                continue
            for row in self._journal.syncs_taken(account_id, snapshot.synced):
                words = f"{source_words(row)}: taken; its copies say what became of it"
                self._events.record(pb.SEVERITY_INFO, account_id, "SYNC_TAKEN", words)
            if self._deposits.get(account_id, 0) >= snapshot.deposits:
                continue
            if config.copy.on_deposit is OnDeposit.RESYNC:
                self._see_to_deposit(account_id, snapshot.deposits, snapshot.synced)
            else:
                self._pass_deposit(account_id, snapshot.deposits)

    def _pass_deposit(self, account_id: str, deposits: int) -> None:
        """It is invested with the next fills, and no reason for a sync once the rule is another one."""
        self._journal.add_sync(account_id, f"deposit {deposits}", Origin.DEPOSIT, 0.0, taken=True)
        self._deposits[account_id] = deposits

    def _see_to_deposit(self, account_id: str, deposits: int, synced: int) -> None:
        """One sync for all deposits that were noticed since the last one, at most once an hour."""
        last, now = self._journal.last_sync(account_id, Origin.DEPOSIT), self._now()
        seen_to = 0 if last is None else int(last.request_id.removeprefix("deposit "))
        if last is not None and seen_to < deposits and 0 <= now - last.asked_at < DEPOSIT_PAUSE_S:
            return
        if seen_to < deposits:
            self._journal.add_sync(account_id, f"deposit {deposits}", Origin.DEPOSIT, now, above=synced)
            words = "a deposit came in: it is brought to the master's positions (on_deposit)"
            self._events.record(pb.SEVERITY_INFO, account_id, "SYNC_REQUESTED", words)
            self._wake()
        self._deposits[account_id] = deposits

    def _of_master(self) -> Snapshot | None:
        """What the master's process shows."""
        link = self._link_of_master()
        return None if link is None else link.snapshot

    # -- what is sent ---------------------------------------------------------------------------------------

    def is_waiting(self, account_id: str, after: int) -> bool:
        """Whether there is one that a user was not sent, ``after`` being the last that it was."""
        return any(row.number > after for row in self._journal.syncs_waiting.get(account_id, ()))

    def order_for(self, account_id: str, after: int) -> account_pb2.SyncOrder | None:
        """The next one for a user that has all fills of the journal; None while there is none, or while the
        master's equity is not known.
        """
        waiting = self._journal.syncs_waiting.get(account_id, ())
        row = next((row for row in waiting if row.number > after), None)
        return None if row is None else self.order(row)

    def order(self, row: SyncRow) -> account_pb2.SyncOrder | None:
        """A sync as it would be sent now; None while the master's equity is not known."""
        snapshot = self._of_master()
        positions = list(self._journal.coins.held())
        is_known = snapshot is not None and Decimal(snapshot.equity.amount or 0) > 0
        if positions and not is_known:
            return None
        order = account_pb2.SyncOrder(
            number=row.number, as_of_seq=self._journal.head, source=source_words(row),
            not_worse=row.not_worse, sells=row.origin != Origin.JOIN,
        )  # fmt: skip
        if snapshot is not None:
            order.master_equity.CopyFrom(snapshot.equity)
            order.master_cash.extend(
                pb.Money(amount=each.volume, asset=each.asset)
                for each in snapshot.balances
                if each.asset in MONEY
            )
        for coin, position in positions:
            costs = [pb.Money(amount=plain(cost), asset=asset) for asset, cost in position.costs.items()]
            order.positions.add(asset=coin, volume=plain(position.volume), pair=position.pair, costs=costs)
        return order

    def not_counted(self) -> Iterable[str]:
        """What the master holds and the journal knows nothing of, for people: it is not synced."""
        snapshot = self._of_master()
        for each in () if snapshot is None else snapshot.balances:
            more = Decimal(each.volume or 0) - self._journal.coins.position(each.asset)
            if each.asset not in FIAT and more > 0:
                yield (
                    f"{plain(more)} {each.asset} of the master's are from before the journal, or came in "
                    "without a trade: they are not synced"
                )


def source_words(row: SyncRow) -> str:
    """Where a sync comes from, for people: its copies say so."""
    at = f"{utc(row.asked_at):%Y-%m-%d %H:%M} UTC"
    if row.origin == Origin.JOIN:
        return f"joined at {at} (on_join)"
    if row.origin == Origin.DEPOSIT:
        return f"deposit noticed at {at} (on_deposit)"
    return f"resync of {at} by {row.asked_by}" + (f": {row.reason}" if row.reason else "")
