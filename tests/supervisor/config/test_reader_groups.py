"""Groups in a configuration: who belongs to one, what its members go by, and every fault of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.spec import Sizing
from krakencopy.supervisor.config.reader import parse
from tests.support.config_texts import MASTER, PAPER, USER, faults_of, the_fault_of, user

COPY = "[copy]\nmax_slippage_bps = 70\nmax_entry_age_s = 20\n"
CLIENTS = '[[groups]]\nid = "clients"\ncopy = { max_user_risk = "0.05", max_slippage_bps = 30 }\n'
MEMBER = f'{USER}group = "clients"\n'


def test_a_member_goes_by_its_own_rules_then_its_groups_then_those_of_all() -> None:
    other = user("ben")
    config = parse(
        PAPER + COPY + CLIENTS + MASTER + MEMBER + "copy = { max_slippage_bps = 5 }\n" + other, "c"
    )
    tania, ben = config.users
    assert (tania.group, ben.group, config.groups) == ("clients", None, ("clients",))
    assert config.members("clients") == ("tania_gilbert",)
    assert (tania.copy.max_slippage_bps, tania.copy.max_user_risk) == (5, Decimal("0.05"))
    assert (tania.copy.max_entry_age_s, ben.copy.max_slippage_bps) == (20.0, 70)
    assert ben.copy.max_user_risk == Decimal("0.10")
    assert config.warnings == []


def test_a_strategy_risks_what_its_user_has_agreed_to_in_its_group() -> None:
    text = PAPER + CLIENTS + MASTER + MEMBER + 'strategy = "sma_cross"\n'
    assert parse(text, "c").users[0].strategy_risk == Decimal("0.05")


def test_a_group_may_say_what_only_some_of_its_members_use() -> None:
    group = '[[groups]]\nid = "clients"\ncopy = { ratio = "0.5" }\n'
    text = PAPER + group + MASTER + MEMBER
    assert parse(text, "c").users[0].copy.ratio == Decimal("0.5")
    chosen = parse(text + 'copy = { sizing = "fixed_ratio" }\n', "c").users[0].copy
    assert (chosen.sizing, chosen.ratio) == (Sizing.FIXED_RATIO, Decimal("0.5"))


def test_a_group_that_nobody_belongs_to_is_a_warning() -> None:
    assert parse(PAPER + CLIENTS + MASTER, "c.toml").warnings == [
        'c.toml: group "clients": nobody belongs to it; write group = "clients" at an account'
    ]


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (CLIENTS + MASTER + f'{USER}group = "client"\n', "accounts[1].group", "known here: clients"),
        (MASTER + MEMBER, "accounts[1].group", 'write [[groups]] with id = "clients"'),
        (CLIENTS + MASTER + 'group = "clients"\n', "accounts[0].group", "a master does not copy"),
        (
            CLIENTS + MASTER + USER.replace('"kraken"', '"ccxt:kraken"') + 'group = "clients"\n',
            "accounts[1].group",
            "means nothing at ccxt:kraken: groups are of those who copy; take it out",
        ),
        (CLIENTS + CLIENTS + MASTER + MEMBER, "groups[1].id", "also the id of another group"),
        ('[[groups]]\nid = "Tania"\n' + MASTER + USER, "groups[0].id", '"Tania" cannot be an id'),
        (
            '[[groups]]\nid = "tania_gilbert"\n' + MASTER + USER,
            "accounts[1].id",
            '"tania_gilbert" is also the id of a group, and commands take both; change one of the ids',
        ),
        ("[[groups]]\n" + MASTER, "groups[0].id", "missing; use 1 to 64 of a-z"),
        ("[groups]\n" + MASTER, "groups", "a table where an array of tables is needed; write [[groups]]"),
        (
            '[[groups]]\nid = "g"\ncopy = { max_user_risk = "2" }\n' + MASTER,
            "groups[0].copy.max_user_risk",
            '"2" is out of bounds',
        ),
        ('[[groups]]\nid = "g"\nmembers = ["a"]\n' + MASTER, "groups[0].members", "known here: copy, id"),
        (
            '[[groups]]\nid = "clients"\ncopy = { sizing = "fixed_ratio" }\n' + MASTER + MEMBER,
            "groups[0].copy.ratio",
            'missing, and sizing = "fixed_ratio" needs it',
        ),
    ],
)
def test_a_fault_of_a_group_names_its_place_and_what_to_write(text: str, where: str, says: str) -> None:
    found, line = the_fault_of(PAPER + text)
    assert found == where
    assert says in line


def test_a_group_that_is_no_text_is_a_fault() -> None:
    (line,) = faults_of(PAPER + CLIENTS + MASTER + USER + "group = 1\n").values()
    assert "a number where a string is needed" in line
