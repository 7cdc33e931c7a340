"""Every command about accounts and the whole system, against the real thing: status, start and stop, audit,
shutdown.
"""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from krakencopy.client.cli.main import main
from tests.support.operator_at_work import (
    LIMIT_S,
    USERS,
    Operator,
    all_gone,
)
from tests.support.system import wait_for


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


@pytest.mark.parametrize("line", ["accounts eve", "start eve", "copies --account eve", "logs eve"])
def test_an_account_that_does_not_exist_is_refused_by_name(operator: Operator, line: str) -> None:
    said = operator.types(line)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(
        "krakencopy: there is no account 'eve' in the configuration; there are master, "
    )
    assert said.err.count("\n") == 1
    assert all(user in said.err for user in USERS)


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
