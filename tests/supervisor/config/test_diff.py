"""The difference of two configurations is all that differs and nothing else, and makes the one of the
other.
"""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, OrderStyle, Role, Sizing, Tier
from krakencopy.supervisor.config.diff import Setting, compare
from krakencopy.supervisor.config.model import AccountConfig, Config, ExchangeConfig, StartupConfig
from krakencopy.supervisor.config.reader import Mode, parse

NAMES = ("anna", "ben", "carl", "dora")
RULES = st.builds(
    CopyRules,
    sizing=st.sampled_from(Sizing),
    balance=st.sampled_from(BalanceBasis),
    ratio=st.sampled_from((None, Decimal("0.5"), Decimal(2))),
    max_user_risk=st.sampled_from((Decimal("0.1"), Decimal("0.10"), Decimal("0.05"))),
    order=st.sampled_from(OrderStyle),
    max_slippage_bps=st.integers(0, 3),
)
SETTINGS = {
    "copy": RULES,
    "strategy": st.sampled_from((None, "mine", "yours")),
    "strategy_options": st.dictionaries(
        st.sampled_from(("pair", "fast")), st.sampled_from((1, "x", [1], [2])), max_size=2
    ),
    "strategy_risk": st.sampled_from((Decimal("0.1"), Decimal("0.3"))),
    "credentials_file": st.sampled_from((None, "a", "b")),
    "credentials_command": st.sampled_from((None, ("pass", "a"), ("pass", "b"), ("cat",))),
    "allow_withdraw_key": st.booleans(),
    "tier": st.sampled_from(Tier),
}


def accounts(account_id: str, role: Role) -> st.SearchStrategy[AccountConfig]:
    return st.builds(
        AccountConfig, id=st.just(account_id), role=st.just(role), broker=st.just("kraken"), **SETTINGS
    )


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Any that a running supervisor could take from any other of these."""
    users = [draw(accounts(name, Role.USER)) for name in draw(st.permutations(NAMES)) if draw(st.booleans())]
    return Config(
        exchange=ExchangeConfig(mode=Mode.PAPER, rest_url=None, ws_url=None),
        startup=StartupConfig(nonce_separation_s=draw(st.sampled_from((0.0, 5.0)))),
        copy=draw(RULES),
        accounts=(*users, draw(accounts("master", Role.MASTER))),
        source=draw(st.sampled_from(("a.toml", "b.toml"))),
    )


def meaning(config: Config) -> Config:
    """Without what does not matter: the order of accounts, and where it stood."""
    return replace(config, source="", accounts=tuple(sorted(config.accounts, key=lambda account: account.id)))


@settings(max_examples=40)
@given(configs(), configs())
def test_the_difference_of_two_configurations_makes_the_second_of_the_first(
    one: Config, other: Config
) -> None:
    difference = compare(one, other)
    assert difference.fixed == ()
    assert meaning(difference.applied_to(one)) == meaning(other)
    assert str(compare(difference.applied_to(one), other)) == "nothing has changed"


@settings(max_examples=40)
@given(configs(), configs())
def test_an_account_is_changed_when_a_setting_differs_and_touched_when_it_gets_another_process(
    one: Config, other: Config
) -> None:
    difference = compare(one, other)
    before = {account.id: account for account in one.accounts}
    after = {account.id: account for account in other.accounts}
    changed = {found.account.id for found in difference.changed}
    assert changed == {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert difference.touched == {name for name in after if before.get(name) != after[name]}
    assert all(found.settings for found in difference.changed)


@settings(max_examples=20)
@given(configs())
def test_a_configuration_does_not_differ_from_itself(config: Config) -> None:
    difference = compare(config, config)
    assert str(difference) == "nothing has changed"
    assert difference.touched == set()


TEXT = """
[exchange]
mode = "paper"
[startup]
nonce_separation_s = 5
[copy]
max_user_risk = "0.10"
[[accounts]]
id = "master"
role = "master"
broker = "kraken"
[[accounts]]
id = "anna"
role = "user"
broker = "kraken"
[[accounts]]
id = "ben"
role = "user"
broker = "kraken"
copy = { max_user_risk = "0.05" }
"""


def config(*changes: tuple[str, str]) -> Config:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse(text, "c.toml")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        # A default that ben does not use, and that no master does.
        ('risk = "0.10"', 'risk = "0.07"', "changed anna (copy.max_user_risk 0.10 -> 0.07)"),
        ('risk = "0.10"', 'risk = "0.1"', "nothing has changed"),
        ('risk = "0.05"', 'risk = "0.10"', "changed ben (copy.max_user_risk 0.05 -> 0.10)"),
        ("separation_s = 5", "separation_s = 0.5", "startup.nonce_separation_s 5 -> 0.5"),
        (
            "nonce_separation_s = 5",
            "health_timeout_s = 9",
            "startup.nonce_separation_s 5 -> 0; startup.health_timeout_s 60 -> 9",
        ),
        (
            '{ max_user_risk = "0.05" }',
            '{ max_user_risk = "0.05", sizing = "fixed_notional", notional = "20 USD" }',
            "changed ben (copy.sizing balance_ratio -> fixed_notional, copy.notional (not set) -> 20 USD)",
        ),
        (
            '{ max_user_risk = "0.05" }',
            '{ max_user_risk = "0.05", balance = "allocated", allocated_capital = "50%" }',
            "changed ben (copy.balance equity -> allocated, copy.allocated_capital (not set) -> 50%)",
        ),
        ('id = "anna"', 'id = "dora"', "added dora; removed anna"),
        ('id = "ben"', 'id = "ben"\ntier = "starter"', "changed ben (tier pro -> starter)"),
        (
            'id = "ben"',
            'id = "ben"\ncredentials_file = "keys/ben"',
            'changed ben (credentials_file (not set) -> "keys/ben")',
        ),
        (
            'role = "master"',
            'role = "master"\nstrategy = "paper_demo"',
            'changed master (strategy (not set) -> "paper_demo")',
        ),
    ],
)
def test_a_difference_is_told_by_its_keys(old: str, new: str, told: str) -> None:
    difference = compare(config(), config((old, new)))
    assert (str(difference), difference.fixed) == (told, ())


def test_options_of_a_strategy_are_told_one_by_one_and_without_a_strategy_its_risk_says_nothing() -> None:
    one, other = (
        config(('id = "ben"', f'id = "ben"\nstrategy = "scripted"\nstrategy_options = {{ {options} }}'))
        for options in ('script = ["buy"], repeat = 3', 'script = ["sell"], loud = true')
    )
    assert [str(setting) for setting in compare(one, other).changed[0].settings] == [
        "strategy_options.loud (not set) -> true",
        "strategy_options.repeat 3 -> (not set)",
        "strategy_options.script an array -> an array (changed)",
    ]
    riskier = config(('max_user_risk = "0.05"', 'max_user_risk = "0.08"'))
    assert str(compare(config(), riskier)) == "changed ben (copy.max_user_risk 0.05 -> 0.08)"


def test_a_commands_arguments_are_never_shown_and_yet_said_to_differ() -> None:
    one, other = (
        config(('id = "ben"', f'id = "ben"\ncredentials_command = ["op", "--token", "{secret}"]'))
        for secret in ("geheim1", "geheim2")
    )
    told = str(compare(one, other))
    assert (
        told == 'changed ben (credentials_command "op" and its arguments -> "op" and its arguments (changed))'
    )


@pytest.mark.parametrize(
    ("changes", "fixed"),
    [
        (
            [('mode = "paper"', 'mode = "paper"\nmarket = "live"\nvisibility_lag_s = 2')],
            ["exchange.visibility_lag_s 1 -> 2", "exchange.market synthetic -> live"],
        ),
        ([('id = "master"', 'id = "boss"')], ["the master's id master -> boss"]),
        (
            [
                ('role = "master"', 'role = "x"'),
                ('role = "user"', 'role = "master"', 1),
                ('role = "x"', 'role = "user"'),
            ],
            ["the master's id master -> anna", "anna: role user -> master", "master: role master -> user"],
        ),
    ],
)
def test_what_a_running_supervisor_cannot_take_is_named_whatever_else_there_is(
    changes: list[Any], fixed: list[str]
) -> None:
    text = TEXT
    for change in changes:
        text = text.replace(*change)
    difference = compare(config(), parse(text.replace('id = "ben"', 'id = "eve"'), "c.toml"))
    assert list(difference.fixed) == fixed
    with pytest.raises(AssertionError):
        difference.applied_to(config())


@pytest.mark.parametrize("broker", ["kraken", "alpaca"])
def test_an_accounts_broker_stays_what_it_is(broker: str) -> None:
    *others, ben = config().accounts
    other = replace(config(), accounts=(*others, replace(ben, broker=broker)))
    expected = () if broker == "kraken" else ('ben: broker "kraken" -> "alpaca"',)
    assert compare(config(), other).fixed == expected


@pytest.mark.parametrize("part", [field.name for field in fields(AccountConfig) if field.name != "id"])
def test_every_field_of_an_account_is_compared(part: str) -> None:
    *others, ben = config().accounts
    values: dict[str, Any] = {
        "role": Role.MASTER,
        "broker": "alpaca",
        "copy": CopyRules(max_slippage_bps=7),
        "tier": Tier.STARTER,
    }
    other = replace(
        config(), accounts=(*others, replace(ben, **{part: values.get(part, ("something", "else"))}))
    )
    (changed,) = compare(config(), other).changed
    assert changed.account.id == "ben"
    assert all(setting.key.partition(".")[0] == part for setting in changed.settings)
    assert all(isinstance(setting, Setting) for setting in changed.settings)


def test_another_group_with_the_same_rules_is_a_new_process_which_goes_by_its_trading_state() -> None:
    *others, ben = config().accounts
    other = replace(config(), accounts=(*others, replace(ben, group="clients")), groups=("clients",))
    difference = compare(config(), other)
    (changed,) = difference.changed
    assert str(changed.settings[0]) == 'group (not set) -> "clients"'
    assert difference.touched == frozenset({"ben"})
    assert difference.applied_to(config()).groups == ("clients",)


def test_rules_of_pairs_that_come_or_go_are_told_with_their_values() -> None:
    text = (
        '[exchange]\nmode = "paper"\n[[accounts]]\nid = "master"\nrole = "master"\nbroker = "kraken"\n'
        '[[accounts]]\nid = "anna"\nrole = "user"\nbroker = "kraken"\n'
    )
    pairs = 'copy = { pairs = { "BTC/USD" = { multiplier = "0.5", max_order_notional = "5 USD" } } }\n'
    without, with_them = parse(text, "a"), parse(f"{text}{pairs}", "a")
    where = "copy.pairs.BTC/USD"
    assert str(compare(without, with_them)) == (
        f"changed anna ({where}.max_order_notional (not set) -> 5 USD, {where}.multiplier (not set) -> 0.5)"
    )
    (changed,) = compare(with_them, without).changed
    assert [(one.key, one.old, one.new) for one in changed.settings] == [
        (f"{where}.max_order_notional", "5 USD", ""),
        (f"{where}.multiplier", "0.5", ""),
    ]
