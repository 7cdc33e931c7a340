"""A value that an operator sets while running holds for the next copy, across a killed supervisor and a
reload, until it is taken back: real processes, one system for all tests, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from krakencopy.client.sdk.errors import BadInput, Refused
from krakencopy.v1 import types_pb2 as nouns
from tests.support.reloaded_system import BALANCE, Reloaded
from tests.support.system import Paper, wait_for

GROUPS = '[[groups]]\nid = "clients"\ncopy = { max_slippage_bps = 40 }\n'


@pytest.fixture(scope="module")
def system() -> Iterator[Reloaded]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with Reloaded(paper, {"anna": BALANCE}, config_tail=GROUPS) as made:
            made.user_lines["anna"] = 'group = "clients"'
            yield made.start().wait_ready()


def bought(system: Reloaded, user: str) -> int:
    """What the user's copy of the master's next order costs, in dollars."""
    system.settles("buy", "0.01")
    cost = system.trades(user)[-1][1] * 50_000
    system.settles("sell", "0.01")
    return round(cost)


def settled_in(system: Reloaded, line: str, *users: str) -> list[str]:
    """What a command says after which these users, and nobody else, get another process, once they run."""
    before = system.instances()
    said = system.types(line).splitlines()

    def renewed() -> bool:
        now = system.instances()
        return now.keys() == before.keys() and all(now[user] != before[user] for user in users)

    wait_for(f"other processes of {users}", renewed)
    after = system.instances()
    assert {user for user in before if after[user] != before[user]} == set(users)
    return said


def rules(system: Reloaded, user: str) -> dict[str, list[str]]:
    """Value and source of each, as `accounts ID --rules` shows them."""
    lines = system.types(f"accounts {user} --rules").splitlines()
    return {words[0]: words[1:] for words in (line.split(maxsplit=2) for line in lines)}


def test_a_value_of_a_group_holds_for_its_next_copy_and_nobody_elses(system: Reloaded) -> None:
    system.add("ben", 'group = "clients"')
    system.add("carl")
    system.reload()
    system.wait_running("anna", "ben", "carl")
    assert bought(system, "anna") == 10
    said = settled_in(system, "set clients max_user_risk=0.05 max_slippage_bps=30", "anna", "ben")
    assert said == [
        "clients: max_slippage_bps 40 -> 30",
        "clients: max_user_risk (not set) -> 0.05",
        *(
            f"changed: {user}: copy.max_user_risk 0.10 -> 0.05, copy.max_slippage_bps 40 -> 30 (its process "
            "restarts)"
            for user in ("anna", "ben")
        ),
        *(
            f"kept: {user} differs from the file: copy.max_user_risk (file: 0.10), copy.max_slippage_bps "
            "(file: 40)"
            for user in ("anna", "ben")
        ),
    ]
    assert bought(system, "anna") == 5
    assert round(system.trades("carl")[-2][1] * 50_000) == 10
    assert rules(system, "anna")["copy.max_user_risk"] == ["0.05", "set for group clients (the file: 0.10)"]
    assert rules(system, "carl")["copy.max_user_risk"] == ["0.10", "default"]
    assert rules(system, "anna")["copy.max_slippage_bps"] == [
        "30",
        "set for group clients (the file: 40)",
    ]
    (event,) = [one for one in system.events("SETTING_CHANGED") if one.data["key"] == "max_user_risk"]
    assert {key: event.data[key] for key in ("target", "old", "new")} == {
        "target": "clients",
        "old": "",
        "new": "0.05",
    }
    assert event.data["set_by"]
    page = system.types("status")
    assert "\nanna, ben: settings: 2 differ from the file, see krakencopy accounts ID --rules" in page


def test_what_is_on_its_way_is_finished_under_the_rules_of_before_and_once(system: Reloaded) -> None:
    hang = {"kind": "hang_request", "account": "anna", "method": "AddOrder", "delay_ms": 700}
    system.paper.call("POST", "/faults", **hang)
    fills, trades = system.status().head_seq, len(system.trades("anna"))
    system.buy("BTC/USD", "0.01")
    system.waits_for_order_of("anna")
    with system.api() as api:
        answer = api.set_settings({"max_user_risk": "0.06"}, target="anna", request_id="once")
        again = api.set_settings({"max_user_risk": "0.06"}, target="anna", request_id="once")
    assert again == answer
    system.settled(fills + 1)
    assert len(system.trades("anna")) == trades + 1
    assert round(system.trades("anna")[-1][1] * 50_000) == 5
    system.settles("sell", "0.01")
    assert len([one for one in system.events("SETTING_CHANGED") if one.data["target"] == "anna"]) == 1


def test_it_holds_in_the_next_run_which_says_what_differs_from_the_file(system: Reloaded) -> None:
    system.wait_running("anna", "ben", "carl")
    system.types("set --all max_entry_age_s=20")
    system.kill()
    system.remove("carl")
    system.start().wait_ready()
    event = system.events("SETTINGS_DIFFER")[-1]
    assert event.message.startswith("what was set while running differs from the file for anna (")
    assert bought(system, "anna") == 6
    assert rules(system, "ben")["copy.max_user_risk"][0] == "0.05"
    assert rules(system, "ben")["copy.max_entry_age_s"] == ["20", "set for all (the file: 30)"]


def test_one_that_a_file_leaves_without_effect_is_kept_and_named(system: Reloaded) -> None:
    settled_in(system, "set ben max_user_risk=0.01", "ben")
    ben = system.user_lines["ben"]
    system.remove("ben")
    gone = "the configuration has no group, and no account that copies, of this id"
    assert f"kept: set ben max_user_risk is kept and has no effect: {gone}" in system.reload()
    system.wait_running("anna")
    (event,) = system.events("SETTING_WITHOUT_EFFECT")
    assert event.data == {"target": "ben", "key": "max_user_risk"}
    assert f"none: {gone}" in system.types("set ben")
    words = "set, and without effect as the file is now: ben max_user_risk; see krakencopy set"
    assert words in system.types("status")
    system.add("ben", ben.partition("\n")[2])
    system.reload()
    system.wait_running("anna", "ben")
    assert rules(system, "ben")["copy.max_user_risk"][0] == "0.01"


BAD = [
    ("set anna max_user_risk=2", 3, "set anna: max_user_risk: 2 is out of bounds; write a share over 0"),
    ("set clients order=stop", 3, 'set clients: order: "stop" is not known; write "market" or "limit_ioc"'),
    ("set anna tier=pro", 3, "tier: needs the file: write it in [[accounts]], then krakencopy reload"),
    ("set anna max_user_rsk=1", 3, "max_user_rsk: unknown key; did you mean max_user_risk?"),
    ("set anna ratio=0.5", 3, 'set anna: ratio: does nothing with sizing = "balance_ratio"; write sizing'),
    ("set ann max_user_risk=0.1", 1, "there is no account that copies, and no group, 'ann' in the"),
    ("set master max_user_risk=0.1", 1, "master copies nobody"),
    ("set max_user_risk=0.1", 3, "for whom? name an account or a group before the keys, or give --all"),
    ("set anna max_user_risk", 3, "'max_user_risk' is no KEY=VALUE"),
    ("set anna max_user_risk=0.1 --unset max_user_risk", 3, "max_user_risk is given twice"),
]


@pytest.mark.parametrize(("line", "code", "says"), BAD, ids=[line for line, _, _ in BAD])
def test_what_cannot_be_set_changes_nothing_and_says_what_to_write(
    system: Reloaded, line: str, code: int, says: str
) -> None:
    before, kept = system.instances(), list(system.status().settings)
    assert says in system.types(line, code)
    assert (system.instances(), list(system.status().settings)) == (before, kept)


def test_one_bad_key_keeps_the_good_ones_from_being_set_and_each_is_named(system: Reloaded) -> None:
    kept = list(system.status().settings)
    with system.api() as api:
        settings = {"max_user_risk": "7", "max_slippage_bps": "5", "order": "x"}
        with pytest.raises(BadInput, match="out of bounds") as raised:
            api.set_settings(settings, target="anna")
        assert raised.value.reason == "BAD_SETTING"
        assert [each.field for each in raised.value.violations] == [
            "settings[order]",
            "settings[max_user_risk]",
        ]
        with pytest.raises(Refused, match="copies nobody"):
            api.set_settings({"order": "market"}, target="master")
        with pytest.raises(BadInput, match="either a target or everyone"):
            api.set_settings({"order": "market"})
    assert list(system.status().settings) == kept


def test_only_to_look_changes_nothing(system: Reloaded) -> None:
    before, kept = system.instances(), list(system.status().settings)
    said = system.types("set anna max_user_risk=0.03 --dry-run").splitlines()
    assert said[0] == "anna: max_user_risk 0.06 -> 0.03"
    assert said[-1] == "a dry run: nothing of this was applied"
    assert (system.instances(), list(system.status().settings)) == (before, kept)


def test_a_group_stands_for_its_accounts_in_commands(system: Reloaded) -> None:
    system.types("pause clients")
    modes = {name: account.copy_mode for name, account in system.accounts().items()}
    assert modes["anna"] == modes["ben"] == nouns.COPY_MODE_PAUSED
    system.types("resume clients anna")
    assert "master" not in system.types("accounts --group clients")
    shown = system.types("status --group clients")
    assert "\nben" in shown
    assert "\nmaster" not in shown
    assert "there is no group 'x'; there are clients" in system.types("accounts --group x", 3)


def test_what_is_taken_back_is_the_files_again(system: Reloaded) -> None:
    settled_in(system, "set anna max_user_risk=", "anna")
    assert bought(system, "anna") == 5
    settled_in(system, "set clients --unset max_user_risk --unset max_slippage_bps", "anna", "ben")
    assert bought(system, "anna") == 10
    settled_in(system, "set --all --unset max_entry_age_s", "anna", "ben")
    settled_in(system, "set ben --unset copy.max_user_risk", "ben")
    assert system.types("set") == "nothing is set; everything is as the file says\n"
    assert system.types("set --all --unset order") == "nothing has changed\n"
    assert "differ from the file" not in system.types("status")
    assert rules(system, "anna")["copy.max_slippage_bps"] == ["40", "group clients"]
