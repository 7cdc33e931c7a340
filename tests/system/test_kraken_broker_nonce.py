"""The requirements, 1 (docs/requirements.md): every account has its own nonce, in its own file, under its own
lock.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.support.system import ROOT, Paper, System, wait_for

USERS = {"daivon_frazier": "100", "tania_gilbert": "200"}
FILES = {
    "master": "kraken_nonce_master.txt",
    "daivon_frazier": "kraken_nonce_user_daivon_frazier.txt",
    "tania_gilbert": "kraken_nonce_user_tania_gilbert.txt",
}

# What any other program would do to use the file: lock it, and fail at once.
STRAY = """
import sys, time
from pathlib import Path
from krakencopy.account_proc.contract.errors import AccountError
from krakencopy.account_proc.state.nonce_custody import NonceCustody
try:
    NonceCustody.open(Path(sys.argv[1]), account_id="stray", now_us=lambda: time.time_ns() // 1000)
except AccountError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


@pytest.fixture(scope="module")
def system(paper: Paper) -> Iterator[System]:
    with System(paper, USERS) as system:
        system.start().wait_ready()
        yield system


def nonces(paper: Paper) -> dict[str, list[int]]:
    """Nonces by key, in the order in which the exchange received them."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in paper.rows("requests"):
        assert row["outcome"] != "EAPI:Invalid nonce"
        found[row["account"]].append(int(row["nonce"]))
    return found


def test_three_accounts_use_three_files_and_each_process_names_its_own(system: System) -> None:
    paths = {account.id: account.nonce.path for account in system.accounts().values()}
    assert paths == {account: str(system.state_dir / name) for account, name in FILES.items()}


@pytest.mark.parametrize("account", FILES)
def test_a_second_process_on_a_locked_file_fails_at_once_and_names_the_holder(
    system: System, account: str
) -> None:
    stray = subprocess.run(
        [sys.executable, "-c", STRAY, str(system.state_dir / FILES[account])],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert stray.returncode == 76
    assert f"in use by process {system.pids()[account]}" in stray.stdout


def test_nonces_of_each_key_grow_strictly_also_across_a_restart(paper: Paper, system: System) -> None:
    system.buy("BTC/USD", "0.001")
    system.settled(1)
    before = {account: len(rows) for account, rows in nonces(paper).items()}
    system.stop()
    system.start().wait_ready()
    system.buy("BTC/USD", "0.001")
    system.settled(2)
    for account, seen in nonces(paper).items():
        assert len(seen) > before[account], account
        assert all(earlier < later for earlier, later in pairwise(seen)), account
    assert set(nonces(paper)) == set(FILES)


def test_two_supervisors_cannot_use_the_same_key_even_with_different_state_folders(
    paper: Paper, system: System
) -> None:
    with System(paper, USERS, keys=system.keys) as twin:
        twin.start()
        master = wait_for(
            "the second master to fail",
            lambda: (
                account
                if (account := twin.accounts().get("master")) and account.reason == "LOCK_HELD"
                else None
            ),
        )
        assert f"process {system.pids()['master']}" in master.message
        assert not twin.pids()
