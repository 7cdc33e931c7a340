"""Which users the configuration has, for commands that go without the supervisor: who was taken out of it has
files in the state folder still, and is meant by nobody who says "all".
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)


def users_path(state_dir: Path) -> Path:
    """The file: an id a line."""
    return state_dir / "run" / "users"


def keep_users(state_dir: Path, user_ids: Iterable[str]) -> None:
    """Writes who copies by the configuration of now. Without it all that ever copied are taken for those."""
    path = users_path(state_dir)
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_text("".join(f"{user_id}\n" for user_id in sorted(user_ids)))
        new.replace(path)
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error)
        with suppress(OSError):
            path.unlink()


def kept_users(state_dir: Path) -> frozenset[str] | None:
    """Who copied by the configuration that a supervisor had last; None where nobody knows."""
    with suppress(OSError, UnicodeDecodeError):
        return frozenset(users_path(state_dir).read_text().splitlines())
    return None
