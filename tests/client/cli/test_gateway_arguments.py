"""Words of `krakencopy gateway`."""

from __future__ import annotations

from pathlib import Path

from krakencopy.client.cli.arguments import parse


def test_by_default_it_is_this_machine_and_no_page() -> None:
    given = parse(["gateway"])
    assert (given.listen, given.allow_origin, given.allow_host) == ("127.0.0.1:8443", [], [])
    assert (given.tls_certificate, given.tls_key) == (None, None)


def test_all_that_can_be_said() -> None:
    words = "gateway --listen 0.0.0.0:443 --allow-origin https://a.example --allow-origin https://b.example"
    words += " --allow-host api.example --tls-certificate cert.pem --tls-key key.pem"
    given = parse(words.split())
    assert given.allow_origin == ["https://a.example", "https://b.example"]
    assert (given.tls_certificate, given.tls_key) == (Path("cert.pem"), Path("key.pem"))
