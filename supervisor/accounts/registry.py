"""Who is supervised: every account by id, who an operator has stopped, who was taken out of the configuration
and still finishes.

It must not know why an account may start now (lifecycle/start_order.py, lifecycle/circuit_breaker.py) or how
one ends (lifecycle/state_machine.py, accounts/shutdown.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from krakencopy.account_proc.contract.spec import Credentials, Role
from krakencopy.supervisor.accounts.key_handover import KeyTurns
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.diff import Difference
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import ALIVE, State


class AccountRegistry:
    """The accounts of one configuration, which may change while they run. Writes raise JournalFault."""

    def __init__(
        self, config: Config, journal: Journal, make: Callable[[AccountConfig], SupervisedAccount]
    ) -> None:
        """``make`` gives the supervised account of a configured one."""
        self._journal = journal
        self._make = make
        self.turns = KeyTurns()
        #: By id, in the order in which they are shown.
        self.accounts: Mapping[str, SupervisedAccount] = {}
        self._masters: Mapping[str, SupervisedAccount] = {}
        self._stopped: set[str] = set()
        self._removed: set[str] = set()
        for user in config.users:
            journal.join(user.id)
        for account in config.accounts:
            self._add(account)
        self._sort()

    def masters(self) -> Mapping[str, SupervisedAccount]:
        """By id; Kraken's first. Every step of every account asks."""
        return self._masters

    # -- what operators want --------------------------------------------------------------------------------

    def wanted(self, account_id: str) -> bool:
        """Whether the account is configured and not stopped."""
        return account_id not in self._stopped and account_id not in self._removed

    def stopped(self, account_id: str) -> bool:
        """Whether an operator has stopped the account, also before it was configured (again)."""
        return not self._journal.wanted(account_id)

    def want(self, account_id: str, *, wanted: bool) -> None:
        """An operator starts or stops it. Kept across restarts."""
        self._journal.set_wanted(account_id, wanted=wanted)
        (self._stopped.discard if wanted else self._stopped.add)(account_id)

    # -- what a reload changes ------------------------------------------------------------------------------

    def removed(self, account_id: str) -> bool:
        """Whether the account is only there until its process has ended."""
        return account_id in self._removed

    def take(self, difference: Difference, loaded: Mapping[str, Credentials]) -> None:
        """Takes a difference that needs no restart; ``loaded`` are the credentials of those that it touches.

        Processes of accounts that it does not touch are left alone. Raises JournalFault, before anything is
        changed.
        """
        for account in difference.added:
            if account.copies:
                self._journal.join(account.id)
        self.turns.hand_over(loaded, self.accounts)
        self._removed |= {account.id for account in difference.removed}
        for account in difference.added:
            self._add(account)
        for changed in difference.changed:
            self._renew(changed.account)
        self._sort()

    def forget_removed(self) -> Iterator[str]:
        """Forgets those whose process has ended, and names them."""
        for account_id in list(self._removed):
            account = self.accounts[account_id]
            if account.life.state is State.STOPPED and account.settled:
                self._removed.discard(account_id)
                self._stopped.discard(account_id)
                self.accounts = {key: one for key, one in self.accounts.items() if key != account_id}
                self._sort()
                yield account_id

    def _add(self, account: AccountConfig) -> None:
        """One that is new, or that was removed and comes back: then with what operators wanted of it."""
        if account.id in self._removed:
            # Its last process has not ended yet.
            self._removed.discard(account.id)
            self._renew(account)
            return
        added = self._make(account)
        added.paused = self._journal.paused(account.id)
        self.accounts = {**self.accounts, account.id: added}
        if self.stopped(account.id):
            self._stopped.add(account.id)

    def _renew(self, account: AccountConfig) -> None:
        """Other settings: for the next process, which comes at once if there is one now, or if the last
        one failed.
        """
        known = self.accounts[account.id]
        known.config = account
        if known.life.state in ALIVE:
            known.restart()
        else:
            known.reset()

    def _sort(self) -> None:
        """Masters first, Kraken's before others, then by id."""

        def place(one: SupervisedAccount) -> tuple[bool, bool, str]:
            return one.config.role is not Role.MASTER, not one.config.is_kraken, one.config.id

        self.accounts = {one.config.id: one for one in sorted(self.accounts.values(), key=place)}
        self._masters = {key: one for key, one in self.accounts.items() if one.config.role is Role.MASTER}
