"""With which status a call ends that gives no answer."""

from __future__ import annotations

import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from krakencopy.supervisor.audit.log import AuditNotWritten
from krakencopy.supervisor.control.call_status import Refused, status_of
from krakencopy.supervisor.journal.journal_file import JournalFault, JournalNoRoom


@pytest.mark.parametrize(
    ("error", "code", "reason", "words"),
    [
        (
            JournalNoRoom("it is full", "no room on /x: 0 of 6 MB free"), code_pb2.UNAVAILABLE,
            "DISK_NOT_WRITABLE",
            "no room on /x: 0 of 6 MB free; nothing is changed: make room there, then ask again",
        ),
        (
            AuditNotWritten("/x/audit cannot be written: it is read-only"), code_pb2.UNAVAILABLE,
            "DISK_NOT_WRITABLE",
            "/x/audit cannot be written: it is read-only; nothing is changed: see to it, then ask again",
        ),
        (
            JournalFault("damaged"), code_pb2.INTERNAL, "INTERNAL_FAULT",
            "the supervisor failed at StopAccount; its log says where. What became of it is not known",
        ),
    ],
)  # fmt: skip
def test_an_error_has_its_status_and_reason(error: Exception, code: int, reason: str, words: str) -> None:
    status, info = (
        status_pb2.Status.FromString(status_of(error, "StopAccount")),
        error_details_pb2.ErrorInfo(),
    )
    assert status.details[0].Unpack(info)
    assert (status.code, info.reason, status.message) == (code, reason, words)


def test_a_refusal_is_passed_on_as_it_is() -> None:
    assert status_of(Refused(b"encoded"), "StopAccount") == b"encoded"


def test_a_defect_is_written_with_its_stack_and_a_refusal_is_not(caplog: pytest.LogCaptureFixture) -> None:
    try:
        int("a defect")
    except ValueError as error:
        status_of(error, "Reload")
    assert "Reload was not answered" in caplog.text
    assert "Traceback" in caplog.text
    caplog.clear()
    status_of(AuditNotWritten("full"), "Reload")
    assert "Traceback" not in caplog.text
