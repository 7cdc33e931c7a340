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
#: What earlier paper runs left in a state folder: nobody opens it.
PUT_ASIDE = "earlier"
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


def check_parents(path: Path) -> None:
    """That nobody else can put another configuration in the place of this one, or of what a link leads to.
    Raises ConfigFaults.
    """
    if faults := list(_of_parents(path, "move it to a folder that only this user can write")):
        raise ConfigFaults(faults[:FAULTS_MAX])


def check_folder(path: Path, *, holds_money: bool = True) -> None:
    """That a state folder is ours alone, with all that is in it. One that is not there yet is left to be
    made, and what is no folder to be refused there.

    Without money in it, the folders above may be anybody's: a paper run is tried out in a checkout that
    another user has made. Raises ConfigFaults, before anything is changed.
    """
    faults = list(_of_parents(path, "choose another --state-dir")) if holds_money else []
    try:
        status = path.lstat()
    except OSError:
        pass
    else:
        if stat.S_ISLNK(status.st_mode) or stat.S_ISDIR(status.st_mode):
            faults += _of_entry(path, status) or _of_content(path)
    if faults:
        raise ConfigFaults(faults[:FAULTS_MAX])


def _of_parents(path: Path, or_else: str) -> Iterator[ConfigFault]:
    """Who can write a folder above, also above what a link on the way leads to, can put another one in the
    place of ours, unless its sticky bit is set. Root's own group is trusted as root is. ``or_else``: what to
    do if that cannot be changed.
    """
    where = path.absolute()
    for parent in dict.fromkeys((*where.parents, *where.resolve().parents)):
        try:
            status = parent.stat()
        except OSError:
            continue
        if status.st_uid not in (ROOT, os.geteuid()):
            yield ConfigFault(str(path), "", f"{parent}, above it, is {_owned_by(status)}", or_else)
            continue
        others = stat.S_IWOTH if status.st_gid == ROOT else _bits_of_others(status)
        if status.st_mode & others and not status.st_mode & stat.S_ISVTX:
            who = "anyone" if status.st_mode & stat.S_IWOTH else f"its group {_group_name(status.st_gid)}"
            problem = f"{parent}, above it, can be written by {who} (mode {_mode(status)})"
            yield ConfigFault(
                str(path), "", problem, f"run: chmod go-w {shlex.quote(str(parent))}; or {or_else}"
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
            faults += _of_entry(path, status) or _of_names(path, path.relative_to(folder), status)
            if len(faults) >= FAULTS_MAX:
                return faults
    return faults


def _of_names(path: Path, place: Path, status: os.stat_result) -> list[ConfigFault]:
    """A database with a second name has two logs, and what is in one of them is lost
    (https://www.sqlite.org/howtocorrupt.html, 2.5).
    """
    is_database = ".db" in place.name and place.parts[0] != PUT_ASIDE
    if not is_database or not stat.S_ISREG(status.st_mode) or status.st_nlink == 1:
        return []
    problem = (
        f"has {status.st_nlink} names (hard links), as after `cp -l`; another one may be in use elsewhere"
    )
    quoted = shlex.quote(str(path))
    remedy = f"make it a file of its own: cp -p {quoted} {quoted}.copy && mv {quoted}.copy {quoted}"
    return [ConfigFault(str(path), "", problem, remedy)]


def _of_entry(path: Path, status: os.stat_result, *, is_root_trusted: bool = False) -> list[ConfigFault]:
    if stat.S_ISLNK(status.st_mode):
        remedy = "put the file or folder itself there, or choose another --state-dir"
        return [ConfigFault(str(path), "", f"is a symbolic link to {path.readlink()}", remedy)]
    if status.st_uid != os.geteuid() and not (is_root_trusted and status.st_uid == ROOT):
        remedy = "its owner decides what is traded: take a file or folder that this user made"
        return [ConfigFault(str(path), "", f"is {_owned_by(status)}", remedy)]
    if status.st_mode & _bits_of_others(status):
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


def _bits_of_others(status: os.stat_result) -> int:
    return stat.S_IWOTH if _is_private_group(status.st_gid) else stat.S_IWOTH | stat.S_IWGRP


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


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
