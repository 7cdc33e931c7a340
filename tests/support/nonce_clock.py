"""A clock that tests of nonce custody move, and what a killed process leaves."""

from __future__ import annotations

from pathlib import Path

from krakencopy.account_proc.contract.nonce_file import STEP_US
from krakencopy.account_proc.state.nonce_custody import NonceCustody

HOUR_US = 3_600_000_000
START_US = 1_795_336_500_000_000
#: No process ends and starts again faster.
RESTART_US = 5 * STEP_US


class Clock:
    def __init__(self, now_us: int = START_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


def opened(path: Path, clock: Clock) -> NonceCustody:
    return NonceCustody.open(path, account_id="tania", now_us=clock)


def crash(custody: NonceCustody) -> None:
    """What is left when a process is killed: the file as it is, and no lock."""
    custody._file.close()
