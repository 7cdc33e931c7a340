"""The process that serves the control API: ``python -m krakencopy.supervisor.control.front``.

It ends gRPC, and TLS where that is configured, holds every client within its limits, and passes what it
admits on to the supervisor over one channel. Whatever clients do costs this process, which copying does not
need: the kernel lets others go first, ends it first where memory is short, and the supervisor starts another
one. It must not know what a call does.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import socket
from contextlib import suppress
from pathlib import Path

from h2.connection import H2Connection

from krakencopy.account_proc.runtime.boot import die_with_parent, harden, leave, name_process, reset_signals
from krakencopy.supervisor.control.call_frames import LOCAL, REMOTE, SERVICE
from krakencopy.supervisor.control.front_access import FrontAccess
from krakencopy.supervisor.control.front_calls import FrontCalls
from krakencopy.supervisor.control.front_clients import Clients
from krakencopy.supervisor.control.front_connection import Connections
from krakencopy.supervisor.control.front_door import Door, FrontDoor
from krakencopy.supervisor.control.permissions import check_complete
from krakencopy.supervisor.control.remote_door import RemoteDoor
from krakencopy.supervisor.control.remote_visitor import Visitors
from krakencopy.supervisor.control.upstream import Upstream

PROCESS_NAME = b"kc-control"
#: Others go first: nice(2).
NICE = 5
#: Memory that it may have, in bytes: some forty are used, and clients' limits come to less than the rest.
MEMORY_BYTES_MAX = 256 << 20
#: Of 1,000: the kernel ends it before a process that trades (proc(5), oom_score_adj).
OUT_OF_MEMORY_SCORE = 500
#: Calls that have ended, of one connection: late frames of theirs are known as such.
ENDED_CALLS_MAX = 1_000
#: What was answered leaves within this when the supervisor ends, in seconds.
GRACE_S = 0.2
#: Of which the last bytes take so long, in seconds.
LAST_WRITES_S = 0.01


def main() -> None:
    """Until the supervisor is gone."""
    parser = argparse.ArgumentParser(
        prog="python -m krakencopy.supervisor.control.front", description="Started by the supervisor."
    )
    for name in ("--channel-fd", "--listeners-fd"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args()
    check_complete(SERVICE)
    _step_back()
    # Of each connection h2 remembers this many calls that have ended; by default 65,536, which are megabytes.
    H2Connection.MAX_CLOSED_STREAMS = ENDED_CALLS_MAX
    harden()
    reset_signals()
    die_with_parent()
    name_process(PROCESS_NAME)
    # Clients' mistakes are theirs; what is wrong here ends the process with a traceback.
    logging.disable()
    asyncio.run(serve(_inherited(given.channel_fd), _inherited(given.listeners_fd)))
    leave(0)


def _step_back() -> None:
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    # With autogroups, nice values of one session say nothing to another one's (sched(7)).
    for name, value in (("autogroup", NICE), ("oom_score_adj", OUT_OF_MEMORY_SCORE)):
        with suppress(OSError):
            Path("/proc/self", name).write_text(str(value))


def _inherited(descriptor: int) -> socket.socket:
    os.set_inheritable(descriptor, False)
    found = socket.socket(fileno=descriptor)
    found.setblocking(False)
    return found


async def serve(channel: socket.socket, listeners: socket.socket) -> None:
    """Serves on the sockets that come over ``listeners``, until the other end of ``channel`` is gone."""
    access = FrontAccess()
    upstream = Upstream(*await asyncio.open_unix_connection(sock=channel), access.use)
    connections = Connections(FrontCalls(upstream, access))
    doors: dict[bytes, Door] = {
        LOCAL: FrontDoor(connections, Clients()), REMOTE: RemoteDoor(connections, Visitors.of(access)),
    }  # fmt: skip
    loop = asyncio.get_running_loop()

    def take_listener() -> None:
        which, descriptors, _, _ = socket.recv_fds(listeners, 1, 1, socket.MSG_CMSG_CLOEXEC)
        if not descriptors:
            loop.remove_reader(listeners)
            return
        doors[which].listen(socket.socket(fileno=descriptors[0]))

    loop.add_reader(listeners, take_listener)
    await upstream.run()
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await upstream.wait_idle()
            # What they were answered is written by then.
            await asyncio.sleep(LAST_WRITES_S)
    loop.remove_reader(listeners)
    for door in doors.values():
        door.close()


if __name__ == "__main__":
    main()
