"""Configurations as text, and the faults that are found in them."""

from __future__ import annotations

import pytest

from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.reader import ConfigFaults, parse

EXCHANGE = '[exchange]\nmode = "live"\n'
PAPER = '[exchange]\nmode = "paper"\n'
MASTER = '[[accounts]]\nid = "master"\nrole = "master"\nbroker = "kraken"\n'
USER = '[[accounts]]\nid = "tania_gilbert"\nrole = "user"\nbroker = "kraken"\n'


def user(name: str, lines: str = "") -> str:
    """As USER, by another name, with more lines."""
    return USER.replace("tania_gilbert", name) + lines


def faults_of(text: str) -> dict[str, str]:
    """Each fault's place, and its line."""
    with pytest.raises(ConfigFaults) as raised:
        parse(text, "krakencopy.toml")
    lines = str(raised.value).splitlines()
    assert len(lines) == len(raised.value.faults), "one line for each fault"
    assert all(line.startswith("krakencopy.toml: ") for line in lines)
    places = {fault.where: str(fault) for fault in raised.value.faults}
    assert len(places) == len(lines), f"two faults in one place: {lines}"
    return places


def the_fault_of(text: str) -> tuple[str, str]:
    ((where, line),) = faults_of(text).items()
    return where, line


def toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(toml(item) for item in value) + "]"
        case _:
            escaped = "".join(f"\\U{ord(char):08x}" for char in str(value))
            return f'"{escaped}"'


def read_or_faults(text: str) -> Config | ConfigFaults:
    try:
        return parse(text, "c")
    except ConfigFaults as faults:
        return faults
