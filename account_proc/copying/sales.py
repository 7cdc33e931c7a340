"""What copying holds and is to be sold, though no fill of the master says so: in which pair, whether the
exchange takes it, and its record as owed. Sold it is as any exit that is owed (copying/owed_exits.py). Makes
nothing durable.
"""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.amounts import FIAT, MONEY
from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.turns import coin_of, quote_of
from krakencopy.account_proc.domain.copy_plan import Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.eligibility import below_minimum
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Price, Side

#: What quotes of different coins are compared in.
COMMON_QUOTE = "USD"


class Sales:
    """Of one user."""

    def __init__(self, context: CopyContext) -> None:
        self._context = context
        self._book = context.book
        self._portfolio = context.portfolio

    def owe(
        self, copy_id: str, pair: str, volume: BaseVolume, reason: Reason, detail: str, source: str = "",
        order_id: str = "",
    ) -> CopyRecord:  # fmt: skip
        """The record of what is owed of a coin from now on; no fill stands behind it. ``order_id``: by what,
        where that may be taken back.
        """
        now, price = self._context.now(), self.price_of(pair)
        copy = CopyRecord(
            copy_id=copy_id, fill_seqs=(), pair=pair, side=Side.SELL, state=CopyState.RECEIVED,
            reason=reason, detail=detail, planned=volume.amount, received_at=now, decided_at=now,
            executed_at=now, master_price=Decimal(0) if price is None else price.amount, source=source,
        )  # fmt: skip
        copy.slices = (Slice(order_id=order_id, volume=volume, cost=NO_AMOUNT),)
        copy.move(CopyState.CARRIED, now)
        self._book.carry(pair, Side.SELL, copy.slices, copy.copy_id)
        self._gather_in(pair)
        return copy

    def holds_sellable(self) -> bool:
        """Whether copying holds anything that the exchange would take."""
        coins = [coin for coin, held in self._book.coins if held.volume and (held.pair or coin not in FIAT)]
        return any(self.is_sellable(self.pair_of(coin), self._book.held(coin)) for coin in coins)

    def _gather_in(self, pair: str) -> None:
        """What is owed of the coin in other pairs is owed in this one: in two, each could be too small."""
        pieces = list(self._book.carried[pair, Side.SELL])
        for other in self._book.pairs_of(coin_of(pair), Side.SELL):
            if other != pair:
                pieces += self._book.carried[other, Side.SELL]
                self._book.put_carried(other, Side.SELL, ())
        self._book.put_carried(pair, Side.SELL, pieces)

    def pair_of(self, coin: str) -> str:
        """Where a coin is sold: with what is owed of it already, else where most was paid for it, else for
        any money; for another coin only where there is no such pair. Where none is listed, in the first of
        these, once it is.
        """
        position, marks = self._book.coins.position(coin), self._portfolio.prices.marks
        worth = {
            f"{coin}/{quote}": cost * (marks.rate(quote, COMMON_QUOTE) or Decimal(0))
            for quote, cost in position.costs.items()
        }
        bought = self._book.names.current_pair(position.pair)
        wanted = [
            *self._book.pairs_of(coin, Side.SELL),
            *sorted(worth, key=lambda pair: (-worth[pair], pair)),
            *([bought] if bought else []),
            *(f"{coin}/{money}" for money in (COMMON_QUOTE, *sorted(MONEY)) if money != coin),
        ]
        wanted.sort(key=lambda pair: quote_of(pair) not in MONEY)
        return next(filter(self._is_listed, wanted), wanted[0])

    def _is_listed(self, pair: str) -> bool:
        rules = self._rules_of(pair)
        return rules is not None and rules.status != NOT_LISTED

    def _rules_of(self, pair: str) -> PairRules | None:
        return self._portfolio.pairs.table.find(pair)

    def price_of(self, pair: str) -> Price | None:
        """What a unit is worth in a pair, as far as is known."""
        rate = self._portfolio.prices.marks.rate(coin_of(pair), quote_of(pair))
        return None if rate is None else Price(rate)

    def is_sellable(self, pair: str, volume: BaseVolume) -> bool:
        """Whether the exchange takes so much, as far as is known."""
        rules, price = self._rules_of(pair), self.price_of(pair)
        if rules is None:
            return bool(volume)
        lots = volume.to_lot(rules.lot_decimals)
        if price is None:
            return bool(lots) and lots >= BaseVolume(rules.ordermin)
        return below_minimum(lots, price, rules) is None
