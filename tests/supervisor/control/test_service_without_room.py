"""What an operator asks for and the journal has no room to keep is refused with what to do, and nothing of it
is done; asked again once there is room, it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from krakencopy.supervisor.config.diff import compare
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.control.reloader import Keys, Reloader
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalNoRoom
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from tests.support.config_texts import MASTER, PAPER
from tests.support.idle_supervisor import idle_supervisor
from tests.support.served_control import refused, served
from tests.support.small_disk import disk_of, fill_disk
from tests.support.supervisor_samples import fill, small_config

MEGABYTES = 6


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of(tmp_path / "disk", MEGABYTES) as disk:
        yield disk


class _Reloads(Reloader):
    """Of a file that adds ``carl``."""

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__(supervisor, Path("/k.toml"), cast("Keys", None))
        self._of = supervisor

    async def _compare_and_apply(self, *, dry_run: bool) -> pb.ReloadResponse:
        assert not dry_run
        self._of.apply(compare(self._of.config, small_config("anna", "carl")), {}, "/k.toml")
        return pb.ReloadResponse(applied=True)


def shown(supervisor: Supervisor) -> dict[str, Any]:
    """All that operators' wishes change, here and on the disk."""
    journal = supervisor.journal
    anna = supervisor.accounts["anna"]
    return {
        "paused": (anna.paused, journal.paused("anna")),
        "stopped": (anna.stopped, journal.wanted("anna")),
        "accounts": (sorted(supervisor.accounts), journal.user_ids(), supervisor.config),
        "settings": journal.settings(),
        "coins": (journal.coins.traded(), list(journal.coins.renames)),
        "events": (journal.last_event, len(journal.events_after(0, 100))),
    }


def use_up(disk: Path, journal: Journal) -> None:
    """Nothing can be written any more, also not where the journal's files have room left in themselves."""
    fill_disk(disk / "filler")
    with suppress(JournalNoRoom):
        while True:
            journal.set_wanted("nobody", wanted=True)


WISHES: dict[str, Callable[[Any, str], Any]] = {
    "PauseAccount": lambda stub, key: stub.PauseAccount(
        pb.PauseAccountRequest(account_id="anna", request_id=key)
    ),
    "StopAccount": lambda stub, key: stub.StopAccount(
        pb.StopAccountRequest(account_id="anna", request_id=key)
    ),
    "StartAccount": lambda stub, key: stub.StartAccount(
        pb.StartAccountRequest(account_id="anna", request_id=key)
    ),
    "RestartAccount": lambda stub, key: stub.RestartAccount(
        pb.RestartAccountRequest(account_id="anna", request_id=key)
    ),
    "Reload": lambda stub, key: stub.Reload(pb.ReloadRequest(request_id=key)),
    "SetSettings": lambda stub, key: stub.SetSettings(
        pb.SetSettingsRequest(id="anna", settings={"order": "limit_ioc"}, request_id=key)
    ),
}
#: Settings stand in the place of what a document says.
USER = '[[accounts]]\nid = "anna"\nrole = "user"\nbroker = "kraken"\n'
OF_A_DOCUMENT = parse(f"{PAPER}{MASTER}{USER}", "k.toml")


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("what", ["the journal", "the audit"])
def test_what_cannot_be_kept_is_refused_with_what_to_do_and_not_done(
    disk: Path, tmp_path: Path, wish: str, what: str
) -> None:
    if what == "the journal":  # the audit log has room elsewhere
        (tmp_path / "audit").mkdir()
        (disk / "audit").symlink_to(tmp_path / "audit")

    async def play() -> None:
        with closing(Journal(disk / "journal.db")) as journal:
            config = OF_A_DOCUMENT if wish == "SetSettings" else small_config("anna")
            supervisor = idle_supervisor(disk, journal, config)
            async with served(supervisor, _Reloads(supervisor)) as stub:
                await stub.GetStatus(pb.GetStatusRequest())
                use_up(disk, journal)
                before = shown(supervisor)
                code, reason, words = await refused(WISHES[wish](stub, "r1"))
                assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "DISK_NOT_WRITABLE")
                room = (
                    f"no room on {disk}: 0 of 6 MB free; nothing is changed: make room there, then ask again"
                )
                assert words == room
                assert shown(supervisor) == before
                (disk / "filler").unlink()
                await WISHES[wish](stub, "r1")
                if wish in {"PauseAccount", "StopAccount", "Reload", "SetSettings"}:
                    assert shown(supervisor) != before

    asyncio.run(play())


def test_a_coin_that_cannot_be_renamed_keeps_its_name(disk: Path) -> None:
    with closing(Journal(disk / "journal.db")) as journal:
        supervisor = idle_supervisor(disk, journal, small_config("anna"))
        supervisor.fills.append([fill(1, pair="MATIC/USD", volume="5")], 1)
        use_up(disk, journal)
        before = shown(supervisor)
        with pytest.raises(Exception, match="no room on"):
            supervisor.names.rename_asset("MATIC", "POL", "an operator's word")
        assert shown(supervisor) == before
        (disk / "filler").unlink()
        supervisor.names.rename_asset("MATIC", "POL", "an operator's word")
        assert journal.coins.traded() == ["POL"]
        assert [event.code for event in journal.events_after(0, 9)] == ["ASSET_RENAMED"]
