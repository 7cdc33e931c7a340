"""By what TLS is ended: contents of files that belong together; handshakes are in test_remote_door.py."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from krakencopy.supervisor.control.access_table import Tls
from krakencopy.supervisor.control.tls_context import server_context
from tests.support.certificates import Authority


def test_it_is_tls_1_3_alone_and_leaves_no_file_open(tmp_path: Path) -> None:
    ca = Authority(tmp_path / "ca")
    pair = ca.issue("box")
    before = len(list(Path("/proc/self/fd").iterdir()))
    context = server_context(Tls(pair.certificate.read_text(), pair.key.read_text(), ca.ca.read_text()))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.verify_mode is ssl.CERT_OPTIONAL
    assert context.num_tickets == 0


def test_certificates_that_cannot_be_used_are_an_error(tmp_path: Path) -> None:
    ca = Authority(tmp_path / "ca")
    one, two = ca.issue("one"), ca.issue("two")
    with pytest.raises(ssl.SSLError):
        server_context(Tls(one.certificate.read_text(), two.key.read_text(), ca.ca.read_text()))
    with pytest.raises((ssl.SSLError, ValueError)):
        server_context(Tls(one.certificate.read_text(), one.key.read_text(), "no CA"))
