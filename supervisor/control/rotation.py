"""Another API key for an account: fetched from where its key is, tried at the exchange beside the account's
process, decided on the disk, and only then given to a new process.

The old process finishes what is in flight and ends as at any restart; what it could not find out, the new
one does before it goes on, as orders are the account's and not a key's. Up to the decision nothing is
changed, and the old key stays in use.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from typing import Any

from krakencopy.account_proc.contract.account_identity import masked
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.accounts.same_account import same_account
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.api_fields import ACCOUNT
from krakencopy.supervisor.config.key_fingerprints import fingerprint
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.control.change_refused import ChangeRefused
from krakencopy.supervisor.control.configurator import Asker
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.journal.config_changes import ROTATED, ConfigRow
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.supervisor.lifecycle.state_machine import State
from krakencopy.supervisor.paper.exchange import PaperFault
from krakencopy.supervisor.processes.child import NotReady, SpawnFault
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import types_pb2

#: A trial may take this long, in seconds: it asks an exchange that does not answer for 15.
TRIAL_S = 30.0
#: How long an answer waits for the new process, in seconds: a drain takes 10 at most, a start a few more.
SETTLED_S = 25.0
#: It could not be found out: nothing is known against the key.
EXCHANGE = "EXCHANGE"
ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
#: What a trial finds (account_proc/service/key_trial.py, account_proc/kraken/key_check.py); anything else is
#: no word on the key.
KEY_REFUSED = "KEY_REFUSED"
KEY_LACKS_PERMISSION = "KEY_LACKS_PERMISSION"
KEY_CAN_WITHDRAW = "KEY_CAN_WITHDRAW"
KEY_EXPIRED = "KEY_EXPIRED"
KEY_USED_ELSEWHERE = "KEY_USED_ELSEWHERE"
FOUND = frozenset({KEY_REFUSED, KEY_LACKS_PERMISSION, KEY_CAN_WITHDRAW, KEY_EXPIRED, KEY_USED_ELSEWHERE})


@dataclass(frozen=True, slots=True)
class Tried:
    """A key that was found fit. ``identity``: which account it opens; empty where that is not told."""

    credentials: Credentials
    identity: str

    @property
    def words(self) -> str:
        """For people."""
        which = f", opens account {masked(self.identity)}" if self.identity else ""
        return f"key {fingerprint(self.credentials)}{which}"


class Rotation:
    """Of one supervisor's accounts. Writes raise JournalFault."""

    def __init__(self, supervisor: Supervisor, reloader: Reloader) -> None:
        self._supervisor = supervisor
        self._reloader = reloader

    async def rotate(
        self, account: SupervisedAccount, asker: Asker, *, validate_only: bool
    ) -> pb.RotateCredentialsResponse:
        """Fetches, tries and decides. Raises ChangeRefused."""
        async with self._reloader.turn:
            self._check_there(account)
            try:
                tried = await self._fetch_and_try(account)
            except ChangeRefused as refused:
                if not validate_only:
                    self._record_refusal(account, refused, asker)
                raise
            if tried is None:
                words = f"its source gives the key that is in use: {_how_to_replace(account.config)}"
                return pb.RotateCredentialsResponse(
                    outcome=pb.ROTATION_OUTCOME_SAME_KEY,
                    message=f"{words}; process and nonce are left as they are",
                )
            if validate_only:
                self._supervisor.launcher.drop_tried_nonce(account.config)
                message = f"{tried.words}: it is fit; nothing was changed"
                return pb.RotateCredentialsResponse(outcome=pb.ROTATION_OUTCOME_FIT, message=message)
            return self._decide(account, tried, asker)

    async def settled(self, account: SupervisedAccount, answer: Any) -> None:
        """Waits until a process trades on the key that was taken last, in whatever run that was, and says so
        in the answer; or what there is after a while.
        """
        supervisor, changes = self._supervisor, self._supervisor.changes
        rotation = supervisor.journal.last_rotation(account.config.id)
        before = {"", None if rotation is None else rotation.old}
        until = time.monotonic() + SETTLED_S
        while (left := until - time.monotonic()) > 0:
            seen = changes.version
            is_new = supervisor.registry.key_of(account.config.id) not in before
            if is_new and account.life.state is State.RUNNING:
                answer.outcome = pb.ROTATION_OUTCOME_ROTATED
                return
            if not account.wanted or (is_new and account.life.state is State.FAILED):
                return
            try:
                await asyncio.wait_for(changes.wait(seen), left)
            except TimeoutError:
                return

    # -- how ------------------------------------------------------------------------------------------------

    async def _fetch_and_try(self, account: SupervisedAccount) -> Tried | None:
        """A key that is fit; None for the one that is in use. Raises ChangeRefused."""
        self._reloader.check_staying()
        config, account_id = self._supervisor.config, account.config.id
        try:
            credentials = await self._reloader.keys.fetch(config, account_id)
        except (ConfigFaults, PaperFault) as fault:
            raise ChangeRefused("KEY_NOT_FOUND", str(fault).splitlines()[0]) from None
        if self._supervisor.registry.has_key(account_id, credentials):
            return None
        try:
            tried = await self._try(account, credentials)
            self._check_identity(account_id, tried)
            self._reloader.check_staying()
        except BaseException:
            self._supervisor.launcher.drop_tried_nonce(account.config)
            raise
        return tried

    async def _try(self, account: SupervisedAccount, credentials: Credentials) -> Tried:
        try:
            child = await self._supervisor.launcher.spawn_trial(account.config, credentials)
        except SpawnFault as fault:
            raise ChangeRefused(EXCHANGE, f"the key could not be tried: {fault}") from None
        try:
            found = await child.wait_ready(TRIAL_S)
        except (NotReady, TimeoutError):
            child.signal(signal.SIGKILL)
            words = "the key could not be tried: the process that was to do it did not answer"
            raise ChangeRefused(EXCHANGE, words) from None
        finally:
            # Its locks are free, and its nonce file is whole.
            await child.wait_exit()
        if found["reason"]:
            reason = found["reason"] if found["reason"] in FOUND else EXCHANGE
            raise ChangeRefused(reason, found["message"])
        return Tried(credentials, found["identity"])

    def _check_identity(self, account_id: str, tried: Tried) -> None:
        """That it opens the account that the old one opened, and none of another one of ours."""
        supervisor = self._supervisor
        known = supervisor.journal.identities()
        before = known.get(account_id, "")
        if before and tried.identity and before != tried.identity:
            raise ChangeRefused(
                "OTHER_ACCOUNT",
                f"the new key opens account {masked(tried.identity)}, and {account_id} is account "
                f"{masked(before)}; make a key of that one, or configure the other under an id of its own",
            )
        copying = [supervisor.config.master.id, *(user.id for user in supervisor.config.users)]
        if account_id in copying and (other := same_account(account_id, tried.identity, known, copying)):
            words = f"the new key opens account {masked(tried.identity)}, which is {other}'s already"
            raise ChangeRefused("SAME_ACCOUNT", words)

    def _decide(self, account: SupervisedAccount, tried: Tried, asker: Asker) -> pb.RotateCredentialsResponse:
        """On the disk first; then its process ends, and the next one has the new key."""
        supervisor, account_id = self._supervisor, account.config.id
        old, new = supervisor.registry.key_of(account_id), fingerprint(tried.credentials)
        answer = pb.RotateCredentialsResponse(
            outcome=pb.ROTATION_OUTCOME_UNDER_WAY,
            message=f"{tried.words}: it is taken, with a nonce file of its own; the old process finishes "
            "what is in flight, and the new one settles what is left before it goes on",
        )
        row = ConfigRow(
            0, time.time(), asker.changed_by, asker.principal, asker.request_id, ACCOUNT.name, account_id,
            ROTATED, old, new,
        )  # fmt: skip
        words = f"another API key ({new}) from its next process on, by {asker.changed_by}"
        data = {"changed_by": asker.changed_by, "request_id": asker.request_id, "old": old, "new": new}
        event = event_of(types_pb2.SEVERITY_INFO, account_id, "CREDENTIALS_ROTATED", words, data)
        kept = answer.SerializeToString()
        supervisor.events.record_wishes(
            lambda: supervisor.journal.add_config_change(row, asker.digest, kept), [event]
        )
        self._reloader.keys.keep(account.config, tried.credentials)
        supervisor.registry.rotate(account_id, tried.credentials)
        return answer

    def _record_refusal(self, account: SupervisedAccount, refused: ChangeRefused, asker: Asker) -> None:
        words = f"its new API key was not taken, and the old one is in use: {refused.reason}: {refused}"
        data = {"changed_by": asker.changed_by, "reason": refused.reason}
        event = event_of(types_pb2.SEVERITY_WARNING, account.config.id, "CREDENTIALS_REFUSED", words, data)
        self._supervisor.events.record_wishes(lambda: None, [event])

    def _check_there(self, account: SupervisedAccount) -> None:
        """Another one may have had its turn before, and have taken it out of the configuration."""
        account_id = account.config.id
        if account.removed or self._supervisor.accounts.get(account_id) is not account:
            words = f"{account_id} has just been taken out of the configuration"
            raise ChangeRefused(ACCOUNT_NOT_FOUND, words)


def _how_to_replace(account: AccountConfig) -> str:
    if account.credentials_file is None and account.credentials_command is None:
        return (
            "variables are seen at the start of krakencopyd alone; name a credentials_file, whose key can be "
            "replaced while it runs, or restart it with the new ones"
        )
    return "put the new one there first"
