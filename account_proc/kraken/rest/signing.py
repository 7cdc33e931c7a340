"""Kraken's request signature. Pure: it knows neither where the secret came from nor how the request is sent.

Kraken: ``API-Sign = base64(HMAC-SHA512(base64decode(secret), path ++ SHA256(nonce ++ body)))``, where the
body is byte for byte what is sent, form or JSON.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac

from krakencopy.account_proc.contract.errors import CredentialsFault


def sign(path: str, nonce: int, body: bytes, secret: str) -> str:
    """The ``API-Sign`` header of a request to ``path`` (``/0/private/...``, without host).

    ``nonce`` must be the one that stands in ``body``. Raises CredentialsFault if the secret is not base64;
    the secret is not shown.
    """
    message = path.encode("ascii") + hashlib.sha256(str(nonce).encode("ascii") + body).digest()
    signature = hmac.digest(_decoded(secret), message, "sha512")
    return binascii.b2a_base64(signature, newline=False).decode("ascii")


def _decoded(secret: str) -> bytes:
    try:
        key = binascii.a2b_base64(secret, strict_mode=True)
    except ValueError:  # binascii.Error is one
        key = b""
    if not key:
        # Raised outside the except block: a traceback must not chain to an error that may quote the secret.
        raise CredentialsFault("the API secret is not valid base64; copy it again from Kraken")
    return key
