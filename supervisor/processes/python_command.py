"""Command and environment of the Python processes that the supervisor starts. It must not know what they
do.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from os import pathsep
from pathlib import Path

import krakencopy
from krakencopy.supervisor.config.credentials import without_credentials

#: The folder that holds the package ``krakencopy``: site-packages, or protos/ of a checkout.
_PACKAGES = str(Path(krakencopy.__file__).absolute().parent.parent)


def python_command(module: str) -> list[str]:
    """The start of a command line that runs one of our modules."""
    # -P: the folder that the supervisor happens to be started in is not a place to import code from.
    return [sys.executable, "-P", "-m", module]


def process_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` without any account's credentials, and with our packages importable from a source tree
    too.
    """
    environment = without_credentials(environ)
    if sysconfig.get_path("purelib") != _PACKAGES:
        paths = [_PACKAGES, *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = pathsep.join(paths)
    return environment
