"""krakencopy's own certificates, in the folder ``tls`` of the state folder: a CA, the server's certificate,
and one for an admin's first client. Made where they are missing, and again before they expire.

The only module that imports ``cryptography``, the extra ``remote``. It must not know who may do what.
"""

from __future__ import annotations

import base64
import binascii
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from krakencopy.account_proc.runtime.durable_files import replace_file
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

FOLDER = "tls"
CA, SERVER, ADMIN = "ca", "server", "admin"
#: How long each may be used; it is made again when a third of that is left.
CA_LIFE, SERVER_LIFE, ADMIN_LIFE = timedelta(days=3653), timedelta(days=90), timedelta(days=365)
#: Clocks differ: what was just made is good for a machine that is behind.
BACKDATED = timedelta(minutes=5)
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 4096


class BadRequest(Exception):
    """A certificate request cannot be used; why."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A client certificate."""

    #: SHA-256, in hex.
    fingerprint: str
    #: In PEM.
    certificate: str
    #: Unix seconds.
    expires_at: float


def require_cryptography() -> None:
    """Raises ConfigFaults where the extra is not installed."""
    try:
        import cryptography.x509  # noqa: F401 - late: only who serves by TLS needs it
    except ImportError:
        fault = ConfigFault(
            "control.listen", "", "the package cryptography, which makes certificates, is missing",
            "run: pip install 'krakencopy[remote]'; or give certificate, key and client_ca of your own",
        )  # fmt: skip
        raise ConfigFaults([fault]) from None


class OwnCa:
    """The certificates in one folder. Its methods may take milliseconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, which: str, ending: str = "pem") -> Path:
        """Of CA, SERVER or ADMIN."""
        return self._folder / f"{which}.{ending}"

    def renew(self, names: Iterable[str], now: float) -> list[str]:
        """Makes what is missing, foreign, about to expire, or without a name; which of CA and SERVER. Raises
        OSError and ValueError.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        at, made = datetime.fromtimestamp(now, UTC), []
        authority = self._kept(CA)
        if authority is None and any(self.path(CA, ending).exists() for ending in ("pem", "key")):
            # A new one would lock out everybody who knows the old one.
            raise ValueError(
                f"{self.path(CA)} and {self.path(CA, 'key')} do not belong together, or one is missing or "
                "damaged; put back both, or move both away for a new CA, which every client must be given"
            )
        if authority is None or _is_old(authority, CA_LIFE, at):
            self._make_ca(at, authority)
            made.append(CA)
        server, wanted = self._kept(SERVER), _san(names)
        if server is None or _is_old(server, SERVER_LIFE, at) or _names_of(server) != set(wanted):
            self._make_server(wanted, at)
            made.append(SERVER)
        return made

    def admin_certificate(self, now: float) -> Issued | None:
        """That of the first client, as long as it need not be made again."""
        kept = self._kept(ADMIN)
        if kept is None or _is_old(kept, ADMIN_LIFE, datetime.fromtimestamp(now, UTC)):
            return None
        return _issued(kept)

    def make_admin(self, name: str, now: float) -> Issued:
        """One for the first client, with its key beside it. Raises OSError and ValueError."""
        key = _new_key()
        made = self._sign_client(name, key.public_key(), ADMIN_LIFE, now)
        self._write(ADMIN, _key_pem(key), made)
        return _issued(made)

    def read(self) -> tuple[str, str, str]:
        """The server's certificate, its key, and the CA, in PEM. Raises OSError."""
        return self.path(SERVER).read_text(), self.path(SERVER, "key").read_text(), self.path(CA).read_text()

    def issue(self, name: str, request: str, ttl: timedelta, now: float) -> Issued:
        """A client certificate for the key of a request: PKCS #10, DER in base64. Raises BadRequest."""
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        try:
            read = x509.load_der_x509_csr(base64.b64decode(request, validate=True))
            is_signed, key = read.is_signature_valid, read.public_key()
        except (ValueError, binascii.Error, TypeError) as error:
            raise BadRequest(f"it is no PKCS #10 request in DER and base64 ({error})") from None
        except Exception as error:  # noqa: BLE001 - cryptography has an error of its own for each kind of key
            raise BadRequest(f"its key is of a kind that is not taken ({error})") from None
        if not is_signed:
            raise BadRequest("it is not signed by its key")
        match key:
            case (
                ec.EllipticCurvePublicKey(curve=ec.SECP256R1() | ec.SECP384R1()) | ed25519.Ed25519PublicKey()
            ):
                pass
            case rsa.RSAPublicKey(key_size=size) if RSA_BITS_MIN <= size <= RSA_BITS_MAX:
                pass
            case _:
                raise BadRequest("its key is not of EC P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits")
        return _issued(self._sign_client(name, key, ttl, now))

    # -- how they are made ----------------------------------------------------------------------------------

    def _kept(self, which: str) -> x509.Certificate | None:
        """None where one of the two files is missing, is none, or was signed by another CA than ours."""
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import serialization

        try:
            kept = x509.load_pem_x509_certificate(self.path(which).read_bytes())
            key = serialization.load_pem_private_key(self.path(which, "key").read_bytes(), None)
            if key.public_key() != kept.public_key():
                return None
            authority = x509.load_pem_x509_certificate(self.path(CA).read_bytes())
            kept.verify_directly_issued_by(authority)
        except (FileNotFoundError, ValueError, TypeError, InvalidSignature):
            return None
        return kept

    def _ca_key(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives import serialization

        key: Any = serialization.load_pem_private_key(self.path(CA, "key").read_bytes(), None)
        return key  # type: ignore[no-any-return]  # our own is of EC

    def _make_ca(self, at: datetime, before: x509.Certificate | None) -> None:
        """With the key and the name of the one before, so that what it has signed stays good."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        if before is None:
            key, words = (
                _new_key(),
                f"krakencopy on {socket.gethostname()[:32]} {x509.random_serial_number():x}",
            )
            name = _common_name(words[:64])
        else:
            key, name = self._ca_key(), before.subject
        made = (
            _begun(name, name, key.public_key(), at, at + CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._write(CA, _key_pem(key), made)

    def _make_server(self, names: list[x509.GeneralName], at: datetime) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key, authority = _new_key(), x509.load_pem_x509_certificate(self.path(CA).read_bytes())
        ends = min(at + SERVER_LIFE, authority.not_valid_after_utc)
        made = (
            _begun(_common_name("krakencopyd"), authority.subject, key.public_key(), at, ends)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
            .sign(self._ca_key(), hashes.SHA256())
        )
        self._write(SERVER, _key_pem(key), made)

    def _sign_client(self, name: str, key: Any, ttl: timedelta, now: float) -> x509.Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import ExtendedKeyUsageOID

        at = datetime.fromtimestamp(now, UTC)
        authority = x509.load_pem_x509_certificate(self.path(CA).read_bytes())
        ends = min(at + ttl, authority.not_valid_after_utc)
        return (
            _begun(_common_name(name), authority.subject, key, at, ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(self._ca_key(), hashes.SHA256())
        )

    def _write(self, which: str, key: bytes, certificate: x509.Certificate) -> None:
        from cryptography.hazmat.primitives import serialization

        replace_file(self.path(which, "key"), key)
        replace_file(self.path(which), certificate.public_bytes(serialization.Encoding.PEM))


def server_names(address: str, more: Iterable[str]) -> list[str]:
    """The names that the server's certificate has: those that are given, and those of this machine that need
    no look-up.
    """
    own = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    bound = [] if ip_address(address).is_unspecified else [address]
    return list(dict.fromkeys((*more, *bound, *own)))


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _common_name(words: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: Any, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - BACKDATED)
        .not_valid_after(end)
    )


def _usage(*, signs_certificates: bool = False) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates,
        crl_sign=signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _san(names: Iterable[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _names_of(certificate: x509.Certificate) -> set[x509.GeneralName]:
    from cryptography import x509

    try:
        return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return set()


def _is_old(certificate: x509.Certificate, life: timedelta, at: datetime) -> bool:
    return certificate.not_valid_after_utc - at < life / 3


def _issued(certificate: x509.Certificate) -> Issued:
    from cryptography.hazmat.primitives import hashes, serialization

    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    ends = certificate.not_valid_after_utc.timestamp()
    return Issued(certificate.fingerprint(hashes.SHA256()).hex(), pem, ends)
