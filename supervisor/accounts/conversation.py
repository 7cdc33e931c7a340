"""What the conversations with all accounts' processes have in common: the account at the other end, what the
supervisor keeps, and why a conversation is not begun again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from krakencopy.supervisor.accounts.coin_names import CoinNames
from krakencopy.supervisor.accounts.same_account import Identities
from krakencopy.supervisor.accounts.sync_orders import SyncOrders
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.journal.fan_out import FillLog, ReportLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2


class Owner(Protocol):
    """The account whose process is at the other end."""

    #: For users: an operator wants fills to wait.
    paused: bool

    def link_changed(self) -> None:
        """Its health changed, or what it says of it."""
        ...

    def notices_changed(self) -> None:
        """What operators should know of it has changed, and nothing else that moves anyone."""
        ...

    def trading_mode(self, *, fills_wait: bool) -> types_pb2.TradingMode.ValueType:
        """Who is to decide what a user trades now; ``fills_wait``: there are fills that were not sent to
        it.
        """
        ...

    def trading_mode_sent(self, mode: types_pb2.TradingMode.ValueType) -> None:
        """A user's process knows it from here on."""
        ...

    def link_refused(self, reason: str, message: str) -> None:
        """The process refuses its stream for a reason that a new try does not change."""
        ...

    def announced(self, announcement: pb.Announcement) -> None:
        """The process has something for operators to know, once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the conversations of one supervisor have in common."""

    epoch: int
    journal: Journal
    fills: FillLog
    reports: ReportLog
    identities: Identities
    names: CoinNames
    syncs: SyncOrders
    #: Gets the fault of a journal that cannot keep what was received: nothing more may be handed out then.
    queue: WorkQueue

    def admit_account(self, account_id: str, seen: pb.AccountSeen) -> bool:
        """Whether the account at the exchange that the process has found may trade. Raises JournalFault."""
        return self.identities.admit_account(account_id, seen.identity, seen.marked)


class Differs(Exception):
    """Journal and ledger count other fills."""


class NotAdmitted(Exception):
    """The account must not trade; its owner knows why."""
