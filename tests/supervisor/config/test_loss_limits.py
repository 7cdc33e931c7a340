"""Limits to losses are read by their text, go together along the chain, and a fault says what to write."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.supervisor.config.diff import compare
from krakencopy.supervisor.config.effective_rules import effective_rules
from krakencopy.supervisor.config.reader import parse, read
from tests.support.config_texts import MASTER, PAPER, USER, faults_of, the_fault_of

DAY = 'metric = "equity", window = "day", max_loss = "5%", action = "halted"'
WEEK = 'metric = "realised", window = "week", max_loss = "500 ZUSD", action = "reducing", warn_at = "50%"'


def config_of(*limits: str, account: str = "", group: str = "") -> str:
    tables = "".join(f"[[copy.limits]]\n{limit.replace(', ', chr(10))}\n" for limit in limits)
    if group:
        tables += f'[[groups]]\nid = "clients"\ncopy = {{ limits = [{{ {group} }}] }}\n'
    own = f"copy = {{ limits = [{{ {account} }}] }}\n" if account else ""
    member = 'group = "clients"\n' if group else ""
    return f"{PAPER}{tables}{MASTER}{USER}{member}{own}"


def limits_of(text: str) -> tuple[LossLimit, ...]:
    return parse(text, "c").users[0].copy.limits


def test_a_limit_has_a_name_made_of_its_content_unless_it_says_one() -> None:
    first, second = limits_of(config_of(DAY, f'{WEEK}, name = "w.1"'))
    assert first == LossLimit(
        "day-equity-5pct-halted", Metric.EQUITY, Window.DAY, Decimal("0.05"), Decimal("0.8"), Action.HALTED
    )
    assert second == LossLimit(
        "w.1", Metric.REALISED, Window.WEEK, Money(Decimal(500), "USD"), Decimal("0.5"), Action.REDUCING
    )
    assert (first.currency, first.most, second.most) == ("USD", Decimal("0.05"), Decimal(500))
    assert str(second) == "w.1: realised, week, 500 USD, warned at 50%, then reducing"


def test_limits_of_all_levels_hold_beside_each_other() -> None:
    text = config_of(DAY, group=WEEK, account=f'{DAY}, name = "mine"')
    assert [limit.name for limit in limits_of(text)] == [
        "day-equity-5pct-halted", "week-realised-500usd-reducing", "mine",
    ]  # fmt: skip
    config = parse(text, "c")
    shown = {rule.key: rule for rule in effective_rules(config.users[0], config)}
    rule = shown["copy.limits.mine"]
    assert rule.value == "equity, day, 5%, warned at 80%, then halted"
    assert rule.source == "[copy] and group clients and account"


def test_the_same_limit_at_two_levels_is_one_and_a_name_means_one_limit() -> None:
    assert len(limits_of(config_of(DAY, account=DAY))) == 1
    where, line = the_fault_of(config_of(f'{DAY}, name = "x"', account=f'{WEEK}, name = "x"'))
    assert where == "accounts[1].copy.limits"
    assert '"x" is another limit of [copy]' in line
    assert "give it a name of its own" in line


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        (('metric = "equity", ', ""), "metric", 'missing; write metric = "equity"'),
        (('"equity"', '"pnl"'), "metric", 'write "equity" or "realised"'),
        (('"day"', '"hour"'), "window", '"hour" is not known'),
        (('"5%"', '"0%"'), "max_loss", "percent of the equity"),
        (('"5%"', '"101%"'), "max_loss", "out of bounds"),
        (('"5%"', '"500"'), "max_loss", '500 names no currency; write max_loss = "500 USD"'),
        (('"5%"', '"0 USD"'), "max_loss", "out of bounds"),
        (('"5%"', '"1000000001 USD"'), "max_loss", "out of bounds"),
        (('"halted"', '"stop"'), "action", '"stop" is not known'),
        (('"halted"', '"halted", warn_at = "0%"'), "warn_at", "over 0% and up to 100%"),
        (('"halted"', '"halted", warn_at = "120%"'), "warn_at", "out of bounds"),
        (('"halted"', '"halted", warn_at = 80'), "warn_at", "where a string is needed"),
        (('"halted"', '"halted", name = "A b"'), "name", '"A b" cannot be a name'),
        (('"halted"', f'"halted", name = "{"x" * 49}"'), "name", "use 1 to 48"),
        (('"halted"', '"halted", per = 3'), "per", "unknown key"),
    ],
)
def test_what_is_wrong_with_a_limit_is_a_fault_at_its_place(
    change: tuple[str, str], where: str, says: str
) -> None:
    at, line = the_fault_of(config_of(DAY.replace(*change)))
    assert at == f"copy.limits[0].{where}"
    assert says in line


@pytest.mark.parametrize(
    ("written", "most"), [('"100%"', "1"), ('"0.01%"', "0.0001"), ('"1000000000 EUR"', "1e9")]
)
def test_the_largest_and_smallest_losses_are_taken(written: str, most: str) -> None:
    (limit,) = limits_of(config_of(DAY.replace('"5%"', written)))
    assert limit.most == Decimal(most)


def test_limits_are_a_list_of_so_many_with_names_of_their_own() -> None:
    assert the_fault_of(config_of(DAY, DAY))[0] == "copy.limits[1].name"
    names = [f'{DAY}, name = "n{number}"' for number in range(9)]
    assert len(limits_of(config_of(*names[:8]))) == 8
    assert "9 limits are more than 8" in the_fault_of(config_of(*names))[1]
    assert "9 limits, with those of [copy], are more than 8" in str(
        faults_of(config_of(*names[:8], account=names[8]))
    )
    assert the_fault_of(f'{PAPER}[copy]\nlimits = "5%"\n{MASTER}{USER}')[0] == "copy.limits"
    assert limits_of(f"{PAPER}[copy]\nlimits = []\n{MASTER}{USER}") == ()


def test_a_limit_travels_to_its_process_and_may_be_set_while_running() -> None:
    rules = parse(config_of(DAY, WEEK), "c").users[0].copy
    assert CopyRules.from_raw(json.loads(json.dumps(rules.to_raw(), default=str))) == rules
    before = parse(config_of(), "c")
    settings = {("tania_gilbert", "limits"): f"[{{ {DAY} }}]"}
    after = read(before.written.document, "c", settings=settings)
    assert after.users[0].copy.limits == limits_of(config_of(DAY))
    ((changed,),) = (one.settings for one in compare(before, after).changed)
    words = "day-equity-5pct-halted: equity, day, 5%, warned at 80%, then halted"
    assert (changed.key, changed.new) == ("copy.limits", words)


def test_limits_of_all_users_together_are_read_and_need_a_restart() -> None:
    written = DAY.replace(", ", "\n")
    text = f"{PAPER}[[total_limits]]\n{written}\n{MASTER}{USER}"
    config = parse(text, "c")
    assert config.total_limits == limits_of(config_of(DAY))
    assert config.totals == (("equity", "USD"),)
    assert config.users[0].copy.limits == ()
    without = parse(f"{PAPER}{MASTER}{USER}", "c")
    assert (without.total_limits, without.totals) == ((), ())
    (fixed,) = compare(without, config).fixed
    assert (
        fixed
        == "total_limits (not set) -> day-equity-5pct-halted: equity, day, 5%, warned at 80%, then halted"
    )
    where, _ = the_fault_of(text.replace("equity", "pnl"))
    assert where == "total_limits[0].metric"
