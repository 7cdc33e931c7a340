"""Keys appear nowhere: a whole run with all that can go wrong, and then everything is searched that it left,
printed and showed.

Keys come from all three sources. A canary goes the ways that nothing forbids (a name of an account, a
variable, the name of the configuration), to prove that the search would have found a key there.
"""

from __future__ import annotations

import base64
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.leak_evidence import Evidence, gather
from tests.support.leak_requests import CANARY, COMMAND, FILE, LIVING, WRONG
from tests.support.leaks import ProcessWatch, Secret, files_below, search
from tests.support.system import Key, wait_for

#: One run feeds all tests, and the machine may be busy.
pytestmark = pytest.mark.timeout(420)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return gather()


# -- the search itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encode",
    [
        str.encode,
        lambda text: text.encode()[:24],
        lambda text: text.encode()[-24:],
        base64.b64decode,
        lambda text: base64.b64decode(text)[8:30],
        lambda text: base64.b64decode(text).hex().encode(),
        lambda text: repr(base64.b64decode(text)).encode(),
        lambda text: text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D").encode(),
        lambda text: base64.b64encode(text.encode()),
    ],
)
def test_the_search_finds_a_secret_in_every_form_and_in_part(
    encode: Callable[[str], bytes], tmp_path: Path
) -> None:
    key = Key.make()
    hidden = Secret("secret", key.secret)
    look = encode(key.secret)
    (tmp_path / "log").write_bytes(b"before" + look + b"after")
    with closing(sqlite3.connect(tmp_path / "open.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE copies (body BLOB)")
        database.execute("INSERT INTO copies VALUES (?)", (look,))
        database.commit()
        places = {place.rpartition("/")[2] for place, _, _ in search(files_below(tmp_path), [hidden])}
    assert places == {"log", "open.db-wal"}
    assert search({"elsewhere": Key.make().secret.encode() * 100}, [hidden]) == set()


@pytest.mark.parametrize("name", ["cmdline", "environ"])
def test_the_watch_sees_a_secret_of_a_process_that_lives_for_a_moment(name: str) -> None:
    hidden = Secret("secret", Key.make().secret)
    watch = ProcessWatch([hidden])
    with subprocess.Popen(
        ["cat", "-", *([hidden.text] if name == "cmdline" else [])],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **({"A": hidden.text} if name == "environ" else {})},
    ) as process:

        def is_seen() -> bool:
            watch.look()
            return (process.pid, name, "secret") in watch.found

        wait_for("the process to be seen", is_seen)


# -- the run -----------------------------------------------------------------------------------------------


def test_the_canary_was_found_wherever_a_key_is_searched_for(evidence: Evidence) -> None:
    found = {place for place, _, _ in search(evidence.places, [evidence.canary])}
    assert {"state/journal.db-wal", f"state/accounts/{CANARY}.db", "end/state/journal.db"} <= found
    assert {"state/logs/supervisor.jsonl", f"state/logs/{CANARY}.crash"} <= found
    asked = {place.split("/")[1] for place in evidence.places if place.startswith("answer/")}
    assert asked - {place.split("/")[1] for place in found if place.startswith("answer/")} <= {
        "ListFills", "WatchFills", "PauseAccount", "ResumeAccount", "StopAccount", "StartAccount",
        "WhoAmI", "IssueCertificate",
    }  # fmt: skip
    assert {"client/table/accounts", "client/json/status"} <= found
    assert any(place.startswith("output") for place in found)
    where = {(pid, name) for pid, name, secret in evidence.watch.found if secret == "canary"}
    assert any(name == "cmdline" and pid in evidence.supervisors for pid, name in where)
    assert (evidence.forkserver, "environ") in where
    if os.geteuid() == 0:
        assert {(pid, "environ") for pid in evidence.accounts} <= where


def test_no_key_is_left_said_or_answered(evidence: Evidence) -> None:
    assert len(evidence.places) > 60
    assert search(evidence.places, evidence.secrets) == set()


def test_no_process_shows_a_key_but_the_supervisor_its_own_environment(evidence: Evidence) -> None:
    assert evidence.watch.rounds > 10
    shown = {found for found in evidence.watch.found if found[2] != "canary"}
    given = {f"{account} {part}" for account in ("master", "wrong") for part in ("key", "secret")}
    allowed = {(pid, "environ", name) for pid in evidence.supervisors for name in given}
    assert shown <= allowed
    if os.geteuid() == 0:
        # What the operator put there is seen there, so it would be seen elsewhere.
        assert shown


def test_every_refused_start_says_in_one_line_what_is_wrong(evidence: Evidence) -> None:
    assert len(evidence.refusals) == 14
    for code, output in evidence.refusals:
        assert code == 78, output
        assert "krakencopyd" not in output
        assert 1 <= len(output.splitlines()) <= 2, output


def test_crashes_left_tracebacks_and_no_cores(evidence: Evidence) -> None:
    assert b"Fatal Python error: Segmentation fault" in evidence.places[f"state/logs/{FILE}.crash"]
    assert b"IsADirectoryError" in evidence.places[f"state/logs/{COMMAND}.crash"]
    # The API shows it.
    assert b"IsADirectoryError" in evidence.places[f"answer/GetAccount/{LIVING.index(COMMAND)}"]
    assert b"IsADirectoryError" in evidence.places[f"client/table/accounts {COMMAND}"]
    assert evidence.working_folder == []
    assert len(evidence.core_limits) >= 5
    assert set(map(tuple, evidence.core_limits.values())) == {("0", "0")}


def test_a_wrong_key_is_told_as_what_it_is(evidence: Evidence) -> None:
    assert b"KEY_REFUSED: GetApiKeyInfo: E" in evidence.places[f"client/table/accounts {WRONG}"]
    # The first time; after some more the exchange says that it is locked out.
    assert b"EAPI:Invalid signature" in evidence.places[f"state/logs/{WRONG}.jsonl"]
