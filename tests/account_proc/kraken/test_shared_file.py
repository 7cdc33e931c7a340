"""One process at a time asks and writes, the others read; and who cannot share asks by itself. What two such
files are used for: test_pairs_cache.py, test_shared_quotes.py.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from krakencopy.account_proc.kraken.shared_file import LOOK_S, SharedFile
from krakencopy.account_proc.runtime.file_lock import LockedFile

TURN_S = 2.0


class Process:
    """Asks for a number, and writes it as it is."""

    def __init__(self, folder: Path, name: str = "ann") -> None:
        self.now = 100.0
        self.turns: list[bool] = []
        self.path = folder / "numbers"
        self.file = SharedFile(self.path, name, "numbers", TURN_S, clock=lambda: self.now, pause=self.pause)

    async def pause(self, seconds: float) -> None:
        assert LOOK_S / 2 <= seconds <= LOOK_S * 2
        self.now += seconds

    def find(self) -> int | None:
        try:
            with self.file.open() as file:
                return int(file.read())
        except FileNotFoundError:
            return None

    async def ask(self, has_turn: bool) -> int:
        self.turns.append(has_turn)
        self.file.write(b"7")
        return 7

    def get(self) -> int:
        return asyncio.run(self.file.get(self.find, self.ask))


def test_the_first_asks_in_its_turn_and_others_read(tmp_path: Path) -> None:
    ann, bob = Process(tmp_path), Process(tmp_path, "bob")
    assert (ann.get(), bob.get()) == (7, 7)
    assert (ann.turns, bob.turns) == ([True], [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["numbers", "numbers.lock"]


def test_a_turn_is_waited_for_and_not_for_ever(tmp_path: Path) -> None:
    ann = Process(tmp_path)
    turn = LockedFile(tmp_path / "numbers.lock", "another's")
    assert ann.get() == 7
    turn.close()
    assert ann.turns == [False]
    assert TURN_S <= ann.now - 100.0 <= TURN_S + 2 * LOOK_S


def test_what_comes_while_a_turn_is_waited_for_is_read(tmp_path: Path) -> None:
    ann = Process(tmp_path)
    turn = LockedFile(tmp_path / "numbers.lock", "another's")
    waited = ann.pause

    async def written_meanwhile(seconds: float) -> None:
        ann.path.write_text("5")
        await waited(seconds)

    ann.file._pause = written_meanwhile
    assert ann.get() == 5
    turn.close()
    assert ann.turns == []


def test_who_can_neither_lock_nor_write_asks_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ann = Process(tmp_path / "missing")
    assert ann.get() == 7
    assert ann.turns == [False]
    assert "this process asks for numbers alone" in caplog.text
    assert "cannot be written" in caplog.text


def test_a_pipe_or_a_link_in_its_place_holds_nobody_up(tmp_path: Path) -> None:
    ann = Process(tmp_path)
    os.mkfifo(ann.path)
    assert ann.find() is None
    ann.path.unlink()
    (tmp_path / "other").write_text("9")
    ann.path.symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        ann.find()
