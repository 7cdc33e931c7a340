"""WebSocket tokens: minted over REST, good for 15 minutes, and for as long as a subscription lives on
them.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from krakencopy.paper_exchange.accounts.account import ApiKey
from krakencopy.paper_exchange.values.time_format import US_PER_S

# Kraken: a token must be used within 15 minutes.
TOKEN_LIFE_S: Final = 900


@dataclass(slots=True)
class Token:
    """A token, the key that minted it, and how many live subscriptions hold on to it."""

    text: str
    key: ApiKey
    minted_us: int
    subscriptions: int = 0


class Tokens:
    """All tokens that may still be good."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def mint(self, key: ApiKey, now_us: int) -> Token:
        """A new token; expired ones are forgotten on the way."""
        for text in [text for text, token in self._tokens.items() if not _alive(token, now_us)]:
            del self._tokens[text]
        token = Token(secrets.token_urlsafe(33), key, now_us)
        self._tokens[token.text] = token
        return token

    def find(self, text: str, now_us: int) -> Token | None:
        """The token, unless it expired or died with its key."""
        token = self._tokens.get(text)
        return token if token is not None and _alive(token, now_us) else None

    def revoke(self, key: ApiKey) -> None:
        """Let all tokens of a key die at once."""
        for text in [text for text, token in self._tokens.items() if token.key is key]:
            del self._tokens[text]


def _alive(token: Token, now_us: int) -> bool:
    return token.subscriptions > 0 or now_us < token.minted_us + TOKEN_LIFE_S * US_PER_S
