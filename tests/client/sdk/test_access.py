"""What a client shows of itself is what was given, then what the environment says, or a clear word."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.client.sdk.access import Access, choose_access
from krakencopy.client.sdk.endpoint import parse_endpoint
from krakencopy.client.sdk.errors import BadInput

REMOTE, LOCAL = parse_endpoint("https://box:7443"), parse_endpoint("unix:control.sock")
ENVIRONMENT = {
    "KRAKENCOPY_CA": "/e/ca.pem",
    "KRAKENCOPY_CERTIFICATE": "/e/me.pem",
    "KRAKENCOPY_KEY": "/e/me.key",
    "KRAKENCOPY_TOKEN": "kct_1_e",
}


def test_what_is_given_counts_and_the_environment_for_the_rest(tmp_path: Path) -> None:
    everything = Access(Path("/e/ca.pem"), Path("/e/me.pem"), Path("/e/me.key"), "kct_1_e")
    assert choose_access(REMOTE, Access(), ENVIRONMENT) == everything
    given = Access(Path("ca"), Path("c"), Path("k"), "kct_2_g")
    assert choose_access(REMOTE, given, ENVIRONMENT) == given
    (tmp_path / "token").write_text("kct_3_f\n")
    assert choose_access(REMOTE, Access(), ENVIRONMENT, tmp_path / "token").token == "kct_3_f"


def test_a_certificate_of_the_environment_is_never_mixed_with_a_key_that_was_given() -> None:
    with pytest.raises(BadInput, match="key is given without its certificate"):
        choose_access(REMOTE, Access(key=Path("k")), ENVIRONMENT)


def test_of_a_unix_socket_the_environment_says_a_token_and_no_certificates() -> None:
    assert choose_access(LOCAL, Access(), ENVIRONMENT) == Access(token="kct_1_e")
    with pytest.raises(BadInput, match="is a Unix socket"):
        choose_access(LOCAL, Access(ca=Path("ca")), {})


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "kct_ü", "x" * 257])
def test_what_is_no_token_is_not_sent(token: str) -> None:
    with pytest.raises(BadInput, match="the token has") as raised:
        choose_access(REMOTE, Access(token=token), {})
    assert token not in str(raised.value)


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(BadInput, match="empty is empty"):
        choose_access(REMOTE, Access(), {}, tmp_path / "empty")
    with pytest.raises(BadInput, match="gone cannot be read"):
        choose_access(REMOTE, Access(), {}, tmp_path / "gone")
    for gone in (tmp_path / "gone", f"{tmp_path}/gone"):
        with pytest.raises(BadInput, match="gone cannot be read: No such file"):
            Access().read(gone)
    with pytest.raises(BadInput, match="empty is not in PEM"):
        Access().read(tmp_path / "empty")
    assert Access().read(None) is None
