"""Finding secrets in what a run leaves behind, says and shows to other processes: whole, in part, decoded or encoded."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

#: So many characters or bytes in a row are a secret's: by chance they are in a gigabyte of anything else once in 10^8 runs.
PIECE = 10


@dataclass(frozen=True)
class Secret:
    """A text that must be nowhere, and all that it could look like."""

    name: str
    text: str

    def forms(self) -> dict[str, bytes]:
        """By what was done to it."""
        plain = self.text.encode()
        forms = {
            "as it is": plain, "url-encoded": quote(self.text, safe="").encode(),
            "form-encoded": quote_plus(self.text).encode(), "hex": plain.hex().encode(), "base64": base64.b64encode(plain),
            "backwards": plain[::-1],
        }  # fmt: skip
        with suppress(binascii.Error, ValueError):
            decoded = base64.b64decode(self.text, validate=True)
            forms |= {
                "decoded": decoded, "decoded, in hex": decoded.hex().encode(),
                "decoded, as Python shows it": repr(decoded)[2:-1].encode(),
            }  # fmt: skip
        return forms

    def found_in(self, content: bytes) -> set[str]:
        """What was done to the secret that is in there, whole or in part."""
        return {
            form for form, look in self.forms().items() if any(piece in content for piece in _pieces(look))
        }


def _pieces(look: bytes) -> Iterator[bytes]:
    """Pieces of which every part of twice their length contains one."""
    last = max(0, len(look) - PIECE)
    for start in (*range(0, last, PIECE), last):
        yield look[start : start + PIECE]


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
