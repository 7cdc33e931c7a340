"""Every command about events and logs, and every one that goes on, against the real thing."""

from __future__ import annotations

import json
import os
import pty
import re

import pytest

from tests.support.operator_at_work import (
    LIMIT_S,
    SCREEN,
    USERS,
    Operator,
    drawn_on,
    next_line,
)
from tests.support.system import wait_for


def test_events_tell_that_the_master_came_first(operator: Operator) -> None:
    events = operator.objects("events --limit 0")
    assert [int(event["seq"]) for event in events] == list(range(1, len(events) + 1))
    ready = next(number for number, event in enumerate(events) if event["code"] == "MASTER_READY")
    started = [number for number, event in enumerate(events) if event["message"].endswith("-> STARTING")]
    users = [number for number in started if events[number]["account_id"] in USERS]
    assert ready < min(users)
    assert {event["account_id"] for event in operator.objects("events --account master")} == {"master"}
    assert operator.done("events").splitlines()[0].split()[:2] == ["EVENT", "AT"]


def test_logs_are_lines_for_people_or_the_objects_of_the_file(operator: Operator) -> None:
    entries = operator.objects("logs master -n 1000")
    assert {entry["account"] for entry in entries} == {"master"}
    lines = operator.done("logs master -n 1000").splitlines()
    assert any(re.match(r"\d{4}-\d\d-\d\d [\d:.]+\+01:00  INFO     SERVING", line) for line in lines)
    assert len(operator.done("logs supervisor -n 2").splitlines()) == 2


def test_logs_follow_shows_what_is_written_meanwhile(operator: Operator) -> None:
    with operator.follows("logs supervisor -n 1 -f -o json") as following:
        next_line(following)
        before = operator.account("tania_gilbert")["instance_id"]
        operator.done("restart tania_gilbert")
        while "tania_gilbert" not in json.loads(next_line(following))["message"]:
            pass
        wait_for("a new process", lambda: operator.account("tania_gilbert")["instance_id"] != before, LIMIT_S)


def test_fills_can_not_be_followed_from_beyond_the_end(operator: Operator) -> None:
    said = operator.types("fills --after 1000000 --follow")
    assert said.code == 1
    assert "(AFTER_HEAD)" in said.err


@pytest.mark.usefixtures("fill")
def test_copies_that_are_followed_come_once_for_each_change(operator: Operator) -> None:
    with operator.follows("copies --follow -o json") as following:
        copies = [json.loads(next_line(following))]
        seq = operator.buys()["seq"]
        missing = set(USERS)
        while missing:
            copy = json.loads(next_line(following))
            copies.append(copy)
            if seq in copy["fill_seqs"] and "finished_at" in copy:
                missing.discard(copy["account_id"])
    changes = [(copy["account_id"], copy["copy_id"], copy["revision"]) for copy in copies]
    assert len(set(changes)) == len(changes)


@pytest.mark.usefixtures("fill")
def test_fills_that_are_followed_have_no_gap(operator: Operator) -> None:
    with operator.follows("fills --follow -o json") as following:
        seqs = [int(json.loads(next_line(following))["seq"])]
        last = int(operator.buys()["seq"])
        while seqs[-1] < last:
            seqs.append(int(json.loads(next_line(following))["seq"]))
    assert seqs == list(range(seqs[0], last + 1))


def test_events_of_one_account_are_followed(operator: Operator) -> None:
    with operator.follows("events --account tania_gilbert --limit 1 --follow") as following:
        next_line(following)  # the header
        next_line(following)
        operator.done("restart tania_gilbert")
        while "STARTING -> RUNNING" not in (line := next_line(following)):
            assert "tania_gilbert" in line


def test_watch_in_a_pipe_tells_a_fill_and_its_copies(operator: Operator) -> None:
    with operator.follows("watch") as watching:
        first = [next_line(watching) for _ in range(4)]
        assert [line.split()[3] for line in first] == ["master:", *(f"{user}:" for user in sorted(USERS))]
        seq = operator.buys()["seq"]
        wanted = {f"fill {seq}: buy", *(f"copy by {user} of fill" for user in USERS)}
        while wanted:
            line = next_line(watching)
            wanted = {part for part in wanted if part not in line}


def test_watch_as_json_is_one_object_a_line(operator: Operator) -> None:
    with operator.follows("watch -o json") as watching:
        first = [json.loads(next_line(watching)) for _ in range(4)]
        assert [line["account"]["id"] for line in first] == ["master", *sorted(USERS)]
        seq = operator.buys()["seq"]
        kinds: set[str] = set()
        while not {"fill", "copy"} <= kinds:
            change = json.loads(next_line(watching))
            if change.get("fill", {}).get("seq") == seq or seq in change.get("copy", {}).get("fill_seqs", []):
                kinds.add("fill" if "fill" in change else "copy")


def test_watch_on_a_terminal_draws_pages_that_fit_it(operator: Operator) -> None:
    screen, terminal = pty.openpty()
    try:
        with operator.follows("watch", stdout=terminal):
            drawn_on(screen, lambda drawn: "RUNNING" in drawn)
            shows_it = re.compile(
                rf"^ *{operator.buys()['seq']}  \d\d-\d\d .*\x1b\[J", re.MULTILINE | re.DOTALL
            )
            drawn = drawn_on(screen, lambda drawn: shows_it.search(drawn) is not None)
    finally:
        os.close(screen)
        os.close(terminal)
    page = drawn.rpartition("\x1b[J")[0].rpartition("\x1b[H")[2]
    lines = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", page).splitlines()
    assert lines[0].startswith("system       READY")
    assert len(lines) <= int(SCREEN["LINES"])
    assert max(map(len, lines)) <= int(SCREEN["COLUMNS"])
    titles = [line.split()[0] for line in lines if "(+01:00)" in line]
    assert titles == ["ACCOUNT", "FILL", "ACCOUNT", "EVENT"]
