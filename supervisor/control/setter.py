"""Settings that are changed while running: checked whole as the file is, kept in the journal, then applied as
a reload is.

One change or reload at a time. Up to the write nothing is changed; write and application have no pause
between them.
"""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Collection, Mapping
from functools import partial

from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.supervisor.accounts.kept_settings import ALL, kept_lines
from krakencopy.supervisor.config.checks import check_notionals
from krakencopy.supervisor.config.diff import Difference, compare
from krakencopy.supervisor.config.keys import HOME_OF_KEY, KEYS
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.reader import read
from krakencopy.supervisor.config.set_document import SYSTEM, Place, toml_text, written_value
from krakencopy.supervisor.config.settings import hold
from krakencopy.supervisor.config.toml_table import KEY_LENGTH_MAX, ConfigFaults
from krakencopy.supervisor.control.change_refused import ChangeRefused, fault_lines
from krakencopy.supervisor.control.known_accounts import unknown_account
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

#: Who asks, where they do not say.
NOBODY_NAMED = "somebody"


class Setter:
    """Changes settings of one supervisor."""

    def __init__(self, supervisor: Supervisor, reloader: Reloader) -> None:
        self._supervisor = supervisor
        self._reloader = reloader

    @property
    def turn(self) -> asyncio.Lock:
        """To be held for a change: one of settings or of the file at a time."""
        return self._reloader.turn

    async def set_settings(
        self, target: str, settings: Mapping[str, str], set_by: str, *, validate_only: bool
    ) -> pb.SetSettingsResponse:
        """Sets a target's keys; a value that is empty is taken back. Raises ChangeRefused and JournalFault.

        Only while ``turn`` is held.
        """
        supervisor, running = self._supervisor, self._supervisor.config
        self._reloader.check_staying()
        asked = {key.removeprefix("copy."): text.strip() for key, text in settings.items()}
        _check_keys(asked)
        kept = {(row.target, row.key): row.value for row in supervisor.journal.settings()}
        # Of one that is gone, what is kept can be taken back.
        if any(asked.values()) or target not in {place[0] for place in kept}:
            _check_target(target, running)
        leaving = self._leaving_words(target, running) if "on_leave" in asked else {}
        if target in leaving and asked["on_leave"]:
            raise ChangeRefused("LEAVES_ALREADY", leaving[target], _fields({"on_leave": leaving[target]}))
        changed = {
            key: text or None for key, text in sorted(asked.items()) if kept.get((target, key), "") != text
        }
        wanted = dict(kept)
        for key, text in changed.items():
            wanted.pop((target, key), None)
            if text is not None:
                wanted[target, key] = text
        # What has no effect before may have none afterwards.
        must = wanted.keys() & (running.written.settings.keys() | {(target, key) for key in changed})
        traded = list(supervisor.fills.pairs)
        try:
            new = await asyncio.to_thread(_held, running, wanted, must, traded)
        except ConfigFaults as found:
            raise _refused(found, target, asked) from None
        difference = compare(running, new)
        assert not difference.fixed, difference.fixed
        answer = self._answer(target, changed, kept, new, difference)
        answer.applied = not validate_only
        answer.warnings.extend(line for line in new.warnings if line not in running.warnings)
        answer.warnings.extend(leaving.values())
        if changed and not validate_only:
            self._reloader.check_staying()
            keep = partial(supervisor.journal.change_settings, target, changed, set_by, time.time())
            supervisor.events.record_wishes(
                keep, self._events(target, answer.settings, set_by or NOBODY_NAMED)
            )
            supervisor.take(difference, {})
        return answer

    def _leaving_words(self, target: str, running: Config) -> dict[str, str]:
        """By id, for those that leave already: that how they do so is not changed by a setting of a target
        that holds for them.
        """
        held_for = {target, *running.members(target)} if target else self._supervisor.accounts
        return {
            account_id: f"{account_id} leaves already, on_leave = {leaver.policy}, which another one changes "
            "only once it is put back in the configuration; to have all sold at once: krakencopy flatten "
            f"{account_id}"
            for account_id, leaver in self._supervisor.leavers.leaving().items()
            if account_id in held_for
        }

    def _answer(
        self, target: str, changed: Mapping[str, str | None], kept: Mapping[Place, str], new: Config,
        difference: Difference,
    ) -> pb.SetSettingsResponse:  # fmt: skip
        document = new.written.document
        answer = pb.SetSettingsResponse(
            accounts=map(self._reloader.account_change, difference.changed), kept=kept_lines(new)
        )
        for key, text in changed.items():
            of_file = toml_text(written_value(document, (target, key)))
            old = kept.get((target, key), of_file)
            answer.settings.add(key=key, old_value=old, new_value=of_file if text is None else text)
        return answer

    def _events(
        self, target: str, changes: Collection[pb.SettingChange], set_by: str
    ) -> list[types_pb2.Event]:
        account_id = target if target in self._supervisor.accounts else ""
        found = []
        for change in changes:
            old, new = (value or "(not set)" for value in (change.old_value, change.new_value))
            words = f"{target or ALL}: {change.key} {old} -> {new}, set by {set_by}"
            data = {
                "target": target, "key": change.key, "old": change.old_value, "new": change.new_value,
                "set_by": set_by,
            }  # fmt: skip
            found.append(event_of(types_pb2.SEVERITY_INFO, account_id, "SETTING_CHANGED", words, data))
        return found


def _held(
    running: Config, settings: Mapping[Place, str], must: Collection[Place], traded: list[str]
) -> Config:
    file = read(running.written.document, running.source)
    return hold(file, settings, lambda config: check_notionals(config, traded), must=must)


def _check_target(target: str, running: Config) -> None:
    users = [user.id for user in running.users]
    if target in {SYSTEM, *running.groups, *users}:
        return
    if any(account.id == target for account in running.accounts):
        message = f"{target} copies nobody: settings are for accounts that copy, and groups of them"
        raise ChangeRefused("NOT_A_USER", message)
    message = unknown_account(target, [*running.groups, *users], "account that copies, and no group,")
    raise ChangeRefused("TARGET_NOT_FOUND", cut_text(message))


def _check_keys(asked: Mapping[str, str]) -> None:
    if not asked:
        words = "no key is given; write key=value, or key= to take it back"
        raise ChangeRefused("NOTHING_TO_SET", words, {"settings": words})
    known = sorted(KEYS["copy"])
    wrong: dict[str, str] = {}
    for key in asked:
        if key in KEYS["copy"]:
            continue
        if key in HOME_OF_KEY:
            words = f"needs the file: write it in {HOME_OF_KEY[key]}, then krakencopy reload"
        elif near := difflib.get_close_matches(key.lower(), known, n=1):
            words = f"unknown key; did you mean {near[0]}?"
        else:
            words = f"unknown key; what may be set are the rules of copying: {', '.join(known)}"
        wrong[key if len(key) <= KEY_LENGTH_MAX else f"(a key of {len(key)} characters)"] = words
    if wrong:
        message = "; ".join(f"{key}: {words}" for key, words in wrong.items())
        raise ChangeRefused("KEY_NOT_SETTABLE", cut_text(message), _fields(wrong))


def _refused(found: ConfigFaults, target: str, asked: Mapping[str, str]) -> ChangeRefused:
    wrong: dict[str, str] = {}
    for fault in found.faults:
        if fault.setting is not None and fault.setting[0] == target and (key := fault.setting[1]) in asked:
            # Of a part of a list or table, which part it is.
            part = fault.where.removeprefix(key).lstrip(".")
            wrong.setdefault(key, ": ".join(filter(None, (part, f"{fault.problem}; {fault.remedy}"))))
    return ChangeRefused("BAD_SETTING", fault_lines(found), _fields(wrong))


def _fields(wrong: Mapping[str, str]) -> dict[str, str]:
    return {f"settings[{key}]": words for key, words in wrong.items()}
