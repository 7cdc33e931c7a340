"""A run that the full disk has ended waits for room, and answers on the control socket meanwhile: every call
is refused with what it waits for and since when; a Shutdown ends the wait.

Nothing is supervised then, so this process serves the socket itself. It must not know what ended the run.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

from grpclib.const import Status
from grpclib.exceptions import GRPCError
from h2.connection import H2Connection

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.refusals import error_details
from krakencopy.account_proc.runtime.disk_room import room_words
from krakencopy.supervisor.accounts.disk_watch import WAIT_S, has_start_room, release_ballast
from krakencopy.supervisor.control.call_frames import METHODS
from krakencopy.supervisor.control.front import ENDED_CALLS_MAX
from krakencopy.supervisor.control.front_access import FrontAccess
from krakencopy.supervisor.control.front_calls import FrontCalls
from krakencopy.supervisor.control.front_clients import Clients
from krakencopy.supervisor.control.front_connection import Connections
from krakencopy.supervisor.control.front_door import FrontDoor
from krakencopy.supervisor.control.listener import listener_at
from krakencopy.supervisor.control.principals import Principal
from krakencopy.supervisor.lifecycle.state_machine import NO_ROOM
from krakencopy.v1 import control_pb2 as pb

log = logging.getLogger(__name__)

#: Between the answer to Shutdown and the end, in seconds.
END_PAUSE_S = 0.1


class RoomWait:
    """What is answered while a run waits for room."""

    def __init__(self, state_dir: Path, since: float) -> None:
        """``since``: Unix seconds."""
        self._state_dir = state_dir
        self._since = timestamp(since).ToJsonString()
        #: Whether an operator has asked for the end.
        self.ended = asyncio.Event()

    async def answers(
        self,
        method: int,
        principal: Principal,  # noqa: ARG002 - Upstream's
        request: bytes,  # noqa: ARG002 - Upstream's
    ) -> AsyncGenerator[bytes, None]:
        """See ``Upstream.answers``."""
        if METHODS[method].name != "Shutdown":
            raise self.refusal()
        yield pb.ShutdownResponse().SerializeToString()
        asyncio.get_running_loop().call_later(END_PAUSE_S, self.ended.set)

    def refusal(self) -> GRPCError:
        """What everything else is refused with."""
        words = (
            f"{room_words(self._state_dir)}; nothing is copied since {self._since}, nothing is lost: make "
            "room there, and all goes on by itself"
        )
        return GRPCError(Status.UNAVAILABLE, words, error_details(NO_ROOM, {"since": self._since}))


async def wait_for_room(state_dir: Path, socket_path: Path, since: float) -> bool:
    """Returns when there is room for a start, or an operator has asked for the end: whether it goes on.
    ``since``: when the wait began, in Unix seconds.
    """
    release_ballast(state_dir)
    H2Connection.MAX_CLOSED_STREAMS = ENDED_CALLS_MAX
    # Clients' mistakes are theirs, and the log is on the full disk.
    logging.getLogger("grpclib").setLevel(logging.CRITICAL)
    wait = RoomWait(state_dir, since)
    # Tokens are in the journal, which nobody can open now.
    calls = FrontCalls(wait, FrontAccess(unavailable=wait.refusal), serving=False)
    door = FrontDoor(Connections(calls), Clients())
    listening = _listen(door, socket_path)
    while not has_start_room(state_dir) and not wait.ended.is_set():
        listening = listening or _listen(door, socket_path)
        with suppress(TimeoutError):
            await asyncio.wait_for(wait.ended.wait(), WAIT_S)
    if listening:
        with suppress(FileNotFoundError):
            os.unlink(socket_path)  # noqa: PTH108 - as pathlib's, which is looked upon as slow
    door.close()
    return not wait.ended.is_set()


def _listen(door: FrontDoor, path: Path) -> bool:
    """Whether the socket could be made: its name is a file, too, where its folder is on the full disk."""
    try:
        door.listen(listener_at(path))
    except OSError as error:
        log.warning("%s cannot be made: %s", path, error)
        return False
    return True
