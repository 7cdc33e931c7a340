"""What a configuration says of each account: its id, its key, its mode, its strategy, its tier."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.spec import Tier
from krakencopy.supervisor.config.reader import ConfigFaults, parse
from tests.support.config_texts import EXCHANGE, MASTER, PAPER, USER, faults_of, the_fault_of


def test_where_an_accounts_key_comes_from_is_read() -> None:
    lines = 'credentials_command = ["pass", "show", "kraken/tania"]\nallow_withdraw_key = true\n'
    master, user = parse(EXCHANGE + MASTER + 'credentials_file = "keys/m"\n' + USER + lines, "c").accounts
    assert (master.credentials_file, master.credentials_command) == ("keys/m", None)
    assert (user.credentials_file, user.credentials_command) == (None, ("pass", "show", "kraken/tania"))
    assert (master.allow_withdraw_key, user.allow_withdraw_key) == (False, True)


@pytest.mark.parametrize(
    ("line", "is_shadow"), [("", False), ('mode = "trade"\n', False), ('mode = "shadow"\n', True)]
)
def test_a_user_is_a_shadow_where_its_mode_says_so(line: str, is_shadow: bool) -> None:
    _, user = parse(EXCHANGE + MASTER + USER + line, "c").accounts
    assert user.is_shadow is is_shadow


def test_a_mode_that_cannot_be_is_a_fault() -> None:
    where, line = the_fault_of(f'{EXCHANGE}{MASTER}mode = "shadow"\n{USER}')
    assert (where, "a master is no shadow" in line) == ("accounts[0].mode", True)
    where, line = the_fault_of(f'{EXCHANGE}{MASTER}{USER}mode = "paper"\n')
    assert (where, "shadow" in line) == ("accounts[1].mode", True)
    text = f'{EXCHANGE}{MASTER}{USER}mode = "shadow"\nstrategy = "sma_cross"\n'
    where, line = the_fault_of(text)
    assert (where, "sends no strategy's orders" in line) == ("accounts[1].mode", True)


def test_a_key_with_two_sources_is_a_fault() -> None:
    where, line = the_fault_of(EXCHANGE + MASTER + 'credentials_file = "a"\ncredentials_command = ["b"]\n')
    assert where == "accounts[0].credentials_command"
    assert "keep one of the two" in line


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('credentials_command = "pass show kraken"', "a string where an array of strings is needed"),
        ("credentials_command = []", "empty"),
        ('credentials_command = ["pass", 5]', "a number in an array of strings"),
        ('credentials_command = ["pass", " "]', "an empty string in an array of strings"),
        ('allow_withdraw_key = "yes"', "a string where true or false is needed"),
    ],
)
def test_a_source_or_a_permission_of_another_type_is_a_fault(line: str, says: str) -> None:
    where, told = the_fault_of(f"{EXCHANGE}{MASTER}{USER}{line}\n")
    assert where == f"accounts[1].{line.split(maxsplit=1)[0]}"
    assert says in told
    assert "; write " in told


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (MASTER, "exchange.mode", "missing"),
        (PAPER, "accounts", "no accounts"),
        (f"accounts = []\n{PAPER}", "accounts", "no accounts"),
        (f"accounts = 3\n{PAPER}", "accounts", "array of tables"),
        (f"{PAPER}[accounts]\nid = 'master'\n", "accounts", "write [[accounts]]"),
        (f"accounts = [3]\n{PAPER}", "accounts[0]", "a number where a table is needed"),
        (PAPER + USER, "accounts", "no master"),
        (PAPER + MASTER + MASTER.replace('"master"', '"second"', 1), "accounts[1].role", "a second master"),
        (PAPER + MASTER + USER + USER, "accounts[2].id", '"tania_gilbert" is also the id of accounts[1]'),
        (PAPER + MASTER + USER.replace('id = "tania_gilbert"\n', ""), "accounts[1].id", "missing"),
        (PAPER + MASTER + USER.replace('role = "user"\n', ""), "accounts[1].role", "missing"),
        (PAPER + MASTER.replace('role = "master"\n', ""), "accounts[0].role", "missing"),
        (PAPER + MASTER + USER.replace('"user"', '"follower"'), "accounts[1].role", "is not known"),
        (PAPER + MASTER + USER.replace('broker = "kraken"\n', ""), "accounts[1].broker", "missing"),
        (
            PAPER + MASTER + USER.replace('"kraken"', '"coinbase"'),
            "accounts[1].broker",
            "speaks Kraken's protocol",
        ),
        (PAPER + MASTER + "copy = { ratio = 1 }\n", "accounts[0].copy", "a master does not copy"),
        (PAPER + MASTER + USER + "copy = 'all'\n", "accounts[1].copy", "a string where a table is needed"),
    ],
)
def test_accounts_that_do_not_fit_together_are_faults(text: str, where: str, says: str) -> None:
    places = faults_of(text)
    assert says in places[where]


@pytest.mark.parametrize(
    "bad", ["../tania", "a/b", "", ".", "Tania", "-x", "a b", "ä", "a" * 65, "a\\u0000b", "a\\n", "x.sock"]
)
def test_an_id_that_would_leave_the_state_folder_is_a_fault(bad: str) -> None:
    where, line = the_fault_of(PAPER + MASTER + USER.replace("tania_gilbert", bad))
    assert where == "accounts[1].id"
    assert "it becomes a file name" in line


@pytest.mark.parametrize("taken", ["supervisor", "forkserver", "journal", "control"])
def test_an_id_that_is_a_file_of_the_supervisor_is_a_fault(taken: str) -> None:
    where, line = the_fault_of(PAPER + MASTER.replace('id = "master"', f'id = "{taken}"'))
    assert where == "accounts[0].id"
    assert "choose another id" in line


def test_ids_that_differ_only_in_case_clash() -> None:
    with pytest.raises(ConfigFaults, match='"Tania_gilbert" is also the id of accounts'):
        parse(PAPER + MASTER + USER + USER.replace("tania", "Tania"), "c")


def test_ids_that_mean_the_same_environment_variables_clash() -> None:
    where, line = the_fault_of(PAPER + MASTER + USER + USER.replace("_", "-"))
    assert where == "accounts[2].id"
    assert "tania_gilbert" in line
    assert "tania-gilbert" in line


@pytest.mark.parametrize("id_", ["master", "main", "7", "m-1"])
def test_a_master_may_have_any_valid_id(id_: str) -> None:
    assert parse(PAPER + MASTER.replace('id = "master"', f'id = "{id_}"'), "c").master.id == id_


def test_an_account_has_a_strategy_with_its_options_and_its_risk() -> None:
    text = f"""{EXCHANGE}{MASTER}strategy = "scripted"
strategy_options = {{ script = ["buy BTC/USD 1"], interval_s = 0.5, repeat = 3, loud = true }}
{USER}strategy = "sma_cross"
copy = {{ max_user_risk = "0.03" }}
"""
    master, user = parse(text, "c").accounts
    assert master.strategy_options == {
        "script": ["buy BTC/USD 1"], "interval_s": "0.5", "repeat": 3, "loud": True
    }  # fmt: skip
    assert (master.strategy_risk, user.strategy_risk) == (Decimal("0.10"), Decimal("0.03"))
    own = parse(f'{EXCHANGE}{MASTER}strategy = "sma_cross"\nstrategy_risk = "0.5"\n', "c").master
    assert own.strategy_risk == Decimal("0.5")


@pytest.mark.parametrize(
    ("lines", "where", "says"),
    [
        ('strategy = "paper_demo"', "strategy", "only for paper money"),
        ('strategy = "moon"', "strategy", "installed: paper_demo, scripted, sma_cross"),
        ('strategy_risk = "0.1"', "strategy_risk", "does nothing without a strategy"),
        ("strategy_options = { a = 1 }", "strategy_options", "does nothing without a strategy"),
        ('strategy = "sma_cross"\nstrategy_risk = 1.5', "strategy_risk", "up to 1"),
        ('strategy = "sma_cross"\nstrategy_options = 3', "strategy_options", "a table is needed"),
        ('strategy = "sma_cross"\nstrategy_options = { a = { b = 1 } }', "strategy_options", "a is neither"),
        (
            f'strategy = "scripted"\nstrategy_options = {{ a = "{"x" * 3000}" }}',
            "strategy_options",
            "that fit",
        ),
    ],
)
def test_a_strategy_that_cannot_be_meant_is_a_fault(lines: str, where: str, says: str) -> None:
    place, line = the_fault_of(f"{EXCHANGE}{MASTER}{lines}\n")
    assert place.endswith(f".{where}")
    assert says in line


def test_an_account_has_the_rate_limits_of_its_tier() -> None:
    config = parse(f'{EXCHANGE}{MASTER}tier = "pro"\n{USER}', "c")
    assert [account.tier for account in config.accounts] == [Tier.PRO, Tier.STARTER]
    config = parse(f'{PAPER}{MASTER}{USER}tier = "intermediate"\n', "c")
    assert [account.tier for account in config.accounts] == [Tier.PRO, Tier.INTERMEDIATE]


@pytest.mark.parametrize("written", ['"gold"', '"Pro"', "3", "true"])
def test_a_tier_that_is_none_is_a_fault_that_names_those_there_are(written: str) -> None:
    where, line = the_fault_of(f"{EXCHANGE}{MASTER}{USER}tier = {written}\n")
    assert where == "accounts[1].tier"
    for tier in Tier:
        assert tier in line


def test_only_a_paper_exchange_keeps_no_limits() -> None:
    config = parse(f'{PAPER}{MASTER}tier = "unlimited"\n', "c")
    assert config.accounts[0].tier is Tier.UNLIMITED
    where, line = the_fault_of(f'{EXCHANGE}{MASTER}tier = "unlimited"\n')
    assert where == "accounts[0].tier"
    assert "Kraken has limits for everyone" in line


def test_a_tier_belongs_to_an_account() -> None:
    where, line = the_fault_of(f'[exchange]\nmode = "live"\ntier = "pro"\n{MASTER}')
    assert where == "exchange.tier"
    assert "[[accounts]]" in line
