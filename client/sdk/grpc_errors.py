"""The one place where what gRPC reports becomes an error of sdk/errors.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import grpc

from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.error_classes import class_of
from krakencopy.client.sdk.errors import (
    BadConfiguration,
    BadInput,
    KrakenCopyError,
    NotAllowed,
    NotConnected,
    NotFound,
    PositionGone,
    Refused,
    ServerFault,
    TimedOut,
    TooMany,
    Unavailable,
    Violation,
)

#: Every error of the supervisor's own carries an ErrorInfo of this domain (control.proto).
_DOMAIN = "krakencopy"

#: The reasons whose text has lines: one for each fault of a file, of settings, of an account or a group.
_BAD_CONFIGURATION = "BAD_CONFIGURATION"
_WITH_LINES = frozenset({"BAD_SETTING", "BAD_ACCOUNT", "BAD_GROUP"})

#: How gRPC's own text begins when a dial failed and the call never left. Any other text counts as "may have
#: been sent".
_NEVER_CONNECTED = ("failed to connect to all addresses", "errors resolving ")

_OTHER_CA = (
    "the certificate of {} is from another CA than this client's",
    "give the CA that it is from (--ca or KRAKENCOPY_CA): tls/ca.pem in the supervisor's state folder",
)
#: Words of TLS in gRPC's text, what they mean of an endpoint, and what to do.
_TLS_FAULTS = (
    (
        "certificate has expired", "the certificate of {} has expired",
        "it renews its own while it runs, so see the clocks; put an operator's own there anew",
    ),
    ("certificate is not yet valid", "the certificate of {} is not valid yet", "see this machine's clock"),
    ("CERTIFICATE_VERIFY_FAILED", *_OTHER_CA),
    # Another CA of the same name.
    ("BAD_SIGNATURE", *_OTHER_CA),
    (
        "Hostname Verification Check failed", "{} is no name in its certificate",
        "dial a name or an address that is, or add this one to `names` of [control] there",
    ),
    ("WRONG_VERSION_NUMBER", "what listens at {} speaks no TLS", "see [control] listen there for the port"),
    (
        "TSI_DATA_CORRUPTED", "{} refused this client's certificate",
        "it has expired, or is from a CA that is not known there: have one issued anew",
    ),
    *(
        (
            words, "{} closed the connection before anything was said",
            "so it refuses a client certificate that has expired or is from another CA, and too many at once",
        )
        for words in ("Socket closed", "Connection reset by peer")
    ),
    (
        "Failed to create security handshaker", "{} was not dialled, as the certificates cannot be used",
        "see that the CA is one, and that certificate and key are in PEM and belong together",
    ),
)  # fmt: skip

_KINDS: dict[grpc.StatusCode, type[KrakenCopyError]] = {
    # The server ends streams with CANCELLED while it stops; what we cancel ourselves never comes here.
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: TimedOut,
    grpc.StatusCode.INVALID_ARGUMENT: BadInput,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.OUT_OF_RANGE: PositionGone,
    grpc.StatusCode.ALREADY_EXISTS: Refused,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.UNAUTHENTICATED: NotAllowed,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TooMany,
    grpc.StatusCode.FAILED_PRECONDITION: Refused,
    grpc.StatusCode.ABORTED: Refused,
    grpc.StatusCode.UNKNOWN: ServerFault,
    grpc.StatusCode.INTERNAL: ServerFault,
    grpc.StatusCode.DATA_LOSS: ServerFault,
    grpc.StatusCode.UNIMPLEMENTED: ServerFault,
}


@dataclass(frozen=True, slots=True)
class _Details:
    """What our server says for programs; empty when gRPC itself made the error or someone else answered."""

    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()


def fault(error: grpc.RpcError, endpoint: Endpoint, request_id: str = "") -> KrakenCopyError:
    """Say what a failed call means. ``request_id`` is the mutation's, if it was one."""
    code = error.code()
    given = _details(error)
    reason = given.reason
    lines = (error.details() or "").splitlines()
    details = ("\n" if reason in _WITH_LINES else " ").join(" ".join(line.split()) for line in lines).strip()
    kind = _KINDS.get(code, ServerFault)
    if reason == _BAD_CONFIGURATION:
        return BadConfiguration((error.details() or "").strip(), reason=reason, request_id=request_id)
    if kind is Unavailable and details.startswith(_NEVER_CONNECTED):
        kind = NotConnected
    kind = class_of(reason, kind)
    message = _message(code, reason, details, endpoint)
    found = kind(message, reason=reason, request_id=request_id, metadata=given.metadata)
    if isinstance(found, BadInput):
        found.violations = given.violations
    return found


def _message(code: grpc.StatusCode, reason: str, details: str, endpoint: Endpoint) -> str:
    if reason:  # the server's own words
        return details or f"the server says {reason} and nothing more"
    match code:
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED:
            return _nobody_there(details, endpoint)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{endpoint} gave no answer in time; try again, or with a longer timeout"
        case grpc.StatusCode.UNIMPLEMENTED:
            return f"{endpoint} does not know this call; the supervisor is older than this client ({details})"
        case _:
            return details or f"{endpoint} answered {code.name} and nothing more"


def _nobody_there(details: str, endpoint: Endpoint) -> str:
    # gRPC's own words name the address again, and end with the system's: "... error: Connection refused".
    cause = details.rpartition("last error: ")[2].rpartition(" error: ")[2] or "connection lost"
    if endpoint.socket_path is None:
        return _nobody_at_port(details, endpoint)
    try:
        endpoint.socket_path.stat()
    except (FileNotFoundError, NotADirectoryError):
        cause = "there is no such socket"
    except OSError as error:
        cause = error.strerror or str(error)
    return (
        f"no supervisor answers at {endpoint} ({cause}); is krakencopyd running, and is this its "
        "endpoint or state folder?"
    )


def _nobody_at_port(details: str, endpoint: Endpoint) -> str:
    for words, what, remedy in _TLS_FAULTS:
        if details.startswith(_NEVER_CONNECTED) and words in details:
            return f"{what.format(endpoint)}: {remedy}"
    cause = details.rpartition("last error: ")[2].rpartition(": ")[2].rstrip("]") or "connection lost"
    return (
        f"no supervisor answers at {endpoint} ({cause}); is krakencopyd running there with [control] listen, "
        "and does nothing between here and there close its port?"
    )


def _details(error: grpc.RpcError) -> _Details:
    # Here and not above: most commands see no error, and these modules take tens of milliseconds.
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    try:
        # The error of a finished call is that call as well, which its type does not say.
        status = rpc_status.from_call(cast("grpc.Call", error))
    except ValueError:  # the details contradict the status: not written by our server
        return _Details()
    packed: Iterable[Any] = status.details if status is not None else ()
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    is_ours = any(detail.Unpack(info) and info.domain == _DOMAIN for detail in packed)
    if not is_ours:
        return _Details()
    for detail in packed:
        detail.Unpack(bad_request)
    violations = tuple(Violation(each.field, each.description) for each in bad_request.field_violations)
    return _Details(info.reason, dict(info.metadata), violations)
