"""How a client shows who it is, and by what it knows the supervisor: certificates and a token, from arguments
and the environment. Imports no gRPC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from krakencopy.client.sdk.endpoint import (
    CA_VARIABLE,
    CERTIFICATE_VARIABLE,
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    Endpoint,
)
from krakencopy.client.sdk.errors import BadInput

#: A token travels in a header: no spaces, nothing that cannot be shown.
_TOKEN = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Access:
    """What is needed beside an endpoint. Nothing, for a Unix socket; a CA for TLS, with a certificate and its
    key, a token, or both.
    """

    #: Who has issued the server's certificate, in PEM; without one those that this machine trusts.
    ca: Path | str | None = None
    #: The client's own, in PEM; both or none.
    certificate: Path | str | None = None
    key: Path | str | None = None
    #: ``kct_...``, as `krakencopy token create` shows it once.
    token: str = ""

    def checked(self, endpoint: Endpoint) -> Access:
        """Raises BadInput for what cannot be used with this endpoint."""
        if (self.certificate is None) != (self.key is None):
            there, lacks = ("key", "certificate") if self.certificate is None else ("certificate", "key")
            raise BadInput(f"a {there} is given without its {lacks}; give both (--certificate and --key)")
        if self.token and not _TOKEN.fullmatch(self.token):
            raise BadInput("the token has spaces, or characters that no token has; give it as it was shown")
        if not endpoint.is_remote and (self.ca or self.certificate):
            words = "is a Unix socket, which has no certificates"
            raise BadInput(
                f"{endpoint} {words}; leave out --ca, --certificate and --key, or give https://..."
            )
        return self

    def read(self, path: Path | str | None) -> bytes | None:
        """The content of one of its files. Raises BadInput."""
        if path is None:
            return None
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror or error}") from None
        if b"-----BEGIN " not in content:
            raise BadInput(f"{path} is not in PEM: no line of it begins with -----BEGIN")
        return content


def choose_access(
    endpoint: Endpoint, given: Access, environment: Mapping[str, str], token_file: Path | None = None
) -> Access:
    """What was given, and of the rest what the environment says. Of an endpoint that is a Unix socket the
    environment's certificates say nothing. Raises BadInput.
    """

    def path(chosen: Path | str | None, variable: str) -> Path | str | None:
        named = environment.get(variable, "") if endpoint.is_remote else ""
        return chosen or (Path(named) if named else None)

    certificate, key = given.certificate, given.key
    if certificate is None and key is None:
        certificate, key = path(None, CERTIFICATE_VARIABLE), path(None, KEY_VARIABLE)
    token = given.token or (_token_in(token_file) if token_file else environment.get(TOKEN_VARIABLE, ""))
    return Access(path(given.ca, CA_VARIABLE), certificate, key, token).checked(endpoint)


def _token_in(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the token's file {path} cannot be read: {error}") from None
    if not token:
        raise BadInput(f"the token's file {path} is empty")
    return token
