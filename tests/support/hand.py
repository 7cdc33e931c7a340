"""A person who trades an account of the paper exchange with another client, beside the supervisor."""

from __future__ import annotations

from typing import Any

from tests.support.client import private
from tests.support.system import Key, Paper


class Hand:
    """One account's owner, with a key of its own."""

    def __init__(self, paper: Paper, account: str) -> None:
        self._paper = paper
        self._key = Key.make()
        paper.call("POST", f"/accounts/{account}/keys", key=self._key.key, secret=self._key.secret)

    def order(self, side: str, pair: str, volume: str, **more: str) -> dict[str, Any]:
        """A market order; the exchange's answer. AssertionError where it is refused."""
        answer = private(
            self._paper.rest_url,
            self._key,
            "AddOrder",
            pair=pair,
            type=side,
            ordertype="market",
            volume=volume,
            **more,
        )
        assert answer["error"] == [], answer
        result: dict[str, Any] = answer["result"]
        return result
