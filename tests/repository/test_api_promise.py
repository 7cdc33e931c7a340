"""``make api``: what breaks a client of the control API is refused, by name, and what extends it passes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.support.system import ROOT

PROTOS, PACKAGE = ROOT / "protos", "krakencopy/v1"
PROMISE = PROTOS / "released.binpb"


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """A copy that may be changed."""
    (tmp_path / PACKAGE).mkdir(parents=True)
    for path in [PROTOS / "buf.yaml", *(PROTOS / PACKAGE).glob("*.proto")]:
        shutil.copy(path, tmp_path / path.relative_to(PROTOS))
    return tmp_path


def broken(protos: Path) -> dict[str, str]:
    """What buf says against the promise: messages by the rule's name."""
    done = subprocess.run(
        [Path(sys.executable).with_name("buf"), "breaking", protos, "--against", PROMISE,
         "--error-format", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == (100 if done.stdout else 0), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["type"]: row["message"] for row in rows}


def change(protos: Path, name: str, before: str, after: str) -> None:
    """Exactly one place; ``before`` is a pattern."""
    path = protos / PACKAGE / name
    text, count = re.subn(before, after, path.read_text(), count=1, flags=re.DOTALL)
    assert count == 1
    path.write_text(text)


def test_the_api_of_today_keeps_what_was_promised(protos: Path) -> None:
    assert broken(protos) == {}
    promised = FileDescriptorSet.FromString(PROMISE.read_bytes())
    services = {service.name: service for file in promised.file for service in file.service}
    assert len(services["ControlService"].method) >= 30
    assert "SetTradingState" in {method.name for method in services["ControlService"].method}


#: What is changed in which file, by the rule that refuses it; all in one copy, since buf names all that it
#: finds.
BREAKING = {
    "FIELD_NO_DELETE": ("control.proto", r"  int32 pid = 4;", "  reserved 4;"),
    "FIELD_SAME_NAME": ("control.proto", r"  string message = 2;", "  string words = 2;"),
    "FIELD_SAME_TYPE": ("control.proto", r"  string version = 3;", "  bytes version = 3;"),
    "FIELD_SAME_CARDINALITY": ("control.proto", r"  int64 epoch = 5;", "  repeated int64 epoch = 5;"),
    "FIELD_SAME_JSON_NAME": (
        "control.proto", r"  int64 head_seq = 9;", '  int64 head_seq = 9 [json_name = "head"];',
    ),
    "RPC_NO_DELETE": ("control.proto", r"rpc GetReport\([^;]*;", ""),
    "RPC_SAME_SERVER_STREAMING": (
        "control.proto", r"(rpc GetAccount\(\w+\) returns \()(\w+)", r"\1stream \2",
    ),
    "RPC_SAME_RESPONSE_TYPE": (
        "control.proto", r"(rpc GetNonce\(\w+\) returns \()\w+", r"\1GetReportResponse",
    ),
    "ENUM_VALUE_NO_DELETE": ("types.proto", r"SEVERITY_ERROR = (\d+);", r"reserved \1;"),
    "ENUM_VALUE_SAME_NAME": ("types.proto", r"SIDE_SELL = 2;", "SIDE_SALE = 2;"),
    "MESSAGE_NO_DELETE": ("control.proto", r"message GetReportRequest \{", "message ReportRequest {"),
}  # fmt: skip


def test_what_breaks_a_client_is_refused_by_name(protos: Path) -> None:
    for name, before, after in BREAKING.values():
        change(protos, name, before, after)
    assert broken(protos).keys() == BREAKING.keys()


def test_what_extends_the_api_passes(protos: Path) -> None:
    change(protos, "control.proto", r"  string version = 3;", "  string version = 3 [deprecated = true];")
    change(protos, "control.proto", r"  int32 pid = 4;", "  int32 pid = 4; string more = 999;")
    change(protos, "types.proto", r"SIDE_SELL = 2;", "SIDE_SELL = 2; SIDE_SHORT = 3;")
    asked = "service ControlService { rpc Ask(AskRequest) returns (AskResponse);"
    change(protos, "control.proto", r"service ControlService \{",
           f"message AskRequest {{}}\nmessage AskResponse {{}}\n{asked}")  # fmt: skip
    assert broken(protos) == {}


def test_supervisor_and_accounts_may_change_what_they_say_to_each_other(protos: Path) -> None:
    change(protos, "account.proto", r"rpc StreamFills\([^;]*;", "")
    assert broken(protos) == {}
