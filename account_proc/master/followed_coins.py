"""Which coins the journal counts, and that one of them has another name now: the exchange's id of a coin
stays (domain/coin_ids.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.domain.coin_ids import CoinIds
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.portfolio import Portfolio

#: The name of coins' ids in the ledger.
COIN_IDS = "coin_ids"


class FollowedCoins:
    """The coins that the journal may count a position of, by their ids at the exchange."""

    def __init__(self, ledger: Ledger, portfolio: Portfolio) -> None:
        """Raises LedgerFault when what an earlier process kept cannot be read."""
        self._ledger = ledger
        self._portfolio = portfolio
        self._coins: set[str] = set()
        self._kept = ledger.kept_value(COIN_IDS) or "{}"
        try:
            self._ids = CoinIds.from_json(self._kept)
        except (ValueError, TypeError) as error:
            raise LedgerFault(f"{ledger.path}: the coins in it cannot be read ({error})") from error

    def begin_with(self, coins: Iterable[str]) -> None:
        """The journal counts these."""
        self._coins = set(coins)

    def apply_renames(self) -> list[tuple[str, str]]:
        """Coins that have another name by the exchange's tables as they are now, old and new: the portfolio
        has them under the new ones from here on.
        """
        renames = self._ids.take_renamed(self._coins, self._portfolio.pairs.table)
        for old, new in renames:
            self._coins = {*self._coins - {old}, new}
            self._portfolio.rename(old, new)
        self._ids.follow(self._coins, self._portfolio.pairs.table)
        return renames

    def follow_traded(self, coins: Iterable[str]) -> None:
        """Coins that were just traded; what it costs where one is new comes behind its fill."""
        new = set(coins) - self._coins
        if new:
            self._coins |= new
            asyncio.get_running_loop().call_soon(self._ids.follow, new, self._portfolio.pairs.table)

    def save_ids(self) -> None:
        """Makes durable by which ids coins are followed, where that has changed. Raises LedgerFault."""
        ids = self._ids.to_json()
        if ids != self._kept:
            self._ledger.keep_value(COIN_IDS, ids)
            self._kept = ids
