"""Any sequence of creating, changing, deleting, reloads and starts leaves what a plain model of it says."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from krakencopy.supervisor.config.api_fields import ACCOUNT, GROUP, Kind
from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.control.change_refused import ChangeRefused
from krakencopy.supervisor.control.configurator import Asker, Configurator, Wanted
from krakencopy.v1 import control_pb2
from tests.support.configured import Configured, user_of_file
from tests.support.front import run

ACCOUNTS, GROUPS = ["anna", "ben", "carl"], ["clients", "vip"]
groups_of_api = st.none() | st.sampled_from(GROUPS)
slippages = st.none() | st.integers(1, 9)


def file_text(users: dict[str, str | None], groups: set[str]) -> str:
    """Groups of the file have a rule by which they are known."""
    tables = [f'[[groups]]\nid = "{name}"\ncopy = {{ max_slippage_bps = 40 }}\n' for name in sorted(groups)]
    for name, group in sorted(users.items()):
        tables.append(user_of_file(name, f'group = "{group}"\n' if group else ""))
    return "".join(tables)


class Life(RuleBasedStateMachine):
    """The model: who is in the file, and bodies of the API, by id."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kc"))
        self.users: dict[str, str | None] = {"ben": None}
        self.groups: set[str] = {"clients"}
        self.bodies: dict[tuple[str, str], dict[str, Any]] = {}
        self.number = 0
        self.it = Configured(self.folder, file_text(self.users, self.groups))
        for name in ACCOUNTS:
            self.it.key_of_api(f"{name}.key")

    def teardown(self) -> None:
        if hasattr(self, "it"):
            self.it.close()
            shutil.rmtree(self.folder)

    # -- what the API does ----------------------------------------------------------------------------------

    def _change(self, kind: Kind, owner_id: str, body: dict[str, Any] | None) -> bool:
        configurator = Configurator(self.it.supervisor, self.it.reloader)
        self.number += 1
        asker = Asker("ida", "root", f"r{self.number}", f"d{self.number}")

        async def change() -> None:
            async with configurator.turn:
                plan = await configurator.plan(Wanted(kind, owner_id, body))
                await configurator.carry_out(plan, asker, control_pb2.CreateAccountResponse())

        try:
            run(change())
        except ChangeRefused:
            return False
        return True

    def _put(self, kind: Kind, owner_id: str, body: dict[str, Any] | None) -> None:
        after = {key: one for key, one in self.bodies.items() if key != (kind.name, owner_id)}
        if body is not None:
            after[kind.name, owner_id] = body
        done = self._change(kind, owner_id, body)
        assert done == self._fits(self.users, self.groups, after), (kind.name, owner_id, body)
        if done:
            self.bodies = after

    @rule(name=st.sampled_from(ACCOUNTS), group=groups_of_api, slippage=slippages)
    def create_or_update(self, name: str, group: str | None, slippage: int | None) -> None:
        body: dict[str, Any] = {"credentials_file": f"{name}.key"}
        if group:
            body["group"] = group
        if slippage:
            body["copy"] = {"max_slippage_bps": str(slippage)}
        self._put(ACCOUNT, name, body)

    @rule(name=st.sampled_from(GROUPS), slippage=slippages)
    def create_or_update_group(self, name: str, slippage: int | None) -> None:
        self._put(GROUP, name, {"copy": {"max_slippage_bps": str(slippage)}} if slippage else {})

    @rule(name=st.sampled_from(ACCOUNTS))
    def delete(self, name: str) -> None:
        if (ACCOUNT.name, name) in self.bodies:
            self._put(ACCOUNT, name, None)

    @rule(name=st.sampled_from(GROUPS))
    def delete_group(self, name: str) -> None:
        if (GROUP.name, name) in self.bodies:
            self._put(GROUP, name, None)

    # -- what the file does ---------------------------------------------------------------------------------

    @rule(
        users=st.dictionaries(st.sampled_from(ACCOUNTS), groups_of_api),
        groups=st.sets(st.sampled_from(GROUPS)),
        by_start=st.booleans(),
    )
    def another_file(self, users: dict[str, str | None], groups: set[str], *, by_start: bool) -> None:
        users = {name: group if group in groups else None for name, group in users.items()}
        before = self.it.path.read_text()
        self.it.write(file_text(users, groups))
        clash = not self._ids(users, groups).isdisjoint(name for _, name in self.bodies)
        self.number += 1
        try:
            if by_start:
                self.it = self.it.again()
            else:
                run(self._reload())
        except (ConfigFaults, ChangeRefused):
            assert clash if by_start else not self._fits(users, groups, self.bodies)
            self.it.path.write_text(before)
            if by_start:
                self.it = Configured(self.folder)
        else:
            assert not clash
            self.users, self.groups = users, groups
            # Who is left out is put right again, so that the model stays a plain one.
            for (kind, name), body in list(self.bodies.items()):
                if body.get("group") and not self._is_group(body["group"]):
                    assert name in self.it.tables.left_out
                    assert name not in self.it.supervisor.accounts
                    assert kind == ACCOUNT.name
                    self._put(ACCOUNT, name, {key: one for key, one in body.items() if key != "group"})

    async def _reload(self) -> None:
        await self.it.reloader.reload(dry_run=False)

    # -- what must hold -------------------------------------------------------------------------------------

    def _is_group(self, name: str) -> bool:
        return name in self.groups or (GROUP.name, name) in self.bodies

    @staticmethod
    def _ids(users: dict[str, str | None], groups: set[str]) -> set[str]:
        return {"master", *users, *groups}

    def _fits(
        self, users: dict[str, str | None], groups: set[str], bodies: dict[tuple[str, str], dict[str, Any]]
    ) -> bool:
        api = [name for _, name in bodies]
        if not self._ids(users, groups).isdisjoint(api):
            return False
        all_groups = groups | {name for kind, name in bodies if kind == GROUP.name}
        return all(body.get("group") in {None, *all_groups} for body in bodies.values())

    @invariant()
    def each_account_goes_by_its_own_rules_or_its_groups(self) -> None:
        if not hasattr(self, "it"):
            return
        supervisor = self.it.supervisor
        api = {name: body for (kind, name), body in self.bodies.items() if kind == ACCOUNT.name}
        running = {name: one for name, one in supervisor.accounts.items() if not one.removed}
        assert running.keys() == {"master", *self.users, *api}
        assert {account.id for account in supervisor.config.accounts} == running.keys()
        assert set(supervisor.config.groups) == self.groups | {
            name for kind, name in self.bodies if kind == GROUP.name
        }
        for name in (*self.users, *api):
            group = self.users.get(name) if name in self.users else api[name].get("group")
            own = api.get(name, {}).get("copy", {}).get("max_slippage_bps")
            of_group = "40" if group in self.groups else None
            if group and (GROUP.name, group) in self.bodies:
                of_group = self.bodies[GROUP.name, group].get("copy", {}).get("max_slippage_bps")
            assert running[name].config.copy.max_slippage_bps == int(own or of_group or 50), name
            assert running[name].config.group == group
        kept = {key: row.body for key, row in self.it.journal.configured.items()}
        assert kept.keys() == self.bodies.keys()
        assert not self.it.tables.left_out


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
