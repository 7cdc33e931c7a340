"""Who may call, as rows and lines."""

from __future__ import annotations

from krakencopy.client.views.access_pages import credential_columns, credential_row, whoami_page
from krakencopy.v1 import access_pb2 as pb


def test_a_row_says_whose_by_what_and_until_when() -> None:
    one = pb.Credential(
        kind=pb.CREDENTIAL_KIND_CONFIGURED, id="box", name="box", role=pb.ACCESS_ROLE_TRADER, revoked_by=""
    )
    row = credential_row(one)
    assert len(row) == len(credential_columns())
    assert row == ["box", "trader", "-", "configured", "box", "valid", "-", "never", "-"]
    one.revoked_at.seconds, one.revoked_by, one.account_id, one.id = 5, "olga", "anna", "ab" * 32
    row = credential_row(one)
    assert (row[2], row[4], row[5]) == ("anna", "ab" * 8, "REVOKED by olga")


def test_a_process_of_the_machine_is_known_by_its_user() -> None:
    me = pb.WhoAmIResponse(
        name="root", role=pb.ACCESS_ROLE_ADMIN, origin="unix pid 7", permissions=["read", "trade"]
    )
    assert list(whoami_page(me)) == [
        "root: admin",
        "from unix pid 7, by the machine user",
        "may: read, trade",
    ]
    me.expires_at.seconds, me.credential = 86_400, "token abcd"
    assert list(whoami_page(me))[1].startswith("from unix pid 7, by token abcd, until 1970-01-02")
