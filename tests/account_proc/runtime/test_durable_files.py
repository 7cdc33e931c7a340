"""A file is there whole or as it was before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from krakencopy.account_proc.runtime.durable_files import replace_file, sync_folder


def test_a_file_takes_the_place_of_another_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("before")
    path.chmod(0o644)
    replace_file(path, b"after")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"after", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_kill_has_left_is_no_hindrance_and_no_link_is_followed(tmp_path: Path) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "f"
    elsewhere.write_text("kept")
    (tmp_path / "f.new").symlink_to(elsewhere)
    replace_file(path, b"after")
    assert (path.read_bytes(), elsewhere.read_text()) == (b"after", "kept")


def test_up_to_its_name_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("before")

    def fails(descriptor: int) -> None:
        assert os.fstat(descriptor).st_size == len("after")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        replace_file(path, b"after", fails)
    assert path.read_text() == "before"


def test_content_is_on_the_disk_before_its_name_and_its_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, steps = tmp_path / "f", []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        sync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        steps.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    replace_file(path, b"x")
    assert steps == ["content", "name", "folder"]


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "f")
