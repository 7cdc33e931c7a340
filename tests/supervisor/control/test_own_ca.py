"""krakencopy's own certificates: made where they are missing, made again in time, and issued for keys that
stay with their clients.
"""

from __future__ import annotations

import base64
import builtins
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.control.own_ca import (
    ADMIN,
    CA,
    CA_LIFE,
    SERVER,
    SERVER_LIFE,
    BadRequest,
    OwnCa,
    require_cryptography,
    server_names,
)

NOW = time.time()
NAMES = ["box", "10.0.0.7"]


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def request_for(key: Any, algorithm: Any = None) -> str:
    """A request as a client makes it, with a name of its own choice."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "admin")])
    signed = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm)
    return base64.b64encode(signed.public_bytes(serialization.Encoding.DER)).decode()


def test_what_is_missing_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    own = OwnCa(tmp_path / "tls")
    assert own.renew(NAMES, NOW) == [CA, SERVER]
    assert own.renew(NAMES, NOW) == []
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tls").iterdir()} == {0o600}
    server = certificate(own.path(SERVER))
    server.verify_directly_issued_by(certificate(own.path(CA)))
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in names] == NAMES
    assert own.read()[2] == own.path(CA).read_text()


def test_a_server_certificate_is_made_again_in_time_or_with_another_name(tmp_path: Path) -> None:
    own = OwnCa(tmp_path)
    own.renew(NAMES, NOW)
    assert own.renew(NAMES, NOW + SERVER_LIFE.total_seconds() * 0.6) == []
    assert own.renew(NAMES, NOW + SERVER_LIFE.total_seconds() * 0.7) == [SERVER]
    assert own.renew([*NAMES, "more"], NOW + SERVER_LIFE.total_seconds() * 0.7) == [SERVER]


def test_a_ca_is_made_again_with_its_key_so_that_what_it_has_signed_stays_good(tmp_path: Path) -> None:
    own = OwnCa(tmp_path)
    own.renew(NAMES, NOW)
    issued = x509.load_pem_x509_certificate(
        own.issue("olga", request_for(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()),
                  timedelta(days=3650), NOW).certificate.encode()
    )  # fmt: skip
    before = certificate(own.path(CA))
    assert CA in own.renew(NAMES, NOW + CA_LIFE.total_seconds() * 0.8)
    after = certificate(own.path(CA))
    assert after.not_valid_after_utc > before.not_valid_after_utc
    issued.verify_directly_issued_by(after)


@pytest.mark.parametrize("lost", ["ca.key", "ca.pem"])
def test_half_a_ca_is_not_replaced_by_one_that_nobody_knows(tmp_path: Path, lost: str) -> None:
    own = OwnCa(tmp_path)
    own.renew(NAMES, NOW)
    (tmp_path / lost).unlink()
    with pytest.raises(ValueError, match="do not belong together, or one is missing"):
        own.renew(NAMES, NOW)


def test_the_first_clients_certificate_lies_beside_its_key(tmp_path: Path) -> None:
    own = OwnCa(tmp_path)
    own.renew(NAMES, NOW)
    assert own.admin_certificate(NOW) is None
    made = own.make_admin(ADMIN, NOW)
    assert own.admin_certificate(NOW) == made
    assert own.admin_certificate(NOW + 0.7 * (made.expires_at - NOW)) is None


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate(),
     rsa.generate_private_key(65537, 2048)],
)  # fmt: skip
def test_a_certificate_is_for_the_key_of_a_request_and_the_name_that_was_granted(
    key: Any, tmp_path: Path
) -> None:
    own = OwnCa(tmp_path)
    own.renew(NAMES, NOW)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    issued = own.issue("olga", request_for(key, algorithm), timedelta(days=1), NOW)
    made = x509.load_pem_x509_certificate(issued.certificate.encode())
    assert made.subject.rfc4514_string() == "CN=olga"
    assert made.public_key() == key.public_key()
    assert made.fingerprint(hashes.SHA256()).hex() == issued.fingerprint
    assert issued.expires_at == pytest.approx(NOW + 86_400, abs=2)
    made.verify_directly_issued_by(certificate(own.path(CA)))
    longest = own.issue("olga", request_for(key, algorithm), timedelta(days=36_500), NOW)
    ends = certificate(own.path(CA)).not_valid_after_utc.timestamp()
    assert longest.expires_at == ends, "no longer than the CA"


def test_requests_that_cannot_be_used_are_refused_with_the_reason(tmp_path: Path) -> None:
    own = OwnCa(tmp_path)
    own.renew(NAMES, NOW)
    good = base64.b64decode(request_for(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))
    forged = good[:-1] + bytes([good[-1] ^ 1])
    cases = {
        "no PKCS #10": "AAAA",
        "no PKCS #10 request": "not base64!",
        "not signed by its key": base64.b64encode(forged).decode(),
        "is not of EC P-256": request_for(ec.generate_private_key(ec.SECP521R1()), hashes.SHA256()),
        "its key is not of EC": request_for(dsa.generate_private_key(2048), hashes.SHA256()),
    }
    for words, request in cases.items():
        with pytest.raises(BadRequest, match=words):
            own.issue("olga", request, timedelta(days=1), NOW)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    require_cryptography()
    imported = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return imported(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigFaults, match=r"pip install 'krakencopy\[remote\]'"):
        require_cryptography()


def test_the_servers_names_are_those_given_that_of_the_address_and_this_machines() -> None:
    assert server_names("0.0.0.0", ["box"])[:3] == ["box", "localhost", "127.0.0.1"]  # noqa: S104 - it is only read
    assert "10.0.0.7" in server_names("10.0.0.7", [])
