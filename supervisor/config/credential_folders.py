"""From which files an account of the API may have its key: those of folders that the configuration names, of
``credentials`` in the state folder where it names none. Never from a command: who may call the API must not
choose what runs on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.toml_table import Table, show

#: In the state folder, where the configuration names no other.
USUAL = "credentials"
_RULE = 'write folders with their whole path: credential_sources = ["/etc/krakencopy/keys"]'


class NotPermitted(Exception):
    """A file is in none of the folders. ``str``: for people, with what to do."""


def credential_sources_of(table: Table) -> tuple[str, ...]:
    """The folders that a configuration names."""
    found = table.texts("credential_sources", _RULE) or ()
    for folder in found:
        if not Path(folder).is_absolute() or ".." in Path(folder).parts:
            table.fault("credential_sources", f"{show(folder)} is no whole path of a folder", _RULE)
    return found


def folders_of(config: Config, state_dir: Path) -> tuple[Path, ...]:
    """Where files may be; one that is written without a folder is in the first."""
    return tuple(map(Path, config.credential_sources)) or (state_dir / USUAL,)


def permitted_file(written: str, folders: Sequence[Path]) -> Path:
    """The whole path of a file. Links on the way to it are followed first. Raises NotPermitted."""
    path = folders[0] / written
    folder = Path(os.path.realpath(path.parent)) if "\0" not in written else Path("/")
    is_below = any(folder.is_relative_to(os.path.realpath(each)) for each in folders)
    if not is_below or ".." in path.parts or not path.name:
        named = " or ".join(map(str, folders))
        raise NotPermitted(
            f"{show(written)} is not in a folder that accounts of the API may have keys from; put the file "
            f"below {named}, or name its folder in [control] credential_sources"
        )
    return folder / path.name
