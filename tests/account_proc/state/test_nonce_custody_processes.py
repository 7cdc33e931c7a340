"""Real processes with one nonce file: one of them has it, and none that is killed or has no room repeats a
nonce.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import NoRoom
from krakencopy.account_proc.state.key_lock import key_lock
from tests.support.nonce_clock import HOUR_US, START_US, Clock, opened

HOLD = """
import sys, time
from pathlib import Path
from krakencopy.account_proc.contract.errors import AccountError
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from krakencopy.account_proc.state.key_lock import key_lock
kind, path = sys.argv[1], Path(sys.argv[2])
try:
    if kind == "key":
        held = key_lock(path, "public key", "master")
    else:
        held = NonceCustody.open(path, account_id="master", now_us=lambda: time.time_ns() // 1000)
except AccountError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
print("held", flush=True)
sys.stdin.read()
held.close()
"""

#: The clock jumps over a whole block at each call, so each nonce is one reservation, and starts anew after
#: each kill.
BURN = """
import sys, itertools
from pathlib import Path
from krakencopy.account_proc.state.nonce_custody import NonceCustody
clock = itertools.count(int(sys.argv[2]), 400_000_000)
custody = NonceCustody.open(Path(sys.argv[1]), account_id="master", now_us=clock.__next__)
while True:
    print(custody.next(), flush=True)
"""

FULL = """
import resource, sys
from pathlib import Path
from krakencopy.account_proc.contract.errors import NonceFault
from krakencopy.account_proc.state.nonce_custody import NonceCustody
clock = [1_795_336_500_000_000]
custody = NonceCustody.open(Path(sys.argv[1]), account_id="master", now_us=lambda: clock[0])
used = custody.next()
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
clock[0] += 3_600_000_000
try:
    custody.next()
except NonceFault as fault:
    print(fault)
assert custody.last == used
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert custody.next() == clock[0]
custody.close()
"""


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


@pytest.mark.parametrize("kind", ["nonce", "key"])
def test_a_second_process_fails_at_once_and_names_the_first(tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "locks") if kind == "key" else str(tmp_path / "nonce.txt")
    with python(HOLD, kind, path) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with python(HOLD, kind, path) as second:
            said, _ = second.communicate(timeout=20)
        assert second.returncode == 76
        assert f"process {first.pid}" in said
        first.kill()
    with python(HOLD, kind, path) as third:
        assert third.communicate(timeout=20)[0] == "held\n"
        assert third.returncode == 0


def test_programs_that_this_process_starts_do_not_inherit_the_lock(tmp_path: Path) -> None:
    custody = opened(tmp_path / "nonce.txt", Clock())
    key = key_lock(tmp_path / "locks", "public key", "tania")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        custody.close()
        key.close()
        opened(custody.path, Clock()).close()
        key_lock(tmp_path / "locks", "public key", "tania").close()
        child.terminate()


def test_no_nonce_is_repeated_by_a_process_that_is_killed_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "nonce.txt"
    used = 0
    for lap in range(8):
        with python(BURN, str(path), str(START_US - lap * HOUR_US)) as burning:
            assert burning.stdout is not None
            for _ in range(1 + 7 * lap):
                nonce = int(burning.stdout.readline())
                assert nonce > used
                used = nonce
            burning.send_signal(signal.SIGKILL)
            # Handed out before the kill, and read after it.
            for line in burning.stdout:
                if line.endswith("\n"):
                    assert int(line) > used
                    used = int(line)


def test_a_disk_that_takes_nothing_more_stops_the_nonces_and_repeats_none(tmp_path: Path) -> None:
    with python(FULL, str(tmp_path / "nonce.txt")) as full:
        said, _ = full.communicate(timeout=20)
    assert full.returncode == 0
    assert "cannot reserve nonces" in said


def test_a_file_that_a_full_disk_does_not_take_is_no_fault_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "nonce.txt"

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(NoRoom, match=r"cannot write the nonce file .* no room on "):
            opened(path, Clock())
    opened(path, Clock()).close()
