"""What a refused call carries, at the supervisor and at the accounts alike: a text for people and
google.rpc.ErrorInfo for programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from google.rpc import error_details_pb2

from krakencopy.account_proc.contract.request_bounds import VIOLATIONS_MAX, Violation

ERROR_DOMAIN = "krakencopy"
#: Characters of a text that travels in a header of HTTP/2, at most. Longer headers are slow to read in pure
#: Python, and gRPC puts an error of its own in the place of one that is too long (16 KiB by default).
TEXT_MAX = 300
#: google.rpc.ErrorInfo: a reason is UPPER_SNAKE_CASE of at most 63 characters.
REASON = re.compile(r"[A-Z][A-Z0-9_]{0,61}[A-Z0-9]", re.ASCII)
#: For a reason that is the exchange's own text: that is then in the metadata under the name below.
EXCHANGE_REFUSED, EXCHANGE_ERROR = "EXCHANGE_REFUSED", "exchange_error"


def cut_text(text: str, at_most: int = TEXT_MAX) -> str:
    """The text without characters that cannot be shown, and without its middle where it is too long: what
    to do stands at its end.
    """
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    if len(shown) <= at_most:
        return shown
    head = (at_most - 5) * 3 // 5
    return f"{shown[:head]} ... {shown[head + 5 - at_most :]}"


def error_details(
    reason: str, metadata: Mapping[str, str] | None = None, violations: Iterable[Violation] = ()
) -> list[Any]:
    """What programs read of a refusal. A reason that is not of the form becomes EXCHANGE_REFUSED, with its
    text in the metadata.
    """
    more = dict(metadata or {})
    if not REASON.fullmatch(reason):
        more[EXCHANGE_ERROR] = reason
        reason = EXCHANGE_REFUSED
    cut = {key: cut_text(value) for key, value in more.items()}
    found: list[Any] = [error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=cut)]
    if fields := [
        error_details_pb2.BadRequest.FieldViolation(
            field=cut_text(each.field, 100), description=each.description
        )
        for each in list(violations)[:VIOLATIONS_MAX]
    ]:
        found.append(error_details_pb2.BadRequest(field_violations=fields))
    return found


def violations_text(violations: Iterable[Violation]) -> str:
    """The same for people: each field and what must be otherwise."""
    return cut_text("; ".join(map(str, violations)))
