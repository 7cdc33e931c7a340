"""Accounts and groups that are configured over the API: checked whole as the file is, kept in the journal,
then applied as a reload is.

One change, of these, of settings or of the file, at a time. Up to the write nothing is changed; write and
application have no pause between them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.accounts.kept_tables import left_out_events
from krakencopy.supervisor.accounts.leaving_events import leaving_events, returned
from krakencopy.supervisor.config.api_fields import (
    ACCOUNT,
    GROUP,
    Body,
    Kind,
    body_text,
    differences,
    table_of,
)
from krakencopy.supervisor.config.checks import check_notionals, check_state_dir
from krakencopy.supervisor.config.credential_folders import NotPermitted, folders_of, permitted_file
from krakencopy.supervisor.config.diff import Difference, compare
from krakencopy.supervisor.config.leaving_accounts import Leaver, configured_leavers, with_leavers
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.owned_tables import API, Owned, file_alone, with_owned
from krakencopy.supervisor.config.settings import hold
from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.control.change_refused import FAULTS_MAX, ChangeRefused, fault_lines
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.journal.config_changes import CREATED, DELETED, UPDATED, ConfigRow
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.supervisor.paper.exchange import PaperFault
from krakencopy.supervisor.processes.strategy_check import check_strategies
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

#: What is asked for cannot be so.
BAD_ACCOUNT = "BAD_ACCOUNT"
BAD_GROUP = "BAD_GROUP"
#: Its id is taken.
ALREADY_EXISTS = "ALREADY_EXISTS"
#: What is not written in events: who reads them needs the names of fields, and the history has the values.
_ACTIONS = {CREATED: "was created", UPDATED: "was changed", DELETED: "was deleted"}
_CODES = {
    (ACCOUNT.name, CREATED): "ACCOUNT_CREATED",
    (ACCOUNT.name, UPDATED): "ACCOUNT_UPDATED",
    (ACCOUNT.name, DELETED): "ACCOUNT_DELETED",
    (GROUP.name, CREATED): "GROUP_CREATED",
    (GROUP.name, UPDATED): "GROUP_UPDATED",
    (GROUP.name, DELETED): "GROUP_DELETED",
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a change, and with which request."""

    changed_by: str
    principal: str
    request_id: str
    #: Of the whole request.
    digest: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One account or group as it is to be; ``body`` None: not at all. ``policy``: how one that is deleted
    leaves.
    """

    kind: Kind
    id: str
    body: Body | None
    policy: OnLeave = OnLeave.KEEP

    @property
    def reason(self) -> str:
        """Of a refusal for what it is."""
        return BAD_ACCOUNT if self.kind is ACCOUNT else BAD_GROUP


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change comes to, checked."""

    wanted: Wanted
    new: Config
    difference: Difference
    left_out: Mapping[str, str]
    leaving: Mapping[str, Leaver]
    begin: Mapping[str, Leaver]
    loaded: Mapping[str, Any]


class Configurator:
    """Changes accounts and groups of one supervisor."""

    def __init__(self, supervisor: Supervisor, reloader: Reloader) -> None:
        self._supervisor = supervisor
        self._reloader = reloader
        self._tables = reloader.tables

    @property
    def turn(self) -> asyncio.Lock:
        """To be held for a change: one of anything that is configured at a time."""
        return self._reloader.turn

    def check_etag(self, kind: Kind, owner_id: str, etag: str) -> None:
        """Raises ChangeRefused for one that is not current."""
        row = self._tables.row(kind, owner_id)
        assert row is not None
        if etag and etag != self._tables.etag(row):
            words = (
                f"{owner_id} is not what it was any more: {row.changed_by} changed it at "
                f"{utc(row.changed_at):%Y-%m-%d %H:%M:%S} UTC; read it again, then decide anew"
            )
            raise ChangeRefused("ETAG_NOT_CURRENT", words, {"etag": "is not current"})

    async def plan(self, wanted: Wanted) -> Plan:
        """What it would come to. Raises ChangeRefused. Only while ``turn`` is held."""
        self._reloader.check_staying()
        supervisor, running = self._supervisor, self._supervisor.config
        known, now = supervisor.leavers.by_id, time.time()
        owned = self._tables.owned
        if wanted.body is not None:
            self._check_source(wanted)
        kept = {(row.target, row.key): row.value for row in supervisor.journal.settings()}
        try:
            named, left_out = await asyncio.to_thread(self._named, running, owned, wanted, set(known))
            leaving = self._tables.leaving(named, known, now)
            leaving.pop(wanted.id, None)
            if wanted.body is None and wanted.kind is ACCOUNT and wanted.policy is not OnLeave.KEEP:
                # As its process has it now, whatever became of the folder since.
                (path,) = (one.credentials_file for one in running.users if one.id == wanted.id)
                table = table_of(ACCOUNT, wanted.id, owned.accounts[wanted.id], Path(path) if path else None)
                leaving[wanted.id] = Leaver(wanted.policy, table, now)
            file, unfit = await asyncio.to_thread(with_leavers, named, leaving)
            if unfit:
                words = "; ".join(
                    f"{key} leaves still, and would not go with it: {why}" for key, why in unfit.items()
                )
                raise ChangeRefused(wanted.reason, cut_text(words))
            check = partial(check_notionals, traded=list(supervisor.fills.pairs))
            new = await asyncio.to_thread(hold, file, kept, check)
            difference = compare(running, new)
            if difference.fixed:
                words = (
                    f"{wanted.id} leaves still, and can come back only as what it was, as its ledger follows "
                    f"from that ({'; '.join(difference.fixed)}): create the new one under another id"
                )
                raise ChangeRefused(ALREADY_EXISTS, cut_text(words))
            loaded = await self._reloader.keys.prepare(new, difference.touched)
        except ConfigFaults as found:
            raise self._refused(found, wanted) from None
        begin = {
            key: one for key, one in leaving.items() if key not in known or not known[key].leaves
        }  # fmt: skip
        return Plan(wanted, new, difference, left_out, leaving, begin, loaded)

    def answer(self, plan: Plan, *, applied: bool) -> pb.ReloadResponse:
        """What becomes of which account."""
        return self._reloader.answer_of(plan.difference, plan.begin, plan.new, applied=applied)

    def warnings(self, plan: Plan) -> list[str]:
        """What can be run so, and was not before."""
        before = self._supervisor.config.warnings
        return [line for line in plan.new.warnings if line not in before]

    async def carry_out(self, plan: Plan, asker: Asker, answer: Any) -> None:
        """Keeps the change with the answer to it, then takes it. Raises ChangeRefused and JournalFault; then
        nothing is changed.
        """
        supervisor = self._supervisor
        try:
            await self._reloader.keys.open_accounts(plan.new)
        except PaperFault as fault:
            raise ChangeRefused("PAPER_EXCHANGE", f"{fault}; nothing was changed") from None
        self._reloader.check_staying()
        row = self._row(plan.wanted, asker)
        known = supervisor.leavers.by_id
        leavers = configured_leavers(plan.new, plan.leaving)
        back = returned(known, plan.leaving)

        def keep() -> None:
            supervisor.registry.join_added(plan.difference)
            supervisor.leavers.put(leavers)
            number = supervisor.journal.add_config_change(row, asker.digest, b"")
            self._seal(answer, number)

        events = [_event(row), *leaving_events(plan.begin, back), *left_out_events(self._newly_out(plan))]
        supervisor.events.record_wishes(keep, events)
        supervisor.take(plan.difference, plan.loaded)
        self._reloader.keys.use_config(plan.new, plan.loaded)
        self._tables.left_out = dict(plan.left_out)

    # -- how ------------------------------------------------------------------------------------------------

    def _seal(self, answer: Any, number: int) -> None:
        """The answer as it is repeated: with the etag of the state that it tells of."""
        for field in ("account", "group"):
            if field in answer.DESCRIPTOR.fields_by_name:
                shown = getattr(answer, field)
                kind = ACCOUNT if field == "account" else GROUP
                owner_id = shown.account_id if kind is ACCOUNT else shown.group_id
                row = self._tables.row(kind, owner_id)
                if row is not None:
                    shown.etag, shown.changed_by = self._tables.etag(row), row.changed_by
                    shown.created_at.FromMicroseconds(int(row.created_at * 1e6))
                    shown.changed_at.FromMicroseconds(int(row.changed_at * 1e6))
        self._supervisor.journal.put_config_answer(number, answer.SerializeToString())

    def _newly_out(self, plan: Plan) -> list[tuple[str, str]]:
        return [one for one in plan.left_out.items() if one[0] not in self._tables.left_out]

    def _check_source(self, wanted: Wanted) -> None:
        """That its key may come from where it is said to come from."""
        assert wanted.body is not None
        if written := wanted.body.get("credentials_file"):
            try:
                permitted_file(written, folders_of(self._supervisor.config, self._tables.state_dir))
            except NotPermitted as error:
                field = f"{wanted.kind.name}.credentials_file"
                raise ChangeRefused(
                    "CREDENTIALS_NOT_PERMITTED", cut_text(str(error)), {field: str(error)}
                ) from None

    def _named(
        self, running: Config, owned: Owned, wanted: Wanted, leavers: set[str]
    ) -> tuple[Config, dict[str, str]]:
        """The running configuration with the change, without users that leave. Raises ConfigFaults."""
        leaving = {key for key in leavers if self._supervisor.leavers.by_id[key].leaves}
        file = file_alone(running, owned.ids | leaving)
        after = owned.with_body(wanted.kind, wanted.id, wanted.body)
        must = after.ids - (self._tables.left_out.keys() - {wanted.id})
        folders = folders_of(running, self._tables.state_dir)
        named, left_out = with_owned(file, after, folders, must)
        check_state_dir(named, self._tables.state_dir)
        if wanted.body is not None and wanted.body.get("strategy"):
            check_strategies(named)
        return named, left_out

    def _row(self, wanted: Wanted, asker: Asker) -> ConfigRow:
        before = self._tables.row(wanted.kind, wanted.id)
        old = None if before is None else before.body
        new = None if wanted.body is None else body_text(wanted.body)
        action = CREATED if old is None else DELETED if new is None else UPDATED
        return ConfigRow(
            0, time.time(), asker.changed_by, asker.principal, asker.request_id, wanted.kind.name, wanted.id,
            action, old, new,
        )  # fmt: skip

    def _refused(self, found: ConfigFaults, wanted: Wanted) -> ChangeRefused:
        fields: dict[str, str] = {}
        for fault in found.faults:
            if fault.source == f"{API} {wanted.kind.name} {wanted.id}" and fault.where:
                field = f"{wanted.kind.name}.{'account_id' if fault.where == 'id' else fault.where}"
                fields.setdefault(field, f"{fault.problem}; {fault.remedy}")
        return ChangeRefused(wanted.reason, fault_lines(found), dict(list(fields.items())[:FAULTS_MAX]))


def _event(row: ConfigRow) -> types_pb2.Event:
    """What is recorded of a change: which fields, and by whom."""
    bodies = [None if text is None else json.loads(text) for text in (row.old, row.new)]
    old, new = differences(*bodies)
    fields = ", ".join(sorted(old | new)) if row.action == UPDATED else ""
    words = f"{row.kind} {row.id} {_ACTIONS[row.action]} over the API by {row.changed_by}"
    data = {"kind": row.kind, "id": row.id, "changed_by": row.changed_by, "request_id": row.request_id}
    code = _CODES[row.kind, row.action]
    account_id = row.id if row.kind == ACCOUNT.name else ""
    return event_of(
        types_pb2.SEVERITY_INFO, account_id, code, f"{words}{f': {fields}' if fields else ''}", data
    )
