"""A reload changes what the file changes and nothing else: real processes, real orders, one system for all
tests.

Every test leaves the master and anna running, and takes out the users that it has put in.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from krakencopy.account_proc.runtime.file_lock import LockedFile
from krakencopy.client.sdk.errors import BadConfiguration, NotFound
from krakencopy.v1 import types_pb2 as nouns
from tests.support.reloaded_system import BALANCE, Reloaded
from tests.support.system import Paper, wait_for


@pytest.fixture(scope="module")
def running() -> Iterator[Reloaded]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with Reloaded(paper, {"anna": BALANCE}) as system:
            yield system.start().wait_ready()


@pytest.fixture
def system(running: Reloaded) -> Iterator[Reloaded]:
    before = running.wait_running("anna")["anna"]
    yield running
    running.remove(*(running.users.keys() - {"anna"}))
    running.write_config()
    running.types("reload --yes")
    assert running.wait_running("anna")["anna"] == before, "a reload that did not concern it reached anna"


def test_users_come_go_and_change_while_the_master_trades_and_nobody_else_notices(system: Reloaded) -> None:
    for user in ("ben", "carl"):
        system.add(user)
    assert system.reload()[0] == "added: ben (it copies what the master trades from now on)"
    before, first = system.wait_running("anna", "ben", "carl"), system.status().head_seq + 1
    system.settles("buy", "0.001")
    wait_for("ben to show what it holds", lambda: list(system.accounts()["ben"].positions))
    system.add("eve")
    system.add("carl", 'copy = { max_user_risk = "0.06" }')
    system.remove("ben")
    preview = system.reload("--dry-run")
    assert preview == [
        "added: eve (it copies what the master trades from now on)",
        (
            "removed: ben (it finishes what is in flight; what it has copied and still holds stays in its "
            "account: 0.0001 BTC (about 5 USD))"
        ),
        "changed: carl: copy.max_user_risk 0.10 -> 0.06 (its process restarts)",
        "a dry run: nothing of this was applied",
    ]
    assert system.instances() == before
    with ThreadPoolExecutor(1) as hand:
        trading = hand.submit(lambda: [system.buy("BTC/USD", "0.0006") for _ in range(5)])
        added, removed, changed = system.reload()
        assert (added, changed) == (preview[0], preview[2])
        # It may have bought more in the meantime.
        assert removed.startswith(preview[1].partition(": 0.0001")[0])
        trading.result()
    after = system.wait_running("anna", "carl", "eve")
    assert {user: after[user] for user in ("master", "anna")} == {
        user: before[user] for user in ("master", "anna")
    }
    assert after["carl"][1] != before["carl"][1]
    system.settled(first + 5)
    system.settles("buy", "0.0018")
    report = {line.account_id: line for line in system.settled(first + 6).accounts}
    assert [user for user, line in report.items() if line.removed] == ["ben"]
    for user in ("anna", "ben", "carl", "eve"):
        copies = system.copies(user)
        answered = [seq for copy in copies for seq in copy.fill_seqs]
        assert len(answered) == len(set(answered)) == report[user].fills
        assert sum(Decimal(copy.filled_volume or 0) for copy in copies) == sum(
            volume for _, volume in system.trades(user)
        )
    assert report["carl"].fills == 7
    # A tenth for each that has joined in time; carl has agreed to six dollars an order.
    assert round(system.holds("anna"), 5) == Decimal("0.00058")
    assert round(system.trades("eve")[-1][1], 5) == Decimal("0.00018")
    assert system.copies("carl")[-1].reason == "CAPPED"
    assert Decimal("0.00011") < system.trades("carl")[-1][1] <= Decimal("0.00012")
    assert system.events("RELOADED")[-1].message.endswith(
        "krakencopy.toml: added eve; removed ben; changed carl (copy.max_user_risk 0.10 -> 0.06)"
    )
    assert "\nben (removed)" in system.types("report")
    assert "\nben: FILLED" in system.types(f"why {first} --account ben")
    assert len(system.types("copies --account ben").splitlines()) == len(system.copies("ben")) + 1
    assert "STOPPING -> STOPPED" in system.types("events --account ben")
    assert system.types("logs ben -n 1")
    assert system.reload() == ["nothing has changed"]
    system.settles("sell", "0.0058")


ANNA, BEN = 'accounts[1] ("anna")', '[[accounts]]\nid = "{}"\nrole = "user"\nbroker = "kraken"\n{}\n'
BAD = [
    ("\n[users\n", ["line 19", "not TOML"]),
    (BEN.format("Ben", ""), ['accounts[2].id ("Ben"): "Ben" cannot be an id']),
    (
        BEN.format("ben", 'mood = 1\ncopy = { max_user_risk = "2" }'),
        ["accounts[2].mood", 'accounts[2].copy.max_user_risk ("ben"): "2" is out of bounds'],
    ),
    (BEN.format("b" * 64, ""), ["KRAKEN_USER_BBBB"]),
    (
        BEN.format("ben", ""),
        ["KRAKEN_USER_BEN_API_KEY", "(new variables are seen after a restart of krakencopyd"],
    ),
    (BEN.format("ben", 'credentials_file = "none.key"'), ["none.key", "cannot be read"]),
    (BEN.format("ben", 'credentials_file = "open.key"'), ["run: chmod 600 "]),
    (
        BEN.format("ben", 'credentials_command = ["false"]'),
        ["accounts[2].credentials_command", '"false" ended with exit code 1'],
    ),
    (BEN.format("ben", 'credentials_file = "same.key"'), ['"anna" and "ben" have the same API key']),
]


def test_a_file_that_cannot_be_used_changes_nothing_and_each_fault_is_told_with_its_place(
    system: Reloaded,
) -> None:
    before, good = system.instances(), system.write_config().read_text()
    key = system.keys["anna"]
    for name, mode in (("open", 0o644), ("same", 0o600)):
        path = system.folder / f"{name}.key"
        path.write_text(f'key = "{key.key}"\nsecret = "{key.secret}"\n')
        path.chmod(mode)
    refusals = len(system.events("RELOAD_REFUSED"))
    for more, faults in BAD:
        head, *listed = system.refused(78, good + "\n" + more)
        assert head == "krakencopy: the configuration cannot be used; nothing was changed"
        assert all(any(words in line for line in listed) for words in faults), listed
        assert listed == system.refused(78, good + "\n" + more, "reload --dry-run")[1:]
        assert system.instances() == before
    warned = system.events("RELOAD_REFUSED")[refusals:]
    assert [event.severity for event in warned] == [nouns.SEVERITY_WARNING] * len(BAD)
    assert '"anna" and "ben" have the same API key' in warned[-1].message


def test_a_file_that_others_can_write_changes_nothing(system: Reloaded) -> None:
    path = system.write_config()
    path.chmod(0o646)
    try:
        before = system.instances()
        told = system.types("reload --yes", 78)
        assert f"{path}: group or others can write it (mode 0646); make sure that nobody has changed" in told
        assert system.instances() == before
    finally:
        path.chmod(0o644)


def test_a_file_that_is_gone_is_told_by_its_path(system: Reloaded) -> None:
    path = system.write_config()
    path.unlink()
    assert system.types("reload --yes", 78).splitlines()[1:] == [
        (
            f"krakencopy: {path}: is not there any more; put it back, or restart krakencopyd with another "
            "--config"
        )
    ]


def test_a_file_with_more_faults_than_an_answer_has_room_for_says_how_many_there_are(
    system: Reloaded,
) -> None:
    good = system.write_config().read_text()
    _, *listed, last = system.refused(
        78, good + "\n" + "".join(BEN.format(f"u{n}", '"ä" = 1') for n in range(300))
    )
    assert 5 < len(listed) < 300
    assert f"{300 - len(listed)} more; see them all with: krakencopyd check --config {system.folder}" in last


def test_what_needs_a_restart_is_named_and_nothing_of_the_file_is_applied(system: Reloaded) -> None:
    before, good = system.instances(), system.write_config().read_text()
    text = good.replace('role = "user"', 'role = "x"').replace('role = "master"', 'role = "user"')
    text = text.replace('mode = "paper"', 'mode = "paper"\nvisibility_lag_s = 3').replace(
        'role = "x"', 'role = "master"'
    )
    (line,) = system.refused(1, text + "\n" + BEN.format("ben", ""))
    assert line == (
        "krakencopy: restart krakencopyd for this, nothing was changed: exchange.visibility_lag_s 1 -> 3; "
        "the master's id master -> anna; anna: role user -> master; master: role master -> user "
        "(NEEDS_RESTART)"
    )
    assert system.instances() == before
    assert "role user -> master" in system.events("RELOAD_REFUSED")[-1].message


def test_a_user_that_is_added_while_the_master_is_down_waits_for_it(system: Reloaded) -> None:
    with system.api() as api:
        api.stop_account("master")
        system.comes_to("master", "STOPPED")
        system.add("ben")
        system.reload()
        assert "the master is STOPPED" in system.comes_to("ben", "WAITING", "MASTER_NOT_READY").message
        api.start_account("master")
    system.wait_running("anna", "ben")


def test_a_user_that_is_removed_while_its_order_is_on_its_way_ends_with_the_copy(system: Reloaded) -> None:
    system.add("bea")
    system.reload()
    bea = system.wait_running("anna", "bea")["bea"][0]
    system.paper.call("POST", "/faults", kind="hang_request", account="bea", method="AddOrder", delay_ms=700)
    system.buy("BTC/USD", "0.001")
    system.waits_for_order_of("bea")
    fills = system.status().head_seq
    system.remove("bea")
    system.reload()
    assert system.accounts()["bea"].pid == bea
    # What comes while it finishes is not its any more, and does not keep its last report from arriving.
    system.buy("BTC/USD", "0.001")
    wait_for("a fill more", lambda: system.status().head_seq == fills + 1)
    assert system.accounts()["bea"].state == nouns.ACCOUNT_STATE_STOPPING
    with system.api() as api, pytest.raises(NotFound, match="not in the configuration any more"):
        api.start_account("bea")
    system.wait_running("anna")
    ((_, bought),) = system.trades("bea")
    (copy,) = system.copies("bea")
    assert (copy.state, Decimal(copy.filled_volume)) == (nouns.COPY_STATE_FILLED, bought)
    assert system.events("REMOVED_WITH_OPEN_COPIES") == []
    system.settles("sell", "0.002")


def test_a_removed_user_whose_process_dies_with_an_order_on_its_way_is_told_and_finishes_when_it_comes_back(
    system: Reloaded,
) -> None:
    system.add("cat")
    system.reload()
    cat = system.wait_running("anna", "cat")["cat"][0]
    system.paper.call("POST", "/faults", kind="hang_request", account="cat", method="AddOrder", delay_ms=700)
    system.buy("BTC/USD", "0.001")
    system.waits_for_order_of("cat")
    system.remove("cat")
    system.reload()
    os.kill(cat, signal.SIGKILL)
    system.wait_running("anna")
    (event,) = system.events("REMOVED_WITH_OPEN_COPIES")
    assert (event.account_id, event.severity) == ("cat", nouns.SEVERITY_WARNING)
    assert event.message.startswith("1 copies have no known end")
    system.add("cat")
    system.reload()
    wait_for("the copy's end", lambda: all(copy.HasField("finished_at") for copy in system.copies("cat")))
    assert len(system.trades("cat")) == 1
    system.settles("sell", "0.001")
    assert system.holds("cat") == 0


def test_a_user_that_comes_back_goes_on_from_its_ledger_with_the_exits_and_without_the_old_entries(
    system: Reloaded,
) -> None:
    rules = "copy = { max_entry_age_s = 1 }"
    system.add("dan", rules)
    system.reload()
    system.wait_running("anna", "dan")
    system.settles("buy", "0.0018")
    held = system.holds("dan")
    assert round(held, 5) == Decimal("0.00018")
    system.remove("dan")
    system.reload()
    system.wait_running("anna")
    system.settles("buy", "0.001")
    with system.api() as api:
        missed = next(iter(api.list_fills(limit=1))).executed_at.ToMicroseconds() / 1e6
    system.settles("sell", "0.0014")
    wait_for("the entry to be old", lambda: time.time() > missed + 1.2)
    system.add("dan", rules)
    assert system.reload() == ["added: dan (it was configured before and goes on from its ledger)"]
    system.wait_running("anna", "dan")
    fills = system.status().head_seq
    report = {line.account_id: line for line in system.settled(fills).accounts}
    assert (report["dan"].fills, report["dan"].removed) == (3, False)
    assert [copy.reason for copy in system.copies("dan")] == ["SCALED", "STALE_ENTRY", "EXIT_FRACTION"]
    assert abs(system.holds("dan") - held / 2) <= Decimal("1e-8")
    system.settles("sell", "0.0014")
    assert system.holds("dan") == 0


def test_what_operators_wanted_of_a_user_holds_when_it_comes_back(system: Reloaded) -> None:
    system.add("fay")
    system.reload()
    system.wait_running("anna", "fay")
    with system.api() as api:
        api.pause_account("fay")
        api.stop_account("fay")
    system.comes_to("fay", "STOPPED")
    system.add("fay", 'copy = { max_user_risk = "0.05" }')
    assert system.reload() == [
        "changed: fay: copy.max_user_risk 0.10 -> 0.05 (it is stopped; this holds from its next start)"
    ]
    system.remove("fay")
    assert system.reload() == ["removed: fay (it has no process)"]
    system.wait_running("anna")
    system.add("fay")
    (line,) = system.reload()
    assert "an operator stopped it when it was configured before" in line
    assert system.accounts()["fay"].state == nouns.ACCOUNT_STATE_STOPPED
    assert system.accounts()["fay"].copy_mode == nouns.COPY_MODE_PAUSED


def test_a_key_that_goes_to_another_user_goes_when_the_process_that_has_it_is_gone(system: Reloaded) -> None:
    system.add("gus")
    system.add("hal")
    system.reload()
    system.wait_running("anna", "gus", "hal")
    system.paper.call("POST", "/faults", kind="hang_request", account="gus", method="AddOrder", delay_ms=700)
    system.buy("BTC/USD", "0.001")
    system.waits_for_order_of("gus")
    # Renamed, with its key; and two that change their keys with each other would wait for each other's first
    # processes.
    system.remove("gus")
    system.add("gustav", key_of="gus")
    system.reload()
    waits = system.comes_to("gustav", "WAITING", "KEY_IN_USE")
    assert "the process of gus still has this API key" in waits.message
    system.wait_running("anna", "gustav", "hal")
    system.add("gustav", key_of="hal")
    system.add("hal", key_of="gus")
    assert system.reload() == [
        'changed: gustav: credentials_file "gus.key" -> "hal.key" (its process restarts)',
        'changed: hal: credentials_file "hal.key" -> "gus.key" (its process restarts)',
    ]
    # Neither waits for the other's key for ever; but each ledger is about the account that the other one's
    # key opens.
    for user in ("gustav", "hal"):
        system.comes_to(user, "FAILED", "OTHER_ACCOUNT")
    failures = [event for event in system.events("ACCOUNT_STATE_CHANGED") if "FAILED" in event.message]
    assert all("OTHER_ACCOUNT" in event.message for event in failures)
    system.add("gustav", key_of="gus")
    system.add("hal", key_of="hal")
    system.reload()
    system.wait_running("anna", "gustav", "hal")
    system.settles("sell", "0.001")


def test_a_user_that_failed_is_given_another_try_when_its_own_settings_are_mended(system: Reloaded) -> None:
    nonce = LockedFile(system.state_dir / "kraken_nonce_user_ivo.txt", "the test")
    system.add("ivo")
    system.reload()
    system.comes_to("ivo", "FAILED", "LOCK_HELD")
    nonce.close()
    system.add("jim")
    system.reload()
    system.comes_to("jim", "RUNNING")
    assert system.accounts()["ivo"].state == nouns.ACCOUNT_STATE_FAILED
    system.add("ivo", "allow_withdraw_key = true")
    assert system.reload() == [
        "changed: ivo: allow_withdraw_key false -> true (it is FAILED and is given another try)"
    ]
    system.wait_running("anna", "ivo", "jim")


def test_defaults_restart_only_the_users_that_they_change_and_settings_of_the_start_hold_at_once(
    system: Reloaded,
) -> None:
    system.add("kim", "copy = { max_slippage_bps = 20 }")
    system.user_lines["anna"] = "copy = { max_slippage_bps = 50 }"
    system.add("leo")
    system.reload()
    before = system.wait_running("anna", "kim", "leo")
    system.config_tail = "[startup]\nnonce_separation_s = 3600\n[copy]\nmax_slippage_bps = 30"
    assert system.reload() == [
        "changed: leo: copy.max_slippage_bps 50 -> 30 (its process restarts)",
        "changed: startup.nonce_separation_s 0 -> 3600 (at once)",
    ]
    # The master has been ready for less than an hour.
    system.comes_to("leo", "WAITING", "SEPARATION_WAIT")
    system.config_tail = ""
    assert system.reload() == [
        "changed: leo: copy.max_slippage_bps 30 -> 50 (this holds from its start)",
        "changed: startup.nonce_separation_s 3600 -> 0 (at once)",
    ]
    after = system.wait_running("anna", "kim", "leo")
    assert {user for user in before if before[user] != after[user]} == {"leo"}
    del system.user_lines["anna"]


def test_the_same_request_is_done_once_and_two_at_a_time_come_one_after_the_other(system: Reloaded) -> None:
    system.add("mia")
    system.write_config()
    reloads = len(system.events("RELOADED"))
    with system.api() as api, ThreadPoolExecutor(3) as hands:
        asked = [hands.submit(api.reload, request_id=request_id) for request_id in ("one", "one", "two")]
        one, again, two = (answer.result() for answer in asked)
        assert one == again
        assert sorted(len(answer.accounts) for answer in (one, two)) == [0, 1]
        assert api.reload(request_id="one") == one
        assert len(system.events("RELOADED")) == reloads + 2
        (system.folder / "krakencopy.toml").write_text("[")
        with pytest.raises(BadConfiguration, match="not TOML"):
            api.reload(dry_run=True)
        assert api.reload(request_id="one") == one
    system.wait_running("anna", "mia")
