"""One file of a state folder is exchanged, of an older day, damaged or somebody else's, while all others are
new: it is refused with a clear word or made good, and no copy is lost or done twice.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as pb
from tests.support.system import Key, Paper, System, wait_for

D = Decimal
RUNNING = pb.ACCOUNT_STATE_RUNNING
#: What is bought of BTC at first, below the cap of 1000 dollars; and what is sold of it.
ALL, QUARTER, LESS = "0.0016", "0.0004", D("0.0002")
#: Of an account without special rights.
NOBODY = 65534
SOCKETS = shutil.ignore_patterns("*.sock")


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def traded(paper: Paper, account: str) -> tuple[Decimal, Decimal]:
    """What an account has bought and sold, by the exchange's record."""
    rows = paper.fills(account)
    bought, sold = (
        sum((D(row["volume"]) for row in rows if row["side"] == side), D(0)) for side in ("buy", "sell")
    )
    return bought, sold


def two_days(system: System) -> Path:
    """A run that bought and was backed up, and then has sold a quarter of it; the backup. Nothing runs."""
    system.start().wait_ready()
    system.buy("BTC/USD", ALL)
    system.settled(1)
    system.stop()
    yesterday = system.folder / "yesterday"
    shutil.copytree(system.state_dir, yesterday, ignore=SOCKETS)
    system.start().wait_ready()
    system.sell("BTC/USD", QUARTER)
    system.settled(2)
    system.stop()
    return yesterday


def kept(system: System) -> Path:
    """A copy of all as it is now."""
    newest = system.folder / "newest"
    shutil.rmtree(newest, ignore_errors=True)
    shutil.copytree(system.state_dir, newest, ignore=SOCKETS)
    return newest


def all_sold(system: System, fills: int) -> None:
    """The master sells the rest, everyone follows, and nobody has done anything twice or not at all."""
    system.wait_ready()
    system.sell("BTC/USD", str(D(ALL) - sum_sold(system.paper)))
    system.settled(fills)
    for account in ("master", *system.users):
        assert traded(system.paper, account) == (D(ALL), D(ALL)), account
    for user in system.users:
        assert not list(system.accounts()[user].drifts)


def sum_sold(paper: Paper) -> Decimal:
    return traded(paper, "master")[1]


def flip(path: Path) -> None:
    """One bit in a row, and not where SQLite looks."""
    content = bytearray(path.read_bytes())
    content[content.rindex(b"BTC")] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 8192 * 4096)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def has_sold(paper: Paper, account: str, volume: Decimal) -> bool:
    return traded(paper, account)[1] == volume


def refused(system: System, account: str, words: str) -> None:
    """Waits until the account's message says so; it is not at work then."""

    def seen() -> Any:
        found = system.accounts().get(account)
        return found if found is not None and words in found.message else None

    assert wait_for(f"{account} to say {words!r}", seen).state != RUNNING


def test_ledgers_of_users_are_exchanged_and_damaged(paper: Paper) -> None:
    """Of yesterday, another user's, cut, flipped, emptied, a journal in its place: that user stops and says
    what to do, the others copy on. With its newest ledger it catches up, once.
    """
    with System(paper, dict.fromkeys(("anna", "ben", "carl", "dora"), "1000")) as system:
        yesterday = two_days(system)
        ledger = {user: system.state_dir / "accounts" / f"{user}.db" for user in system.users}

        def old_and_swapped() -> None:
            shutil.copy(yesterday / "accounts" / "anna.db", ledger["anna"])
            content = ledger["ben"].read_bytes(), ledger["carl"].read_bytes()
            ledger["carl"].write_bytes(content[0])
            ledger["ben"].write_bytes(content[1])

        def cut_and_flipped() -> None:
            cut(ledger["anna"])
            flip(ledger["ben"])

        def emptied_and_a_journal() -> None:
            empty(ledger["anna"])
            shutil.copy(system.state_dir / "journal.db", ledger["ben"])

        rounds = (
            (old_and_swapped, {
                "anna": "an old copy was brought back. Copying on would trade fills twice",
                "ben": "belongs to account 'carl', not 'ben'",
                "carl": "belongs to account 'ben', not 'carl'",
            }),
            (cut_and_flipped, {"anna": "anna.db is damaged", "ben": "is not as it was written"}),
            (emptied_and_a_journal, {"anna": "it is empty", "ben": "belongs to account None, not 'ben'"}),
        )  # fmt: skip
        for number, (damage, words) in enumerate(rounds, start=1):
            newest = kept(system)
            damage()
            system.start()
            for account, said in words.items():
                refused(system, account, said)
            before = {user: traded(paper, user) for user in words}
            wait_for("the healthy user", lambda: system.accounts()["dora"].state == RUNNING)
            system.sell("BTC/USD", str(LESS))
            sold = D(QUARTER) + number * LESS
            wait_for("the healthy user's exit", partial(has_sold, paper, "dora", sold))
            assert {user: traded(paper, user) for user in words} == before
            system.stop()
            for user in words:
                shutil.copy(newest / "accounts" / f"{user}.db", ledger[user])
        system.start()
        all_sold(system, 6)


def test_the_journal_is_exchanged_and_damaged(paper: Paper) -> None:
    """Cut, flipped, emptied, a ledger in its place: krakencopyd ends with 74 and says what to bring back;
    nothing is traded and nothing is changed. With the newest one it goes on.
    """
    with System(paper, {"anna": "1000"}) as system:
        two_days(system)
        newest = kept(system)
        journal = system.state_dir / "journal.db"
        for damage, words in (
            (lambda: cut(journal), "is damaged"),
            (lambda: flip(journal), "is not as it was written: the checksum differs"),
            (lambda: empty(journal), "it is empty"),
            (lambda: shutil.copy(newest / "accounts" / "anna.db", journal), "is not a journal of krakencopy"),
        ):
            damage()
            content = journal.read_bytes()
            said = ended(system, 74)
            assert str(journal) in said
            assert words in said
            assert words == "is not a journal of krakencopy" or "together with accounts/" in said
            assert journal.read_bytes() == content
            shutil.copy(newest / "journal.db", journal)
        system.start()
        all_sold(system, 3)


def ended(system: System, expect: int) -> str:
    """Starts it where it must not start; what it says."""
    system.start()
    assert system.process is not None
    _, errors = system.process.communicate(timeout=45)
    code, system.process = system.process.returncode, None
    assert code == expect, (code, errors)
    return errors


def test_the_journal_of_yesterday_with_the_ledgers_of_today(paper: Paper) -> None:
    """What the master did since comes from the exchange's history under the same numbers, and the users'
    ledgers have answered it already: nothing is done again.
    """
    with System(paper, {"anna": "1000", "ben": "500"}) as system:
        yesterday = two_days(system)
        before = {user: traded(paper, user) for user in system.users}
        shutil.copy(yesterday / "journal.db", system.state_dir / "journal.db")
        system.start().wait_ready()
        system.settled(2)
        assert {user: traded(paper, user) for user in system.users} == before
        assert [copy.filled_volume for copy in system.copies("anna")] == [ALL, QUARTER]
        system.sell("BTC/USD", "0.0012")
        system.settled(3)
        for user in system.users:
            bought, sold = traded(paper, user)
            assert bought == sold


def test_another_journal_with_these_ledgers(paper: Paper) -> None:
    """It is gone, and a new one was made; or it is a second folder's: users say that their ledgers count in
    another journal, and trade nothing until the right one is back.
    """
    with System(paper, {"anna": "1000"}) as system:
        two_days(system)
        newest = kept(system)
        (system.state_dir / "journal.db").unlink()
        before = traded(paper, "anna")
        system.start()
        refused(system, "anna", "counts in another journal than this state folder's")
        wait_for("the master", lambda: system.accounts()["master"].state == RUNNING)
        system.sell("BTC/USD", QUARTER)
        wait_for("the fill to be journalled", lambda: getattr(system.status(), "head_seq", 0) >= 1)
        system.stop()
        assert traded(paper, "anna") == before
        shutil.copy(newest / "journal.db", system.state_dir / "journal.db")
        system.start()
        all_sold(system, 4)


def test_the_masters_ledger_of_yesterday_with_the_journal_of_today(paper: Paper) -> None:
    """Its wallet is made good from the exchange's history, and the journal has its fills: none is sent again,
    and the next exit is a fraction of what it holds.
    """
    with System(paper, {"anna": "1000"}) as system:
        yesterday = two_days(system)
        shutil.copy(yesterday / "accounts" / "master.db", system.state_dir / "accounts" / "master.db")
        system.start().wait_ready()
        assert system.status().head_seq == 2
        system.sell("BTC/USD", "0.0006")
        system.settled(3)
        assert traded(paper, "anna") == (D(ALL), D("0.001"))
        all_sold(system, 4)


def test_all_files_that_may_be_lost_are_damaged_at_once(paper: Paper) -> None:
    """Nonce files of yesterday and another account's, locks and the pairs' file with something else in them:
    all goes on, nonces grow, and nothing is refused.
    """
    with System(paper, {"anna": "1000", "ben": "1000"}) as system:
        yesterday = two_days(system)
        state = system.state_dir
        shutil.copy(yesterday / "kraken_nonce_master.txt", state / "kraken_nonce_master.txt")
        shutil.copy(state / "kraken_nonce_master.txt", state / "kraken_nonce_user_anna.txt")
        empty(state / "kraken_nonce_user_ben.txt")
        for name in ("supervisor.lock", "listing", "listing.lock"):
            (state / "run" / name).write_bytes(b"\xff\0 in use by process x for" * 9)
        for name in ("supervisor.jsonl", "anna.crash"):
            (state / "logs" / name).write_bytes(b"\xff\0")
        system.start()
        all_sold(system, 3)
        assert not [row for row in paper.rows("requests") if "EAPI:Invalid nonce" in str(row)]
        system.stop()
        # One bit of a nonce file, and nothing left of another.
        flip_first(state / "kraken_nonce_master.txt")
        (state / "kraken_nonce_user_anna.txt").unlink()
        (state / "run" / "supervisor.lock").unlink()
        system.start().wait_ready()
        system.buy("BTC/USD", QUARTER)
        system.settled(4)
        assert traded(paper, "anna")[0] == D("0.002")


def flip_first(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


def test_a_ledger_in_a_second_folder(paper: Paper) -> None:
    """Somebody copies one user's ledger into the folder of another installation that follows the same
    master: it counts in another journal, and that user trades nothing there.
    """
    users = {"anna": "1000"}
    with System(paper, users) as system:
        two_days(system)
        with System(paper, users, keys=dict[str, Key](system.keys)) as second:
            second.start().wait_ready()
            second.stop()
            shutil.copy(system.state_dir / "accounts" / "anna.db", second.state_dir / "accounts" / "anna.db")
            second.start()
            refused(second, "anna", "counts in another journal than this state folder's")
            second.stop()
        system.start()
        all_sold(system, 3)


def test_a_database_with_a_second_name(paper: Paper) -> None:
    """A folder was copied with hard links, and its databases are those of the copy: krakencopyd ends with 78
    and says how to part them; nothing is changed.
    """
    with System(paper, {"anna": "1000"}) as system:
        two_days(system)
        for name in ("journal.db", "accounts/anna.db"):
            path, second = system.state_dir / name, system.folder / "second.db"
            os.link(path, second)
            said = ended(system, 78)
            assert f"{path}: has 2 names (hard links)" in said
            assert f"cp -p {path} {path}.copy && mv {path}.copy {path}" in said
            second.unlink()
        system.start()
        all_sold(system, 3)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_that_somebody_else_owns_or_can_write(paper: Paper) -> None:
    """A ledger, journal, nonce file or lock that another user owns, or that others can write: krakencopyd
    ends with 78, names the file and what to do, and changes nothing.
    """
    with System(paper, {"anna": "1000"}) as system:
        two_days(system)
        state = system.state_dir
        for name in ("journal.db", "accounts/anna.db", "kraken_nonce_user_anna.txt", "run/supervisor.lock"):
            path = state / name
            os.chown(path, NOBODY, -1)
            assert f"{path}: is owned by user {NOBODY}, and krakencopyd runs as user 0" in ended(system, 78)
            os.chown(path, 0, -1)
            path.chmod(0o622)
            assert f"{path}: group or others can write it (mode 0622)" in ended(system, 78)
            path.chmod(0o600)
        system.start()
        all_sold(system, 3)
