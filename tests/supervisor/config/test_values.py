"""Values are read by their text, within their bounds, and a fault says what to write."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import CopyRules, Credentials
from krakencopy.account_proc.runtime.boot import boot_message
from krakencopy.supervisor.config.model import LIVE_REST_URL, LIVE_WS_URL, Config
from krakencopy.supervisor.config.reader import (
    parse,
)
from krakencopy.supervisor.config.values import HANDED_BYTES_MAX
from krakencopy.supervisor.processes.spawner import BOOT_BYTES_MAX
from tests.support.config_texts import (
    EXCHANGE,
    MASTER,
    PAPER,
    USER,
    read_or_faults,
    the_fault_of,
    toml,
)
from tests.support.spawning import spec_of


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("exchange", "mode", '"demo"'),
        ("exchange", "mode", "1"),
        ("startup", "nonce_separation_s", "-1"),
        ("startup", "nonce_separation_s", '"5"'),
        ("startup", "nonce_separation_s", "true"),
        ("startup", "health_timeout_s", "0"),
        ("startup", "health_timeout_s", "1e9"),
        ("startup", "health_timeout_s", "nan"),
        ("copy", "sizing", '"equal"'),
        ("copy", "balance", '"margin"'),
        ("copy", "order", '"stop"'),
        ("copy", "order", '""'),
        ("copy", "ratio", "0"),
        ("copy", "ratio", '"1000000"'),
        ("copy", "notional", "-5"),
        ("copy", "notional", "9" * 4000),
        ("copy", "max_slippage_bps", "-1"),
        ("copy", "max_slippage_bps", "1001"),
        ("copy", "max_slippage_bps", "50.0"),
        ("copy", "max_slippage_bps", "false"),
        ("copy", "max_entry_age_s", "0"),
        ("copy", "max_entry_age_s", "1979-05-27"),
    ],
)
def test_a_wrong_type_or_value_is_a_fault_at_its_key(table: str, key: str, value: str) -> None:
    mode = "" if key == "mode" else 'mode = "paper"\n'
    section = f"[exchange]\n{mode}" if table == "exchange" else f"{PAPER}[{table}]\n"
    where, line = the_fault_of(f"{section}{key} = {value}\n{MASTER}{USER}")
    assert where == f"{table}.{key}"
    assert "; write " in line
    assert len(line) < 250


def urls(rest: str, ws: str) -> str:
    return f'rest_url = "{rest}"\nws_url = "{ws}"\n'


@pytest.mark.parametrize(
    ("rest", "ws"),
    [
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/v2"),
        ("http://[::1]:8080/", "ws://localhost/v2"),
        ("https://proxy.example/kraken", "wss://proxy.example/v2"),
    ],
)
def test_live_urls_are_encrypted_or_stay_on_this_machine(rest: str, ws: str) -> None:
    exchange = parse(EXCHANGE + urls(rest, ws) + MASTER, "c").exchange
    assert (exchange.rest_url, exchange.ws_url) == (rest.rstrip("/"), ws)


@pytest.mark.parametrize(
    ("mode", "rest", "says"),
    [
        ("live", "http://example.com", "unencrypted"),
        ("live", "http://localhost.example.com", "unencrypted"),
        ("live", "ftp://example.com", "not a http or https URL"),
        ("live", "example.com", "not a http"),
        ("live", "https://", "not a http"),
        ("live", "https://host:port", "not a http"),
        ("live", "https://exa mple.com", "not a http"),
        ("live", "https://key:hunter2@example.com", "has a user"),
        ("live", "https://example.com/?key=hunter2", "a query"),
        ("live", "https://example.com/" + "a" * 300, "at most 200"),
        ("paper", "https://api.kraken.com", "real money"),
        ("paper", "https://API.Kraken.com.", "real money"),
    ],
)
def test_a_url_that_cannot_be_meant_is_a_fault(mode: str, rest: str, says: str) -> None:
    where, line = the_fault_of(f'[exchange]\nmode = "{mode}"\n' + urls(rest, "wss://example.com/v2") + MASTER)
    assert where == "exchange.rest_url"
    assert says in line
    assert "hunter2" not in line


@given(st.decimals(allow_nan=True, allow_infinity=True), st.booleans())
def test_only_shares_over_0_and_up_to_1_are_risk_limits(share: Decimal, quoted: bool) -> None:
    written = f"{share:f}" if share.is_finite() else str(share).lower().replace("infinity", "inf")
    if re.search("snan|nan[0-9]", written):
        return
    result = read_or_faults(
        f"{PAPER}[copy]\nmax_user_risk = {toml(written) if quoted else written}\n{MASTER}"
    )
    if isinstance(result, Config):
        assert 0 < result.copy.max_user_risk <= 1
        assert result.copy.max_user_risk == share


def boot_bytes(rules: CopyRules) -> int:
    """Of an account with an id and paths of some length, and with a key as Kraken gives them."""
    spec = replace(
        spec_of(Path("/var/lib/krakencopy/the-state-of-all-clients"), "tania_gilbert"),
        copy=rules, owner="live " + "o" * 36, journal_id="j" * 36, instance_id="i" * 36, group="clients",
        rest_url=LIVE_REST_URL, ws_url=LIVE_WS_URL,
    )  # fmt: skip
    return len(boot_message(spec, Credentials("k" * 56, "s" * 88, link="l" * 64)))


def test_all_that_a_process_is_handed_has_to_fit_together() -> None:
    listed = ", ".join(f'"C{number}/USD"' for number in range(10, 75))
    pairs = ", ".join(f'"C{n}/USD" = {{ max_order_notional = "{n} USD" }}' for n in range(10, 25))
    lists = f"include = [{listed}], exclude = [{listed}]"
    config = parse(f"{PAPER}{MASTER}{USER}copy = {{ {lists} }}", "c")
    assert boot_bytes(config.users[0].copy) < BOOT_BYTES_MAX
    place, line = the_fault_of(f"{PAPER}{MASTER}{USER}copy = {{ {lists}, pairs = {{ {pairs} }} }}")
    assert place == "accounts[1].copy"
    assert "more than the 2400 that fit together; use patterns" in line


def test_the_longest_rules_that_are_taken_reach_the_process() -> None:
    longest = CopyRules(include=("x" * (HANDED_BYTES_MAX - 30),))
    assert HANDED_BYTES_MAX - 20 < len(json.dumps([longest.to_raw(), {}, {}])) <= HANDED_BYTES_MAX
    assert boot_bytes(longest) < BOOT_BYTES_MAX
