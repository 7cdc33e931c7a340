"""Where the gateway may listen and who may call it: what is taken, and what is refused with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.client.gateway.options import LOOPBACK_NAMES, host_of, read_options
from krakencopy.client.sdk.errors import BadInput


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "pem"
    path.touch()
    return path


def test_it_listens_on_this_machine_under_its_names() -> None:
    found = read_options("localhost:8443", (), (), None, None)
    assert (found.host, found.port, found.url) == ("127.0.0.1", 8443, "http://127.0.0.1:8443")
    assert found.hosts == set(LOOPBACK_NAMES)
    assert not found.origins
    found = read_options("[0:0::1]:0", ("API.example",), (), None, None)
    assert (found.host, found.url) == ("::1", "http://[::1]:0")
    assert found.hosts == {*LOOPBACK_NAMES, "api.example"}
    assert "127.0.0.2" in read_options("127.0.0.2:1", (), (), None, None).hosts


def test_other_addresses_need_a_certificate_and_have_any_name(pem: Path) -> None:
    with pytest.raises(BadInput, match="plain text; give --tls-certificate"):
        read_options("0.0.0.0:8443", (), (), None, None)
    found = read_options("0.0.0.0:8443", (), (), pem, pem)
    assert (found.url, found.hosts) == ("https://0.0.0.0:8443", frozenset())
    assert read_options("[::]:1", ("a.example",), (), pem, pem).hosts == {"a.example"}


def test_a_certificate_has_its_key(pem: Path) -> None:
    for given in ((pem, None), (None, pem)):
        with pytest.raises(BadInput, match="give both"):
            read_options("127.0.0.1:1", (), (), *given)
    with pytest.raises(BadInput, match="nowhere is no file"):
        read_options("127.0.0.1:1", (), (), pem, Path("nowhere"))


@pytest.mark.parametrize(
    "listen",
    ["", "8443", ":8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:8443", "a b:1", "x.y:1"],
)
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(BadInput, match="--listen"):
        read_options(listen, (), (), None, None)


def test_origins_are_taken_as_browsers_write_them() -> None:
    given = ("https://panel.example", "http://localhost:5173", "http://[::1]:80")
    assert read_options("127.0.0.1:1", (), given, None, None).origins == set(given)


@pytest.mark.parametrize(
    "origin",
    [
        "*", "null", "panel.example", "https://panel.example/", "https://panel.example/a", "ftp://a.example",
        "https://", "https://a.example:x", "https://u@a.example", "https://[::1", "https://*.example", "",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(BadInput, match="--allow-origin"):
        read_options("127.0.0.1:1", (), (origin,), None, None)


@pytest.mark.parametrize("name", ["", "a b", "api.example:8443", "https://api.example", "*"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="--allow-host"):
        read_options("127.0.0.1:1", (name,), (), None, None)


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost", "localhost"), ("LocalHost:8443", "localhost"), ("[::1]:8443", "[::1]"),
        ("[::1]", "[::1]"), ("", None), ("a b", None), ("::1", None), ("evil.example, localhost", None),
        ("localhost:8443:1", None), ("user@localhost", None),
    ],
)  # fmt: skip
def test_the_name_of_a_host_is_read_without_its_port(header: str, host: str | None) -> None:
    assert host_of(header) == host
