"""A file is held by one process at a time, and says by which."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import portalocker
import pytest

from krakencopy.account_proc.contract.errors import LockHeld
from krakencopy.account_proc.runtime.file_lock import (
    READ_BYTES_MAX,
    Holder,
    LockedFile,
    free_line,
    holder_line,
    holder_of,
    holder_pid,
    is_locked,
)

LENGTH = 60


def test_a_file_that_is_held_is_refused_with_the_name_of_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "nonce"
    with closing(LockedFile(path, "the nonce file")) as held:
        assert not held.existed
        held.write(0, holder_line("anna", LENGTH))
        assert is_locked(path)
        with pytest.raises(LockHeld, match=f"the nonce file is in use by process {os.getpid()}") as refused:
            LockedFile(path, "the nonce file")
        assert refused.value.path == str(path)
    assert not is_locked(path)
    with closing(LockedFile(path, "the nonce file")) as again:
        assert again.existed


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    with closing(LockedFile(tmp_path / "nonce", "the nonce file")) as held:
        assert held.path.stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"another user's")
    link = tmp_path / "nonce.txt"
    link.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        LockedFile(link, "the file")
    assert elsewhere.read_bytes() == b"another user's"


def test_the_lock_of_a_process_ends_with_it_and_is_not_inherited(tmp_path: Path) -> None:
    path = tmp_path / "nonce"
    work = (
        "import subprocess, sys; from pathlib import Path\n"
        "from krakencopy.account_proc.runtime.file_lock import LockedFile\n"
        "held = LockedFile(Path(sys.argv[1]), 'it')\n"
        "subprocess.Popen(['sleep', '30'], close_fds=False, stdout=subprocess.DEVNULL)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", work, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_locked(path)
        process.kill()
        process.wait()
        assert not is_locked(path)


def test_what_is_written_is_read_and_cut_off(tmp_path: Path) -> None:
    with closing(LockedFile(tmp_path / "nonce", "the nonce file")) as held:
        held.write(0, b"1234567890")
        held.write(2, b"ab")
        assert held.read() == b"12ab567890"
        held.truncate(4)
        held.sync()
        held.sync_folder()
        assert held.read() == held.path.read_bytes() == b"12ab"
        held.write(0, b"x" * (READ_BYTES_MAX + 10))
        assert len(held.read()) == READ_BYTES_MAX


def test_a_write_that_is_cut_short_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(LockedFile(tmp_path / "nonce", "the nonce file")) as held:
        monkeypatch.setattr("os.pwrite", lambda *_: 3)
        with pytest.raises(OSError, match="only 3 of 5 bytes"):
            held.write(0, b"12345")


def test_a_file_that_was_renamed_or_deleted_is_not_in_place_any_more(tmp_path: Path) -> None:
    path = tmp_path / "nonce"
    with closing(LockedFile(path, "the nonce file")) as held:
        assert held.in_place()
        path.rename(tmp_path / "other")
        assert not held.in_place()
        path.write_bytes(b"another file")
        assert not held.in_place()


def test_a_file_that_cannot_be_opened_or_locked_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match="No such file"):
        LockedFile(tmp_path / "missing" / "nonce", "the nonce file")

    def refuse(_: object) -> object:
        raise portalocker.LockException("no locks on this disk")

    monkeypatch.setattr("portalocker.Lock.acquire", refuse)
    with pytest.raises(OSError, match=r"cannot lock .*nonce: no locks on this disk"):
        LockedFile(tmp_path / "nonce", "the nonce file")


@pytest.mark.parametrize("length", [20, LENGTH])
def test_the_lines_have_the_length_that_is_asked_for(length: int) -> None:
    for line in (holder_line("anna", length), free_line(length)):
        assert len(line) == length
        assert line.endswith(b"\n")


def test_the_holder_is_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "nonce"
    path.write_bytes(b"1732000000000000000\n" + holder_line("anna", LENGTH))
    assert holder_of(path) == Holder(os.getpid(), "anna")
    path.write_bytes(b"1732000000000000000\n" + free_line(LENGTH))
    assert holder_pid(path) is None
    assert holder_pid(tmp_path / "missing") is None
