"""A value that is set while running is one of the file in its place, and one that the file leaves no place
for has no effect and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.config.effective_rules import effective_rules
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.config.settings import GONE, hold
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults
from tests.support.config_texts import MASTER, PAPER, toml

USERS = {"anna": "clients", "ben": None, "carl": "clients"}
#: Values that go together with all others, in the place of none or of another one.
VALUES = {
    "max_user_risk": ("0.05", "0.07"),
    "max_slippage_bps": (3, 4),
    "order": ("limit_ioc", "market"),
    "balance": ("cash", "equity"),
    "max_entry_age_s": (5, 6),
}
PLACES = [(target, key) for target in ("", "clients", *USERS) for key in VALUES]


def text_of(said: Mapping[tuple[str, str], object]) -> str:
    """A file that says so."""

    def copy_of(target: str) -> str:
        return toml({key: value for (at, key), value in said.items() if at == target})

    lines = [f"copy = {copy_of('')}", PAPER, '[[groups]]\nid = "clients"', f"copy = {copy_of('clients')}"]
    for user, group in USERS.items():
        lines += [f'[[accounts]]\nid = "{user}"\nrole = "user"\nbroker = "kraken"', f"copy = {copy_of(user)}"]
        lines += [f'group = "{group}"'] if group else []
    return "\n".join((*lines, MASTER))


def nothing(_config: Config) -> None:
    """There is nothing else to check."""


def said() -> st.SearchStrategy[dict[tuple[str, str], int]]:
    return st.dictionaries(st.sampled_from(PLACES), st.integers(0, 1))


@given(said(), said())
def test_what_is_set_is_as_if_the_file_said_it(
    in_file: dict[tuple[str, str], int], as_set: dict[tuple[str, str], int]
) -> None:
    written = {place: VALUES[place[1]][choice] for place, choice in in_file.items()}
    settings = {place: str(VALUES[place[1]][choice]) for place, choice in as_set.items()}
    file = parse(text_of(written), "c")
    held = hold(file, settings, nothing, must=settings)
    alike = parse(text_of({**written, **{place: VALUES[place[1]][c] for place, c in as_set.items()}}), "c")
    assert (held.accounts, held.copy) == (alike.accounts, alike.copy)
    assert held.written.settings == settings
    for user in file.users:
        before = {rule.key: rule.value for rule in effective_rules(user, file)}
        after = {rule.key: rule for rule in effective_rules(held_user(held, user.id), held)}
        differing = {key: value for key, value in before.items() if after[key].value != value}
        assert held.written.file_values.get(user.id, {}) == differing
        for key, rule in after.items():
            levels = (user.id, user.group or "none", "")
            nearest = next(
                (at for at in levels if (at, key[5:]) in settings or (at, key[5:]) in written), None
            )
            is_set = nearest is not None and (nearest, key[5:]) in settings
            assert rule.source.startswith("set for") == is_set
    assert hold(file, {}, nothing).accounts == file.accounts


def held_user(config: Config, user_id: str) -> AccountConfig:
    return next(user for user in config.users if user.id == user_id)


FILE = text_of({("", "max_user_risk"): "0.08", ("anna", "max_slippage_bps"): 9})


def held(settings: dict[tuple[str, str], str], text: str = FILE) -> Config:
    return hold(parse(text, "c.toml"), settings, nothing)


def test_a_setting_says_where_it_was_set() -> None:
    config = held(
        {
            ("anna", "max_slippage_bps"): "7",
            ("clients", "max_user_risk"): "0.02",
            ("", "max_entry_age_s"): "9",
        }
    )
    anna = next(user for user in config.users if user.id == "anna")
    rules = {rule.key: (rule.value, rule.source) for rule in effective_rules(anna, config)}
    assert rules["copy.max_slippage_bps"] == ("7", "set for the account")
    assert rules["copy.max_user_risk"] == ("0.02", "set for group clients")
    assert rules["copy.max_entry_age_s"] == ("9", "set for all")
    assert config.written.file_values["anna"] == {
        "copy.max_slippage_bps": "9",
        "copy.max_user_risk": "0.08",
        "copy.max_entry_age_s": "30",
    }
    assert config.written.file_values["ben"] == {"copy.max_entry_age_s": "30"}


@pytest.mark.parametrize(
    ("place", "text", "says"),
    [
        (("anna", "max_user_risk"), "2", "set anna: max_user_risk: 2 is out of bounds; write a share over 0"),
        (("", "max_slippage_bps"), "a few", "set --all: max_slippage_bps: a string where a whole number"),
        (("clients", "sizing"), "half", 'set clients: sizing: "half" is not known; write "balance_ratio" or'),
        (("anna", "ratio"), "2", 'set anna: ratio: does nothing with sizing = "balance_ratio"; write sizing'),
        (("anna", "colour"), "2", "set anna: colour: unknown key; known here: "),
        (("anna", "order"), "", "set anna: order: empty; write"),
        (("anna", "pairs"), '{ "BTC/USD" = { x = 1 } }', 'set anna: pairs."BTC/USD".x: unknown key; '),
        (("anna", "map"), '{ "BTC/USD" = "ETH/USD" }', 'set anna: map."BTC/USD": "ETH/USD" is another'),
        (("anna", "limits"), '[{ metric = "equity" }]', "set anna: limits[0].window: missing; write metric"),
    ],
)  # fmt: skip
def test_a_setting_is_refused_in_the_words_of_the_file(place: tuple[str, str], text: str, says: str) -> None:
    file = parse(FILE, "c.toml")
    with pytest.raises(ConfigFaults) as raised:
        hold(file, {place: text}, nothing, must=[place])
    assert str(raised.value).startswith(says)
    config = hold(file, {place: text, ("ben", "max_slippage_bps"): "3"}, nothing)
    assert config.written.settings == {("ben", "max_slippage_bps"): "3"}
    assert list(config.written.without_effect) == [place]
    assert held_user(config, "anna") == held_user(file, "anna")


def test_a_setting_of_one_that_is_gone_is_kept_without_effect() -> None:
    config = held({("dora", "max_user_risk"): "0.01", ("master", "max_user_risk"): "0.01"})
    assert config.written.without_effect == {
        ("dora", "max_user_risk"): GONE,
        ("master", "max_user_risk"): GONE,
    }
    assert config.accounts == parse(FILE, "c").accounts


def test_a_sizing_that_is_set_takes_the_effect_from_what_the_file_needed_for_its_own() -> None:
    text = text_of({("anna", "sizing"): "fixed_ratio", ("anna", "ratio"): "0.5"})
    config = held({("anna", "sizing"): "balance_ratio"}, text)
    assert config.written.without_effect == {}
    assert str(held_user(config, "anna").copy.sizing) == "balance_ratio"


def test_a_key_that_does_nothing_once_the_file_has_another_sizing_is_kept_without_effect() -> None:
    settings = {("anna", "ratio"): "0.3"}
    before = held(settings, text_of({("anna", "sizing"): "fixed_ratio", ("anna", "ratio"): "0.5"}))
    assert (before.written.settings, before.written.without_effect) == (settings, {})
    after = held(settings)
    assert after.written.settings == {}
    assert after.written.without_effect == {
        ("anna", "ratio"): 'does nothing with sizing = "balance_ratio"; write sizing = "fixed_ratio" too'
    }


def check_no_market_orders(config: Config) -> None:
    """Of what the file and settings make together."""
    faults = [
        ConfigFault("c", "copy.order", "must not be", "write another", account=user.id)
        for user in config.users
        if user.copy.max_slippage_bps == 77
    ]
    if faults:
        raise ConfigFaults(faults)


def test_what_does_not_go_together_is_refused_but_at_all_costs_and_then_the_setting_gives_way() -> None:
    settings = {("", "max_slippage_bps"): "77", ("", "max_entry_age_s"): "4", ("ben", "order"): "limit_ioc"}
    file = parse(FILE, "c")
    with pytest.raises(ConfigFaults, match="must not be"):
        hold(file, settings, check_no_market_orders)
    config = hold(file, settings, check_no_market_orders, at_all_costs=True)
    assert check_no_market_orders(config) is None  # type: ignore[func-returns-value]
    assert ("", "max_slippage_bps") in config.written.without_effect
    only = {("", "max_slippage_bps"): "77"}
    assert hold(file, only, check_no_market_orders, at_all_costs=True).written.settings == {}
    with pytest.raises(ConfigFaults, match="must not be"):
        hold(file, only, check_no_market_orders, must=only, at_all_costs=True)


def test_rules_of_pairs_may_be_set_and_the_file_may_have_others() -> None:
    config = held({("anna", "pairs"): '{ "BTC/USD" = { multiplier = "0.5" } }'})
    assert held_user(config, "anna").copy.pairs == {"BTC/USD": {"multiplier": Decimal("0.5")}}
    assert config.written.file_values == {"anna": {'copy.pairs."BTC/USD".multiplier': ""}}
    text = FILE.replace("= 9", '= 9, pairs = { "ETH/USD" = { multiplier = "2" } }')
    config = held({("anna", "pairs"): "{}"}, text)
    assert held_user(config, "anna").copy.pairs == {}
    assert config.written.file_values == {"anna": {'copy.pairs."ETH/USD".multiplier': "2"}}


LIMIT = 'name = "day", metric = "equity", window = "day", max_loss = "5%", action = "warn"'


def test_what_is_set_or_taken_out_of_a_list_of_rules_differs_from_the_file_once_and_is_shown() -> None:
    def shown(key: str, text: str, file: str = FILE) -> list[tuple[str, ...]]:
        config = held({("anna", key): text}, file)
        of_file = config.written.file_values["anna"]
        rules = [rule for rule in effective_rules(held_user(config, "anna"), config) if rule.key in of_file]
        assert {rule.key for rule in rules} == of_file.keys()
        return [(*rule, of_file[rule.key]) for rule in rules]

    words = "equity, day, 5%, warned at 80%, then warn"
    assert shown("limits", f"[{{ {LIMIT} }}]") == [("copy.limits.day", words, "set for the account", "")]
    limited = FILE.replace("= 9", f"= 9, limits = [{{ {LIMIT} }}]")
    assert shown("limits", "[]", limited) == [("copy.limits.day", "", "set for the account", words)]
    mapped = FILE.replace("= 9", '= 9, map = { "*/USD" = "*/EUR" }')
    assert shown("map", "{}", mapped) == [('copy.map."*/USD"', "", "set for the account", "*/EUR")]
    paired = FILE.replace("= 9", '= 9, pairs = { "ETH/USD" = { multiplier = "2" } }')
    path = 'copy.pairs."ETH/USD".multiplier'
    assert shown("pairs", "{}", paired) == [(path, "", "set for the account", "2")]


@pytest.mark.parametrize("target", ["anna", "clients"])
def test_at_all_costs_no_more_gives_way_than_has_to(target: str) -> None:
    others = {
        ("", "max_user_risk"): "0.01",
        ("clients", "max_entry_age_s"): "3",
        (target, "max_slippage_bps"): "2",
        ("ben", "max_slippage_bps"): "2",
    }
    cause = (target, "sizing")
    file = parse(FILE, "c")
    with pytest.raises(ConfigFaults, match="missing, and sizing"):
        hold(file, others | {cause: "fixed_ratio"}, nothing)
    config = hold(file, others | {cause: "fixed_ratio"}, nothing, at_all_costs=True)
    assert config.written.settings == others
    assert list(config.written.without_effect) == [cause]


def test_at_all_costs_the_nearest_settings_give_way_first() -> None:
    def check(config: Config) -> None:
        if held_user(config, "anna").copy.max_slippage_bps == 7:
            raise ConfigFaults([ConfigFault("c", "accounts[0].copy", "too much", "less", account="anna")])

    others = {("", "max_user_risk"): "0.01", ("clients", "max_entry_age_s"): "3"}
    config = hold(parse(FILE, "c"), others | {("anna", "max_slippage_bps"): "7"}, check, at_all_costs=True)
    assert config.written.settings == others


def test_a_cap_that_is_set_does_not_give_way_to_a_file_with_another_currency_but_at_a_start() -> None:
    cap = ("anna", "max_order_notional")
    settings = {cap: "10 USD"}
    file = parse(text_of({("", "max_order_notional"): "20 EUR"}), "c")
    with pytest.raises(ConfigFaults, match='"10 USD" here and "20 EUR" of'):
        hold(file, settings, nothing)
    config = hold(file, settings, nothing, at_all_costs=True)
    assert list(config.written.without_effect) == [cap]
