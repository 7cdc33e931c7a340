"""The machine that this runs on: which of its boots this is, and which hosts are itself."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> bytes:
    """16 bytes that are others after each start of the machine; zeros where it does not tell."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text().strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(16)


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine itself: "localhost", or an address of the loopback interface."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
