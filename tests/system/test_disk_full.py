"""A disk that fills while copying runs: it is shown within seconds, copying goes on while it safely can,
nothing is lost or done twice, and all goes on by itself once there is room.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.client.sdk.errors import Unavailable
from krakencopy.supervisor.accounts.disk_watch import BALLAST, BALLAST_BYTES, LOW_BYTES
from krakencopy.v1 import types_pb2 as pb
from tests.support.small_disk import OnDisk, disk_of, fill_disk
from tests.support.system import Paper, wait_for

D = Decimal
#: Large enough for a ballast file.
MEGABYTES = 80
#: A condition is there, and over, within so many seconds.
SOON_S = 10.0
NO_ROOM = "DISK_NOT_WRITABLE"


@pytest.fixture
def system(paper: Paper, tmp_path: Path) -> Iterator[OnDisk]:
    """Three accounts that have copied one fill, on a disk of their own."""
    with (
        disk_of(tmp_path / "disk", MEGABYTES) as disk,
        OnDisk(paper, {"anna": "1000", "ben": "1000"}) as system,
    ):
        system.disk = disk
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        yield system


def shows_no_room(system: OnDisk) -> Any:
    """Each account is DEGRADED for it, and the whole is not ready."""
    accounts = system.accounts().values()
    if not accounts or not all(account.reason == NO_ROOM for account in accounts):
        return None
    return next(iter(accounts))


def test_a_disk_that_is_nearly_full_is_shown_and_copying_goes_on(paper: Paper, system: OnDisk) -> None:
    filler = system.disk / "filler"
    ballast = system.state_dir / BALLAST
    assert ballast.stat().st_size == BALLAST_BYTES
    filler.write_bytes(bytes(MEGABYTES * 2**20 - LOW_BYTES - BALLAST_BYTES))
    account = wait_for("every account to show it", lambda: shows_no_room(system), SOON_S)
    assert account.state == pb.ACCOUNT_STATE_DEGRADED
    assert f"no room on {system.disk}" in account.message
    (condition,) = [each for each in account.conditions if each.type == "DISK_WRITABLE"]
    assert (condition.status, condition.reason) == (pb.CONDITION_STATUS_FALSE, NO_ROOM)
    status = system.status()
    assert not status.ready
    assert not ballast.exists()
    (event,) = system.events(NO_ROOM)
    assert (event.severity, event.account_id) == (pb.SEVERITY_ERROR, "")
    system.sell("BTC/USD", "0.0004")
    system.settled(2)
    filler.unlink()
    system.wait_ready()
    assert len(system.events(f"{NO_ROOM}_OVER")) == 1
    assert ballast.exists()
    system.sell("BTC/USD", "0.0006")
    system.settled(3)
    assert paper.held("anna") == paper.held("ben") == 0


def test_a_disk_without_any_room_stops_copying_which_goes_on_by_itself_once_there_is_some(
    paper: Paper, system: OnDisk
) -> None:
    """What the ledgers or the journal cannot write ends them; nobody has to start anything again."""
    filler = system.disk / "filler"
    fill_disk(filler)
    wait_for("the ballast to be given away", lambda: not (system.state_dir / BALLAST).exists(), SOON_S)
    # The exits of users in it, as long as they can be written; the master trades in another program, too.
    fill_disk(filler)
    hand = paper.another_key("master")
    for _ in range(4):
        paper.by_hand(hand, "sell", "XBTUSD", "0.0002")
        fill_disk(filler)
    wait_for("something that cannot be written", lambda: is_held_up(system))
    assert not getattr(system.status(), "ready", False)
    filler.unlink()
    system.wait_ready()
    system.settled(5)
    # The event itself may be what had no room; then the next run says it.
    cut_off = [event.data["cause"] for event in system.events("LAST_RUN_CUT_OFF")]
    assert system.events(NO_ROOM) or "no room on" in cut_off[0]
    system.sell("BTC/USD", "0.0002")
    system.settled(6)
    assert paper.held("master") == paper.held("anna") == paper.held("ben") == 0
    for account in system.accounts().values():
        assert not list(account.drifts)
    system.stop()


def no_room_for_the_journal(system: OnDisk) -> None:
    """Fills the disk until an operator's wish cannot be written any more."""
    filler = system.disk / "filler"
    fill_disk(filler)
    wait_for("the ballast to be given away", lambda: not (system.state_dir / BALLAST).exists(), SOON_S)

    def is_refused() -> bool:
        fill_disk(filler)
        with system.api() as api:
            try:
                api.pause_account("anna")
                api.resume_account("anna")
            except Unavailable as error:
                # Without a reason the run is just ending; another refusal of the call would be a fault.
                words = f"no room on {system.disk}: 0 of 83 MB free; nothing is"
                return error.reason == NO_ROOM and error.message.startswith(words)
        return False

    wait_for("the journal to be without room", is_refused)


def sell_until_the_run_ends(paper: Paper, system: OnDisk) -> int:
    """How many fills of 0.0001 BTC it took. A process that ends for want of room gives some back: then the
    journal still takes a fill, and the disk is filled again.
    """
    hand = paper.another_key("master")
    for sold in range(1, 9):
        paper.by_hand(hand, "sell", "XBTUSD", "0.0001")
        try:
            wait_for("the run to end", lambda: system.status() is None, SOON_S)
        except AssertionError:
            fill_disk(system.disk / "filler")
        else:
            return sold
    raise AssertionError("the journal took every fill")


def resume(system: OnDisk) -> None:
    """The wish to pause may have found room, and the one to resume none."""
    with system.api() as api:
        api.resume_account("anna")


def test_a_journal_that_cannot_be_written_ends_the_run_which_begins_again_once_there_is_room(
    paper: Paper, system: OnDisk
) -> None:
    """The same process waits, and then says what has ended the run before."""
    no_room_for_the_journal(system)
    sold = sell_until_the_run_ends(paper, system)
    assert system.process is not None
    assert system.process.poll() is None
    (system.disk / "filler").unlink()
    system.wait_ready()
    resume(system)
    assert system.status().epoch == 2
    (event,) = system.events("LAST_RUN_CUT_OFF")
    assert f"no room on {system.disk}: 0 of 83 MB free" in event.data["cause"]
    assert event.data["ended_at"]
    assert "did not come to its own end, at 2" in event.message
    system.settled(1 + sold)
    system.sell("BTC/USD", str(D("0.001") - sold * D("0.0001")))
    system.settled(2 + sold)
    assert paper.held("anna") == paper.held("ben") == 0


def test_a_run_that_waits_for_room_can_be_stopped(paper: Paper, system: OnDisk) -> None:
    no_room_for_the_journal(system)
    sold = sell_until_the_run_ends(paper, system)
    assert system.process is not None
    assert system.process.stderr is not None
    said = ""
    while "goes on by itself then" not in said:
        said += system.process.stderr.readline()
    assert f"journal.db: no room on {system.disk}: 0 of 83 MB free; nothing is lost" in said
    system.stop(expect=-signal.SIGTERM)
    (system.disk / "filler").unlink()
    system.start().wait_ready()
    resume(system)
    system.sell("BTC/USD", str(D("0.001") - sold * D("0.0001")))
    system.settled(2 + sold)
    assert paper.held("anna") == paper.held("ben") == 0


def is_held_up(system: OnDisk) -> bool:
    """Whether the supervisor waits for room, or a process has ended for want of it."""
    accounts = system.accounts()
    ended = {account.state for account in accounts.values()} & {
        pb.ACCOUNT_STATE_BACKOFF,
        pb.ACCOUNT_STATE_WAITING,
    }
    return not accounts or bool(ended)
