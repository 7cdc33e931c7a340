"""What a refused call carries, at the supervisor and at the accounts alike: a text for people and
google.rpc.ErrorInfo for programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from google.rpc import error_details_pb2

from krakencopy.account_proc.contract.request_bounds import VIOLATIONS_MAX, Violation

ERROR_DOMAIN = "krakencopy"
#: Bytes (UTF-8) of a text that travels in a header of HTTP/2, at most. Longer headers are slow to read in
#: pure Python, and gRPC's clients replace a refusal that is too long by another, with another code
#: (HEADERS_BYTES_MAX).
TEXT_MAX = 300
#: All of a refusal's headers, in bytes. grpc, GRPC_ARG_MAX_METADATA_SIZE: a client takes 8 KiB with gRPC's
#: own; above that it refuses some, above 16 KiB all, as RESOURCE_EXHAUSTED.
HEADERS_BYTES_MAX = 7_000
#: google.rpc.ErrorInfo: a reason is UPPER_SNAKE_CASE of at most 63 characters.
REASON = re.compile(r"[A-Z][A-Z0-9_]{0,61}[A-Z0-9]", re.ASCII)
#: The reason of a request whose bytes are no message.
REQUEST_UNREADABLE = "REQUEST_UNREADABLE"
#: The reason of a call that a mistake of ours ended; what became of it is not known.
INTERNAL_FAULT = "INTERNAL_FAULT"
#: For a reason that is the exchange's own text: that is then in the metadata under the name below.
EXCHANGE_REFUSED, EXCHANGE_ERROR = "EXCHANGE_REFUSED", "exchange_error"


def cut_text(text: str, at_most: int = TEXT_MAX) -> str:
    """The text without characters that cannot be shown, and without its middle where it has more bytes than
    ``at_most``: what to do stands at its end.
    """
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    encoded = shown.encode()
    if len(encoded) <= at_most:
        return shown
    head = (at_most - 5) * 3 // 5
    begin, end = encoded[:head], encoded[head + 5 - at_most :]
    return f"{begin.decode(errors='ignore')} ... {end.decode(errors='ignore')}"


def header_bytes(message: str) -> int:
    """What a refusal's message takes in headers: percent-encoded, and once more in the details, in base64."""
    encoded = message.encode()
    return len(quote(encoded, safe="")) + len(encoded) * 4 // 3


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
            field=cut_text(each.field, 100), description=cut_text(each.description)
        )
        for each in list(violations)[:VIOLATIONS_MAX]
    ]:
        found.append(error_details_pb2.BadRequest(field_violations=fields))
    return found


def violations_text(violations: Iterable[Violation]) -> str:
    """The same for people: each field and what must be otherwise."""
    return cut_text("; ".join(map(str, violations)))
