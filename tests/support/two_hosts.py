"""Another machine: a network namespace that reaches this one by one address (ip-netns(8)). Needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class OtherHost:
    """The other machine."""

    #: Of this one, as the other one sees it.
    address: str
    #: Before a command that runs there.
    there: tuple[str, ...]


def why_not() -> str:
    """Why there is none here; empty where there is."""
    if os.geteuid():
        return "network namespaces need root"
    return "" if shutil.which("ip") else "there is no ip (iproute2)"


@contextmanager
def other_host() -> Iterator[OtherHost]:
    """One, with a cable to it."""
    name = f"kc{os.getpid()}"
    here, there, subnet = f"{name}a", f"{name}b", f"10.213.{os.getpid() % 256}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _ip("address", "add", f"{subnet}.1/30", "dev", here)
        _ip("link", "set", here, "up")
        _ip("-netns", name, "address", "add", f"{subnet}.2/30", "dev", there)
        _ip("-netns", name, "link", "set", there, "up")
        yield OtherHost(f"{subnet}.1", ("ip", "netns", "exec", name))
    finally:
        # The cable goes with it.
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
