"""Settings that were changed while running: values of the copy rules that stand in the place of the file's.

Each has a target, ``SYSTEM`` or the id of a group or account, and replaces what the file says there; the
document is then read as any other, so a setting is checked by the very reader of the file. Pure; it must not
know where settings are kept (journal/journal.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from krakencopy.supervisor.config.copy_rules import NEEDS
from krakencopy.supervisor.config.effective_rules import effective_rules
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.reader import read
from krakencopy.supervisor.config.set_document import SYSTEM, Place, Settings
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults

#: What is checked of a configuration beside its own text. Raises ConfigFaults.
Check = Callable[[Config], None]
#: A fault's place in the table of a group.
_GROUP = re.compile(r"groups\[(\d+)\]\.")
GONE = "the configuration has no group, and no account that copies, of this id"


def hold(
    file: Config,
    settings: Settings,
    check: Check,
    *,
    must: Collection[Place] = (),
    at_all_costs: bool = False,
) -> Config:  # fmt: skip
    """The configuration of a file with settings. One that the file leaves no place for, or that does nothing
    there, has no effect, and is named in ``written.without_effect``.

    Raises ConfigFaults where one of ``must`` would be without effect, and for what the file says that does
    not go together with a setting of another place; the latter not ``at_all_costs``: then settings give way.
    """
    if not settings:
        return _checked(file, check)
    targets = {SYSTEM, *file.groups, *(user.id for user in file.users)}
    without = {place: GONE for place in sorted(settings) if place[0] not in targets}
    left = {place: settings[place] for place in sorted(settings) if place not in without}
    config: Config | None = None
    while config is None:
        try:
            config = _checked(read(file.written.document, file.source, settings=left), check)
        except ConfigFaults as found:
            blamed = dict(_blamed(found.faults, left, file, at_all_costs=at_all_costs))
            if not blamed or not blamed.keys().isdisjoint(must):
                raise
            without |= blamed
            left = {place: text for place, text in left.items() if place not in blamed}
    written = replace(
        config.written, settings=left, without_effect=without, file_values=_file_values(file, config)
    )
    return replace(config, written=written)


def _checked(config: Config, check: Check) -> Config:
    check(config)
    return config


def _blamed(
    faults: Iterable[ConfigFault], left: Settings, file: Config, *, at_all_costs: bool
) -> Iterator[tuple[Place, str]]:
    """Settings that have to give way, and why; those that faults are about, else, ``at_all_costs``, those
    that what is wrong may follow from.
    """
    others: list[tuple[Place, str]] = []
    is_found = False
    for fault in faults:
        why = f"{fault.problem}; {fault.remedy}"
        # A cap that was set must not be gone as a file says another one in another currency.
        if fault.setting in left and (at_all_costs or not fault.is_clash):
            assert fault.setting is not None
            is_found = True
            yield fault.setting, why
            continue
        others += ((place, f"{fault}") for place in _may_be_why(fault, left, file))
    if at_all_costs and not is_found:
        yield from others


def _may_be_why(fault: ConfigFault, left: Settings, file: Config) -> Collection[Place]:
    """Settings that what is wrong may follow from, those of the nearest level that has any: of its key, else
    of the choice that needs this key, else of any key; else all.
    """
    groups = {account.id: account.group for account in file.accounts}
    levels = [fault.account, groups.get(fault.account), SYSTEM]
    if of_group := _GROUP.match(fault.where):
        levels = [file.groups[int(of_group[1])], SYSTEM]
    key = fault.where.partition("copy.")[2].partition(".")[0]
    choices = {by for by, _, needed in NEEDS if needed == ("ratio" if key == "pairs" else key)}
    near = [[place for place in left if place[0] == level] for level in levels]
    for keys in ({key}, choices):
        for places in near:
            if found := [place for place in places if place[1] in keys]:
                return found
    return next(filter(None, near), list(left))


def _file_values(file: Config, config: Config) -> Mapping[str, Mapping[str, str]]:
    """By account, each rule that is not what the file alone makes of it, with the file's value."""
    found: dict[str, dict[str, str]] = {}
    for account, of_file in zip(config.users, file.users, strict=True):
        before = {rule.key: rule.value for rule in effective_rules(of_file, file)}
        after = {rule.key: rule.value for rule in effective_rules(account, config)}
        # Lines of lists and of tables may stand in one of the two alone.
        both = {key: (before.get(key, ""), after.get(key, "")) for key in before | after}
        differing = {key: old for key, (old, new) in both.items() if old != new}
        if differing:
            found[account.id] = differing
    return found
