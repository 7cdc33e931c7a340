"""Who may call from elsewhere, as it is kept: certificates in time, an operator's files when they change, and
tokens without their secrets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from krakencopy.supervisor.config.model import CallerRole, ControlConfig, PrincipalConfig
from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.control.access_table import AccessTable
from krakencopy.supervisor.control.principals import Principal, Role
from krakencopy.supervisor.control.remote_access import USE_NOTED_S, RemoteAccess, TooManyCredentials
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from tests.support.certificates import Authority, request_of
from tests.support.configured import played
from tests.support.supervisor_samples import small_config

DAYS = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Served:
    """What the front was sent."""

    def __init__(self, access: RemoteAccess, journal: Journal) -> None:
        self.tables: list[AccessTable] = []
        access.serve(lambda encoded: self.tables.append(AccessTable.of(encoded)), EventLog(journal))

    @property
    def last(self) -> AccessTable:
        return self.tables[-1]


def access_of(
    folder: Path, journal: Journal, control: ControlConfig, clock: Clock, *principals: PrincipalConfig
) -> RemoteAccess:
    config = replace(small_config("anna"), control=control, principals=principals)
    access = RemoteAccess(config, folder, folder, journal, clock)
    listener = access.open_port()
    if listener is not None:
        listener.close()
    return access


OWN = ControlConfig(listen="127.0.0.1:0")


def codes(journal: Journal) -> list[str]:
    return [event.code for event in journal.events_before(2**62, 9, "")]


def test_certificates_are_made_at_the_first_start_and_kept(tmp_path: Path, journal: Journal) -> None:
    clock = Clock()
    first = Served(access_of(tmp_path, journal, OWN, clock), journal).last
    assert first.tls is not None
    assert [(one.name, one.role) for one in first.certificates.values()] == [("admin", Role.ADMIN)]
    assert Served(access_of(tmp_path, journal, OWN, clock), journal).last == first


def test_they_are_renewed_in_time_and_sent_to_the_front(tmp_path: Path, journal: Journal) -> None:
    clock = Clock()
    access = access_of(tmp_path, journal, OWN, clock)
    served = Served(access, journal)
    access.look()
    assert len(served.tables) == 1, "nothing is due"
    clock.now += 61 * DAYS
    access.look()
    assert len(served.tables) == 2
    assert served.last.tls != served.tables[0].tls
    assert codes(journal) == ["CERTIFICATES_RENEWED"]
    clock.now += 200 * DAYS
    access.look()
    assert len(served.last.certificates) == 2, "the first client's as well; the old one holds until it ends"


def test_a_first_client_that_was_revoked_is_not_made_again(tmp_path: Path, journal: Journal) -> None:
    clock = Clock()
    access = access_of(tmp_path, journal, OWN, clock)
    served = Served(access, journal)
    access.revoke(access.rows(), "olga")
    assert all(one.revoked for one in served.last.certificates.values())
    clock.now += 300 * DAYS
    access.look()
    assert (
        Served(access_of(tmp_path, journal, OWN, clock), journal).last.certificates
        == served.last.certificates
    )


def test_another_journal_learns_of_the_first_client(tmp_path: Path, journal: Journal) -> None:
    clock = Clock()
    first = Served(access_of(tmp_path, journal, OWN, clock), journal).last
    other = Journal(tmp_path / "other.db")
    try:
        assert (
            Served(access_of(tmp_path, other, OWN, clock), other).last.certificates.keys()
            == first.certificates.keys()
        )
    finally:
        other.close()


def test_an_operators_files_are_read_again_when_they_change_and_those_of_before_stay_meanwhile(
    tmp_path: Path, journal: Journal
) -> None:
    ca, clock = Authority(tmp_path / "own"), Clock()
    pair = ca.issue("box", "127.0.0.1")
    control = ControlConfig(
        listen="127.0.0.1:0", certificate=f"own/{pair.certificate.name}", key=f"own/{pair.key.name}",
        client_ca="own/ca.pem",
    )  # fmt: skip
    known = PrincipalConfig(name="box", role=CallerRole.VIEWER)
    access = access_of(tmp_path, journal, control, clock, known)
    served = Served(access, journal)
    assert served.last.names == {"box": (Role.VIEWER, "")}
    assert access.own_ca is None
    key = pair.key.read_text()
    pair.key.write_text("damaged")
    access.look()
    access.look()
    assert codes(journal) == ["CERTIFICATES_FAULT"], "once"
    assert len(served.tables) == 1
    new = ca.issue("box", "127.0.0.1")
    pair.certificate.write_text(new.certificate.read_text())
    pair.key.write_text(new.key.read_text())
    access.look()
    assert codes(journal) == ["CERTIFICATES_RENEWED", "CERTIFICATES_FAULT"]
    assert served.last.tls is not None
    assert served.last.tls.key != key
    access.use_principals(())
    assert served.last.names == {}


def test_when_a_credential_was_used_is_kept_now_and_then(tmp_path: Path, journal: Journal) -> None:
    clock = Clock()
    access = access_of(tmp_path, journal, OWN, clock)
    Served(access, journal)
    row, token = access.create_token("bot", Role.VIEWER, "", timedelta(days=1), "olga")
    assert token.startswith(f"kct_{row.id}_")
    (admin,) = [one for one in access.rows() if one.name == "admin"]
    for credential in (f"token {row.id}", f"certificate {admin.id[:16]}"):
        access.note_call(Principal("x", Role.VIEWER, credential=credential))
    assert {one.last_used_at for one in access.rows()} == {clock.now}
    assert {one.last_used_at for one in journal.credentials()} == {None}
    access.look()
    first = clock.now
    assert {one.last_used_at for one in journal.credentials()} == {first}
    clock.now += USE_NOTED_S / 2
    access.note_call(Principal("x", Role.VIEWER, credential=f"token {row.id}"))
    access.look()
    assert {one.last_used_at for one in journal.credentials()} == {first}


def test_there_are_as_many_as_can_be_looked_over(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("krakencopy.supervisor.control.remote_access.CREDENTIALS_MAX", 2)
    clock = Clock()
    access = access_of(tmp_path, journal, ControlConfig(), clock)
    for _ in range(2):
        access.create_token("bot", Role.VIEWER, "", timedelta(days=1), "olga")
    with pytest.raises(TooManyCredentials):
        access.create_token("bot", Role.VIEWER, "", timedelta(days=1), "olga")
    clock.now += 2 * DAYS
    access.create_token("bot", Role.VIEWER, "", timedelta(days=1), "olga")
    clock.now += 91 * DAYS
    access.create_token("bot", Role.VIEWER, "", timedelta(days=1), "olga")
    assert len(access.rows()) == len(journal.credentials()) == 1 + 1


def test_a_ca_of_which_a_half_is_gone_is_a_fault_that_says_where(tmp_path: Path, journal: Journal) -> None:
    access_of(tmp_path, journal, OWN, Clock())
    (tmp_path / "tls" / "ca.key").unlink()
    with pytest.raises(ConfigFaults, match=r"ca\.key do not belong together.*see to the folder tls"):
        access_of(tmp_path, journal, OWN, Clock())


def test_a_first_client_that_was_revoked_stays_so_when_others_are_forgotten(
    tmp_path: Path, journal: Journal
) -> None:
    clock = Clock()
    access = access_of(tmp_path, journal, OWN, clock)
    served = Served(access, journal)
    access.revoke(access.rows(), "olga")
    clock.now += 91 * DAYS
    access.create_token("bot", Role.VIEWER, "", timedelta(days=1), "olga")
    access.look()
    assert [one.revoked for one in served.last.certificates.values()] == [True], "its key may be a thief's"
    later = Served(access_of(tmp_path, journal, OWN, clock), journal)
    assert later.last.certificates == served.last.certificates


def test_a_first_client_is_renewed_however_many_others_there_are(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    access = access_of(tmp_path, journal, OWN, clock)
    served = Served(access, journal)
    monkeypatch.setattr("krakencopy.supervisor.control.remote_access.CREDENTIALS_MAX", 2)
    access.create_token("bot", Role.VIEWER, "", timedelta(days=400), "olga")
    clock.now += 250 * DAYS
    access.look()
    assert len(served.last.certificates) == 2
    clock.now += 250 * DAYS
    access_of(tmp_path, journal, OWN, clock)  # a start is not kept from copying


@pytest.mark.parametrize("what", ["create", "issue", "revoke"])
def test_what_is_granted_or_taken_away_is_kept_with_its_event_or_not_at_all(
    what: str, tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = access_of(tmp_path, journal, OWN, Clock())
    served = Served(access, journal)
    before = access.rows()
    request = request_of(ec.generate_private_key(ec.SECP256R1()))
    day = timedelta(days=1)
    acts: dict[str, Callable[[], object]] = {
        "create": lambda: access.create_token("bot", Role.ADMIN, "", day, "olga"),
        "issue": lambda: access.issue_certificate("bot", Role.ADMIN, "", day, "olga", request),
        "revoke": lambda: access.revoke(access.rows(), "olga"),
    }
    act = acts[what]

    def full(_event: object) -> None:
        raise JournalFault("the disk is full")

    with monkeypatch.context() as while_full:
        while_full.setattr(journal, "add_event", full)
        with pytest.raises(JournalFault):
            act()
    assert access.rows() == before == journal.credentials()
    assert len(served.tables) == 1
    act()
    assert len(codes(journal)) == 1
    assert len(served.tables) == 2


@played
async def test_a_journal_that_cannot_be_written_ends_the_run_and_not_the_looks_alone(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("krakencopy.supervisor.control.remote_access.LOOK_S", 0.0)
    access = access_of(tmp_path, journal, OWN, Clock())
    failed: asyncio.Future[JournalFault] = asyncio.get_running_loop().create_future()
    access.serve(lambda _: None, EventLog(journal), failed.set_result)
    (admin,) = access.rows()
    access.note_call(Principal("x", Role.ADMIN, credential=f"certificate {admin.id[:16]}"))

    def broken(_used: object) -> None:
        raise JournalFault("it is damaged")

    monkeypatch.setattr(journal, "note_use", broken)
    running = asyncio.create_task(access.run())
    assert str(await failed) == "it is damaged"
    running.cancel()
