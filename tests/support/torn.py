"""A database file as a killed process leaves it, cut off wherever one likes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

#: What SQLite writes to the log at once: a frame's header, and a page
#: (https://www.sqlite.org/fileformat2.html, 4.1).
FRAME_HEADER = 24
LOG_HEADER = 32


class KilledFile:
    """A copy of an open database: the file, and the log that holds its newest part."""

    def __init__(self, open_file: Path, path: Path) -> None:
        self.path = path
        self._log = Path(f"{path}-wal")
        shutil.copy(open_file, path)
        shutil.copy(f"{open_file}-wal", self._log)
        self._file = path.read_bytes()
        self._whole = self._log.read_bytes()

    def cut_at_every_byte(self) -> Iterator[int]:
        """The same file with its log cut off at every length, the longest first; the caller may change
        both.

        SQLite reads frames as a whole, so inside of a page every 64th byte stands for those around it.
        """
        page = int.from_bytes(self._whole[8:12], "big")
        for length in range(len(self._whole), -1, -1):
            place = (length - LOG_HEADER) % (FRAME_HEADER + page) if length > LOG_HEADER else 0
            inside = FRAME_HEADER + 8 < place < FRAME_HEADER + page - 8
            if inside and place % 64:
                continue
            self.path.write_bytes(self._file)
            self._log.write_bytes(self._whole[:length])
            Path(f"{self.path}-shm").unlink(missing_ok=True)
            yield length

    def without_log(self) -> None:
        """The file alone, as a careless backup keeps it."""
        self.path.write_bytes(self._file)
        self._log.unlink(missing_ok=True)
