"""A setting is durable before it takes effect, and what cannot be kept changes nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from krakencopy.account_proc.contract.refusals import HEADERS_BYTES_MAX, error_details, header_bytes
from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.accounts.kept_settings import LINES_MAX, kept_events, kept_lines
from krakencopy.supervisor.config.leaving_accounts import Leaver
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.config.settings import hold
from krakencopy.supervisor.control.change_refused import FAULTS_MAX, ChangeRefused
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.setter import Setter
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from tests.support.config_texts import MASTER, PAPER
from tests.support.idle_supervisor import idle_supervisor, set_running

USERS = "".join(
    f'[[accounts]]\nid = "{user}"\nrole = "user"\nbroker = "kraken"\n{more}\n'
    for user, more in (("anna", 'group = "clients"'), ("ben", "copy = { max_slippage_bps = 9 }"))
)
TEXT = f'{PAPER}[[groups]]\nid = "clients"\n{MASTER}{USERS}'


class At:
    """A setter at a supervisor whose loop does not run."""

    def __init__(self, journal: Journal, text: str = TEXT) -> None:
        settings = {(row.target, row.key): row.value for row in journal.settings()}
        config = hold(parse(text, "c.toml"), settings, lambda _config: None, at_all_costs=True)
        self.supervisor: Supervisor = idle_supervisor(journal.path.parent, journal, config)
        self.reloader = Reloader(self.supervisor, None, None)  # type: ignore[arg-type]
        self.setter = Setter(self.supervisor, self.reloader)

    def set(self, target: str, **settings: str) -> pb.SetSettingsResponse:
        return asyncio.run(self.setter.set_settings(target, settings, "ida", validate_only=False))

    def rules(self, user: str) -> Any:
        return self.supervisor.accounts[user].config.copy

    def events(self, code: str) -> list[Any]:
        journal = self.supervisor.journal
        return [event for event in journal.events_after(0, 1000) if event.code == code]


def test_what_is_set_is_kept_and_applied_to_those_whose_rules_change(journal: Journal) -> None:
    it = At(journal)
    for user in ("anna", "ben"):
        set_running(it.supervisor.accounts[user])
    answer = it.set("", max_slippage_bps="5", max_user_risk="0.05")
    assert [(change.key, change.old_value, change.new_value) for change in answer.settings] == [
        ("max_slippage_bps", "", "5"),
        ("max_user_risk", "", "0.05"),
    ]
    assert [(change.account_id, change.effect) for change in answer.accounts] == [
        ("anna", "its process restarts"),
        ("ben", "its process restarts"),
    ]
    assert (it.rules("anna").max_slippage_bps, it.rules("ben").max_slippage_bps) == (5, 9)
    assert [(row.target, row.key, row.value, row.set_by) for row in journal.settings()] == [
        ("", "max_slippage_bps", "5", "ida"),
        ("", "max_user_risk", "0.05", "ida"),
    ]
    messages = [event.message for event in it.events("SETTING_CHANGED")]
    assert messages[0] == "--all: max_slippage_bps (not set) -> 5, set by ida"
    (changed,) = it.set("ben", max_slippage_bps="7").settings
    assert (changed.old_value, changed.new_value) == ("9", "7")
    assert it.events("SETTING_CHANGED")[-1].account_id == "ben"
    (changed,) = it.set("ben", max_slippage_bps="").settings
    assert (changed.old_value, changed.new_value) == ("7", "9")
    assert not it.set("ben", max_slippage_bps="").settings


def test_what_cannot_be_written_takes_no_effect(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    it = At(journal)
    before, config = it.rules("anna"), it.supervisor.config

    def full(*_given: object) -> None:
        raise JournalFault("the disk is full")

    monkeypatch.setattr(journal, "change_settings", full)
    with pytest.raises(JournalFault, match="full"):
        it.set("anna", max_user_risk="0.01")
    assert (it.rules("anna"), it.supervisor.config) == (before, config)
    assert journal.settings() == []
    assert it.events("SETTING_CHANGED") == []


def test_it_is_on_the_disk_before_an_account_has_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = At(journal)
    applied = it.supervisor.take
    seen: list[list[tuple[str]]] = []

    def look(*given: Any) -> None:
        with closing(sqlite3.connect(journal.path)) as file:
            seen.append(file.execute("SELECT new_value FROM setting_changes").fetchall())
        applied(*given)

    monkeypatch.setattr(it.supervisor, "take", look)
    it.set("anna", max_user_risk="0.01")
    assert seen == [[("0.01",)]]


@pytest.mark.parametrize(
    ("ask", "reason", "says"),
    [
        (lambda it: it.set("anna"), "NOTHING_TO_SET", "no key is given"),
        (lambda it: it.set("zoe", order="market"), "TARGET_NOT_FOUND", "there are clients, anna, ben"),
        (lambda it: it.set("master", order="market"), "NOT_A_USER", "master copies nobody"),
        (lambda it: it.set("anna", reserve="1"), "KEY_NOT_SETTABLE", "reserve: needs the file: write it in"),
        (lambda it: it.set("anna", mode="live"), "KEY_NOT_SETTABLE", "in [exchange] or [[accounts]], then"),
        (lambda it: it.set("anna", colour="1"), "KEY_NOT_SETTABLE", "colour: unknown key; what may be set"),
        (lambda it: it.set("anna", order="x"), "BAD_SETTING", 'set anna: order: "x" is not known'),
        (lambda it: it.set("clients", sizing="fixed_ratio"), "BAD_SETTING", "groups[0].copy.ratio: missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_refused_and_changes_nothing(
    journal: Journal, ask: Callable[[At], object], reason: str, says: str
) -> None:
    it = At(journal)
    config = it.supervisor.config
    with pytest.raises(ChangeRefused) as raised:
        ask(it)
    assert raised.value.reason == reason
    assert says in str(raised.value)
    assert (it.supervisor.config, journal.settings()) == (config, [])


def test_nothing_is_set_while_the_supervisor_ends(journal: Journal) -> None:
    it = At(journal)

    async def while_it_ends() -> None:
        it.supervisor.shutdown.begin()
        await it.setter.set_settings("anna", {"order": "market"}, "ida", validate_only=False)

    with pytest.raises(ChangeRefused) as raised:
        asyncio.run(while_it_ends())
    assert raised.value.reason == "SHUTTING_DOWN"


def test_an_amount_without_a_currency_is_refused_where_the_master_trades_for_coins(journal: Journal) -> None:
    it = At(journal)
    it.supervisor.fills.pairs.add("ETH/BTC")
    with pytest.raises(ChangeRefused, match='"50" names no currency, and the master trades ETH/BTC'):
        it.set("anna", sizing="fixed_notional", notional="50")
    assert not it.set("anna", sizing="fixed_notional", notional="50 USD").warnings
    assert it.rules("anna").notional_asset == "USD"


def test_a_long_key_may_be_a_secret_in_a_wrong_place_and_is_not_shown(journal: Journal) -> None:
    with pytest.raises(ChangeRefused, match=r"^\(a key of 2000 characters\): unknown key"):
        At(journal).set("anna", **{"s" * 2000: "1"})


def test_what_is_probably_not_meant_is_said_once(journal: Journal) -> None:
    it = At(journal)
    (warning,) = it.set("anna", sizing="fixed_notional", notional="50").warnings
    assert 'anna": notional = "50" names no currency' in warning
    assert not it.set("anna", max_slippage_bps="7").warnings


def test_many_faults_are_named_up_to_a_number(journal: Journal) -> None:
    it = At(journal)
    with pytest.raises(ChangeRefused) as raised:
        it.set("", order="ä" * 2000, balance="ä" * 2000, ratio="ä" * 2000, max_user_risk="ä" * 2000,
               max_slippage_bps="r", max_entry_age_s="s")  # fmt: skip
    assert str(raised.value).splitlines()[-1] == "2 more"
    assert len(str(raised.value).splitlines()) == FAULTS_MAX + 1
    details = error_details("BAD_SETTING", None, raised.value.violations)
    assert (
        header_bytes(str(raised.value)) + sum(part.ByteSize() * 4 // 3 for part in details)
        < HEADERS_BYTES_MAX
    )


def test_one_without_effect_neither_keeps_others_from_being_set_nor_is_lost(journal: Journal) -> None:
    journal.change_settings("gone", {"order": "market"}, "ida", 1.0)
    journal.change_settings("anna", {"ratio": "2"}, "ida", 1.0)
    it = At(journal)
    answer = it.set("anna", order="limit_ioc")
    assert [line.partition(" is kept")[0] for line in answer.kept] == [
        "anna differs from the file: copy.order (file: market)",
        "set gone order",
        "set anna ratio",
    ]
    with pytest.raises(ChangeRefused, match="no group, 'gone'"):
        it.set("gone", order="limit_ioc")
    assert [change.new_value for change in it.set("gone", order="").settings] == [""]
    # Now it has a place.
    answer = it.set("anna", sizing="fixed_ratio")
    assert it.rules("anna").ratio == 2
    assert [row.key for row in journal.settings()] == ["order", "ratio", "sizing"]


def test_what_is_kept_is_recorded_once(journal: Journal) -> None:
    it = At(journal)
    file = parse(TEXT, "c")
    settings = {("gone", f"k{n}"): "1" for n in range(LINES_MAX + 1)} | {("", "max_user_risk"): "0.01"}
    config = hold(file, settings, lambda _config: None)
    assert kept_lines(config)[-1] == "3 more"
    events = it.supervisor.events
    events.record_wishes(lambda: None, kept_events(config))
    events.record_wishes(lambda: None, kept_events(config, config.written.without_effect))
    assert len(it.events("SETTING_WITHOUT_EFFECT")) == LINES_MAX + 1
    both = "anna (copy.max_user_risk), ben (copy.max_user_risk)"
    words = f"what was set while running differs from the file for {both}"
    assert [event.message for event in it.events("SETTINGS_DIFFER")] == [words] * 2


LIMIT = '{ metric = "equity", window = "day", max_loss = "5%", action = "reducing", name = "day" }'


def test_limits_are_set_as_the_file_has_them_and_a_fault_names_the_one_and_its_key(journal: Journal) -> None:
    it = At(journal)
    it.set("clients", limits=f"[{LIMIT}]")
    it.set("anna", limits=f"[{LIMIT.replace('day', 'week')}]")
    assert [str(one) for one in it.rules("anna").limits] == [
        "day: equity, day, 5%, warned at 80%, then reducing",
        "week: equity, week, 5%, warned at 80%, then reducing",
    ]
    such = 'write limits = [{ metric = "equity", window = "day", max_loss = "5%", action = "reducing" }]'
    for text, where, words in (
        ("day-5%", "", f"a string where an array of tables is needed; {such}"),
        (f"[{LIMIT}, {LIMIT.replace('5%', '500')}]", "[1].max_loss", "500 names no currency; write max_loss"),
        (
            f"[{LIMIT.replace('5%', '6%')}]",
            "",
            '"day" is another limit that was set for group clients (day: equity, day, 5%',
        ),
    ):
        with pytest.raises(ChangeRefused) as refused:
            it.set("anna", limits=text)
        assert (refused.value.reason, f"set anna: limits{where}: {words}" in str(refused.value)) == (
            "BAD_SETTING", True,
        ), str(refused.value)  # fmt: skip
        (field,) = refused.value.violations
        assert field.field == "settings[limits]"
        assert field.description.startswith(f"{where}: {words}" if where else words)
    assert len(it.rules("anna").limits) == 2
    it.set("anna", limits="")
    assert [one.name for one in it.rules("anna").limits] == ["day"]


def test_how_a_user_leaves_that_leaves_already_is_not_set(journal: Journal) -> None:
    it = At(journal)
    leaver = Leaver(OnLeave.CLOSE_ONLY, {"id": "anna", "role": "user", "broker": "kraken"}, 1_795_336_500.0)
    it.supervisor.leavers.put({"anna": leaver})
    words = "anna leaves already, on_leave = close_only, which another one changes only once it is put back"
    with pytest.raises(ChangeRefused, match=words) as refused:
        it.set("anna", on_leave="close_all", max_slippage_bps="5")
    assert refused.value.reason == "LEAVES_ALREADY"
    assert [one.field for one in refused.value.violations] == ["settings[on_leave]"]
    assert (journal.settings(), it.rules("anna").max_slippage_bps) == ([], 50)
    # All else may be, and what holds for others as well says for whom it does not yet.
    it.set("anna", max_slippage_bps="5")
    assert it.rules("anna").max_slippage_bps == 5
    assert [line for line in it.set("clients", on_leave="close_all").warnings if line.startswith(words)]
    assert [line for line in it.set("", on_leave="close_all").warnings if line.startswith(words)]
    assert not it.set("ben", on_leave="close_all").warnings
