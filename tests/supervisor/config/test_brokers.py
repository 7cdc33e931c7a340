"""Brokers by name: what is ours, what ccxt has, what is missing; found without loading ccxt."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec

import pytest

from krakencopy.account_proc.contract.spec import Role, Tier
from krakencopy.supervisor.config import brokers
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.config.reader import ConfigFaults, parse
from tests.support.system import ROOT

LIVE, PAPER = '[exchange]\nmode = "live"\n', '[exchange]\nmode = "paper"\n'
SERVED = PAPER + 'rest_url = "http://127.0.0.1:1"\nws_url = "ws://127.0.0.1:1"\n'


def account(id_: str, role: str = "user", broker: str = "kraken", *lines: str) -> str:
    head = f'[[accounts]]\nid = "{id_}"\nrole = "{role}"\nbroker = "{broker}"\n'
    return head + "".join(f"{line}\n" for line in lines)


MASTER = account("master", "master")


def faults_of(text: str) -> dict[str, str]:
    with pytest.raises(ConfigFaults) as raised:
        parse(text, "krakencopy.toml")
    return {fault.where: str(fault) for fault in raised.value.faults}


def test_accounts_at_other_brokers_neither_copy_nor_are_copied() -> None:
    config = parse(
        LIVE + account("cara", "user", "coinbase") + MASTER + account("anna")
        + account("chief", "master", "coinbase") + account("kim", "user", "ccxt:kraken"),
        "krakencopy.toml",
    )  # fmt: skip
    assert config.master.id == "master"
    assert [user.id for user in config.users] == ["anna"]
    assert [other.id for other in config.others] == ["chief", "cara", "kim"]
    assert [(a.id, a.is_kraken, a.copies) for a in config.accounts if a.is_kraken] == [
        ("master", True, False), ("anna", True, True),
    ]  # fmt: skip


def test_one_broker_has_one_name() -> None:
    config = parse(LIVE + MASTER + account("cara", "user", "ccxt:coinbase"), "krakencopy.toml")
    assert config.others[0].broker == "coinbase"
    assert brokers.normal("ccxt:kraken") == "ccxt:kraken"


@pytest.mark.parametrize(
    ("role", "broker", "prefix"),
    [
        (Role.MASTER, "kraken", "KRAKEN_MASTER"),
        (Role.USER, "coinbase", "COINBASE_USER_CARA_B"),
        (Role.MASTER, "coinbase", "COINBASE_MASTER"),
        (Role.USER, "ccxt:kraken", "CCXT_KRAKEN_USER_CARA_B"),
    ],
)
def test_keys_are_found_by_the_brokers_name(role: Role, broker: str, prefix: str) -> None:
    one = AccountConfig(id="cara-b", role=role, broker=broker)
    assert one.credential_variables == (f"{prefix}_API_KEY", f"{prefix}_API_SECRET")


def test_ids_may_share_a_variables_name_at_different_brokers() -> None:
    parse(LIVE + MASTER + account("a-b") + account("a_b", "user", "coinbase"), "krakencopy.toml")


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (LIVE + MASTER + account("x", "user", "ftx2"), "accounts[1].broker", "ccxt knows no such exchange"),
        (LIVE + MASTER + account("x", "user", "coinbas"), "accounts[1].broker", 'did you mean "coinbase"?'),
        (LIVE + MASTER + account("x", "user", "../kraken"), "accounts[1].broker", "not a broker's name"),
        (LIVE + account("x", "master", "coinbase"), "accounts", "no master at Kraken"),
        (
            LIVE + MASTER + account("x", "master", "coinbase") + account("y", "master", "ccxt:coinbase"),
            "accounts[2].role",
            "a second master at coinbase (accounts[1].role is the first)",
        ),
        (
            LIVE + MASTER + account("x", "user", "coinbase", "copy = { ratio = 1 }"),
            "accounts[1].copy",
            "nobody is copied there",
        ),
        (
            LIVE + MASTER + account("x", "user", "coinbase", 'tier = "pro"'),
            "accounts[1].tier",
            "means nothing at coinbase",
        ),
        (
            LIVE + MASTER + account("x", "user", "coinbase", 'mode = "shadow"'),
            "accounts[1].mode",
            "nobody is copied there",
        ),
        (
            LIVE + MASTER + account("x", "user", "coinbase", "allow_withdraw_key = true"),
            "accounts[1].allow_withdraw_key",
            "means nothing at coinbase",
        ),
        (
            LIVE + account("m", "master", "kraken", 'broker_url = "https://x.test"'),
            "accounts[0].broker_url",
            "[exchange]",
        ),
        (
            LIVE + MASTER + account("x", "user", "coinbase", 'broker_url = "http://x.test"'),
            "accounts[1].broker_url",
            "unencrypted",
        ),
        (PAPER + MASTER + account("x", "user", "coinbase"), "accounts[1].broker", "speaks Kraken's protocol"),
        (
            SERVED + MASTER + account("x", "user", "coinbase"),
            "accounts[1].broker_url",
            "would trade real money at coinbase",
        ),
        (
            PAPER + MASTER + account("x", "user", "ccxt:kraken", 'broker_url = "https://api.kraken.com"'),
            "accounts[1].broker_url",
            "real money",
        ),
    ],
)
def test_what_does_not_fit_a_broker_is_a_fault(text: str, where: str, says: str) -> None:
    faults = faults_of(text)
    assert list(faults) == [where]
    assert says in faults[where]


def test_ccxt_that_is_not_installed_is_a_fault_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(_: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(brokers, "find_spec", find_spec)
    faults = faults_of(LIVE + MASTER + account("x", "user", "coinbase"))
    assert "pip install 'krakencopy[brokers]'" in faults["accounts[1].broker"]
    parse(LIVE + MASTER + account("anna"), "krakencopy.toml")  # nothing else needs it


def test_an_account_that_trades_nothing_is_warned_of() -> None:
    config = parse(LIVE + MASTER + account("cara", "user", "coinbase"), "krakencopy.toml")
    (warning,) = config.warnings
    assert "cara" in warning
    assert "no strategy" in warning


def test_in_paper_mode_krakens_other_way_in_leads_to_the_paper_exchange() -> None:
    config = parse(PAPER + MASTER + account("kim", "user", "ccxt:kraken"), "krakencopy.toml")
    assert (config.others[0].broker_url, config.others[0].tier) == (None, Tier.PRO)


def test_nothing_that_is_loaded_before_an_account_has_its_process_loads_ccxt() -> None:
    code = (
        "import sys, krakencopy.supervisor.daemon, krakencopy.supervisor.run, "
        "krakencopy.supervisor.processes.forkserver, krakencopy.account_proc.main, "
        "krakencopy.account_proc.service.ccxt_process\n"
        "from krakencopy.supervisor.config.brokers import fault_of\n"
        "assert fault_of('coinbase') is None\n"
        "print([name for name in sys.modules if name.partition('.')[0] in {'ccxt', 'cryptography'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_ccxt_everything_of_krakens_is_loaded_all_the_same() -> None:
    code = (
        "import sys\nsys.modules['ccxt'] = None\nimport krakencopy.supervisor.daemon, "
        "krakencopy.supervisor.run, krakencopy.account_proc.main"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
