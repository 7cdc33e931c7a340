"""Who copies by the configuration is known without the supervisor."""

from __future__ import annotations

from pathlib import Path

from krakencopy.account_proc.runtime.configured_users import keep_users, kept_users, users_path


def test_the_last_configuration_counts(tmp_path: Path) -> None:
    assert kept_users(tmp_path) is None
    keep_users(tmp_path, ["bob", "anna"])
    keep_users(tmp_path, ["carl"])
    assert kept_users(tmp_path) == frozenset({"carl"})
    keep_users(tmp_path, [])
    assert kept_users(tmp_path) == frozenset()


def test_what_cannot_be_written_or_read_is_not_known(tmp_path: Path) -> None:
    keep_users(tmp_path, ["bob"])
    users_path(tmp_path).with_name("users.new").mkdir()
    keep_users(tmp_path, ["bob", "carl"])
    assert kept_users(tmp_path) is None
    users_path(tmp_path).write_bytes(b"\xff\n")
    assert kept_users(tmp_path) is None
