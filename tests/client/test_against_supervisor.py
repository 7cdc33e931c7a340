"""Every command against the real thing, as an operator uses it: one supervisor with its paper exchange and
a master that trades.
"""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from krakencopy.client.cli.main import main
from tests.support.operator_at_work import (
    LIMIT_S,
    SCREEN,
    USERS,
    Operator,
    all_gone,
    drawn_on,
    is_alive,
    next_line,
)
from tests.support.sdk_guide import programs
from tests.support.system import wait_for


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    # Not in tmp_path: the path of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    operator = Operator(folder)
    try:
        ready = operator.types(f"wait --ready --timeout {LIMIT_S}")
        assert ready.code == 0, ready.err + operator.said()
        yield operator
    finally:
        family = operator.family()
        if operator.process.poll() is None:
            operator.process.terminate()
        try:
            code = operator.process.wait(LIMIT_S)
            wait_for("the end of every process", all_gone(family), LIMIT_S)
        finally:
            for pid, _ in filter(is_alive, family):
                os.kill(pid, signal.SIGKILL)
            said = operator.said()
            shutil.rmtree(folder)
    assert code == 0, said


@pytest.fixture(scope="module")
def fill(operator: Operator) -> dict[str, Any]:
    """One fill that every user has answered to the end."""
    return operator.buys()


@pytest.fixture(autouse=True)
def _ready(operator: Operator, request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test leaves the system as it found it."""
    yield
    if operator.process.poll() is None:
        assert operator.done(f"wait --ready --timeout {LIMIT_S}").startswith("ready: 4 of 4"), (
            request.node.name
        )


def test_status_shows_exchange_and_accounts_on_one_page(operator: Operator) -> None:
    [status] = operator.objects("status")
    page = operator.done("status").splitlines()
    assert page[0] == "system       READY"
    assert f"pid {operator.process.pid}," in page[1]
    assert page[2] == (
        f"exchange     paper, REST {status['exchange']['rest_url']}, WebSocket {status['exchange']['ws_url']}"
    )
    assert re.fullmatch(r"capped       \d+ of \d+ entries", page[5])
    start = next(number for number, line in enumerate(page) if line.startswith("ACCOUNT"))
    rows = [line.split() for line in page[start + 1 :][:4]]
    assert [row[0] for row in rows] == ["master", *sorted(USERS)]
    assert [row[1] for row in rows] == ["master", "user", "user", "user"]
    assert {row[3] for row in rows} == {"RUNNING"}


def test_accounts_lists_all_and_shows_one(operator: Operator) -> None:
    assert [account["id"] for account in operator.objects("accounts")] == ["master", *sorted(USERS)]
    # An account's process says more about itself a moment after it says that it runs.
    wait_for("its feed", lambda: operator.account("tania_gilbert")["feed_connected"], LIMIT_S)
    lines = operator.done("accounts tania_gilbert").split("\n\n")[0].splitlines()
    page = dict(line.split(maxsplit=1) for line in lines)
    assert (page["role"], page["state"], page["feed"]) == ("user", "RUNNING", "up")
    assert page["equity"].endswith(" USD")
    assert page["nonce"].endswith(f"in {operator.state_dir}/kraken_nonce_user_tania_gilbert.txt")


@pytest.mark.parametrize("program", programs(), ids=lambda text: text.split("\n", 1)[0])
def test_the_programs_of_the_guide_to_the_sdk_work(
    operator: Operator, fill: dict[str, Any], program: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "data-paper").symlink_to(operator.state_dir)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/sdk.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own page
    assert capsys.readouterr().out, fill


@pytest.mark.parametrize("line", ["accounts eve", "start eve", "copies --account eve", "logs eve"])
def test_an_account_that_does_not_exist_is_refused_by_name(operator: Operator, line: str) -> None:
    said = operator.types(line)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(
        "krakencopy: there is no account 'eve' in the configuration; there are master, "
    )
    assert said.err.count("\n") == 1
    assert all(user in said.err for user in USERS)


def test_an_order_is_filled_copied_and_explained(operator: Operator, fill: dict[str, Any]) -> None:
    seq = fill["seq"]
    assert (fill["side"], fill["pair"]) == ("SIDE_BUY", "BTC/USD")
    [header, row] = operator.done(f"fills --after {int(seq) - 1} --limit 1").splitlines()
    assert header.split()[:2] == ["FILL", "EXECUTED"]
    assert row.split()[0] == seq
    assert row.endswith(fill["exec_id"])
    rows = operator.done(f"copies --fill {seq}").splitlines()[1:]
    assert {line.split()[0] for line in rows} == USERS
    told = operator.done(f"why {seq}")
    assert told.startswith(f"Fill {seq}: the master bought {fill['volume']} BTC/USD at {fill['price']}")
    for copy in operator.objects(f"copies --fill {seq}"):
        state = copy["state"].removeprefix("COPY_STATE_")
        assert f"\n{copy['account_id']}: {state}\n" in told
        assert copy["detail"] in told
    hops = re.findall(r"^  (\S.*?) {2,}\d\d:\d\d:\d\d\.\d{3} +\+", told, re.MULTILINE)
    assert hops[:3] == [
        "executed (exchange's clock)",
        "master's process received it",
        "durable in the journal",
    ]
    assert "order sent" in hops
    assert operator.done(f"why {fill['exec_id']}") == told


def test_the_same_request_id_gives_the_same_order(operator: Operator) -> None:
    line = "order buy BTC/USD 0.001 --request-id typed-twice"
    assert operator.objects(line) == operator.objects(line)
    placed = operator.done(line).splitlines()
    assert placed[0] == "placed on the master: buy 0.00100000 XBTUSD @ market"
    assert re.fullmatch(r"  order \S+, cl_ord_id \S+", placed[1])


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("order buy FOO/BAR 1", 3, "pair 'FOO/BAR' is not listed at the exchange"),
        ("order buy BTC/USD 0.00000001", 3, "below the exchange's minimum"),
        ("order buy BTC/USD 0.0000000001", 3, "decimals"),
        ("order buy BTC/USD 10000", 1, "EOrder:Insufficient funds"),
        ("order sell BTC/USD 10000", 1, "EOrder:Insufficient funds"),
    ],
)
def test_an_order_that_can_not_be_says_why_in_one_line(
    operator: Operator, line: str, code: int, text: str
) -> None:
    said = operator.types(line)
    assert (said.code, said.out) == (code, "")
    assert said.err.count(text) == 1
    assert said.err.count("\n") == 1
    assert "may have been placed" not in said.err


@pytest.mark.parametrize("line", ["why 1000000", "why TNONE-NONE-NONE"])
def test_a_fill_that_does_not_exist_is_refused(operator: Operator, line: str) -> None:
    said = operator.types(line)
    assert (said.code, said.out) == (1, "")
    assert "(FILL_NOT_FOUND)" in said.err


def test_what_does_not_exist_yet_is_said_to_be_nothing(operator: Operator) -> None:
    assert operator.done("fills --pair FOO/BAR").startswith("no fills of FOO/BAR")
    assert operator.done("fills --after 1000000") == "no fills\n"
    assert operator.done("copies --fill 1000000") == "no such copies\n"


def test_fills_can_not_be_followed_from_beyond_the_end(operator: Operator) -> None:
    said = operator.types("fills --after 1000000 --follow")
    assert said.code == 1
    assert "(AFTER_HEAD)" in said.err


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


@pytest.mark.usefixtures("fill")
def test_the_report_counts_every_users_copies(operator: Operator) -> None:
    def answered() -> dict[str, Any] | None:  # the master goes on trading
        [report] = operator.objects("report")
        return report if report["unanswered"] == "0" else None

    report = wait_for("a report without unanswered fills", answered, LIMIT_S)
    assert {account["account_id"] for account in report["accounts"]} == USERS
    for account in report["accounts"]:
        counts = account["copies"]
        assert int(counts["capped"]) <= int(counts["sized_entries"])
        assert int(counts["filled"]) + int(counts["part_filled"]) > 0
    page = operator.done("report")
    assert re.match(r"\d+ fills in the journal, ", page)
    assert page.splitlines()[2].split()[:5] == ["ACCOUNT", "FILLS", "FILLED", "PART", "FILLED"]


def test_a_user_is_stopped_and_started(operator: Operator) -> None:
    before = operator.account("small_account")
    said = operator.done(f"stop small_account --wait --timeout {LIMIT_S}")
    assert said.startswith("small_account: stop done; now STOPPED")
    stopped = operator.account("small_account")
    assert stopped["pid"] == 0
    assert operator.done("status").startswith("system       READY; stopped: small_account\n")
    assert operator.done("wait --ready").rstrip().endswith("; stopped: small_account")
    assert operator.done("start small_account").startswith("small_account: start accepted; ")
    started = operator.comes_to("small_account", "RUNNING")
    assert started["instance_id"] != before["instance_id"]
    assert not Path(f"/proc/{before['pid']}").exists()


def test_the_audit_names_who_has_stopped_a_user_and_a_changed_copy_is_found(
    operator: Operator, tmp_path: Path
) -> None:
    operator.done("stop small_account")
    operator.comes_to("small_account", "STOPPED")
    operator.done("start small_account")
    operator.comes_to("small_account", "RUNNING")
    page = operator.done("audit list --account small_account --call StopAccount")
    assert page.split()[:1] == ["ENTRY"]
    assert "small_account.wanted yes -> no" in page.splitlines()[-1]
    entries = [json.loads(line) for line in operator.done("audit list --limit 0 -o json").splitlines()]
    stop = [entry for entry in entries if entry["method"] == "StopAccount"][-1]
    assert (stop["outcome"], stop["role"]) == ("OK", "admin")
    assert stop["principal"]
    assert operator.done("audit verify").startswith("intact: entries 1 to ")
    log = next((operator.state_dir / "audit").iterdir())
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(log.read_bytes())
    assert operator.types(f"audit verify --file {copy} --head {stop['hash']}").code == 0
    copy.write_bytes(log.read_bytes().replace(b'"StopAccount"', b'"StopAccounT"', 1))
    broken = operator.types(f"audit verify --file {copy}")
    assert broken.code == 5
    assert re.search(r"^CHANGED: entry \d+ is not what was written", broken.out)


def test_without_its_master_the_system_is_not_ready_and_says_who_waits(operator: Operator) -> None:
    operator.done("stop master")
    operator.comes_to("master", "STOPPED")
    waiting = operator.types("wait --ready --timeout 0")
    assert (waiting.code, waiting.out) == (5, "")
    assert waiting.err.startswith("krakencopy: not ready: the master is stopped")
    assert waiting.err.count("\n") == 1
    order = operator.types("order buy BTC/USD 0.01")
    assert order.code == 1
    assert "(MASTER_NOT_READY)" in order.err
    operator.done("restart daivon_frazier")
    operator.comes_to("daivon_frazier", "WAITING")
    page = operator.done("status")
    assert page.startswith("system       NOT READY: ")
    assert re.search(r"^daivon_frazier +user .* WAITING .* MASTER_NOT_READY$", page, re.MULTILINE)
    assert re.search(r"^small_account +user .* DEGRADED .* MASTER_LOST$", page, re.MULTILINE)
    assert re.search(r"^small_account, tania_gilbert: ", page, re.MULTILINE)
    told = operator.done("start --all").splitlines()
    assert [line.partition(":")[0] for line in told] == ["master", *sorted(USERS)]
    assert operator.done(f"wait --ready --timeout {LIMIT_S}").startswith("ready: 4 of 4 accounts running")


def test_the_master_is_restarted(operator: Operator) -> None:
    before = operator.account("master")["instance_id"]
    operator.done(f"restart master --wait --timeout {LIMIT_S}")
    master = operator.account("master")
    assert master["state"] == "ACCOUNT_STATE_RUNNING"
    assert master["instance_id"] != before
    operator.done(f"wait --ready --timeout {LIMIT_S}")
    operator.buys()


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


@pytest.mark.usefixtures("fill")
@pytest.mark.parametrize(
    ("line", "objects"),
    [
        ("status", 1),
        ("accounts", 4),
        ("accounts master", 1),
        ("fills --limit 1", 1),
        ("copies --limit 3", 3),
        ("why 1", 1),
        ("events --limit 2", 2),
        ("logs supervisor -n 2", 2),
        ("report", 1),
        ("wait --ready", 1),
        ("start --all", 4),
    ],
)
def test_json_is_nothing_but_objects(operator: Operator, line: str, objects: int) -> None:
    assert len(operator.objects(line)) == objects


@pytest.mark.usefixtures("fill")
@pytest.mark.parametrize(
    ("line", "records"),
    [
        ("status", len(USERS) + 1),
        ("accounts", len(USERS) + 1),
        ("fills --limit 2", 2),
        ("copies --limit 3", 3),
        ("why 1", len(USERS)),
        ("events --limit 2", 2),
        ("report", len(USERS)),
    ],
)
def test_yaml_and_csv_have_what_json_has(operator: Operator, line: str, records: int) -> None:
    documents = yaml.safe_load_all(operator.done(f"{line} -o yaml"))
    assert [set(found) for found in documents] == [set(found) for found in operator.objects(line)]
    header, *found = csv.reader(io.StringIO(operator.done(f"{line} -o csv"), newline=""))
    assert {len(record) for record in found} == {len(header)}
    assert len(found) == records


def test_accounts_groups_and_pairs_are_completed(operator: Operator) -> None:
    state = f"--state-dir {operator.state_dir}"
    with redirect_stdout(io.StringIO()) as out:
        assert main([*f"completion words {state} order buy B".split()]) == 0
        assert main([*f"completion words {state} stop small".split()]) == 0
    assert out.getvalue().split() == ["BTC/USD", "small_account"]


@pytest.mark.parametrize("line", ["reload", "reload --dry-run"])
def test_a_run_that_has_no_configuration_file_can_not_reload_it(operator: Operator, line: str) -> None:
    said = operator.types(line)
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "krakencopy: this run has no configuration file; stop krakencopyd and start it with --config FILE "
        "(NO_CONFIGURATION_FILE)\n"
    )


def test_shutdown_ends_the_supervisor_and_every_process_below_it(operator: Operator) -> None:
    family = operator.family()
    assert len(family) >= 1 + 4  # the supervisor and its accounts; whatever else it started
    assert operator.done(f"shutdown --wait --timeout {LIMIT_S}") == "the supervisor has stopped\n"
    assert operator.process.wait(LIMIT_S) == 0, operator.said()
    wait_for("the end of every process", all_gone(family), LIMIT_S)
    said = operator.types("status")
    assert (said.code, said.out) == (2, "")
    assert "is krakencopyd running" in said.err
