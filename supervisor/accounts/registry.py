"""Who is supervised: every account by id, who an operator has stopped, who was taken out of the configuration
and still finishes.

It must not know why an account may start now (lifecycle/start_order.py, lifecycle/circuit_breaker.py) or how
one ends (lifecycle/state_machine.py, accounts/shutdown.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from krakencopy.account_proc.contract.spec import Credentials, Role
from krakencopy.supervisor.accounts.key_handover import KeyTurns
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.sync_orders import SyncOrders
from krakencopy.supervisor.config.diff import Difference
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import State


class AccountRegistry:
    """The accounts of one configuration, which may change while they run. Writes raise JournalFault."""

    def __init__(
        self, journal: Journal, turns: KeyTurns, make: Callable[[AccountConfig], SupervisedAccount],
        syncs: SyncOrders,
    ) -> None:  # fmt: skip
        """``make`` gives the supervised account of a configured one."""
        self._syncs = syncs
        self._journal = journal
        self._turns = turns
        self._make = make
        #: By id, in the order in which they are shown: masters first, Kraken's before others, then by id.
        self.accounts: Mapping[str, SupervisedAccount] = {}
        #: By id; Kraken's first. Every step of every account asks.
        self.masters: Mapping[str, SupervisedAccount] = {}

    @property
    def master(self) -> SupervisedAccount:
        """The one that is copied: Kraken's."""
        return next(iter(self.masters.values()))

    def process_started_at(self, account_id: str) -> float:
        """When the account's process was started (Unix seconds); 0 without one."""
        account = self.accounts.get(account_id)
        return 0.0 if account is None else account.process.started_at

    def key_of(self, account_id: str) -> str:
        """The fingerprint of the key that the account's last process of this run has; empty for none."""
        return self._turns.used(account_id)

    def has_key(self, account_id: str, credentials: Credentials) -> bool:
        """Whether the account's process has this key."""
        return self._turns.is_used_by(account_id, credentials)

    def rotate(self, account_id: str, credentials: Credentials) -> None:
        """Its next process has this key; it comes at once if there is one now, or if the last one failed."""
        self._turns.hand_over({account_id: credentials}, self.accounts)
        self.accounts[account_id].renew()

    def condemn(self, account_id: str, reason: str, message: str) -> None:
        """The account must not trade until an operator starts it again."""
        account = self.accounts.get(account_id)
        if account is not None:
            account.condemn(reason, message)

    # -- what operators want --------------------------------------------------------------------------------

    def is_stopped(self, account_id: str) -> bool:
        """Whether an operator has stopped the account, also before it was configured (again)."""
        return not self._journal.wanted(account_id)

    def set_wanted(self, account_id: str, *, wanted: bool) -> None:
        """An operator starts or stops it. Kept across restarts."""
        self._journal.set_wanted(account_id, wanted=wanted)
        self.accounts[account_id].stopped = not wanted

    # -- which are configured -------------------------------------------------------------------------------

    def add_all(self, config: Config) -> None:
        """The accounts of the run's first configuration."""
        known = set(self._journal.user_ids())
        for user in config.users:
            with self._journal.together():
                self._journal.join(user.id)
                if user.id not in known:
                    self._syncs.ask_for_join(user)
        for account in config.accounts:
            self._add_account(account)
        self._sort()

    def join_added(self, difference: Difference) -> None:
        """The first part of taking a difference that needs no restart: new users join the journal."""
        for account in difference.added:
            if account.copies:
                self._journal.join(account.id)
                self._syncs.ask_for_join(account)

    def apply(self, difference: Difference, loaded: Mapping[str, Credentials]) -> None:
        """The second part; ``loaded`` are the credentials of those that it touches. Processes of accounts
        that it does not touch are left alone.
        """
        self._turns.hand_over(loaded, self.accounts)
        for account in difference.removed:
            self.accounts[account.id].removed = True
        for account in difference.added:
            self._add_account(account)
        for changed in difference.changed:
            self._renew(changed.account)
        self._sort()

    def is_shadow(self, account_id: str) -> bool:
        """Whether a user sends nothing; one that is not known is none."""
        account = self.accounts.get(account_id)
        return account is not None and account.config.is_shadow

    def forget_removed(self) -> list[str]:
        """Forgets those that are not configured any more and whose process has ended; their ids."""
        gone = [
            account_id
            for account_id, account in self.accounts.items()
            if account.removed and account.life.state is State.STOPPED and account.settled
        ]
        if gone:
            self.accounts = {key: one for key, one in self.accounts.items() if key not in gone}
            self._sort()
        return gone

    def _add_account(self, config: AccountConfig) -> None:
        """One that is new, or that was removed and comes back: then with what operators wanted of it."""
        if config.id in self.accounts:
            # Its last process has not ended yet.
            self.accounts[config.id].removed = False
            self._renew(config)
            return
        added = self._make(config)
        added.paused = self._journal.paused(config.id)
        added.stopped = self.is_stopped(config.id)
        self.accounts = {**self.accounts, config.id: added}

    def _renew(self, config: AccountConfig) -> None:
        """Other settings: for the next process, which comes at once if there is one now, or if the last
        one failed.
        """
        known = self.accounts[config.id]
        known.config = config
        known.renew()

    def _sort(self) -> None:
        def place(one: SupervisedAccount) -> tuple[bool, bool, str]:
            return one.config.role is not Role.MASTER, not one.config.is_kraken, one.config.id

        self.accounts = {one.config.id: one for one in sorted(self.accounts.values(), key=place)}
        self.masters = {key: one for key, one in self.accounts.items() if one.config.role is Role.MASTER}
