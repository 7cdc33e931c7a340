"""`krakencopy audit`: what is asked and shown; copies of the log are verified without a supervisor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.client.cli.main import main
from krakencopy.client.sdk.errors import ExitCode
from krakencopy.supervisor.audit.chain import Kind
from krakencopy.supervisor.audit.files import AuditFiles, Draft
from krakencopy.v1 import audit_pb2 as pb
from tests.support.scripted_supervisor import Scripted

ENTRIES = [
    pb.AuditEntry(
        number=number, kind=pb.AUDIT_KIND_ENDED, principal="ann", method="Reload", outcome="OK",
        line=f'{{"n":{number}}}',
    )
    for number in (9, 5)
]  # fmt: skip


def types(endpoint: str, *words: str) -> int:
    return main(["--endpoint", endpoint, "audit", *words])


def test_calls_are_listed_the_latest_last(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    supervisor.on["ListAuditEntries"] = lambda *_: pb.ListAuditEntriesResponse(entries=ENTRIES)
    asked = ("--who", "ann", "--account", "bob", "--call", "Reload", "--each-entry", "--limit", "7")
    assert types(endpoint, "list", *asked) == ExitCode.DONE
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "ENTRY"
    assert [row.split()[0] for row in rows] == ["5", "9"]
    [request] = supervisor.requests(pb.ListAuditEntriesRequest)
    assert (request.principal, request.account_id, request.method) == ("ann", "bob", "Reload")
    assert (request.each_entry, request.page_size) == (True, 7)
    assert types(endpoint, "list", "-o", "json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out.splitlines()[0])["number"] == "5"
    supervisor.on["ListAuditEntries"] = lambda *_: pb.ListAuditEntriesResponse()
    assert types(endpoint, "list", "--since", "2h") == ExitCode.DONE
    assert capsys.readouterr().out == "no such calls\n"
    assert supervisor.requests(pb.ListAuditEntriesRequest)[-1].page_size == 1_000


def test_entries_are_watched_as_a_table_or_as_the_lines_of_a_copy(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    def stream(_request: Any, context: Any) -> Any:
        yield from (pb.WatchAuditResponse(entry=entry) for entry in ENTRIES)
        context.abort(grpc.StatusCode.OUT_OF_RANGE, "enough")

    supervisor.on["WatchAudit"] = stream
    assert types(endpoint, "watch", "--after", "4") != ExitCode.DONE
    head, *rows = capsys.readouterr().out.splitlines()
    assert (head.split()[0], len(rows)) == ("ENTRY", 2)
    assert types(endpoint, "watch", "--lines") != ExitCode.DONE
    assert capsys.readouterr().out == '{"n":9}\n{"n":5}\n'
    first, second = supervisor.requests(pb.WatchAuditRequest)
    assert (first.after_number, first.with_lines) == (4, False)
    assert (second.HasField("after_number"), second.with_lines) == (False, True)


def test_a_log_that_is_not_intact_is_5(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    supervisor.on["VerifyAudit"] = lambda request, _context: pb.VerifyAuditResponse(
        intact=not request.head, first_number=1, last_number=9, files=1
    )
    assert types(endpoint, "verify") == ExitCode.DONE
    assert types(endpoint, "verify", "--head", "AB" * 32) == ExitCode.NOT_IN_TIME
    assert capsys.readouterr().out.splitlines() == [
        "intact: entries 1 to 9, 1 file", "NOT INTACT: entries 1 to 9, 1 file"
    ]  # fmt: skip
    assert supervisor.requests(pb.VerifyAuditRequest)[-1].head == "ab" * 32


@pytest.mark.parametrize("words", [[], ["verify", "--head", "x"], ["list", "--limit", "x"], ["delete"]])
def test_what_is_wrong_is_said_before_anything_is_asked(
    endpoint: str, supervisor: Scripted, capsys: Any, words: list[str]
) -> None:
    assert types(endpoint, *words) == ExitCode.BAD_INPUT
    assert supervisor.asked == []
    assert capsys.readouterr().err


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copied log of four calls that began."""
    log = AuditFiles(tmp_path / "audit")
    log.open(None)
    for name in ("a", "b", "c", "d"):
        log.append([Draft({"kind": Kind.BEGAN, "call": name})])
    log.close()
    (path,) = (tmp_path / "audit").iterdir()
    return path.rename(tmp_path / "copy.jsonl")


def verified(capsys: Any, copy: Path, *words: str) -> tuple[int, list[str]]:
    code = main(["audit", "verify", "--file", str(copy), *words])
    return code, capsys.readouterr().out.splitlines()


def test_a_copy_is_verified_without_a_supervisor(copy: Path, capsys: Any) -> None:
    code, (words, head) = verified(capsys, copy)
    assert (code, words) == (ExitCode.DONE, "intact: entries 1 to 5, 1 file")
    noted = head.removeprefix("head: ")
    assert verified(capsys, copy, "--head", noted)[0] == ExitCode.DONE
    assert main(["audit", "verify", "--file", str(copy), "-o", "json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["head"] == noted


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda lines: [line.replace(b'"b"', b'"x"') for line in lines], "CHANGED: entry 3 is not what was"),
        (lambda lines: lines[:2] + lines[3:], "MISSING: entry 3 is not there"),
        (lambda lines: [*lines[:2], lines[3], lines[2], lines[4]], "MISSING: entry 3 is not there"),
        (lambda lines: lines[1:], "NO_BEGINNING: the file begins with entry 2"),
        (lambda lines: lines[:-1], "CUT: no entry has the hash "),
        (lambda lines: [*lines[:-1], lines[-1][:-9]], "HALF_WRITTEN: the last line, behind entry 4, is"),
    ],
)  # fmt: skip
def test_a_copy_that_was_changed_is_found_and_the_entry_named(
    copy: Path, capsys: Any, damage: Any, words: str
) -> None:
    head = verified(capsys, copy)[1][-1].removeprefix("head: ")
    copy.write_bytes(b"".join(damage(copy.read_bytes().splitlines(keepends=True))))
    code, (first, *_) = verified(capsys, copy, "--head", head)
    assert code == ExitCode.NOT_IN_TIME
    assert first.startswith(words)


def test_a_copy_that_is_not_there_is_bad_input(tmp_path: Path, capsys: Any) -> None:
    assert main(["audit", "verify", "--file", str(tmp_path / "none")]) == ExitCode.BAD_INPUT
    assert "cannot be read: No such file" in capsys.readouterr().err
