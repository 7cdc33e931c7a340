"""Builds the package (PEP 517): setuptools', with the stubs of the protos made before it where they lack.

So that `pip install` of a checkout or of its address gives the same as `make dist`. It must not know the
packages that are built.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

FOLDER = Path(__file__).parent


def build_wheel(*args: Any, **kwargs: Any) -> str:
    """A wheel."""
    _make_stubs()
    return build_meta.build_wheel(*args, **kwargs)


def build_editable(*args: Any, **kwargs: Any) -> str:
    """A wheel that points here."""
    _make_stubs()
    return build_meta.build_editable(*args, **kwargs)


def build_sdist(*args: Any, **kwargs: Any) -> str:
    """The sources, with their stubs."""
    _make_stubs()
    return build_meta.build_sdist(*args, **kwargs)


def _make_stubs() -> None:
    """Those that `make stubs` makes, where one is missing or older than its proto. Raises SystemExit."""
    protos = sorted((FOLDER / "krakencopy" / "v1").glob("*.proto"))
    stubs = [(proto, proto.with_name(f"{proto.stem}_pb2.py")) for proto in protos]
    if all(stub.exists() and stub.stat().st_mtime >= proto.stat().st_mtime for proto, stub in stubs):
        return
    from grpc_tools import protoc

    out = ["--python_out", "--grpc_python_out", "--mypy_out", "--mypy_grpc_out"]
    arguments = [f"{option}={FOLDER}" for option in out]
    well_known = files("grpc_tools") / "_proto"
    if protoc.main(["protoc", f"-I{FOLDER}", f"-I{well_known}", *arguments, *map(str, protos)]):
        sys.exit("the stubs of the protos could not be generated")
