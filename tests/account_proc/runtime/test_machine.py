"""Which boot of the machine this is, and which hosts are the machine itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.account_proc.runtime import machine


def test_a_boot_has_one_id() -> None:
    assert len(machine.boot_id()) == 16
    assert machine.boot_id() == machine.boot_id() != bytes(16)


@pytest.mark.parametrize("content", [None, "no hex at all"])
def test_where_the_machine_does_not_tell_it_is_zeros(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "boot_id"
    if content is not None:
        path.write_text(content)
    monkeypatch.setattr(machine, "_BOOT_ID", path)
    assert machine.boot_id() == bytes(16)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.8.7", "::1"])
def test_hosts_that_are_this_machine(host: str) -> None:
    assert machine.is_loopback(host)


@pytest.mark.parametrize("host", ["", "api.kraken.com", "localhost.kraken.com", "10.0.0.1", "::2", "127.0.0"])
def test_hosts_that_are_not(host: str) -> None:
    assert not machine.is_loopback(host)
