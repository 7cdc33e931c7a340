"""Tokens and certificates are kept with what became of them; those that have ended are forgotten in time."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from krakencopy.supervisor.journal.access_records import CERTIFICATE, TOKEN, CredentialRow
from krakencopy.supervisor.journal.journal import Journal
from tests.support.journal_samples import filled, run_sql

ONE = CredentialRow("abcd", TOKEN, "bot", "viewer", "", "5f", 100.0, "olga", 200.0)
TWO = CredentialRow("ef01", CERTIFICATE, "anna", "owner", "user-7", "", 110.0, "olga", 300.0)


def test_what_is_kept_is_there_again(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.put_credential(ONE)
        journal.put_credential(TWO)
    with closing(Journal(path)) as journal:
        assert journal.credentials() == [TWO, ONE], "the latest first"
        journal.revoke_credentials(["abcd"], "vera", 150.0)
        journal.revoke_credentials(["abcd"], "somebody else", 160.0)
        journal.note_use({"ef01": 170.0})
    with closing(Journal(path)) as journal:
        assert journal.credentials() == [
            TWO._replace(last_used_at=170.0), ONE._replace(revoked_at=150.0, revoked_by="vera"),
        ]  # fmt: skip


def test_what_nobody_need_know_is_forgotten_with_the_next_one(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.put_credential(ONE)
        journal.put_credential(TWO)
        assert len(journal.credentials()) == 2
        journal.put_credential(TWO, ["abcd"])
        assert journal.credentials() == [TWO]


def test_it_ends_when_it_is_revoked_or_expires() -> None:
    assert ONE.ended_at == 200.0
    assert ONE._replace(revoked_at=150.0).ended_at == 150.0
    assert ONE._replace(revoked_at=250.0).ended_at == 200.0


def test_a_journal_of_before_has_none_and_takes_some(path: Path) -> None:
    filled(path)
    run_sql(path, "DROP TABLE credentials", "DROP TABLE config_changes", "PRAGMA user_version=6")
    with closing(Journal(path)) as journal:
        assert journal.credentials() == []
        journal.put_credential(ONE)
        assert journal.credentials() == [ONE]
