"""How a process ended is told in words, with what to do, and its output cannot steer the terminal."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.views.account_page import account_page
from krakencopy.client.views.process_exit import CODES, ending
from krakencopy.v1 import types_pb2 as nouns


def told(**end: Any) -> list[str]:
    lived = Duration(seconds=end.pop("seconds", 100))
    fields: dict[str, Any] = {
        "at": Timestamp(seconds=1_800_000_000),
        "pid": 4711,
        "instance_id": "ab12",
        "state": nouns.ACCOUNT_STATE_RUNNING,
        **end,
    }
    return ending(nouns.Account(id="anna", last_end=nouns.ProcessEnd(lived=lived, **fields)))


def test_nothing_is_told_of_a_process_that_has_never_ended_by_itself() -> None:
    assert ending(nouns.Account(id="anna")) == []


def test_the_story_of_a_crash() -> None:
    lines = told(exit_code=70, restarts=1, output=["Traceback:", "  line 1", "KeyError: \x1b[31m"])
    assert lines[0].startswith("last end that nobody had asked for, on 2027-01-15")
    assert lines[0].endswith(": exit code 70")
    assert lines[1:] == [
        "  process 4711 (instance ab12) was RUNNING and had lived 1 min 40 s; 1 start since",
        f"  {CODES[70]}",
        "  it wrote at last:", "    Traceback:", "      line 1", "    KeyError:  [31m",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("end", "how", "words"),
    [
        ({"exit_code": 0}, "exit code 0", "krakencopy logs anna"),
        ({"exit_code": 74}, "exit code 74", "Its ledger cannot be read"),
        ({"exit_code": 76}, "exit code 76", "Stop that one, then `krakencopy start anna`"),
        ({"exit_code": 3}, "exit code 3", "None of krakencopy's own"),
        ({"signal": "SIGKILL"}, "SIGKILL", "out of memory"),
        ({"signal": "SIGKILL", "killed_for": "HUNG"}, "SIGKILL", "it did not answer any more"),
        ({"signal": "SIGKILL", "killed_for": "START_TIMEOUT"}, "SIGKILL", "health_timeout_s"),
        ({"signal": "SIGSEGV"}, "SIGSEGV", "native code"),
        ({"signal": "signal 40"}, "signal 40", "Nobody here sent it"),
        ({}, "nobody saw how", "The process that had started it"),
    ],
)
def test_every_way_to_end_has_its_words(end: dict[str, Any], how: str, words: str) -> None:
    lines = told(**end)
    assert lines[0].endswith(f": {how}")
    assert words in lines[2]
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (59, "59.0 s"),
        (60, "1 min 0 s"),
        (3_599, "59 min 59 s"),
        (7_500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_how_long_it_lived_is_told_in_two_units(seconds: int, words: str) -> None:
    assert f"had lived {words};" in told(seconds=seconds)[1]


def test_it_stands_at_the_end_of_the_accounts_page() -> None:
    account = nouns.Account(id="anna", last_end=nouns.ProcessEnd(signal="SIGKILL"))
    assert account_page(account)[-4:] == ["", *ending(account)]
