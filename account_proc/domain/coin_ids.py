"""By which id the exchange knows each coin, so that a coin is recognised under another name. Pure.

Kraken has an id for each asset that stays (``XXBT``, ``XETH``, ``POL``) and a name that people see
(``altname``), which may change. Which coin an id was is remembered: a name that is gone from the tables says
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from krakencopy.account_proc.domain.pair_table import PairTable


class CoinIds:
    """The exchange's ids of the coins that are followed."""

    def __init__(self, ids: dict[str, str] | None = None) -> None:
        """``ids``: by the name that a coin has."""
        self._ids = dict(ids or {})

    def follow(self, coins: Iterable[str], table: PairTable) -> None:
        """Notes the ids of coins that are not followed yet. What is known already stays: a table may have
        lost the id.
        """
        for coin in coins:
            if coin not in self._ids and (found := table.id_of(coin)) is not None:
                self._ids[coin] = found

    def take_renamed(self, coins: Iterable[str], table: PairTable) -> list[tuple[str, str]]:
        """Coins among these that have another name now: the old one and the new one. They are followed
        under the new one from here on.
        """
        known_as = {coin: self._ids.get(coin, coin) for coin in coins}
        now = {coin: table.asset(one) if table.lists(one) else coin for coin, one in known_as.items()}
        waiting = sorted(coin for coin, new in now.items() if new != coin)
        renamed = []
        while waiting:
            # A name that another coin had until now is free only when that one has followed its own.
            old = next((coin for coin in waiting if now[coin] not in waiting), waiting[0])
            waiting.remove(old)
            renamed.append((old, now[old]))
            self._ids.pop(old, None)
            self._ids[now[old]] = known_as[old]
        return renamed

    def to_json(self) -> str:
        """The form in which they are kept."""
        return json.dumps(self._ids, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> CoinIds:
        """The inverse. Raises ValueError or TypeError on anything else."""
        return cls({str(coin): str(known_as) for coin, known_as in dict(json.loads(text)).items()})
