"""A key that is made on the client's machine and never leaves it, and the request for its certificate."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from krakencopy.client.sdk.errors import BadInput


def new_key() -> tuple[bytes, str]:
    """A key of EC P-256 in PEM, and its request: PKCS #10, DER in base64. Raises BadInput where the package
    is missing that makes them.
    """
    try:
        # Late: nothing else needs it here.
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        words = "the package cryptography, which makes keys, is missing: pip install 'krakencopy[remote]'"
        raise BadInput(words) from None
    key = ec.generate_private_key(ec.SECP256R1())
    # The supervisor takes the key alone from it: who it is for, it is told beside it.
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, base64.b64encode(request.public_bytes(serialization.Encoding.DER)).decode()


def check_free(paths: list[Path]) -> None:
    """Raises BadInput where one of these files is there: a key that is written over is lost."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise BadInput(f"{path} is there already; nothing was made: choose another --out or NAME")


def write_new(path: Path, content: bytes, mode: int) -> None:
    """A file that was not there. Raises BadInput."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from None
