"""The socket of the control API, for the owner of the state folder alone. The supervisor listens, so that
clients find it whatever becomes of the process that serves them (front_process.py), and answers what that
process admits.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path

from krakencopy.supervisor.audit.log import AuditLog
from krakencopy.supervisor.control.audit_notes import CallNotes
from krakencopy.supervisor.control.audited_calls import AuditedCalls
from krakencopy.supervisor.control.call_frames import SERVICE
from krakencopy.supervisor.control.front_process import FrontProcess
from krakencopy.supervisor.control.listener import listener_at
from krakencopy.supervisor.control.permissions import check_complete
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.service import ControlServicer
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor

log = logging.getLogger(__name__)

#: Between two looks at whether the socket is still there, in seconds.
LOOK_S = 2.0


class ControlServer:
    """Made before anything else and closed after it."""

    def __init__(self) -> None:
        self._front: FrontProcess | None = None
        self._audit: AuditLog | None = None
        self._socket: Path | None = None
        self._watching: asyncio.Task[None] | None = None
        #: Closed with the server, which reads it to the end.
        self.journal: Journal | None = None

    async def start(self, supervisor: Supervisor, reloader: Reloader) -> None:
        """Serves on the state folder's socket, mode 0600 by the umask, also when that is swept away."""
        place = supervisor.place
        self._socket = place.socket("control")
        check_complete(SERVICE)
        self._audit = audit = AuditLog(
            place.audit, supervisor.journal, supervisor.events, on_failure=supervisor.fail,
            is_quiet=supervisor.fills.is_quiet,
        )  # fmt: skip
        audit.start()
        servicer = ControlServicer(supervisor, reloader, audit)
        crash = place.log("control").with_suffix(".crash")
        audited = AuditedCalls(audit, CallNotes(supervisor))
        self._front = FrontProcess(servicer, supervisor.events, crash, audited)
        self._front.use_listener(listener_at(self._socket))
        await self._front.start()
        self._watching = asyncio.create_task(self._keep_listening(self._front, self._socket))

    @staticmethod
    async def _keep_listening(front: FrontProcess, path: Path) -> None:
        """Some clean up temporary folders by age, and the socket of a long run is old."""
        while True:
            await asyncio.sleep(LOOK_S)
            if os.path.lexists(path):  # noqa: ASYNC240 - a name in a folder that is in memory
                continue
            try:
                # The whole folder may be gone, and new processes of accounts need it as well.
                path.parent.mkdir(mode=0o700, exist_ok=True)
                front.use_listener(listener_at(path))
            except OSError as error:
                log.error("%s is gone and cannot be made anew: %s", path, error)  # noqa: TRY400 - expected
            else:
                log.warning("%s was gone; it was made anew", path)

    async def close(self) -> None:
        """Ends the server, then closes the audit log and the journal."""
        if self._watching is not None:
            self._watching.cancel()
        if self._front is not None and self._socket is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._socket)  # noqa: PTH108 - as pathlib's, which is looked upon as slow
            await self._front.close()
        if self._audit is not None:
            await self._audit.close()
        if self.journal is not None:
            self.journal.close()
