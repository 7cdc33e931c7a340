"""Whether the configuration and the state folder are ours alone to write, as OpenSSH looks at its files
(sshd_config(5), StrictModes): who can write a journal or name a command decides what is traded.

Looked at before anything is read from them or written to them; at a reload the configuration is looked at
again. Where nobody else can write, nobody else can
plant a link either, so links are looked for here once and not at each opening.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults

ROOT = 0
#: Faults of one folder that are named at most.
FAULTS_MAX = 10


def check_file(path: Path) -> None:
    """That a configuration is ours, or root's, and that only its owner can write it. A link to one is taken.

    Raises ConfigFaults. A file that is not there, or that is none (a pipe, /dev/stdin), is left to the one
    that reads it.
    """
    try:
        status = path.stat()
    except OSError:
        return
    if stat.S_ISREG(status.st_mode) and (faults := list(_of_entry(path, status, is_root_trusted=True))):
        raise ConfigFaults(faults)


def check_folder(path: Path, *, holds_money: bool = True) -> None:
    """That a state folder is ours alone, with all that is in it. One that is not there yet is left to be
    made, and what is no folder to be refused there.

    Without money in it, the folders above may be anybody's: a paper run is tried out in a checkout that
    another user has made. Raises ConfigFaults, before anything is changed.
    """
    faults = list(_of_parents(path)) if holds_money else []
    try:
        status = path.lstat()
    except OSError:
        pass
    else:
        if stat.S_ISLNK(status.st_mode) or stat.S_ISDIR(status.st_mode):
            faults += _of_entry(path, status) or _of_content(path)
    if faults:
        raise ConfigFaults(faults[:FAULTS_MAX])


def _of_parents(path: Path) -> Iterator[ConfigFault]:
    """Who can write a folder above can put another one in the place of ours, unless its sticky bit is set."""
    for parent in path.absolute().parents:
        try:
            status = parent.stat()
        except OSError:
            continue
        if status.st_uid not in (ROOT, os.geteuid()):
            yield ConfigFault(
                str(path), "", f"{parent}, above it, is {_owned_by(status)}", "choose another --state-dir"
            )
        elif status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            problem = f"{parent}, above it, can be written by anyone (mode {_mode(status)})"
            yield ConfigFault(
                str(path),
                "",
                problem,
                f"run: chmod o-w {shlex.quote(str(parent))}; or choose another --state-dir",
            )


def _of_content(folder: Path) -> list[ConfigFault]:
    faults: list[ConfigFault] = []
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            try:
                status = path.lstat()
            except FileNotFoundError:  # of an earlier run's process that is just ending
                continue
            faults += _of_entry(path, status)
            if len(faults) >= FAULTS_MAX:
                return faults
    return faults


def _of_entry(path: Path, status: os.stat_result, *, is_root_trusted: bool = False) -> list[ConfigFault]:
    if stat.S_ISLNK(status.st_mode):
        remedy = "put the file or folder itself there, or choose another --state-dir"
        return [ConfigFault(str(path), "", f"is a symbolic link to {path.readlink()}", remedy)]
    if status.st_uid != os.geteuid() and not (is_root_trusted and status.st_uid == ROOT):
        remedy = "its owner decides what is traded: take a file or folder that this user made"
        return [ConfigFault(str(path), "", f"is {_owned_by(status)}", remedy)]
    others = stat.S_IWOTH if _is_private_group(status.st_gid) else stat.S_IWOTH | stat.S_IWGRP
    if status.st_mode & others:
        problem = f"group or others can write it (mode {_mode(status)})"
        return [
            ConfigFault(
                str(path),
                "",
                problem,
                f"make sure that nobody has changed it, then run: chmod go-w {shlex.quote(str(path))}",
            )
        ]
    return []


def _is_private_group(gid: int) -> bool:
    """Whether nobody but us is in it: many systems give each user a group of its own, and umask 002 with it,
    which lets that group write all that the user makes (Debian's OpenSSH takes that, too).
    """
    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and {*group.gr_mem} <= {user.pw_name}


def _owned_by(status: os.stat_result) -> str:
    return f"owned by user {status.st_uid}, and krakencopyd runs as user {os.geteuid()}"


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"
