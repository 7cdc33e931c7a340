"""A configuration is either good and complete, or every fault in it is told in a line that says what to
write.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, OrderStyle, Role, Sizing
from krakencopy.supervisor.config.reader import Mode, PaperMarket, parse
from tests.support.config_texts import EXCHANGE, MASTER, PAPER, USER, faults_of, the_fault_of


def test_the_documented_example_is_read_whole() -> None:
    config = parse(
        """
        [exchange]
        mode = "live"
        [startup]
        nonce_separation_s = 5
        health_timeout_s = 60
        [copy]
        sizing = "balance_ratio"
        max_user_risk = "0.10"
        order = "market"
        max_slippage_bps = 50
        max_entry_age_s = 30
        [[accounts]]
        id = "master"
        role = "master"
        broker = "kraken"
        [[accounts]]
        id = "tania_gilbert"
        role = "user"
        broker = "kraken"
        copy = { max_user_risk = "0.05" }
        """,
        "krakencopy.toml",
    )
    assert config.exchange.mode is Mode.LIVE
    assert config.exchange.rest_url == "https://api.kraken.com"
    assert config.exchange.ws_url == "wss://ws-auth.kraken.com/v2"
    assert (config.startup.nonce_separation_s, config.startup.health_timeout_s) == (5.0, 60.0)
    assert config.copy == CopyRules()
    assert config.master.id == "master"
    (tania,) = config.users
    assert (tania.id, tania.role, tania.broker) == ("tania_gilbert", Role.USER, "kraken")
    assert tania.copy == CopyRules(max_user_risk=Decimal("0.05"))


def test_what_is_not_written_has_the_documented_defaults() -> None:
    live, paper = parse(EXCHANGE + MASTER + USER, "c"), parse(PAPER + MASTER + USER, "c")
    assert live.startup.nonce_separation_s == 5.0
    assert paper.startup.nonce_separation_s == 0.0
    assert live.startup.health_timeout_s == paper.startup.health_timeout_s == 60.0
    assert paper.exchange.rest_url is None
    assert paper.exchange.ws_url is None
    assert live.users[0].copy == CopyRules()
    assert live.users[0].strategy is None


def test_a_user_changes_single_rules_of_the_default() -> None:
    copy = '[copy]\nsizing = "fixed_ratio"\nratio = "0.5"\nbalance = "cash"\norder = "limit_ioc"\n'
    config = parse(PAPER + copy + MASTER + USER + "copy = { ratio = 0.1, max_entry_age_s = 2.5 }\n", "c")
    assert config.copy.ratio == Decimal("0.5")
    assert config.users[0].copy == CopyRules(
        sizing=Sizing.FIXED_RATIO,
        balance=BalanceBasis.CASH,
        ratio=Decimal("0.1"),
        order=OrderStyle.LIMIT_IOC,
        max_entry_age_s=2.5,
    )


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (f"{PAPER}{MASTER}[copy]\nmax_user_rsk = 1\n", "copy.max_user_rsk", "did you mean max_user_risk?"),
        (f"{PAPER}{MASTER}{USER}max_user_risk = 1\n", "accounts[1].max_user_risk", "it belongs in [copy]"),
        (f"mode = 1\n{PAPER}{MASTER}", "mode", "it belongs in [exchange]"),
        (f"{PAPER}{MASTER}[web]\nlisten = 'x'\n", "web", "unknown key"),
        (f"{PAPER}{MASTER}[wibble]\n", "wibble", "known here: accounts, control, copy, exchange, groups"),
        (f'{PAPER}{MASTER}"a\\nb" = 1\n', 'accounts[0]."a\\u000ab"', "unknown key"),
    ],
)
def test_an_unknown_key_is_a_fault_that_names_the_nearest(text: str, where: str, says: str) -> None:
    found, line = the_fault_of(text)
    assert found == where
    assert "unknown key" in line
    assert says in line


def test_a_secret_in_the_place_of_a_key_is_not_shown() -> None:
    secret = "c2VjcmV0" * 8
    for line in (f"{secret} = 1", f'"{secret}==" = 1', f"{secret} = 1\n{secret} = 2"):
        _, told = the_fault_of(f"{PAPER}{MASTER}{line}\n")
        assert "(a key of 6" in told
        assert "c2VjcmV0" not in told


@pytest.mark.parametrize("key", ["secret", "api_key", "API_SECRET", "key"])
def test_a_secret_in_the_file_is_told_without_being_shown(key: str) -> None:
    where, line = the_fault_of(f'{PAPER}{MASTER}{key} = "aHVudGVyMg=="\n')
    assert where == f"accounts[0].{key}"
    assert "aHVudGVyMg" not in line
    assert "take it out" in line


@pytest.mark.parametrize(("sizing", "key"), [("fixed_ratio", "ratio"), ("fixed_notional", "notional")])
def test_fixed_sizing_needs_its_amount(sizing: str, key: str) -> None:
    own, line = the_fault_of(f'{PAPER}{MASTER}{USER}copy = {{ sizing = "{sizing}" }}\n')
    assert own == f"accounts[1].copy.{key}"
    assert f'write {key} = "..."' in line
    default, _ = the_fault_of(f'{PAPER}[copy]\nsizing = "{sizing}"\n{MASTER}{USER}')
    assert default == f"copy.{key}", "told once, where it is missing"


def test_an_amount_that_does_nothing_is_a_fault_for_a_user() -> None:
    where, line = the_fault_of(f"{PAPER}{MASTER}{USER}copy = {{ ratio = 2 }}\n")
    assert where == "accounts[1].copy.ratio"
    assert 'write sizing = "fixed_ratio" too' in line


def test_a_paper_exchange_of_our_own_may_have_live_prices() -> None:
    assert parse(PAPER + MASTER, "c").exchange.market is PaperMarket.SYNTHETIC
    assert parse(PAPER + 'market = "synthetic"\n' + MASTER, "c").exchange.market is PaperMarket.SYNTHETIC
    live = parse(PAPER + 'market = "live"\n' + MASTER, "c").exchange
    assert (live.market, live.managed) == (PaperMarket.LIVE, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (EXCHANGE + 'market = "live"\n', 'does nothing with mode = "live"'),
        (
            PAPER + 'market = "live"\nrest_url = "http://127.0.0.1:1"\nws_url = "ws://127.0.0.1:1"\n',
            "does nothing with URLs",
        ),
        (PAPER + 'market = "real"\n', '"real"'),
    ],
)
def test_a_market_that_cannot_be_meant_is_a_fault(text: str, says: str) -> None:
    where, line = the_fault_of(text + MASTER)
    assert where == "exchange.market"
    assert says in line


def test_one_url_alone_would_mix_two_exchanges() -> None:
    where, _ = the_fault_of(f'{EXCHANGE}rest_url = "http://127.0.0.1:1"\n{MASTER}')
    assert where == "exchange.ws_url"


def test_all_faults_are_told_at_once() -> None:
    text = """
    [exchange]
    mode = "liv"
    [startup]
    health_timeout = 3
    [copy]
    max_user_risk = 7
    [[accounts]]
    id = "../x"
    role = "master"
    broker = "ftx"
    [[accounts]]
    id = "tania"
    role = "user"
    broker = "kraken"
    copy = { order = "limit", ratio = "half" }
    """
    assert set(faults_of(text)) == {
        "exchange.mode",
        "startup.health_timeout",
        "copy.max_user_risk",
        "accounts[0].id",
        "accounts[0].broker",
        "accounts[1].copy.order",
        "accounts[1].copy.ratio",
    }
