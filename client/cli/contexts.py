"""Installations by name: a file of the user's own, beside what else they have configured. It holds where each
one is and by which files one is known there, never a secret itself.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from krakencopy.client.sdk.errors import BadInput

#: What a context may name, as in the file.
FIELDS = ("endpoint", "ca", "certificate", "key", "token_file")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
#: A file of ten thousand contexts is smaller.
_READ_BYTES_MAX = 4_000_000
_HEAD = "# Written by `krakencopy context`; tokens and keys are in the files that are named here.\n"


@dataclass(frozen=True, slots=True)
class Context:
    """One installation. Paths are absolute."""

    endpoint: str
    ca: str = ""
    certificate: str = ""
    key: str = ""
    token_file: str = ""

    def named(self) -> dict[str, str]:
        """What it names, in the order of the file."""
        return {name: value for name in FIELDS if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Contexts:
    """All of them."""

    contexts: Mapping[str, Context] = field(default_factory=dict)
    #: That of commands that name none; empty for none.
    current: str = ""

    def get(self, name: str) -> Context:
        """Raises BadInput, with the names that there are."""
        if name not in self.contexts:
            known = f"there are {', '.join(self.contexts)}" if self.contexts else "there is none"
            raise BadInput(f"there is no context {name!r}; {known} (krakencopy context add)")
        return self.contexts[name]

    def with_context(self, name: str, context: Context) -> Contexts:
        """Raises BadInput for a name that cannot be one, or is taken."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name!r} is no name; write up to 64 letters, digits, points, - and _")
        if name in self.contexts:
            raise BadInput(f"there is a context {name} already; krakencopy context remove {name}")
        return replace(self, contexts={**self.contexts, name: context})

    def without(self, name: str) -> Contexts:
        """Raises BadInput."""
        self.get(name)
        left = {each: context for each, context in self.contexts.items() if each != name}
        return Contexts(left, "" if self.current == name else self.current)

    def text(self) -> str:
        """As TOML."""
        lines = [_HEAD]
        if self.current:
            lines.append(f"current = {_quoted(self.current)}\n")
        for name, context in self.contexts.items():
            lines.append(f"\n[contexts.{_quoted(name)}]\n")
            lines += [f"{key} = {_quoted(value)}\n" for key, value in context.named().items()]
        return "".join(lines)


def read(path: Path) -> Contexts:
    """None where there is no file. Raises BadInput where it cannot be used, or others could write it."""
    try:
        with path.open("rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            content = file.read(_READ_BYTES_MAX)
        _check_private(path.parent, path.parent.stat())
    except FileNotFoundError:
        return Contexts()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from None
    import tomllib  # where there is no file, nothing of it is needed

    try:
        found = tomllib.loads(content.decode())
        contexts = {name: _context(given) for name, given in found.get("contexts", {}).items()}
        return Contexts(contexts, str(found.get("current", "")))
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{path} cannot be used: {error}; correct it, or remove it") from None


def _context(given: Mapping[str, object]) -> Context:
    if unknown := given.keys() - set(FIELDS):
        raise ValueError(f"{', '.join(sorted(unknown))} is nothing that a context has")
    if not all(isinstance(value, str) for value in given.values()) or "endpoint" not in given:
        raise ValueError("a context has an endpoint, and texts")
    return Context(**{name: str(value) for name, value in given.items()})


def change(path: Path, step: Callable[[Contexts], Contexts]) -> Contexts:
    """Reads, changes and writes the file; nobody else's change comes in between, and a reader has the old or
    the new. Raises BadInput.
    """
    # Commands that change no context do not wait for it.
    from krakencopy.account_proc.runtime.durable_files import replace_file

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.parent):
            changed = step(read(path))
            # A link to a file elsewhere stays one.
            replace_file(path.resolve(), changed.text().encode())
            return changed
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_private(path: Path, status: os.stat_result) -> None:
    """Raises BadInput where somebody else may have written it: they would say what is traded where."""
    others = stat.S_IWGRP | stat.S_IWOTH
    if status.st_uid not in {os.geteuid(), 0}:
        raise BadInput(
            f"{path} is owned by user {status.st_uid}; take one that you have made (XDG_CONFIG_HOME), or say "
            "which system is meant by --endpoint or --state-dir"
        )
    if status.st_mode & others:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        raise BadInput(
            f"{path} can be written by group or others (mode {mode}); make sure that nobody has changed it, "
            f"then run: chmod go-w {shlex.quote(str(path))}"
        )


def _quoted(text: str) -> str:
    """A basic string of TOML, which JSON's escapes fit but for half characters, that no text here has."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
