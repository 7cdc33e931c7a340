"""API keys that a reload moves from one account to another, as when a user is renamed: one process at a time
has the key.

The process that is to have it waits until the one that had it is gone; without that it would find the key
locked, and fail until an operator starts it. Only hashes of keys are kept. It must not know why a process
ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.key_fingerprints import digest_of, fingerprint_of


@dataclass(frozen=True, slots=True)
class _Holder:
    """A process that has the key, by the instance that it was then."""

    account: SupervisedAccount
    instance_id: str

    @property
    def is_gone(self) -> bool:
        return self.account.settled or self.account.process.instance_id != self.instance_id


class KeyTurns:
    """Who has which key, and who waits for whom."""

    def __init__(self) -> None:
        self._used: dict[str, bytes] = {}
        self._waiting: dict[str, _Holder] = {}

    def note_start(self, account_id: str, credentials: Credentials) -> None:
        """A process of this account is started with this key."""
        self._used[account_id] = digest_of(credentials)

    def used(self, account_id: str) -> str:
        """The fingerprint of the key that the account's last process has; empty before the first."""
        digest = self._used.get(account_id)
        return "" if digest is None else fingerprint_of(digest)

    def is_used_by(self, account_id: str, credentials: Credentials) -> bool:
        """Whether the account's process was started with this key, in this run."""
        return self._used.get(account_id) == digest_of(credentials)

    def hand_over(self, loaded: Mapping[str, Credentials], accounts: Mapping[str, SupervisedAccount]) -> None:
        """From now on these accounts have these keys; ``accounts`` are all, those that are to go included."""
        for account_id, credentials in loaded.items():
            self._waiting.pop(account_id, None)
            digest = digest_of(credentials)
            for other in accounts.values():
                is_other = other.config.id != account_id
                if is_other and not other.settled and self._used.get(other.config.id) == digest:
                    self._waiting[account_id] = _Holder(other, other.process.instance_id)

    def holder(self, account_id: str) -> str:
        """The account whose process still has this one's key; empty when it may start."""
        holder = self._waiting.get(account_id)
        return "" if holder is None else holder.account.config.id

    def take_ready(self) -> list[str]:
        """Accounts whose turn has come since the last call."""
        ready = [account_id for account_id, holder in self._waiting.items() if holder.is_gone]
        for account_id in ready:
            del self._waiting[account_id]
        return ready
