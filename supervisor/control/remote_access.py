"""Who may call from elsewhere, as the supervisor keeps it: tokens and certificates of the journal, names of
the configuration, and the certificates by which TLS is ended. Each change is sent to the front.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path

from krakencopy.supervisor.config.control_table import split_listen
from krakencopy.supervisor.config.model import Config, ControlConfig, PrincipalConfig
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults
from krakencopy.supervisor.control.access_events import made_event, revoked_event
from krakencopy.supervisor.control.access_table import (
    TOKEN_PREFIX,
    AccessTable,
    Known,
    Tls,
    credential_words,
    hash_of,
)
from krakencopy.supervisor.control.listener import port_listener_at
from krakencopy.supervisor.control.own_ca import (
    ADMIN,
    CA,
    FOLDER,
    SERVER,
    Issued,
    OwnCa,
    require_cryptography,
    server_names,
)
from krakencopy.supervisor.control.principals import Principal, Role
from krakencopy.supervisor.control.tls_files import read_tls_files
from krakencopy.supervisor.journal.access_records import CERTIFICATE, TOKEN, CredentialRow
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault, JournalNoRoom
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Between two looks at whether certificates are due, or an operator's files have changed, in seconds.
LOOK_S = 30.0
#: They are looked into so often at least, in seconds; else only when a file is another one.
READ_AGAIN_S = 6 * 3_600.0
#: Who has made the first client's certificate: no principal's name has a space.
FIRST_START = "the first start"
#: When a credential was last used is written so often, in seconds: no call costs a write.
USE_NOTED_S = 600.0
#: Tokens and certificates that are kept at once, and how long those that have ended are shown, in seconds.
CREDENTIALS_MAX, ENDED_KEPT_S = 1_000, 90 * 86_400.0
#: Of a token: characters of its id, and bytes of its secret, which nobody guesses.
_ID_LETTERS, _ID_LENGTH, _SECRET_BYTES = "abcdefghijkmnpqrstuvwxyz23456789", 8, 32


class TooManyCredentials(Exception):
    """No more fit."""


class RemoteAccess:
    """Of one run. Nothing of it waits for a call."""

    def __init__(
        self, config: Config, base_dir: Path, state_dir: Path, journal: Journal,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """``base_dir``: where the configuration's files are."""
        self._control: ControlConfig = config.control
        self._principals = config.principals
        self._base_dir = base_dir
        self._journal = journal
        self._now = now
        self._own_ca = OwnCa(state_dir / FOLDER) if self._control.has_own_ca else None
        self._tls: Tls | None = None
        self._fault = ""
        self._files_read: list[tuple[int, ...]] = []
        self._read_at = 0.0
        self._used: dict[str, float] = {}
        self._noted: dict[str, float] = {}
        self._rows = {row.id: row for row in journal.credentials()}
        self._send: Callable[[bytes], None] = lambda _: None
        self._events: EventLog | None = None
        self._on_failure: Callable[[JournalFault], None] = lambda _: None

    # -- at the start ---------------------------------------------------------------------------------------

    def open_port(self) -> socket.socket | None:
        """The listening socket, once the certificates are there; None where nothing is served by TLS. Raises
        ConfigFaults.
        """
        listen = self._control.listen
        if listen is None:
            return None
        if self._own_ca is not None:
            require_cryptography()
        try:
            self._load()
        except (OSError, ValueError) as error:
            remedy = "see to the folder tls of the state folder"
            raise ConfigFaults([ConfigFault("control.listen", "", str(error), remedy)]) from None
        try:
            return port_listener_at(*split_listen(listen))
        except OSError as error:
            problem = f"{listen} cannot be listened on: {error.strerror or error}"
            remedy = "choose an address of this machine and a port that nobody has"
            raise ConfigFaults([ConfigFault("control.listen", "", problem, remedy)]) from None

    def _load(self) -> list[str]:
        """Reads certificates, or makes them; what was made. Raises ConfigFaults, OSError, ValueError."""
        try:
            return self._load_all()
        finally:
            self._files_read, self._read_at = self._files(), self._now()

    def _files(self) -> list[tuple[int, ...]]:
        """What changes when one of the files does."""
        if self._own_ca is not None:
            paths = [self._own_ca.path(each, ending) for each in (CA, SERVER) for ending in ("pem", "key")]
        else:
            own = (self._control.certificate, self._control.key, self._control.client_ca)
            paths = [self._base_dir / name for name in own if name]
        found: list[tuple[int, ...]] = []
        for path in paths:
            try:
                status = path.stat()
                found.append((status.st_ino, status.st_mtime_ns, status.st_size))
            except OSError:
                found.append(())
        return found

    def _load_all(self) -> list[str]:
        if self._own_ca is None:
            self._tls = read_tls_files(self._control, self._base_dir)
            return []
        assert self._control.listen is not None
        names = server_names(split_listen(self._control.listen)[0], self._control.names)
        made = self._own_ca.renew(names, self._now())
        made += self._keep_admin(self._own_ca)
        certificate, key, authority = self._own_ca.read()
        self._tls = Tls(certificate, key, authority)
        return made

    def _keep_admin(self, own_ca: OwnCa) -> list[str]:
        """The first client's certificate is known, and made again in time; one that was revoked stays so."""
        of_admin = [row for row in self._rows.values() if row.created_by == FIRST_START]
        if any(row.revoked_at is not None for row in of_admin):
            return []
        kept = own_ca.admin_certificate(self._now())
        if kept is not None:
            if kept.fingerprint not in self._rows:
                # Of a state folder whose journal is another one.
                self._put_admin(kept)
            return []
        self._put_admin(own_ca.make_admin(ADMIN, self._now()))
        return [ADMIN]

    def _put_admin(self, issued: Issued) -> None:
        """There is room for it, however many others there are: a start must not be kept from copying."""
        row = self._certificate_row(
            issued.fingerprint, ADMIN, Role.ADMIN, "", FIRST_START, issued.expires_at
        )  # fmt: skip
        self._put(row, [])

    # -- while it runs --------------------------------------------------------------------------------------

    def serve(
        self, send: Callable[[bytes], None], events: EventLog,
        on_failure: Callable[[JournalFault], None] = lambda _: None,
    ) -> None:  # fmt: skip
        """``send`` gives the front who is known, now and with each change; ``on_failure`` is called with what
        keeps the journal from being written.
        """
        self._send, self._events, self._on_failure = send, events, on_failure
        self._publish()

    async def run(self) -> None:
        """Renews certificates in time, reads an operator's again, and notes what was used."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.look()
            except JournalFault as fault:
                self._on_failure(fault)

    def look(self) -> None:
        """Once. Raises JournalFault, but for want of room."""
        self._note_use()
        if self._control.listen is None:
            return
        files = self._files()
        if files == self._files_read and self._now() - self._read_at < READ_AGAIN_S:
            return
        before, rows = self._tls, len(self._rows)
        try:
            made = self._load()
        except (ConfigFaults, OSError, ValueError) as error:
            if str(error) != self._fault:
                self._fault = str(error)
                words = (
                    f"certificates of the control API cannot be read or made, those of before stay: {error}"
                )
                self._record(types_pb2.SEVERITY_ERROR, "CERTIFICATES_FAULT", words)
            return
        except JournalNoRoom:
            return
        self._fault = ""
        if before != self._tls or len(self._rows) != rows:
            what = f"made anew: {', '.join(made)}" if made else "read again"
            words = f"certificates of the control API: {what}; connections that there are stay"
            if CA in made:
                words += "; clients need the new tls/ca.pem before the old one ends"
            self._record(types_pb2.SEVERITY_INFO, "CERTIFICATES_RENEWED", words)
            self._publish()

    def use_principals(self, principals: tuple[PrincipalConfig, ...]) -> None:
        """Another configuration."""
        if principals != self._principals:
            self._principals = principals
            self._publish()

    def note_call(self, principal: Principal) -> None:
        """Somebody calls."""
        self._used[principal.credential] = self._now()

    def _used_at(self, row: CredentialRow) -> float | None:
        """When it was last used, as far as this run knows."""
        return self._used.get(credential_words(row.kind, row.id))

    def _note_use(self) -> None:
        due = {
            each: at
            for each, row in self._rows.items()
            if (at := self._used_at(row)) is not None and at - self._noted.get(each, 0.0) >= USE_NOTED_S
        }
        if due:
            try:
                self._journal.note_use(due)
            except JournalNoRoom:
                return
            self._noted |= due

    # -- who is known ---------------------------------------------------------------------------------------

    @property
    def own_ca(self) -> OwnCa | None:
        """None where nothing listens on a port, or an operator's certificates are used."""
        return self._own_ca

    @property
    def principals(self) -> tuple[PrincipalConfig, ...]:
        """The names of the configuration."""
        return self._principals

    def rows(self) -> list[CredentialRow]:
        """All that are kept, the latest first, with when they were last used."""
        return [
            row._replace(last_used_at=self._used_at(row) or row.last_used_at)
            for row in sorted(self._rows.values(), key=lambda row: (-row.created_at, row.id))
        ]

    def create_token(
        self, name: str, role: Role, account: str, ttl: timedelta, by: str
    ) -> tuple[CredentialRow, str]:
        """A new one: what is kept of it, and the token. Raises TooManyCredentials, JournalFault."""
        self._check_room()
        token_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
        secret, now = secrets.token_urlsafe(_SECRET_BYTES), self._now()
        row = CredentialRow(
            token_id, TOKEN, name, role, account, hash_of(secret), now, by, now + ttl.total_seconds()
        )
        self._put(row, [made_event(row)])
        self._publish()
        return row, f"{TOKEN_PREFIX}_{token_id}_{secret}"

    def issue_certificate(
        self, name: str, role: Role, account: str, ttl: timedelta, by: str, request: str
    ) -> tuple[CredentialRow, str, str]:
        """A new one: what is kept of it, itself, and the CA, in PEM. Raises BadRequest, TooManyCredentials,
        JournalFault, OSError.
        """
        assert self._own_ca is not None
        self._check_room()
        issued = self._own_ca.issue(name, request, ttl, self._now())
        row = self._certificate_row(issued.fingerprint, name, role, account, by, issued.expires_at)
        self._put(row, [made_event(row)])
        self._publish()
        return row, issued.certificate, self._own_ca.path(CA).read_text()

    def revoke(self, rows: Iterable[CredentialRow], by: str) -> list[CredentialRow]:
        """They are refused from now on; as they are kept then. Raises JournalFault."""
        found, now = [row for row in rows if row.revoked_at is None], self._now()
        revoked = [row._replace(revoked_at=now, revoked_by=by) for row in found]
        if found:
            ids = [row.id for row in found]
            keep = partial(self._journal.revoke_credentials, ids, by, now)
            self._keep(keep, list(map(revoked_event, revoked)))
            self._rows |= {row.id: row for row in revoked}
            self._publish()
        return revoked

    def _certificate_row(
        self, fingerprint: str, name: str, role: Role, account: str, by: str, expires_at: float
    ) -> CredentialRow:
        return CredentialRow(fingerprint, CERTIFICATE, name, role, account, "", self._now(), by, expires_at)

    def _check_room(self) -> None:
        now = self._now()
        if sum(row.ended_at > now for row in self._rows.values()) >= CREDENTIALS_MAX:
            raise TooManyCredentials

    def _put(self, row: CredentialRow, events: list[types_pb2.Event]) -> None:
        """One more, with what is recorded of it. Raises JournalFault; then it is not there."""
        forgotten = [each.id for each in self._rows.values() if self._is_forgotten(each)]
        self._keep(partial(self._journal.put_credential, row, forgotten), events)
        self._rows = {key: each for key, each in self._rows.items() if key not in forgotten} | {row.id: row}

    def _is_forgotten(self, row: CredentialRow) -> bool:
        """Whether nobody need know of it any more. A first client's that was revoked is known for ever: its
        certificate is still in the folder, and whoever has stolen its key would be let in again.
        """
        is_barred = row.created_by == FIRST_START and row.revoked_at is not None
        return row.ended_at < self._now() - ENDED_KEPT_S and not is_barred

    def _keep(self, keep: Callable[[], None], events: list[types_pb2.Event]) -> None:
        """In one commit with what is recorded of it."""
        if self._events is None:  # at the start, of which nothing is recorded
            keep()
        else:
            self._events.record_wishes(keep, events)

    def _publish(self) -> None:
        def known(kind: str) -> dict[str, Known]:
            return {
                row.id: Known(
                    row.name, Role(row.role), row.account_id, row.expires_at, row.revoked_at is not None,
                    row.secret_hash,
                )
                for row in self._rows.values()
                if row.kind == kind
            }  # fmt: skip

        names = {each.name: (each.role, each.account) for each in self._principals}
        self._send(AccessTable(known(TOKEN), known(CERTIFICATE), names, self._tls).encoded())

    def _record(self, severity: types_pb2.Severity.ValueType, code: str, words: str) -> None:
        if self._events is None:
            log.warning("%s", words)
            return
        try:
            self._events.record(severity, "", code, words)
        except JournalNoRoom as error:
            log.error("%s; it is not in the journal: %s", words, error)  # noqa: TRY400 - expected
