"""A configuration is either good and complete, or every fault in it is told in a line that says what to
write.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, OrderStyle, Role, Sizing, Tier
from krakencopy.supervisor.config.reader import (
    ConfigFaults,
    Mode,
    PaperMarket,
    load,
    parse,
)
from tests.support.config_texts import (
    EXCHANGE,
    MASTER,
    PAPER,
    USER,
    faults_of,
    read_or_faults,
    the_fault_of,
    toml,
)


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
        (f"{PAPER}{MASTER}[control]\nlisten = 'x'\n", "control", "unknown key"),
        (f"{PAPER}{MASTER}[wibble]\n", "wibble", "known here: accounts, copy, exchange, groups, startup"),
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


@pytest.mark.parametrize("key", ["secret", "api_key", "API_SECRET", "key"])
def test_a_secret_in_the_file_is_told_without_being_shown(key: str) -> None:
    where, line = the_fault_of(f'{PAPER}{MASTER}{key} = "aHVudGVyMg=="\n')
    assert where == f"accounts[0].{key}"
    assert "aHVudGVyMg" not in line
    assert "take it out" in line


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[exchange]\nmode = "live"\nmode = "paper"\n', "line 3", "mode is set a second time"),
        ('[exchange]\nmode = "live"\nmode = "paper"', "line 3", "mode is set a second time"),
        (f"{PAPER}{MASTER}\n[exchange]\n", "line 8", "exchange is set a second time"),
        (f"{PAPER}{MASTER}copy = {{ ratio = 1, ratio = 2 }}\n", "line 7", "ratio is set a second time"),
        ("[exchange]\nmode = live\n", "line 2", "not TOML"),
        ("[exchange", "line 1", "not TOML"),
        ("a = " + "[" * 100_000, "", "nested too deep"),
        ("a = " + "9" * 5000, "", "too many digits"),
        ("a = 1e99999999999999999999999", "", "too many digits"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(text: str, line: str, says: str) -> None:
    where, message = the_fault_of(text)
    assert where == line
    assert says in message


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


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    for path, says in ((missing, "No such file"), (tmp_path, "directory")):
        with pytest.raises(ConfigFaults, match=says) as raised:
            load(path)
        assert str(path) in str(raised.value)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(PAPER.encode() + "# für\n".encode("latin-1"))
    with pytest.raises(ConfigFaults, match="line 3: not UTF-8"):
        load(latin)


def test_a_file_of_another_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (PAPER + MASTER).replace("\n", "\r\n").encode())
    assert load(path).source == str(path)


KEYS = (
    "mode",
    "id",
    "role",
    "broker",
    "copy",
    "ratio",
    "sizing",
    "max_user_risk",
    "credentials_file",
    "credentials_command",
    "allow_withdraw_key",
    "x",
)
#: What means something to TOML, to a terminal, or to ``splitlines``.
CHARACTERS = "[]{}=\"'\n\r#., \t\\a1-_+:\u00e4\u0660\u2028\x85\x00\x1b"
SCALARS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(CHARACTERS, max_size=8),
    st.sampled_from(["live", "paper", "master", "user", "kraken", "fixed_ratio", "0.5"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["exchange", "startup", "copy", "accounts", "control", "y"]), VALUES))
def test_any_document_is_a_configuration_or_faults_of_one_line_each(document: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in document.items())
    result = read_or_faults(text)
    if isinstance(result, ConfigFaults):
        lines = str(result).split("\n")
        assert len(lines) == len(result.faults)
        assert all(line.isprintable() and len(line) < 400 for line in lines)


@given(st.text(CHARACTERS))
def test_any_text_is_a_configuration_or_faults(text: str) -> None:
    result = read_or_faults(text)
    assert isinstance(result, ConfigFaults), "no text of chance has a master"
    assert all(str(fault).isprintable() for fault in result.faults)
