"""A reload from the request to its answer: the file is read and checked whole, compared, checked for keys,
and only then applied.

One at a time. Up to the last step nothing is changed; the last step is one call
without a pause in it. It must not know how accounts take their new settings (supervisor.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from krakencopy.account_proc.contract.refusals import HEADERS_BYTES_MAX, TEXT_MAX, cut_text, header_bytes
from krakencopy.account_proc.contract.spec import Credentials, OnJoin, OnLeave
from krakencopy.supervisor.accounts.kept_settings import kept_events, kept_lines
from krakencopy.supervisor.accounts.kept_tables import KeptTables
from krakencopy.supervisor.accounts.leaving_events import leaving_events, returned
from krakencopy.supervisor.config import reader as configuration
from krakencopy.supervisor.config.checks import check_notionals, check_state_dir
from krakencopy.supervisor.config.diff import Changed, Difference, Setting, compare
from krakencopy.supervisor.config.leaving_accounts import (
    Leaver,
    configured_leavers,
    with_leavers,
)
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.private_files import check_file, check_parents
from krakencopy.supervisor.config.reader import ConfigFault, ConfigFaults
from krakencopy.supervisor.config.settings import hold
from krakencopy.supervisor.control.change_refused import ChangeRefused
from krakencopy.supervisor.control.holdings import holdings_words
from krakencopy.supervisor.lifecycle.state_machine import ALIVE, State
from krakencopy.supervisor.paper.exchange import PaperFault
from krakencopy.supervisor.processes.strategy_check import check_strategies
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

#: Of one fault of a configuration in a refusal, in bytes of UTF-8: a path of Linux may have 4,096.
LINE_BYTES_MAX = 900
#: What a refusal's headers have beside its message: google.rpc.ErrorInfo in base64.
DETAILS_BYTES = 300


class Keys(Protocol):
    """Where accounts' credentials come from."""

    async def prepare(self, config: Config, touched: Collection[str]) -> Mapping[str, Credentials]:
        """Checks those of the accounts that another configuration adds or changes; what there is to know.
        Raises ConfigFaults.
        """
        ...

    async def fetch(self, config: Config, account_id: str) -> Credentials:
        """What the source of an account's key gives now, whatever was kept of it. No other account has it.
        Raises ConfigFaults and PaperFault.
        """
        ...

    def keep(self, account: AccountConfig, credentials: Credentials) -> None:
        """From now on the account has these, where its source is not asked at each start."""
        ...

    async def open_accounts(self, config: Config) -> None:
        """Those of a configuration that may come are there to be traded. Raises PaperFault."""
        ...

    def use_config(self, config: Config, loaded: Mapping[str, Credentials]) -> None:
        """From now on the run has this configuration, which is on the disk."""
        ...


class Reloader:
    """Reloads one supervisor's configuration. ``path`` is None where it did not come from a file."""

    def __init__(
        self, supervisor: Supervisor, path: Path | None, keys: Keys, tables: KeptTables | None = None
    ) -> None:
        """``tables``: what the API has configured, as the supervisor's configuration was made with."""
        assert path is None or path.is_absolute(), "a working folder may be left"
        self.tables = tables or KeptTables(supervisor.journal, supervisor.place.state_dir)
        self._supervisor = supervisor
        self._path = path
        self.keys = keys
        #: Is given each configuration that was applied.
        self.on_applied: Callable[[Config], None] = lambda _: None
        #: Held by who changes the configuration: one at a time.
        self.turn = asyncio.Lock()

    async def reload(self, *, dry_run: bool) -> pb.ReloadResponse:
        """Reads the file and applies what it changes, or only says what that is. Raises ChangeRefused."""
        async with self.turn:
            try:
                return await self._compare_and_apply(dry_run=dry_run)
            except ChangeRefused as refused:
                if not dry_run:
                    words = " | ".join(str(refused).splitlines())
                    self._supervisor.events.record(types_pb2.SEVERITY_WARNING, "", "RELOAD_REFUSED", words)
                raise

    async def _compare_and_apply(self, *, dry_run: bool) -> pb.ReloadResponse:
        if self._path is None:
            message = "this run has no configuration file; stop krakencopyd and start it with --config FILE"
            raise ChangeRefused("NO_CONFIGURATION_FILE", message)
        self.check_staying()
        try:
            written = await asyncio.to_thread(_read, self._path, self._supervisor.place.state_dir)
            named, api_left_out = await asyncio.to_thread(self.tables.merged, written)
            known = self._supervisor.leavers.by_id
            leaving = self.tables.leaving(named, known, time.time())
            file, left_out = await asyncio.to_thread(with_leavers, named, leaving)
            _check_left_out(left_out)
            traded = list(self._supervisor.fills.pairs)
            check_notionals(file, traded)
            settings = {(row.target, row.key): row.value for row in self._supervisor.journal.settings()}
            new = await asyncio.to_thread(hold, file, settings, partial(check_notionals, traded=traded))
            difference = compare(self._supervisor.config, new)
            if difference.fixed:
                message = f"restart krakencopyd for this, nothing was changed: {'; '.join(difference.fixed)}"
                raise ChangeRefused("NEEDS_RESTART", _cut([message], self._path))
            loaded = await self.keys.prepare(new, difference.touched)
        except ConfigFaults as found:
            raise ChangeRefused("BAD_CONFIGURATION", _cut(_lines(found), self._path)) from None
        begin = {key: one for key, one in leaving.items() if not known[key].leaves}
        answer = self.answer_of(difference, begin, new, applied=not dry_run)
        if dry_run:
            return answer
        try:
            await self.keys.open_accounts(new)
        except PaperFault as fault:
            raise ChangeRefused("PAPER_EXCHANGE", f"{fault}; nothing was changed") from None
        self.check_staying()
        shown = self._supervisor.config.written.without_effect
        events = [*kept_events(new, shown), *leaving_events(begin, returned(known, leaving))]
        leavers = configured_leavers(new, leaving)
        self._supervisor.apply(difference, loaded, str(self._path), events, leavers)
        self.keys.use_config(new, loaded)
        self.tables.left_out = api_left_out
        self.on_applied(self._supervisor.config)
        return answer

    def check_staying(self) -> None:
        """Raises ChangeRefused while the supervisor ends."""
        if self._supervisor.shutdown.begun:
            raise ChangeRefused(
                "SHUTTING_DOWN",
                "the supervisor is stopping: it reads the file at its next start; ask all else again then",
            )

    # -- the answer -----------------------------------------------------------------------------------------

    def answer_of(
        self, difference: Difference, begin: Mapping[str, Leaver], new: Config, *, applied: bool
    ) -> pb.ReloadResponse:
        """What becomes of which account; ``begin``: users that begin to leave with it."""
        answer = pb.ReloadResponse(
            applied=applied, source=str(self._path), settings=map(_setting_change, difference.settings),
            kept=kept_lines(new),
        )  # fmt: skip
        for added in difference.added:
            answer.accounts.add(
                account_id=added.id, kind=pb.CHANGE_KIND_ADDED, effect=self._effect_on_added(added)
            )
        for removed in difference.removed:
            effect = self._effect_on_removed(removed)
            answer.accounts.add(account_id=removed.id, kind=pb.CHANGE_KIND_REMOVED, effect=effect)
        answer.accounts.extend(map(self.account_change, difference.changed))
        self._add_leavers(answer, begin)
        return answer

    def _add_leavers(self, answer: pb.ReloadResponse, begin: Mapping[str, Leaver]) -> None:
        """Those that are not in the file any more and stay for a while."""
        for account_id, leaver in begin.items():
            effect = self._effect_on_leaver(account_id, leaver)
            answer.accounts.add(account_id=account_id, kind=pb.CHANGE_KIND_REMOVED, effect=effect)

    def account_change(self, changed: Changed) -> pb.AccountChange:
        """What a changed account's other settings mean for it."""
        return pb.AccountChange(
            account_id=changed.account.id,
            kind=pb.CHANGE_KIND_CHANGED,
            effect=self._effect_on_changed(changed),
            settings=map(_setting_change, changed.settings),
        )

    def _effect_on_added(self, account: AccountConfig) -> str:
        if self._supervisor.registry.is_stopped(account.id):
            return "an operator stopped it when it was configured before; it stays so until it is started"
        if not account.copies:
            return "it follows nobody"
        words = "it copies what the master trades from now on"
        if account.id in self._supervisor.journal.user_ids():
            words = "it was configured before and goes on from its ledger"
        if account.copy.on_join is not OnJoin.FILLS_ONLY:
            words += f", and is brought to what the master holds (on_join = {account.copy.on_join})"
        return words

    def _effect_on_removed(self, account: AccountConfig) -> str:
        known = self._supervisor.accounts[account.id]
        words = "it finishes what is in flight" if known.life.state in ALIVE else "it has no process"
        held = holdings_words(self._supervisor.journal, known)
        return f"{words}; what it has copied and still holds stays in its account: {held}" if held else words

    def _effect_on_leaver(self, account_id: str, leaver: Leaver) -> str:
        words = f"it buys nothing any more and stays until copying holds nothing ({leaver.policy})"
        account = self._supervisor.accounts.get(account_id)
        held = None if account is None else holdings_words(self._supervisor.journal, account)
        if held is None:
            return f"{words}; what it holds now is not known, as its process does not say"
        is_at_once = leaver.policy is OnLeave.CLOSE_ALL
        how = "to be sold at once, at the market" if is_at_once else "to be sold when the master sells"
        return f"{words}; {how}: {held}" if held else f"{words}, which is so now"

    def _effect_on_changed(self, changed: Changed) -> str:
        account = self._supervisor.accounts[changed.account.id]
        if not account.wanted:
            return "it is stopped; this holds from its next start"
        if account.life.state in ALIVE:
            return "its process restarts"
        if account.life.state in {State.FAILED, State.BACKOFF}:
            return f"it is {account.life.state} and is given another try"
        return "this holds from its start"


def _check_left_out(left_out: Mapping[str, str]) -> None:
    """Raises ChangeRefused for users that are to leave and cannot be told apart from what the file says."""
    if left_out:
        lines = [
            f"{account_id} leaves still, and does not go with the file: {why}"
            for account_id, why in left_out.items()
        ]
        raise ChangeRefused("BAD_CONFIGURATION", "\n".join(map(cut_text, lines)))


def _setting_change(setting: Setting) -> pb.SettingChange:
    return pb.SettingChange(key=setting.key, old_value=setting.old, new_value=setting.new)


def _read(path: Path, state_dir: Path) -> Config:
    """The configuration as it stands there now. Raises ConfigFaults."""
    if not path.exists():
        remedy = "put it back, or restart krakencopyd with another --config"
        raise ConfigFaults([ConfigFault(str(path), "", "is not there any more", remedy)])
    check_file(path)
    new = configuration.load(path)
    if not new.exchange.managed:
        check_parents(path)
    check_state_dir(new, state_dir)
    check_strategies(new)
    return new


def _lines(found: ConfigFaults) -> list[str]:
    """One for each fault."""
    hint = (
        "new variables are seen after a restart of krakencopyd, a credentials_file or a "
        "credentials_command at once"
    )
    return [
        str(replace(fault, remedy=f"{fault.remedy} ({hint})") if fault.source == "environment" else fault)
        for fault in found.faults
    ]


def _cut(lines: list[str], path: Path) -> str:
    """As many lines as a refusal has room for, and a last one that says how many there are more."""
    shown: list[str] = []
    room = HEADERS_BYTES_MAX - DETAILS_BYTES - header_bytes("x" * TEXT_MAX)
    for line in lines:
        cut = cut_text(line, LINE_BYTES_MAX)
        room -= header_bytes(cut + "\n")
        if room < 0:
            break
        shown.append(cut)
    if more := len(lines) - len(shown):
        shown.append(cut_text(f"{path}: {more} more; see them all with: krakencopyd check --config {path}"))
    return "\n".join(shown)
