"""Settings that hold in the place of the file's, for people. Pure: messages in, lines out."""

from __future__ import annotations

from krakencopy.client.views.formats import local_time, plain
from krakencopy.client.views.pages import change_line, setting_words
from krakencopy.client.views.table import Column
from krakencopy.v1 import control_pb2 as pb

#: Who a setting without a target is for.
ALL = "(all)"


def setting_columns() -> list[Column]:
    """Of the table of what is set."""
    return [Column(title) for title in ("FOR", "KEY", "VALUE", "SET BY", "AT", "EFFECT")]


def setting_row(setting: pb.KeptSetting) -> list[str]:
    """One that is set."""
    return [
        plain(setting.target) or ALL,
        plain(setting.key),
        plain(setting.value),
        plain(setting.set_by),
        local_time(setting.set_at),
        f"none: {plain(setting.without_effect)}" if setting.without_effect else "",
    ]


def set_page(answer: pb.SetSettingsResponse, target: str) -> list[str]:
    """What was changed, and what follows for which account."""
    lines = [f"{plain(target) or ALL}: {setting_words(setting)}" for setting in answer.settings]
    lines += [change_line(change) for change in answer.accounts]
    if not lines:
        return ["nothing has changed"]
    if not answer.accounts:
        lines.append("no account goes by other rules for it")
    lines += [f"kept: {plain(line)}" for line in answer.kept]
    lines += [f"warning: {plain(line)}" for line in answer.warnings]
    return lines if answer.applied else [*lines, "a dry run: nothing of this was applied"]
