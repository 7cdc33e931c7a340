"""The socket of the control API, for the owner of the state folder alone. The supervisor listens, so that
clients find it whatever becomes of the process that serves them (front_process.py), and answers what that
process admits.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from pathlib import Path

from krakencopy.supervisor.audit.log import AuditLog
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.control.audit_notes import CallNotes
from krakencopy.supervisor.control.audited_calls import AuditedCalls
from krakencopy.supervisor.control.call_frames import REMOTE, SERVICE
from krakencopy.supervisor.control.front_process import FrontProcess
from krakencopy.supervisor.control.listener import listener_at
from krakencopy.supervisor.control.permissions import check_complete
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.remote_access import RemoteAccess
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
        self._access: RemoteAccess | None = None
        self._port: socket.socket | None = None
        self._keeping: asyncio.Task[None] | None = None
        #: Closed with the server, which reads it to the end.
        self.journal: Journal | None = None

    def open_port(self, config: Config, config_path: Path | None, folder: Path, journal: Journal) -> None:
        """Listens by TLS where the configuration says so; clients wait until it is served. Raises
        ConfigFaults.
        """
        base_dir = Path.cwd() if config_path is None else config_path.parent
        self._access = RemoteAccess(config, base_dir, folder, journal)
        self._port = self._access.open_port()

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
        access = self._access
        if access is None:
            access = RemoteAccess(supervisor.config, Path.cwd(), place.state_dir, supervisor.journal)
        servicer = ControlServicer(supervisor, reloader, audit, access)
        crash = place.log("control").with_suffix(".crash")
        audited = AuditedCalls(audit, CallNotes(supervisor))

        def account_ids() -> list[str]:
            return list(supervisor.accounts)

        self._front = FrontProcess(servicer, supervisor.events, crash, audited, access.note_call, account_ids)
        self._front.use_listener(listener_at(self._socket))
        access.serve(self._front.use_access, supervisor.events, supervisor.fail)
        self._access = access
        if self._port is not None:
            self._front.use_listener(self._port, REMOTE)
            self._port = None
        await self._front.start()
        self._keeping = asyncio.create_task(access.run())
        self._watching = asyncio.create_task(self._keep_listening(self._front, self._socket))

    def use_config(self, config: Config) -> None:
        """Another configuration was applied."""
        if self._access is not None:
            self._access.use_principals(config.principals)

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
        for task in (self._watching, self._keeping):
            if task is not None:
                task.cancel()
        if self._port is not None:
            self._port.close()
        if self._front is not None and self._socket is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._socket)  # noqa: PTH108 - as pathlib's, which is looked upon as slow
            await self._front.close()
        if self._audit is not None:
            await self._audit.close()
        if self.journal is not None:
            self.journal.close()
