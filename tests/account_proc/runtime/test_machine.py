"""Which boot it is comes from the kernel."""

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
