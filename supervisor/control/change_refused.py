"""What is configured is left as it is: why a change of it, from the file or over the API, is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import grpc

from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.account_proc.contract.request_bounds import Violation
from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.control.refusals import Context, refuse

#: Faults in one refusal at most: with the fields that it names they fill its headers (HEADERS_BYTES_MAX).
FAULTS_MAX = 4


class ChangeRefused(Exception):
    """Nothing was changed. ``str`` is for people and may have several lines."""

    def __init__(self, reason: str, message: str, fields: Mapping[str, str] | None = None) -> None:
        """``reason`` is stable; ``fields``: what is wrong, by the request's field."""
        self.reason = reason
        self.violations = [Violation(field, words) for field, words in (fields or {}).items()]
        super().__init__(message)


def fault_lines(found: ConfigFaults) -> str:
    """The first faults, and how many there are more."""
    shown = [cut_text(str(fault)) for fault in found.faults[:FAULTS_MAX]]
    if len(found.faults) > FAULTS_MAX:
        shown.append(f"{len(found.faults) - FAULTS_MAX} more")
    return "\n".join(shown)


async def refuse_change(
    refused: ChangeRefused, context: Context, codes: Mapping[str, grpc.StatusCode], other: grpc.StatusCode
) -> NoReturn:
    """Ends the call: ``other`` for a reason that ``codes`` does not have."""
    code = codes.get(refused.reason, other)
    await refuse(context, code, refused.reason, str(refused), violations=refused.violations, lines=True)
