"""Where the control API is served by TLS, as it is written, and the word for what cannot be."""

from __future__ import annotations

import pytest

from krakencopy.supervisor.config.control_table import split_listen
from krakencopy.supervisor.config.diff import compare
from krakencopy.supervisor.config.model import CallerRole, Config, ControlConfig, PrincipalConfig
from krakencopy.supervisor.config.reader import parse
from tests.support.config_texts import MASTER, PAPER, faults_of, the_fault_of

OWN_CA = 'certificate = "c.pem"\nkey = "c.key"\nclient_ca = "ca.pem"\n'


def config_of(lines: str) -> Config:
    return parse(f"{PAPER}{MASTER}{lines}", "krakencopy.toml")


def test_without_the_table_nothing_is_served() -> None:
    assert config_of("").control == ControlConfig()
    assert not config_of("").control.has_own_ca


def test_an_address_and_a_port_are_served_with_certificates_of_krakencopys_own() -> None:
    control = config_of(
        '[control]\nlisten = "0.0.0.0:7443"\nnames = ["box.example.org", "10.0.0.7"]\n'
    ).control
    assert control == ControlConfig(listen="0.0.0.0:7443", names=("box.example.org", "10.0.0.7"))
    assert control.has_own_ca
    assert split_listen("0.0.0.0:7443") == ("0.0.0.0", 7443)  # noqa: S104 - it is only read
    assert split_listen("[::1]:7443") == ("::1", 7443)


def test_or_with_the_operators_own_and_names_that_are_known() -> None:
    config = config_of(
        f'[control]\nlisten = "[::]:7443"\n{OWN_CA}'
        '[[control.principals]]\nname = "reports"\nrole = "viewer"\n'
        '[[control.principals]]\nname = "anna"\nrole = "owner"\naccount = "user-7"\n'
    )
    assert not config.control.has_own_ca
    assert config.principals == (
        PrincipalConfig(name="reports", role=CallerRole.VIEWER),
        PrincipalConfig(name="anna", role=CallerRole.OWNER, account="user-7"),
    )


@pytest.mark.parametrize(
    ("lines", "where", "says"),
    [
        ('listen = "http://0.0.0.0:80"', "listen", "a port is served by TLS alone"),
        ('listen = "unix:/run/x.sock"', "listen", "the Unix socket is there always"),
        ('listen = "/run/x.sock"', "listen", "the Unix socket is there always"),
        ('listen = "localhost:7443"', "listen", "is no address with a port"),
        ('listen = "0.0.0.0"', "listen", "is no address with a port"),
        ('listen = "0.0.0.0:0"', "listen", "is no address with a port"),
        ('listen = "1.2.3.4.5:70"', "listen", "is no address with a port"),
        ('names = ["box"]', "listen", "missing: nothing is served by TLS"),
        ('listen = "[::]:1"\nnames = ["a b"]', "names", "is no name of a machine"),
        ('listen = "[::]:1"\nnames = ["box:7443"]', "names", "is no name of a machine"),
        ('listen = "[::]:1"\nprincipals = [{ name = "a", role = "viewer" }]', "principals",
         "without client_ca"),
        (f'listen = "[::]:1"\n{OWN_CA}names = ["a"]', "names", "with a certificate of your own"),
        (f'listen = "[::]:1"\n{OWN_CA}principals = [{{ name = "a", role = "owner" }}]',
         "principals[0].account",
         "missing: an owner has one"),
        (f'listen = "[::]:1"\n{OWN_CA}principals = [{{ name = "a", role = "viewer", account = "b" }}]',
         "principals[0].account", "only an owner has one"),
        (f'listen = "[::]:1"\n{OWN_CA}principals = [{{ name = "a", role = "king" }}]', "principals[0].role",
         '"king" is not known'),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(lines: str, where: str, says: str) -> None:
    place, line = the_fault_of(f"{PAPER}{MASTER}[control]\n{lines}\n")
    assert place == f"control.{where}"
    assert says in line


def test_certificates_of_ones_own_are_all_or_none_and_principals_are_named_once() -> None:
    found = faults_of(f'{PAPER}{MASTER}[control]\nlisten = "[::]:1"\nkey = "k"\n')
    assert found.keys() == {"control.certificate", "control.client_ca"}
    twice = '[[control.principals]]\nname = "a"\nrole = "viewer"\n' * 2
    text = f'{PAPER}{MASTER}[control]\nlisten = "[::]:1"\n{OWN_CA}{twice}'
    assert faults_of(text).keys() == {"control.principals[1].name"}


def test_names_that_are_known_are_taken_while_running_and_where_it_listens_is_not() -> None:
    before = config_of(f'[control]\nlisten = "[::]:1"\n{OWN_CA}')
    after = config_of(
        f'[control]\nlisten = "[::]:1"\n{OWN_CA}'
        '[[control.principals]]\nname = "anna"\nrole = "owner"\naccount = "u"\n'
    )
    difference = compare(before, after)
    assert difference.fixed == ()
    assert str(difference) == 'control.principals.anna (not set) -> "owner of u"'
    assert difference.applied_to(before).principals == after.principals
    moved = compare(before, config_of('[control]\nlisten = "[::]:2"\nnames = ["box"]\n'))
    assert 'control.listen "[::]:1" -> "[::]:2"' in moved.fixed
    assert "control.names (not set) -> box" in moved.fixed
