"""The reasons of refused calls for programs, made from the catalogue: client/sdk/generated/reasons.py."""

from __future__ import annotations

from collections.abc import Iterator

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from tests.support.sdk_values import docstring

#: Promised by the API, and not sent by this version: its journal deletes nothing.
PROMISED = {"COMPACTED": ("what follows a watch's position was deleted", "list, and watch from there")}


def described() -> dict[str, tuple[str, str]]:
    """By reason: what it means, and what to do."""
    return dict(sorted((PROMISED | REFUSALS).items()))


def render_reasons() -> Iterator[str]:
    """The module."""
    yield '"""Reasons of refused calls.\n\nMade from the catalogue of refusals by tests/support/sdk.py.\n"""'
    yield "from __future__ import annotations"
    yield "from enum import StrEnum"
    yield "class Reason(StrEnum):"
    yield '    """What ``KrakenCopyError.reason`` may be: `error.reason == Reason.NOT_A_USER`."""'
    for reason, (meaning, _) in described().items():
        yield f"    {reason} = {reason!r}"
        yield from docstring(meaning, "    ")
    yield "#: What each means, and what to do."
    yield "MEANINGS: dict[str, tuple[str, str]] = {"
    for reason, (meaning, remedy) in described().items():
        yield f"    {reason!r}: ({meaning!r}, {(remedy, '')[remedy == 'nothing']!r}),"
    yield "}"
