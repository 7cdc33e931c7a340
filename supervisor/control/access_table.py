"""Who may call from elsewhere, as one value: how the supervisor sends it to the front, and how a credential
is looked up in it. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.supervisor.control.principals import Principal, Role

#: ``kct_``, the id, ``_``, the secret.
TOKEN_PREFIX = "kct"  # noqa: S105 - what all of them begin with
_TOKEN = re.compile(r"kct_([a-z0-9]{4,32})_([A-Za-z0-9_-]{20,128})", re.ASCII)
#: Characters of a certificate's SHA-256 that are shown.
SHOWN_ID = 16

CREDENTIALS_MISSING = "CREDENTIALS_MISSING"
TOKEN_UNKNOWN = "TOKEN_UNKNOWN"  # noqa: S105 - reasons, as are the next ones
TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105
TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105
CERTIFICATE_UNKNOWN = "CERTIFICATE_UNKNOWN"
CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"


class Unauthenticated(Exception):
    """Who calls is not known, or not any more. ``reason`` is stable."""

    def __init__(self, reason: str, words: str) -> None:
        self.reason, self.words = reason, words
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Known:
    """A token or a certificate."""

    name: str
    role: Role
    account: str
    #: Unix seconds.
    expires_at: float
    revoked: bool = False
    #: SHA-256 of a token's secret, in hex.
    secret_hash: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a TLS connection has shown, which is from a CA that we know."""

    #: SHA-256, in hex.
    fingerprint: str
    #: Of its SubjectAltName, DNS and URI; the common name where it has none.
    names: tuple[str, ...]
    expires_at: float


@dataclass(frozen=True, slots=True)
class Tls:
    """By what the front ends TLS: contents of files, in PEM."""

    certificate: str
    key: str = field(repr=False)
    client_ca: str


@dataclass(frozen=True, slots=True)
class AccessTable:
    """All who are known."""

    #: By id.
    tokens: Mapping[str, Known] = field(default_factory=dict)
    #: By fingerprint, those of krakencopy's own CA.
    certificates: Mapping[str, Known] = field(default_factory=dict)
    #: By a name in certificates of the operator's own CA: role and account.
    names: Mapping[str, tuple[Role, str]] = field(default_factory=dict)
    #: None where nothing is served by TLS.
    tls: Tls | None = None

    def encoded(self) -> bytes:
        """As it travels to the front."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def of(cls, encoded: bytes) -> AccessTable:
        """Raises ValueError for what is none."""
        try:
            found = json.loads(encoded)
            return cls(
                tokens=_known(found["tokens"]), certificates=_known(found["certificates"]),
                names={name: (Role(role), account) for name, (role, account) in found["names"].items()},
                tls=Tls(**found["tls"]) if found["tls"] else None,
            )  # fmt: skip
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no table: {error}") from error

    def by_token(self, text: str, origin: str, now: float) -> Principal:
        """Whose a token is. Raises Unauthenticated."""
        found = _TOKEN.fullmatch(text)
        known = self.tokens.get(found[1]) if found else None
        # Whether there is such an id is not told apart from a wrong secret.
        expected = known.secret_hash if known else hash_of("")
        if not hmac.compare_digest(hash_of(found[2] if found else ""), expected) or not (found and known):
            words = "the token is none that is known here; an admin sees them with `krakencopy token list`"
            raise Unauthenticated(TOKEN_UNKNOWN, words)
        if known.revoked:
            raise Unauthenticated(
                TOKEN_REVOKED, f"token {found[1]} was revoked; ask an admin for another one"
            )
        if known.expires_at <= now:
            raise Unauthenticated(
                TOKEN_EXPIRED, f"token {found[1]} has expired; ask an admin for another one"
            )
        return _principal(known, origin, credential_words("token", found[1]))

    def by_certificate(self, shown: Certificate, origin: str, now: float) -> Principal:
        """Whose a certificate is. Raises Unauthenticated."""
        known, shown_id = self.certificates.get(shown.fingerprint), shown.fingerprint[:SHOWN_ID]
        if known is None:
            return self._by_name(shown, origin, now)
        if known.revoked:
            words = f"certificate {shown_id} was revoked; ask an admin for another one"
            raise Unauthenticated(CERTIFICATE_REVOKED, words)
        if known.expires_at <= now:
            words = f"certificate {shown_id} has expired; ask an admin for another one"
            raise Unauthenticated(CERTIFICATE_EXPIRED, words)
        return _principal(known, origin, credential_words("certificate", shown.fingerprint))

    def _by_name(self, shown: Certificate, origin: str, now: float) -> Principal:
        found = [name for name in shown.names if name in self.names]
        if not self.names:
            words = (
                f"the certificate ({_listed(shown.names)}) is none that is known here, as after a new state "
                "folder or in another paper run; ask an admin for another one"
            )
            raise Unauthenticated(CERTIFICATE_UNKNOWN, words)
        if len(found) != 1:
            which = f"{len(found)} of the names" if found else "no name"
            words = f"{which} of the certificate ({_listed(shown.names)}) may call; see [control]"
            raise Unauthenticated(CERTIFICATE_UNKNOWN, words)
        if shown.expires_at <= now:
            words = f"the certificate of {found[0]} has expired"
            raise Unauthenticated(CERTIFICATE_EXPIRED, words)
        role, account = self.names[found[0]]
        known = Known(found[0], role, account, shown.expires_at)
        return _principal(known, origin, f"certificate of {found[0]}")


def credential_words(kind: str, of: str) -> str:
    """By what somebody is known, for people: a token's id, or the beginning of a certificate's."""
    return f"{kind} {of[:SHOWN_ID]}"


def _principal(known: Known, origin: str, credential: str) -> Principal:
    return Principal(known.name, known.role, known.account, origin, credential, known.expires_at)


def _known(found: Mapping[str, Any]) -> dict[str, Known]:
    return {key: Known(**{**value, "role": Role(value["role"])}) for key, value in found.items()}


def _listed(names: Collection[str]) -> str:
    return cut_text(", ".join(list(names)[:3]), 100) or "it has none"


def hash_of(secret: str) -> str:
    """What is kept of a token's secret, which has as much chance in it as a key: no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer_of(metadata: Iterable[tuple[str, Any]]) -> str | None:
    """The token of a call; None where it carries none. Raises Unauthenticated for another scheme."""
    found = [value for key, value in metadata if key == "authorization"]
    if not found:
        return None
    scheme, _, token = str(found[0]).partition(" ")
    if len(found) > 1 or scheme.lower() != "bearer" or not token:
        words = 'the call\'s "authorization" is not "Bearer kct_..."'
        raise Unauthenticated(TOKEN_UNKNOWN, words)
    return token
