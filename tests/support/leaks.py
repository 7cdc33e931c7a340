"""Finding secrets in what a run leaves behind, says and shows to other processes: whole, in part, decoded
or encoded.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

#: So many characters of a secret, or bytes of what it stands for, in a row are the secret's: by chance they
#: are in a gigabyte of anything else once in 10^8 runs. They are counted before they are encoded: of hex or
#: of what Python shows, ten characters are two or five random bytes, and those do turn up by themselves.
PIECE = 10


@dataclass(frozen=True)
class Secret:
    """A text that must be nowhere, and all that it could look like."""

    name: str
    text: str

    def forms(self) -> dict[str, list[bytes]]:
        """By what was done to it, how its pieces then look: every part of twice their length contains one."""
        plain = self.text.encode()
        forms = {
            "as it is": _pieces(plain),
            "url-encoded": [quote(piece, safe="").encode() for piece in _pieces(plain)],
            "form-encoded": [quote_plus(piece).encode() for piece in _pieces(plain)],
            "hex": _hex(plain),
            "base64": _pieces(base64.b64encode(plain)),
            "backwards": _pieces(plain[::-1]),
        }
        with suppress(binascii.Error, ValueError):
            decoded = base64.b64decode(self.text, validate=True)
            forms |= {
                "decoded": _pieces(decoded),
                "decoded, in hex": _hex(decoded),
                "decoded, as Python shows it": [
                    shown for piece in _pieces(decoded) for shown in _shown(piece)
                ],
            }
        return forms

    def found_in(self, content: bytes) -> set[str]:
        """What was done to the secret that is in there, whole or in part."""
        return {form for form, pieces in self.forms().items() if any(piece in content for piece in pieces)}


def _pieces(look: bytes) -> list[bytes]:
    last = max(0, len(look) - PIECE)
    return [look[start : start + PIECE] for start in (*range(0, last, PIECE), last)]


def _hex(plain: bytes) -> list[bytes]:
    return [piece.hex().encode() for piece in _pieces(plain)]


def _shown(piece: bytes) -> set[bytes]:
    """As repr() of a whole shows this part: an apostrophe is escaped where the whole has quotation marks
    too.
    """
    shown = repr(b'"' + piece)[3:-1].encode()
    return {shown, shown.replace(rb"\'", b"'")}


Found = set[tuple[str, str, str]]  # place, name of the secret, form


def search(places: Mapping[str, bytes], secrets: Iterable[Secret]) -> Found:
    """Where which secret is."""
    secrets = list(secrets)
    return {
        (place, secret.name, form)
        for place, content in places.items()
        for secret in secrets
        for form in secret.found_in(content)
    }


def files_below(*folders: Path) -> dict[str, bytes]:
    """Names and contents of all files, sockets' names too."""
    places: dict[str, bytes] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            content = b""
            if path.is_file():
                with suppress(FileNotFoundError):
                    content = path.read_bytes()
            places[f"{folder.name}/{path.relative_to(folder)}"] = (
                str(path.relative_to(folder)).encode() + content
            )
    return places


@dataclass
class ProcessWatch:
    """Looks at command lines and environments of all processes of this machine, again and again."""

    secrets: list[Secret]
    found: set[tuple[int, str, str]] = field(default_factory=set)  # pid, file, name of the secret
    rounds: int = 0

    def look(self) -> None:
        for process in Path("/proc").iterdir():
            if not process.name.isdecimal():
                continue
            for name in ("cmdline", "environ"):
                # Gone meanwhile, or of another user, or not dumpable and this is not root.
                with suppress(OSError):
                    content = (process / name).read_bytes()
                    for secret in self.secrets:
                        if secret.found_in(content):
                            self.found.add((int(process.name), name, secret.name))
        self.rounds += 1

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Looks all the time, at processes that live for a moment as well."""
        end = threading.Event()

        def work() -> None:
            while not end.wait(0.2):
                self.look()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
        self.look()
