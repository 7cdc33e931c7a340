"""A client's key is made on its machine; what is there is never written over."""

from __future__ import annotations

import base64
import builtins
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from krakencopy.client.cli.client_key import check_free, new_key, write_new
from krakencopy.client.sdk.errors import BadInput


def test_a_key_has_a_request_that_it_has_signed() -> None:
    pem, request = new_key()
    read = x509.load_der_x509_csr(base64.b64decode(request))
    assert read.is_signature_valid
    assert serialization.load_pem_private_key(pem, None).public_key() == read.public_key()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return imported(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadInput, match=r"pip install 'krakencopy\[remote\]'"):
        new_key()


def test_files_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "olga.key"
    check_free([path])
    write_new(path, b"one", 0o600)
    with pytest.raises(BadInput, match="is there already"):
        check_free([tmp_path / "other", path])
    with pytest.raises(BadInput, match="cannot be written: File exists"):
        write_new(path, b"two", 0o600)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="is there already"):
        check_free([tmp_path / "link"])
    assert path.read_bytes() == b"one"
