"""Keys of other brokers: private keys of several lines come whole from each source, and no line of them is
ever shown.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.spec import Credentials, Role
from krakencopy.account_proc.runtime.boot import without
from krakencopy.supervisor.config.credentials import load_credentials, without_credentials
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.config.reader import ConfigFaults

KEY = "organizations/11111111/apiKeys/22222222"
LINES = ("MHcCAQEEIEunguessablePartOfAPrivateKey0000000000", "AwEHoUQDQgAEunguessableToo00000000000000==")
PEM = "\n".join(("-----BEGIN EC PRIVATE KEY-----", *LINES, "-----END EC PRIVATE KEY-----"))
CARA = AccountConfig(id="cara", role=Role.USER, broker="coinbase")
WANTED = Credentials(KEY, PEM)
PRINTS = "import sys; sys.stdout.write(sys.argv[1])"


def environ(secret: str) -> dict[str, str]:
    return {"COINBASE_USER_CARA_API_KEY": KEY, "COINBASE_USER_CARA_API_SECRET": secret}


@pytest.mark.parametrize(
    "secret", [PEM, PEM + "\n", PEM.replace("\n", "\\n"), PEM.replace("\n", "\\n") + "\\n"]
)
def test_a_private_key_comes_from_the_environment_however_its_lines_end(secret: str) -> None:
    assert load_credentials(CARA, environ(secret), Path()) == WANTED


@pytest.mark.parametrize(
    "text", [f'key = "{KEY}"\nsecret = """\n{PEM}\n"""\n', f"key = '{KEY}'\nsecret = {json.dumps(PEM)}\n"]
)
def test_a_private_key_comes_from_a_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cara.toml"
    file.write_text(text)
    file.chmod(0o600)
    account = AccountConfig(id="cara", role=Role.USER, broker="coinbase", credentials_file="cara.toml")
    assert load_credentials(account, {}, tmp_path) == WANTED


@pytest.mark.parametrize("output", [f"{KEY}\n{PEM}\n", json.dumps({"key": KEY, "secret": PEM})])
def test_a_private_key_comes_from_a_command(tmp_path: Path, output: str) -> None:
    command = (sys.executable, "-c", PRINTS, output)
    account = AccountConfig(id="cara", role=Role.USER, broker="coinbase", credentials_command=command)
    assert load_credentials(account, {}, tmp_path) == WANTED


def test_a_secret_of_another_form_than_krakens_is_taken_as_it_is() -> None:
    assert load_credentials(CARA, environ("s3cret-with_signs!"), Path()).secret == "s3cret-with_signs!"


@pytest.mark.parametrize(
    "secret", ["two words", "ä", PEM[:-10], PEM.replace("\n", " "), "-----BEGIN " + "x" * 4000]
)
def test_what_can_be_no_secret_is_refused_unseen(secret: str) -> None:
    with pytest.raises(ConfigFaults) as raised:
        load_credentials(CARA, environ(secret), Path())
    assert "COINBASE_USER_CARA_API_SECRET" in str(raised.value)
    assert not any(line in str(raised.value) for line in (*LINES, secret))


def test_kraken_over_ccxt_wants_krakens_form() -> None:
    kim = AccountConfig(id="kim", role=Role.USER, broker="ccxt:kraken")
    with pytest.raises(ConfigFaults, match="not base64"):
        load_credentials(
            kim, {"CCXT_KRAKEN_USER_KIM_API_KEY": "k", "CCXT_KRAKEN_USER_KIM_API_SECRET": "!"}, Path()
        )


def test_no_brokers_keys_reach_other_processes() -> None:
    names = ("CCXT_KRAKEN_MASTER_API_KEY", "BINANCE_USER_X_Y_API_SECRET", *environ(PEM))
    assert without_credentials(
        dict.fromkeys(names, "x") | {"PATH": "/bin", "MY_API_KEY": "no account's"}
    ) == {
        "PATH": "/bin",
        "MY_API_KEY": "no account's",
    }


@pytest.mark.parametrize("shown", [PEM, repr(PEM), *LINES, KEY])
def test_no_line_of_a_private_key_shows(shown: str) -> None:
    told = without(WANTED, f"before {shown} after")
    assert not any(line in told for line in (*LINES, KEY))
    assert told.startswith("before ")
    assert told.endswith(" after")
