"""Two of our accounts that are one at the exchange: found out before anyone trades, and while they do.

A user on the master's own account would make each copy a new fill of the master; two users on one account buy
everything twice. By the account's own number (account_proc/contract/account_identity.py) before anything is
traded; where the exchange does not say it, by our own orders: each carries an id that says for which account
it was made (account_proc/contract/order_ids.py). The master keeps its account always; of two users the one
that the journal has seen on it first, or, by orders, the one that stands first in the configuration.

It must not know how an account is stopped (accounts/supervised_account.py, lifecycle/state_machine.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.account_proc.contract.account_identity import masked
from krakencopy.account_proc.contract.order_ids import CL_ORD_ID_MARK, tag_of, tags
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb

SAME_ACCOUNT, KEY_USED_ELSEWHERE = "SAME_ACCOUNT", "KEY_USED_ELSEWHERE"
#: See ``krakencopy.v1.Drift``.
MADE_ELSEWHERE = "ORDER_MADE_ELSEWHERE"


class Accounts(Protocol):
    """All accounts of the supervisor, as far as this goes."""

    def process_started_at(self, account_id: str) -> float:
        """When the account's process was started (Unix seconds); 0 without one."""
        ...

    def condemn(self, account_id: str, reason: str, message: str) -> None:
        """The account must not trade until an operator starts it again."""
        ...


def same_account(account_id: str, identity: str, known: Mapping[str, str], copying: Sequence[str]) -> str:
    """The account that is the same at the exchange and goes before this one; empty if there is none. Pure.

    ``known``: identities by account, as the journal has them; ``copying``: ids of the master and of
    its users, the master first.
    """
    if not identity or account_id == copying[0]:
        return ""
    return next((other for other in copying if other != account_id and known.get(other) == identity), "")


class Identities:
    """Which account at the exchange each of ours is. Writes raise JournalFault."""

    def __init__(self, journal: Journal, events: EventLog, accounts: Accounts, config: Config) -> None:
        self._journal = journal
        self._events = events
        self._accounts = accounts
        self._known = journal.identities()
        self._on_masters = journal.on_masters()
        self._judged: set[tuple[str, str]] = set()
        self.use_config(config)

    def use_config(self, config: Config) -> None:
        """The accounts that are configured from now on."""
        #: The master, and the users that copy it as they are configured.
        self._copying = [config.master.id, *(user.id for user in config.users)]
        ever = (*self._copying, *self._journal.user_ids())
        self._makers = tags(self._journal.journal_id, ever)

    # -- before anything is traded --------------------------------------------------------------------------

    def admit_account(self, account_id: str, identity: str, marked: Iterable[pb.Drift]) -> bool:
        """A process says which account it has found; whether it may trade.

        ``identity``: empty where the exchange does not tell; ``marked``: foreign orders under ids of
        krakencopy's in its record.
        """
        copying = self._copying
        if account_id not in copying:
            return True  # it was taken out of the configuration, and finishes
        other = same_account(account_id, identity, self._known, copying)
        if account_id in self._on_masters and not (identity and self._known.get(copying[0])):
            # Nothing says that this has changed: another account's key would not open the ledger
            # (account_proc/trading/account_check.py).
            other = copying[0]
        for drift in marked:
            other = other or self._other_maker(account_id, drift.cl_ord_id)
        if other and account_id != copying[0]:
            self._condemn_same(account_id, other, identity)
            return False
        if identity and self._known.get(account_id) != identity:
            self._journal.put_identity(account_id, identity)
            self._known[account_id] = identity
        if identity and account_id == copying[0]:
            for user in copying[1:]:
                if self._known.get(user) == identity:
                    self._condemn_same(user, account_id, identity)
        return True

    # -- while they trade -----------------------------------------------------------------------------------

    def set_fills_apart(self, fills: Iterable[pb.Fill]) -> None:
        """Marks fills of the master that are our own users' orders: nobody copies them, and whose they are
        must not trade.
        """
        for fill in fills:
            if not fill.cl_ord_id.startswith(CL_ORD_ID_MARK):
                continue
            user = self._other_maker(self._copying[0], fill.cl_ord_id, configured=False)
            if user:
                fill.not_copied = SAME_ACCOUNT
                if user not in self._on_masters:
                    self._journal.put_on_masters(user)
                    self._on_masters.add(user)
                words = (
                    f"{fill.exec_id} of {fill.pair} is an order that was made for {user} in the "
                    "master's own account; nobody copies it"
                )
                self._events.record(pb.SEVERITY_ERROR, self._copying[0], "FILL_NOT_COPIED", words)
                if _seconds(fill.executed_at) > self._accounts.process_started_at(user) > 0:
                    self._condemn_same(user, self._copying[0], "")

    def judge_drifts(self, account_id: str, drifts: Iterable[pb.Drift]) -> None:
        """A user's process says what it found in its account's record."""
        for drift in drifts:
            if drift.code != MADE_ELSEWHERE or (account_id, drift.order_id) in self._judged:
                continue
            self._judged.add((account_id, drift.order_id))
            other = self._other_maker(account_id, drift.cl_ord_id)
            order = [known for known in self._copying if known in {account_id, other}]
            if not order or _seconds(drift.found_at) < self._accounts.process_started_at(order[-1]):
                continue  # it was started again since: the operator who did that has looked
            if other:
                self._condemn_same(order[-1], order[0], "")
            else:
                self._accounts.condemn(
                    account_id, KEY_USED_ELSEWHERE,
                    f"{drift.message}; stop it, or give each its own account; this one stopped trading",
                )  # fmt: skip

    # -- how ------------------------------------------------------------------------------------------------

    def _other_maker(self, account_id: str, cl_ord_id: str, *, configured: bool = True) -> str:
        """The other account of ours that an order was made for; empty if there is none."""
        _, maker = self._makers.get(tag_of(cl_ord_id), (None, account_id))
        is_other = maker != account_id and (not configured or maker in self._copying)
        return maker if is_other else ""

    def _condemn_same(self, account_id: str, other: str, identity: str) -> None:
        which = f"account {masked(identity)}" if identity else "one account"
        is_master = other == self._copying[0]
        danger = (
            "each copy would be a new fill of the master, and be copied again"
            if is_master
            else "everything would be bought twice there"
        )
        self._accounts.condemn(
            account_id,
            SAME_ACCOUNT,
            f"the API keys of {account_id} and {other} open {which} at the exchange: {danger}. Give "
            f"{account_id} a key of an account "
            "of its own, or take it out of the configuration",
        )


def _seconds(stamp: Timestamp) -> float:
    return stamp.ToMicroseconds() / 1_000_000
