"""The configuration and the state folder are ours alone to write, or nothing starts."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from krakencopy.supervisor.config.private_files import check_file, check_folder, check_parents
from krakencopy.supervisor.config.toml_table import ConfigFaults


@pytest.fixture(autouse=True)
def shared_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our group has others in it."""
    shared = grp.struct_group(("staff", "x", os.getegid(), ["anna", "ben"]))
    monkeypatch.setattr(grp, "getgrgid", lambda _: shared)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    (made / "accounts").mkdir(mode=0o700, parents=True)
    made.chmod(0o700)
    (made / "journal.db").touch(0o600)
    (made / "accounts" / "anna.db").touch(0o600)
    return made


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> int:
    """From now on everything that was made is another user's."""
    ours = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: ours + 1)
    return ours


def test_a_folder_that_is_ours_alone_is_taken(folder: Path) -> None:
    check_folder(folder)


def test_a_folder_that_is_not_there_yet_is_taken(tmp_path: Path) -> None:
    check_folder(tmp_path / "not" / "there")


@pytest.mark.parametrize("what", ["", "accounts", "journal.db", "accounts/anna.db"])
@pytest.mark.parametrize("bit", [0o020, 0o002])
def test_what_others_can_write_is_refused(folder: Path, what: str, bit: int) -> None:
    path = folder / what
    path.chmod(path.stat().st_mode | bit)
    with pytest.raises(ConfigFaults) as raised:
        check_folder(folder)
    (fault,) = raised.value.faults
    assert str(fault).startswith(f"{path}: group or others can write it (mode 0")
    assert str(fault).endswith(f"run: chmod go-w {path}")


@pytest.mark.parametrize(("others", "is_taken"), [([], True), (["ben"], False)])
def test_a_group_that_is_ours_alone_may_write(
    folder: Path, monkeypatch: pytest.MonkeyPatch, others: list[str], *, is_taken: bool
) -> None:
    user = pwd.getpwuid(os.geteuid())
    path = folder / "journal.db"
    os.chown(path, -1, user.pw_gid)
    path.chmod(0o660)
    group = grp.struct_group((user.pw_name, "x", user.pw_gid, [user.pw_name, *others]))
    monkeypatch.setattr(grp, "getgrgid", lambda _: group)
    if is_taken:
        check_folder(folder)
    else:
        with pytest.raises(ConfigFaults, match="group or others can write it"):
            check_folder(folder)


@pytest.mark.parametrize("what", ["accounts/anna.db", "accounts", "logs"])
def test_a_link_in_it_is_refused(folder: Path, tmp_path: Path, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    if (folder / what).exists():
        (folder / what).rename(elsewhere)
    (folder / what).symlink_to(elsewhere)
    with pytest.raises(
        ConfigFaults, match=f"{what}: is a symbolic link to {elsewhere}; put the file or folder"
    ):
        check_folder(folder)


def test_a_link_in_its_place_is_refused(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(ConfigFaults, match="link: is a symbolic link to"):
        check_folder(link)


@pytest.mark.usefixtures("stranger")
def test_anothers_folder_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigFaults) as raised:
        check_folder(folder)
    words = str(raised.value)
    assert (
        f"{folder}: is owned by user {os.geteuid() - 1}, and krakencopyd runs as user {os.geteuid()};"
        in words
    )


def test_anothers_file_in_it_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "journal.db"
    true = Path.lstat

    def lstat(self: Path) -> os.stat_result:
        found = true(self)
        return os.stat_result((*found[:4], os.geteuid() + 1, *found[5:10])) if self == path else found

    monkeypatch.setattr(Path, "lstat", lstat)
    with pytest.raises(ConfigFaults, match=rf"journal\.db: is owned by user {os.geteuid() + 1}"):
        check_folder(folder)


def test_a_folder_that_anyone_can_replace_is_refused(folder: Path) -> None:
    folder.parent.chmod(0o777)
    with pytest.raises(ConfigFaults, match=f"{folder.parent}, above it, can be written by anyone"):
        check_folder(folder)
    folder.parent.chmod(0o1777)  # as /tmp
    check_folder(folder)


def test_a_folder_that_a_group_can_replace_is_refused_unless_it_is_roots(folder: Path) -> None:
    folder.parent.chmod(0o770)
    if os.getegid() == 0:
        check_folder(folder)
        os.chown(folder.parent, -1, 50)
    with pytest.raises(ConfigFaults, match=r"above it, can be written by its group staff \(mode 0770\)"):
        check_folder(folder)
    folder.parent.chmod(0o1770)
    check_folder(folder)


def test_a_group_without_a_name_is_named_by_its_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(gid: int) -> grp.struct_group:
        raise KeyError(gid)

    monkeypatch.setattr(grp, "getgrgid", unknown)
    folder.parent.chmod(0o770)
    if os.getegid() == 0:
        os.chown(folder.parent, -1, 54_321)
    with pytest.raises(ConfigFaults, match=f"by its group {folder.parent.stat().st_gid} "):
        check_folder(folder)


def test_what_a_link_above_it_leads_to_is_looked_at_too(folder: Path, tmp_path: Path) -> None:
    way = tmp_path / "way"
    way.symlink_to(folder.parent)
    check_folder(way / "data")
    open_to_all = tmp_path / "all"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    inner = open_to_all / "inner"
    (inner / "data").mkdir(parents=True, mode=0o700)
    inner.chmod(0o700)
    way.unlink()
    way.symlink_to(inner)
    with pytest.raises(ConfigFaults, match=f"{open_to_all}, above it, can be written by anyone"):
        check_folder(way / "data")


@pytest.mark.parametrize("name", ["journal.db", "accounts/anna.db", "accounts/anna.db-wal"])
def test_a_database_with_a_second_name_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).touch(0o600)
    os.link(folder / name, tmp_path / "second")
    with pytest.raises(ConfigFaults, match=rf"{name}: has 2 names \(hard links\)"):
        check_folder(folder)
    (tmp_path / "second").unlink()
    check_folder(folder)


def test_other_files_may_have_names_elsewhere(folder: Path, tmp_path: Path) -> None:
    (folder / "logs").mkdir(mode=0o700)
    (folder / "earlier" / "then").mkdir(parents=True, mode=0o700)
    for name in ("logs/anna.jsonl", "earlier/then/journal.db"):
        (folder / name).touch(0o600)
        os.link(folder / name, tmp_path / Path(name).name)
    check_folder(folder)


def test_a_configuration_that_others_can_replace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shared" / "krakencopy.toml"
    path.parent.mkdir()
    path.touch(0o644)
    check_parents(path)
    path.parent.chmod(0o777)
    with pytest.raises(
        ConfigFaults, match=f"{path.parent}, above it, can be written by anyone .*; or move it to a folder"
    ):
        check_parents(path)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    with pytest.raises(ConfigFaults, match=f"{path.parent}, above it, can be written by anyone"):
        check_parents(link)
    path.parent.chmod(0o755)
    check_parents(link)


def test_a_paper_run_may_lie_in_a_folder_of_anybody(folder: Path) -> None:
    folder.parent.chmod(0o777)
    check_folder(folder, holds_money=False)
    folder.chmod(0o770)
    with pytest.raises(ConfigFaults, match=f"{folder}: group or others can write it"):
        check_folder(folder, holds_money=False)


def test_a_configuration_that_is_ours_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "krakencopy.toml"
    path.touch(0o644)
    check_file(path)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    check_file(link)
    check_file(tmp_path / "missing.toml")
    check_file(Path(os.devnull))


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_configuration_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "krakencopy.toml"
    path.touch()
    path.chmod(mode)
    with pytest.raises(
        ConfigFaults, match=f"group or others can write it .mode {mode:04o}.*chmod go-w {path}"
    ):
        check_file(path)


def test_anothers_configuration_is_refused_unless_it_is_roots(tmp_path: Path, stranger: int) -> None:
    path = tmp_path / "krakencopy.toml"
    path.touch(0o644)
    if stranger == 0:
        check_file(path)
    else:
        with pytest.raises(ConfigFaults, match=f"is owned by user {stranger}"):
            check_file(path)
