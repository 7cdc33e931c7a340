"""With which status a call of ControlService ends that gives no answer: a refusal, or what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from google.rpc import code_pb2, status_pb2

from krakencopy.account_proc.contract.refusals import INTERNAL_FAULT, error_details
from krakencopy.supervisor.audit.log import AuditNotWritten
from krakencopy.supervisor.control.authorization import Denied
from krakencopy.supervisor.journal.journal_file import JournalNoRoom
from krakencopy.supervisor.lifecycle.state_machine import NO_ROOM

log = logging.getLogger(__name__)


class Refused(Exception):
    """A call was ended with a status."""

    def __init__(self, encoded: bytes) -> None:
        """``encoded``: google.rpc.Status."""
        self.encoded = encoded
        super().__init__()


def status_of(error: Exception, method: str) -> bytes:
    """google.rpc.Status, encoded. A mistake of ours is written to the log."""
    match error:
        case Refused():
            return error.encoded
        case Denied():
            return _status(code_pb2.PERMISSION_DENIED, error.words, error.reason, error.metadata)
        case JournalNoRoom():
            log.warning("%s was refused: %s", method, error)
            words = f"{error.room}; nothing is changed: make room there, then ask again"
            return _status(code_pb2.UNAVAILABLE, words, NO_ROOM)
        case AuditNotWritten():
            log.warning("%s was refused, as the audit log cannot be written: %s", method, error)
            what = "make room there" if error.is_full else "see to it"
            words = f"{error}; nothing is changed: {what}, then ask again"
            return _status(code_pb2.UNAVAILABLE, words, NO_ROOM)
    log.error("%s was not answered", method, exc_info=error)
    words = f"the supervisor failed at {method}; its log says where. What became of it is not known"
    return _status(code_pb2.INTERNAL, words, INTERNAL_FAULT)


def _status(code: Any, words: str, reason: str, metadata: Mapping[str, str] | None = None) -> bytes:
    status = status_pb2.Status(code=code, message=words)
    for part in error_details(reason, metadata):
        status.details.add().Pack(part)
    encoded: bytes = status.SerializeToString()
    return encoded
