"""The reasons of refused calls for programs, made from the catalogue: client/sdk/generated/reasons.py."""

from __future__ import annotations

from collections.abc import Iterator

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.client.sdk.meanings import PROMISED
from tests.support.sdk_values import docstring


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
