"""What an account's new process needs: its specification, its API key, and the supervisor's conversation with
it.

It must not know why a process is started, or what becomes of it (accounts/supervised_process.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from krakencopy.account_proc.contract.folder_owner import owner_at
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials
from krakencopy.account_proc.runtime.durable_files import sync_folder
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.conversation import Owner, Shared
from krakencopy.supervisor.config.brokers import speaks_kraken
from krakencopy.supervisor.config.key_fingerprints import fingerprint
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.reader import Mode
from krakencopy.supervisor.config.state_folder import Place
from krakencopy.supervisor.processes.child import Child
from krakencopy.supervisor.processes.spawner import Spawner

#: In the names of files of a key's trial, in the place of an instance.
TRIAL = "key-trial"


class Launcher:
    """Of one supervisor, for all of its accounts."""

    def __init__(
        self, *, config: Config, place: Place, spawner: Spawner, shared: Shared,
        credentials: Callable[[AccountConfig], Credentials],
    ) -> None:  # fmt: skip
        """``credentials`` gives an account's API key for one start (config/credentials.py); it raises
        ConfigFaults.
        """
        #: A reload replaces it: new processes get what it says.
        self.config = config
        self._place = place
        self._spawner = spawner
        self._shared = shared
        self._credentials = credentials

    async def spawn(self, account: AccountConfig, spec: AccountSpec, link_secret: str) -> Child:
        """A new process. Raises SpawnFault, and ConfigFaults where its API key is not to be had."""
        credentials = self._credentials(account)
        self._take_tried_nonce(account, credentials)
        return await self._spawner.spawn(spec, replace(credentials, link=link_secret))

    async def spawn_trial(self, account: AccountConfig, credentials: Credentials) -> Child:
        """A process that finds out whether a key is fit for the account, beside the account's own
        (account_proc/service/key_trial.py). Raises SpawnFault.
        """
        spec = self.spec(account, TRIAL)
        log = spec.log_path
        tried = replace(
            spec, checks_key=True, nonce_path=self._place.tried_nonce(account),
            log_path=log.with_name(f"{account.id}.{TRIAL}{log.suffix}"),
        )  # fmt: skip
        tried.nonce_path.unlink(missing_ok=True)  # of one that came to nothing
        return await self._spawner.spawn(tried, credentials)

    def drop_tried_nonce(self, account: AccountConfig) -> None:
        """The key that was tried is not taken."""
        self._place.tried_nonce(account).unlink(missing_ok=True)

    def _take_tried_nonce(self, account: AccountConfig, credentials: Credentials) -> None:
        """The first process on a key that was tried, and is taken, goes on from the nonces of its trial. What
        another trial has left says nothing. Nobody has the file: the account has no process.
        """
        tried = self._place.tried_nonce(account)
        if not tried.exists():
            return
        rotation = self._shared.journal.last_rotation(account.id)
        if rotation is not None and rotation.new == fingerprint(credentials):
            tried.replace(self._place.nonce(account))
            sync_folder(tried.parent)
        else:
            tried.unlink()

    def link(self, account: AccountConfig, socket: Path, owner: Owner, link_secret: str) -> AccountLink:
        """A conversation with a new process."""
        role = account.role if account.is_kraken else None
        return AccountLink(account.id, role, socket, link_secret, self._shared, owner)

    def spec(self, account: AccountConfig, instance_id: str) -> AccountSpec:
        """What a new process is given to know."""
        place, exchange, journal = self._place, self.config.exchange, self._shared.journal
        rest_url = account.broker_url or ""
        # The paper exchange stands for Kraken, also for Kraken over ccxt.
        if account.is_kraken or (
            not rest_url and exchange.mode is Mode.PAPER and speaks_kraken(account.broker)
        ):
            rest_url = place.rest_url
        reserve = {journal.coins.current_name(asset): amount for asset, amount in account.reserve.items()}
        return AccountSpec(
            id=account.id,
            role=account.role,
            broker=account.broker,
            epoch=self._shared.epoch,
            instance_id=instance_id,
            rest_url=rest_url,
            ws_url=place.ws_url,
            nonce_path=place.nonce(account),
            socket_path=place.socket(account.id),
            ledger_path=place.ledger(account.id),
            log_path=place.log(account.id),
            key_lock_dir=place.key_lock_dir,
            copy=account.copy.in_names(journal.coins.current_name),
            states_path=place.states,
            group=account.group or "",
            totals=self.config.totals if account.copies and not account.is_shadow else (),
            strategy=account.strategy,
            strategy_options=account.strategy_options,
            strategy_risk=account.strategy_risk,
            paper=exchange.mode is Mode.PAPER,
            visibility_lag_s=exchange.visibility_lag_s,
            allow_withdraw_key=account.allow_withdraw_key,
            shadow=account.is_shadow,
            tier=account.tier,
            reserve=reserve,
            users=len(self.config.users),
            owner=self._owner_of(account, rest_url),
            adopt_ledger=place.adopt,
            journal_id=journal.journal_id,
            log_level=place.log_level,
        )

    def _owner_of(self, account: AccountConfig, rest_url: str) -> str:
        """Whose an account's ledger is: the state folder's, but at another broker."""
        if account.is_kraken or rest_url == self._place.rest_url:
            return self._place.owner
        return owner_at(self.config.exchange.mode, rest_url or account.broker)
