"""What is recorded of tokens and certificates names them, whose they are, and who gave or took them."""

from __future__ import annotations

from krakencopy.supervisor.control.access_events import made_event, revoked_event
from krakencopy.supervisor.journal.access_records import CERTIFICATE, TOKEN, CredentialRow

BOT = CredentialRow("4kq7zc2m", TOKEN, "bot", "viewer", "", "5f", 1.0, "olga", 2.0)
ANNA = CredentialRow("ab" * 32, CERTIFICATE, "anna", "owner", "anna", "", 1.0, "olga", 2.0)


def test_each_has_its_code_and_words() -> None:
    made = made_event(BOT)
    assert (made.code, made.message) == (
        "TOKEN_CREATED", "token 4kq7zc2m for bot (viewer) was made by olga",
    )  # fmt: skip
    issued = made_event(ANNA)
    assert (issued.code, issued.message) == (
        "CERTIFICATE_ISSUED", "a certificate for anna (owner of anna) was made by olga",
    )  # fmt: skip
    gone = revoked_event(ANNA._replace(revoked_at=3.0, revoked_by="vera"))
    assert (gone.code, gone.message) == (
        "CREDENTIAL_REVOKED", f"certificate {'ab' * 8} of anna (owner of anna) was revoked by vera",
    )  # fmt: skip
    assert dict(gone.data) == {
        "kind": "certificate", "id": "ab" * 32, "name": "anna", "role": "owner", "by": "vera",
    }  # fmt: skip
    assert "5f" not in str(made), "of a token's secret not even the hash"
