"""Exits that are owed: what earlier exits could not sell, sold by orders of their own once that is possible.

Which of them are due, and whether one is worth an order now. Opens nothing, and waits its turn behind the
fills of its coin. How the next order of a market goes, and what is in its way, is copying/exits.py's.
"""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.exits import Exits
from krakencopy.account_proc.copying.new_copies import NewCopies
from krakencopy.account_proc.copying.turns import Turns, coin_of, quote_of
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.eligibility import below_minimum
from krakencopy.account_proc.domain.exit_sizing import owed_exit
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import Price, Side


class OwedExits:
    """The exits that one user owes."""

    def __init__(self, context: CopyContext, exits: Exits, new_copies: NewCopies, turns: Turns) -> None:
        self._context = context
        self._exits = exits
        self._new_copies = new_copies
        self._turns = turns
        self._book = context.book

    def pairs(self) -> list[str]:
        """Pairs in which an exit is owed."""
        return [pair for pair, side in self._book.carried if side is Side.SELL]

    def are_stopped(self) -> bool:
        """Whether none of them may be sold, whatever else is there."""
        return self._context.guard.is_halted

    def pairs_due(self) -> list[str]:
        """Those of them whose next try is due, and whose coin nothing else is done with."""
        if self.are_stopped():
            return []
        now = self._context.now()
        return [pair for pair in self.pairs() if self._exits.not_before(pair) <= now and self._may_sell(pair)]

    def _may_sell(self, pair: str) -> bool:
        """Not while the coin that it brings in is bought or sold: the end of that order would forget what
        came in meanwhile.
        """
        is_free = self._turns.is_free(coin_of(pair)) and not self._turns.is_occupied(quote_of(pair))
        return is_free and not self._context.strategy_may_order()

    async def price_to_sell_at(self, pair_name: str) -> Price | None:
        """About what an owed exit would be sold at; None where it is not worth an order now. Finds out what
        it can.
        """
        pair = self._context.portfolio.pairs.table.find(pair_name)
        amount = None if pair is None else await self._exits.price(pair, self._paid_per_unit(pair))
        if pair is None or amount is None:
            return None
        price = Price(amount)
        owed = min(self._book.carried_volume(pair_name, Side.SELL), self._book.held(pair.base))
        volume = owed.to_lot(pair.lot_decimals)
        if below_minimum(volume, price, pair) is not None:
            return None
        may_try = await self._exits.may_try(pair, volume, price)
        self._context.changed()
        return price if may_try else None

    def intend_exit(self, pair_name: str, price: Price) -> CopyRecord | None:
        """The copy of an owed exit, durable as an intent; None where its turn has not come: fills that came
        while its price was found out go first. Raises LedgerFault.
        """
        pair = self._context.portfolio.pairs.table.find(pair_name)
        if pair is None or not self._may_sell(pair_name) or self.are_stopped():
            return None
        order = owed_exit(self._book, pair, price)
        if order is None:
            return None
        copy = self._new_copies.of_owed_exit(order, pair, price)
        joined = self._new_copies.joined_by(order, copy.copy_id)
        self._context.ledger.commit(copies=[copy, *joined], book=self._book)
        self._context.changed()
        return copy

    def _paid_per_unit(self, pair: PairRules) -> Decimal | None:
        """What copying has paid for one unit of what it holds of a coin, in this pair's quote; None where
        nobody knows.
        """
        position, marks = self._book.coins.position(pair.base), self._context.portfolio.prices.marks
        paid = [(cost, marks.rate(quote, pair.quote)) for quote, cost in position.costs.items()]
        known = sum((cost * rate for cost, rate in paid if rate is not None), Decimal(0))
        return known / position.volume if known and position.volume else None
