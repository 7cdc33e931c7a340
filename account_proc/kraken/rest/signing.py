"""Calls as Kraken takes them: signed. Pure: it knows neither where the secret came from nor how one is sent.

Kraken: ``API-Sign = base64(HMAC-SHA512(base64decode(secret), path ++ SHA256(nonce ++ body)))``, where the
body is byte for byte what is sent, form or JSON.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from krakencopy.account_proc.contract.errors import CredentialsFault
from krakencopy.account_proc.contract.spec import Credentials

#: RFC 3986: all but the unreserved characters.
_QUOTED = {
    number: f"%{number:02X}" for number in range(128) if not (chr(number).isalnum() or chr(number) in "_.~-")
}
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A private call that is ready to be sent, once."""

    method: str
    #: Of the URL, without the host.
    path: str
    headers: Mapping[str, str]
    body: bytes

    def request(self, prefix: bytes, head: bytes) -> bytes:
        """As it is sent: ``prefix`` stands before its path, ``head`` (the host's line, and what else) before
        its own headers.
        """
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        return b"POST %b%b HTTP/1.1\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
            prefix, self.path.encode("ascii"), head, lines.encode("ascii"), len(self.body), self.body,
        )  # fmt: skip


class CallSigner:
    """Signs calls with one API key."""

    def __init__(self, credentials: Credentials, user_agent: str) -> None:
        """Raises CredentialsFault if the key or its secret cannot be one."""
        # A header with other characters would be refused by an error that quotes it.
        if _PRINTABLE.fullmatch(credentials.key) is None:
            raise CredentialsFault(
                "the API key is empty or has characters that no key has; copy it again from Kraken"
            )
        sign("/0/private/", 0, b"", credentials.secret)
        self._secret = credentials.secret
        self._headers = {
            "User-Agent": user_agent,
            "API-Key": credentials.key,
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def signed_call(self, method: str, params: Mapping[str, str], nonce: int) -> SignedCall:
        """The call, ready to be sent."""
        path, body = f"/0/private/{method}", form_of({"nonce": str(nonce), **params})
        signature = sign(path, nonce, body, self._secret)
        return SignedCall(method, path, {**self._headers, "API-Sign": signature}, body)


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


def form_of(fields: Mapping[str, str]) -> bytes:
    """As ``urllib.parse.urlencode`` but for spaces, which takes ten times as long, for what the way of an
    order has time for.
    """
    form = "&".join(
        [f"{name.translate(_QUOTED)}={value.translate(_QUOTED)}" for name, value in fields.items()]
    )
    if not form.isascii():
        form = _BEYOND_ASCII.sub(lambda found: "".join([f"%{byte:02X}" for byte in found[0].encode()]), form)
    return form.encode("ascii")
