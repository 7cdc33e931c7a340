"""Fills of the master as they are copied in another pair (``map``, domain/pair_map.py): price and the
master's money in that pair's quote, by what the master's quote is worth in it.

An entry goes where the map says, and each order of the master where its first fill went. An exit goes where
the coin was bought last, so that it brings in what was spent, also when the map has changed since; where that
pair is not listed, wherever the coin can be sold.

The rate is the one that came with the fill: of the prices that the master's process had then. Where that
tells none, it is of this account's own prices, unless those were read too long ago.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.turns import coin_of, quote_of
from krakencopy.account_proc.domain.copy_plan import MasterFill
from krakencopy.account_proc.domain.pairs import NOT_LISTED
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, Ratio, Side

#: Prices of this account's own that were read longer ago give no rate, in seconds. They are read every five
#: minutes while the exchange answers.
RATE_AGE_MAX_S = 900.0
#: A rate is shown to so many digits.
_SHOWN_DIGITS = 8


class MappedFills:
    """Those of one user."""

    def __init__(self, context: CopyContext) -> None:
        self._context = context
        self._book = context.book
        self._map = context.pair_map
        self._portfolio = context.portfolio

    def mapped(self, fill: MasterFill, marks: Mapping[str, str]) -> MasterFill:
        """The fill in the pair in which it is copied; ``marks``: what came with it, in its quote. Raises
        ArithmeticError.
        """
        coin = coin_of(fill.pair)
        if not self._map and coin not in self._book.mapped:
            return fill
        pair = self._entry_pair(fill) if fill.side is Side.BUY else self._exit_pair(fill, coin)
        if pair == fill.pair:
            return fill
        mine, masters = quote_of(pair), quote_of(fill.pair)
        rules = self._portfolio.pairs.table.find(fill.pair)
        here = replace(
            fill, pair=pair, master_pair=fill.pair,
            master_ordermin=None if rules is None else BaseVolume(rules.ordermin),
        )  # fmt: skip
        words, rate = f"{fill.pair} is copied in {pair}", self._rate(masters, mine, marks)
        if rate is None:
            return replace(here, rate_unknown=True, mapped_words=words)
        ratio = Ratio(rate)
        return replace(
            here, price=Price(fill.price.amount * rate), master_equity=fill.master_equity * ratio,
            master_cash=fill.master_cash * ratio,
            mapped_words=f"{words} at {plain(_shown(rate))} {mine} for a {masters}",
        )  # fmt: skip

    def _entry_pair(self, fill: MasterFill) -> str:
        plan = self._book.plans.get_plan(fill.order_id)
        if plan is not None and plan.pair:
            return self._book.names.current_pair(plan.pair)
        return self._map.of(fill.pair)

    def _exit_pair(self, fill: MasterFill, coin: str) -> str:
        by_map = self._map.of(fill.pair)
        if by_map == fill.pair and coin not in self._book.mapped:
            return fill.pair
        bought = self._book.names.current_pair(self._book.coins.position(coin).pair)
        wanted = [pair for pair in (bought, by_map, fill.pair) if pair]
        return next(filter(self._is_listed, wanted), wanted[0])

    def _is_listed(self, pair: str) -> bool:
        rules = self._portfolio.pairs.table.find(pair)
        return rules is not None and rules.status != NOT_LISTED

    def _rate(self, masters: str, mine: str, marks: Mapping[str, str]) -> Decimal | None:
        """What the master's quote is worth in that of the copies."""
        if mine in marks and (price := Decimal(marks[mine])) > 0:
            return 1 / price
        if self._context.now() - self._portfolio.read_at > RATE_AGE_MAX_S:
            return None
        return self._portfolio.prices.marks.rate(masters, mine)


def _shown(rate: Decimal) -> Decimal:
    return round(rate, _SHOWN_DIGITS - 1 - rate.adjusted())
