"""What a start, a reload and a change of settings say of values that were set while running."""

from __future__ import annotations

from collections.abc import Collection

from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.set_document import Place
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.v1 import types_pb2 as pb

#: Accounts that are named in one event at most.
NAMED_MAX = 20
#: Lines of one answer at most.
LINES_MAX = 50
#: Who a setting for all is set for, in words of the command line.
ALL = "--all"


def kept_lines(config: Config) -> list[str]:
    """Which accounts go by other rules than the file alone makes, and which settings have no effect; a line
    each.
    """
    differing = [
        f"{account_id} differs from the file: "
        + ", ".join(f"{key} (file: {old or 'not set'})" for key, old in of.items())
        for account_id, of in config.written.file_values.items()
    ]
    lines = differing + [_no_effect(place, why) for place, why in config.written.without_effect.items()]
    return lines if len(lines) <= LINES_MAX else [*lines[:LINES_MAX], f"{len(lines) - LINES_MAX} more"]


def _no_effect(place: Place, why: str) -> str:
    target, key = place
    return f"set {target or ALL} {key} is kept and has no effect: {why}"


def kept_events(config: Config, known: Collection[Place] = ()) -> list[pb.Event]:
    """What is recorded of them at a start or a reload; ``known``: settings without effect that were recorded
    before.
    """
    found: list[pb.Event] = []
    differing = [f"{account_id} ({', '.join(of)})" for account_id, of in config.written.file_values.items()]
    if differing:
        more = f" and {len(differing) - NAMED_MAX} more" if len(differing) > NAMED_MAX else ""
        named = f"{', '.join(differing[:NAMED_MAX])}{more}"
        words = f"what was set while running differs from the file for {named}"
        data = {"accounts": str(len(differing))}
        found.append(event_of(pb.SEVERITY_INFO, "", "SETTINGS_DIFFER", words, data))
    accounts = {account.id for account in config.accounts}
    for (target, key), why in config.written.without_effect.items():
        if (target, key) not in known:
            account_id, words = target if target in accounts else "", _no_effect((target, key), why)
            data = {"target": target, "key": key}
            found.append(event_of(pb.SEVERITY_WARNING, account_id, "SETTING_WITHOUT_EFFECT", words, data))
    return found
