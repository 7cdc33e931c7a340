"""Clients in other languages, generated from the protos and built, in a folder of their own: nothing of them
is committed but what an integrator would write.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import google.rpc

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos"
#: What builds the client in Go, on Debian; 600 MB.
GO_PACKAGES = "golang-go golang-google-grpc-dev protoc-gen-go protoc-gen-go-grpc"
#: Of packages that are fetched, in seconds.
FETCH_S = 150


class NotAtHand(Exception):
    """A tool is missing, or its packages cannot be fetched."""


def _needed(*tools: str, how: str = "") -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            raise NotAtHand(f"there is no {tool}{how}")


def _protos() -> list[str]:
    return [str(path.relative_to(PROTOS)) for path in sorted(PROTOS.glob("krakencopy/v1/*.proto"))]


def _run(words: list[str], folder: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, **more)


def _checked(words: list[str], folder: Path) -> None:
    done = _run(words, folder)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"


def built_typescript(folder: Path) -> list[str]:
    """The command that runs it. Raises NotAtHand."""
    _needed("node", "npm")
    for source in (Path(__file__).parent / "typescript").iterdir():
        shutil.copy(source, folder)
    try:
        fetched = _run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], folder, timeout=FETCH_S
        )
    except subprocess.TimeoutExpired as error:
        raise NotAtHand(f"npm has not fetched its packages within {FETCH_S} s") from error
    if fetched.returncode:
        raise NotAtHand(f"npm cannot fetch its packages: {fetched.stderr[-300:]}")
    (folder / "gen").mkdir()
    # Where google/rpc/error_details.proto is: googleapis-common-protos brings it.
    (google_rpc,) = google.rpc.__path__
    shared = Path(google_rpc).parents[1]
    _checked(
        [
            sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{shared}",
            "--plugin=protoc-gen-es=node_modules/.bin/protoc-gen-es", "--es_out=gen",
            "--es_opt=target=ts,import_extension=js", *_protos(), "google/rpc/error_details.proto",
        ],
        folder,
    )  # fmt: skip
    _checked(["node_modules/.bin/tsc", "-p", "."], folder)
    return ["node", str(folder / "built" / "client.js")]


def built_go(folder: Path) -> list[str]:
    """The command that runs it, by the packages that Debian has: modules need a proxy. Raises NotAtHand."""
    _needed("go", "protoc-gen-go", "protoc-gen-go-grpc", how=f" (apt-get install {GO_PACKAGES})")
    shared = os.environ.get("GOPATH", "/usr/share/gocode")
    if not (Path(shared) / "src" / "google.golang.org" / "grpc").is_dir():
        raise NotAtHand(f"there is no gRPC for Go in {shared} (apt-get install {GO_PACKAGES})")
    named = [f"M{proto}=krakencopy/v1" for proto in _protos()]
    options = [f"--{kind}_opt={each}" for each in named for kind in ("go", "go-grpc")]
    (folder / "src" / "client").mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "go" / "client.go", folder / "src" / "client")
    _checked(
        [
            sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", "--go_out=src", "--go-grpc_out=src",
            *options, *_protos(),
        ],
        folder,
    )  # fmt: skip
    command = folder / "built"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": f"{folder}:{shared}", "GOFLAGS": ""}
    built = _run(["go", "build", "-o", str(command), "client"], folder, env=environment)
    assert built.returncode == 0, built.stderr
    return [str(command)]


class Client:
    """One that runs: lines go in, what happens comes out."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        #: All that came.
        self.events: list[dict[str, Any]] = []

    def tell(self, line: str) -> None:
        """A command (tests/clients/typescript/client.ts)."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def next(self, name: str) -> dict[str, Any]:
        """The next thing of this name that happens."""
        assert self._process.stdout
        while line := self._process.stdout.readline():
            event: dict[str, Any] = json.loads(line)
            self.events.append(event)
            if name in event:
                return event
        assert self._process.stderr
        raise AssertionError(f"it ended before any {name}: {self._process.stderr.read()}")

    def end(self) -> None:
        """By its own will."""
        self.tell("end")
        assert self._process.wait(timeout=30) == 0


@contextmanager
def running(
    command: list[str], *words: str, environment: Mapping[str, str] | None = None
) -> Iterator[Client]:
    """A client. It is ended by force where it does not end."""
    process = subprocess.Popen(
        [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, **(environment or {})},
    )  # fmt: skip
    try:
        yield Client(process)
    finally:
        process.kill()
        process.communicate()
