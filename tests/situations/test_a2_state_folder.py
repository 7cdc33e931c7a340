"""A state folder belongs to one mode, one exchange, and each ledger in it to one account there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from krakencopy.supervisor.run import EXIT_REPORT
from tests.support.edited_file import edited
from tests.support.system import PATIENCE_S, ROOT, Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def content(folder: Path) -> dict[str, bytes]:
    """What journal and ledgers hold, file by file."""
    files = [*folder.glob("journal.db*"), *folder.glob("accounts/*.db*")]
    # SQLite's index of a log holds nothing of its own.
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.suffix != ".db-shm"}


def used(system: System) -> System:
    """A run that has copied one fill, and has ended."""
    system.start().wait_ready()
    system.buy("BTC/USD", "0.001")
    system.settled(1)
    system.stop()
    return system


def without_owner(path: Path) -> None:
    """A file as an earlier version made it."""
    with edited(path) as file:
        file.execute("DELETE FROM meta WHERE key IN ('owner', 'kept account') OR key LIKE 'account of %'")


def untold(paper: Paper, *accounts: str) -> None:
    for account in accounts:
        paper.call(
            "POST",
            "/faults",
            kind="error",
            error="EGeneral:Permission denied",
            account=account,
            method="GetApiKeyInfo",
            count=0,
        )


def failed(system: System, account: str, reason: str) -> str:
    """Waits until the account is FAILED for this reason; its message."""

    def seen() -> Any:
        found = system.accounts().get(account)
        return found if found is not None and (found.state, found.reason) == (8, reason) else None

    return str(wait_for(f"{account} to be FAILED ({reason})", seen).message)


def orders(paper: Paper, account: str) -> int:
    return sum(row["account"] == account and row["method"] == "AddOrder" for row in paper.rows("requests"))


def test_a_start_at_another_exchange_or_in_another_mode(paper: Paper) -> None:
    """It is refused with 78 and both names, and nothing in the folder is changed; the run that it belongs
    to goes on.
    """
    with System(paper, {"anna": "1000"}) as system, Paper() as elsewhere:
        used(system)
        before = content(system.state_dir)
        system.mode = "live"
        said = system.start_refused()
        assert (
            f"belongs to a paper run at {paper.rest_url}, and this is a live run at {paper.rest_url}" in said
        )
        assert "choose another --state-dir" in said
        system.mode, system.paper = "paper", elsewhere
        said = system.start_refused()
        assert f"a paper run at {paper.rest_url}, and this is a paper run at {elsewhere.rest_url}" in said
        assert content(system.state_dir) == before
        system.paper = paper
        system.start().wait_ready()


def test_a_paper_start_in_the_folder_of_another_run(paper: Paper) -> None:
    """`krakencopyd --paper` is refused there: nothing is put aside. In a folder of its own kind it begins
    anew each time.
    """
    with System(paper, {"anna": "1000"}) as system:
        used(system)
        before = content(system.state_dir)

        def paper_run(folder: Path) -> tuple[int, str]:
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "krakencopy.supervisor.daemon",
                    "--paper",
                    "--state-dir",
                    str(folder),
                    "--quiet",
                    "--duration",
                    "0.5",
                ],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=2 * PATIENCE_S,
                check=False,
            )
            return done.returncode, done.stderr + done.stdout

        # The second for a fill of the last moment that a user had not answered.
        ran = {0, EXIT_REPORT}
        code, said = paper_run(system.state_dir)
        assert code == 78, said
        assert "belongs to a paper run at http" in said
        assert "this is a paper run with an exchange of its own" in said
        assert content(system.state_dir) == before
        assert not (system.state_dir / "earlier").exists()
        # Nor is a ledger that somebody put beside a paper journal.
        own = system.folder / "own"
        code, said = paper_run(own)
        assert code in ran, said
        shutil.copy(system.state_dir / "accounts" / "anna.db", own / "accounts" / "anna.db")
        code, said = paper_run(own)
        assert code == 78, said
        assert "anna.db belongs to" in said
        (own / "accounts" / "anna.db").unlink()
        code, said = paper_run(own)
        assert code in ran, said
        assert len(list((own / "earlier").iterdir())) == 1


def test_a_folder_that_an_earlier_version_made(paper: Paper) -> None:
    """It is refused with the exact command that takes it over; after that command it is this run's for
    ever.
    """
    with System(paper, {"anna": "1000"}) as system:
        used(system)
        for path in (system.state_dir / "journal.db", *system.state_dir.glob("accounts/*.db")):
            without_owner(path)
        said = system.start_refused()
        command = (
            f"krakencopyd --config {system.folder}/krakencopy.toml --state-dir {system.state_dir} "
            "--adopt-state"
        )
        assert command in said
        system.arguments = ("--quiet", "--adopt-state")
        system.start().wait_ready()
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        system.stop()
        system.arguments = ("--quiet",)
        system.start().wait_ready()
        assert [copy.filled_volume for copy in system.copies("anna")] == ["0.001", "0.001"]


def test_a_folder_of_another_exchange_is_taken_over_by_mistake(paper: Paper) -> None:
    """The exchange knows none of the trades that the master's wallet holds: the master is FAILED, no user
    starts, and nothing is traded.
    """
    with Paper() as elsewhere, System(elsewhere, {"anna": "1000"}) as other:
        elsewhere.price("XBTUSD", "50000")
        used(other)
        with System(paper, {"anna": "1000", "ben": "1000"}, arguments=("--adopt-state",)) as system:
            shutil.copytree(other.state_dir, system.state_dir, ignore=shutil.ignore_patterns("run"))
            for path in (system.state_dir / "journal.db", *system.state_dir.glob("accounts/*.db")):
                without_owner(path)
            system.start()
            message = failed(system, "master", "OTHER_ACCOUNT")
            assert "knows none of the last 1 trades" in message
            assert {system.accounts()[user].reason for user in ("anna", "ben")} == {"MASTER_NOT_READY"}
            assert orders(paper, "anna") == orders(paper, "ben") == 0


def test_a_ledger_of_another_folder(paper: Paper) -> None:
    """One account whose ledger was made for another exchange is FAILED with both names; the others copy."""
    with Paper() as elsewhere, System(elsewhere, {"anna": "1000"}) as other:
        elsewhere.price("XBTUSD", "50000")
        used(other)
        with System(paper, {"anna": "1000", "ben": "1000"}) as system:
            used(system)
            shutil.copy(other.state_dir / "accounts" / "anna.db", system.state_dir / "accounts" / "anna.db")
            system.start()
            message = failed(system, "anna", "FOREIGN_LEDGER")
            assert paper.rest_url in message
            assert elsewhere.rest_url in message
            before = orders(paper, "ben")
            system.buy("BTC/USD", "0.001")
            wait_for("ben's copy", lambda: orders(paper, "ben") > before)


@pytest.mark.parametrize("is_told", [True, False])
def test_the_keys_of_two_users_are_swapped(paper: Paper, is_told: bool) -> None:
    """Both ledgers are about other accounts than their keys open: both are FAILED before they trade, and
    named. Put right, they go on.
    """
    with System(paper, {"anna": "1000", "ben": "500"}) as system:
        if not is_told:
            untold(paper, "anna", "ben")
        used(system)
        ordered = orders(paper, "anna"), orders(paper, "ben")

        def swap() -> None:
            system.keys["anna"], system.keys["ben"] = system.keys["ben"], system.keys["anna"]

        swap()
        system.start()
        for user in ("anna", "ben"):
            message = failed(system, user, "OTHER_ACCOUNT")
            assert f"API key of {user}" in message
            assert "an id of its own" in message
            assert not is_told or ("…ANNA" in message and "…RBEN" in message)
        system.buy("BTC/USD", "0.001")
        wait_for("the fill to be journalled", lambda: getattr(system.status(), "head_seq", 0) == 2)
        system.stop()
        assert (orders(paper, "anna"), orders(paper, "ben")) == ordered
        swap()
        system.start().wait_ready()
        system.sell("BTC/USD", "0.002")
        system.settled(3)


def test_the_masters_key_is_changed_to_another_account(paper: Paper) -> None:
    """The master is FAILED with the numbers of both accounts: its journal and wallet are about the other
    one. No user starts.
    """
    with System(paper, {"anna": "1000"}) as system:
        used(system)
        system.keys["master"] = paper.open_account("somebody", {"ZUSD": "1000"})
        system.start()
        message = failed(system, "master", "OTHER_ACCOUNT")
        assert "…BODY" in message
        assert "…STER" in message
        assert system.accounts()["anna"].reason == "MASTER_NOT_READY"


def master_called(system: System, name: str) -> None:
    """The configuration calls the master by another name from now on."""
    write = system.write_config

    def renamed() -> Path:
        path = write()
        path.write_text(path.read_text().replace('id = "master"', f'id = "{name}"'))
        return path

    setattr(system, "write_config", renamed)  # noqa: B010 - for this one system


@pytest.mark.parametrize("is_told", [True, False])
def test_another_master_under_another_name(paper: Paper, is_told: bool) -> None:
    """Users are given another master, in the folder of the one before: it is FAILED, and what it has sold
    is nobody's exit.
    """
    with System(paper, {"anna": "1000"}) as system:
        used(system)
        boss = paper.open_account("boss", {"ZUSD": "1000", "XXBT": "1"})
        if not is_told:
            untold(paper, "boss")
        # Its own old coins, after the journal began.
        paper.by_hand(boss, "sell", "XBTUSD", "0.5")
        kept, system.keys["master"] = system.keys["master"], boss
        before = orders(paper, "anna")
        master_called(system, "boss")
        system.start()
        message = failed(system, "boss", "OTHER_ACCOUNT")
        assert "knows none of the last 1 orders of the journal" in message
        assert "--state-dir" in message
        assert system.accounts()["anna"].reason == "MASTER_NOT_READY"
        assert orders(paper, "anna") == before
        # The same account under another name is the same master.
        system.stop()
        system.keys["master"] = kept
        system.start().wait_ready()
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        assert [copy.reason for copy in system.copies("anna")] == ["SCALED", "EXIT_FULL"]
