"""Which boot of the machine this is, and which hosts are the machine itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.account_proc.runtime import machine


def test_a_boot_has_one_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine.boot_id() == machine.boot_id()
    assert len(machine.boot_id()) == 16
    monkeypatch.setattr(machine, "_BOOT_ID", tmp_path / "none")
    assert machine.boot_id() == bytes(16)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.8.7", "::1"])
def test_hosts_that_are_this_machine(host: str) -> None:
    assert machine.is_loopback(host)


@pytest.mark.parametrize("host", ["", "api.kraken.com", "localhost.kraken.com", "10.0.0.1", "::2", "127.0.0"])
def test_hosts_that_are_not(host: str) -> None:
    assert not machine.is_loopback(host)
