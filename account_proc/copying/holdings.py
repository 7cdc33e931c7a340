"""What one user has when an entry is decided about: equity, cash, prices, and what of each cap is used."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from krakencopy.account_proc.copying.caps_in_use import CapsInUse
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.trial import Trial
from krakencopy.account_proc.domain.caps import Cap, Unpriced, tightest_room
from krakencopy.account_proc.domain.copy_plan import UserBalances, nobody_knows
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, QuoteAmount
from krakencopy.account_proc.domain.rules_by_pair import amounts_of


class Holdings:
    """Of one user."""

    def __init__(self, context: CopyContext) -> None:
        self._context = context
        self._book = context.book
        self._portfolio = context.portfolio
        #: None where nothing is set.
        cap_keys = context.by_pair.cap_keys
        self._caps_in_use = CapsInUse(context, cap_keys) if cap_keys else None
        self._needs_rates = bool(cap_keys or amounts_of(context.rules))

    def trial(self) -> Trial:
        """What there is, for entries that are only planned."""
        made = None if self._caps_in_use is None else self._caps_in_use.made_copy()
        return Trial.of(self._book, made)

    def of(
        self,
        pair: PairRules,
        limits: tuple[Cap, ...],
        now: float,
        trial: Trial | None = None,
        *,
        priced: bool = False,
    ) -> UserBalances:
        """What there is for an entry in a pair, ``limits`` being the caps that hold for it. ``trial``: what
        there would be if some entries were made. ``priced``: amounts in other assets are asked about.
        """
        equity = self._portfolio.equity(pair.quote)
        # A wallet that has missed an execution (feed down, process just started) must not cut an exit: the
        # rest would be written off and stay. The exchange refuses what is not there, and only then are
        # balances read and believed.
        base = max(self._portfolio.holding(pair.base), self._book.coins.volume(pair.base))
        known = None if equity is None else QuoteAmount(equity)
        caps, rate = None, nobody_knows
        if self._needs_rates or priced:
            rate = partial(self._rate, quote=pair.quote)
        if limits and self._caps_in_use is not None and known is not None:
            caps = self._caps_in_use.state(limits, pair.name, known, rate, now, trial)
        cash = self._portfolio.cash(pair.quote)
        if trial is not None:
            cash -= trial.spent.get(pair.quote, Decimal(0))
        return UserBalances(
            equity=known,
            cash=QuoteAmount(max(cash, Decimal(0))),
            base=BaseVolume(base),
            notional=self._notional(pair),
            rate=rate,
            caps=caps,
        )

    def why_no_room(self, copy: CopyRecord) -> str:
        """Why the caps of now leave no room for an entry that was intended before; empty where they do."""
        pair, now = self._portfolio.pairs.table.find(copy.pair), self._context.now()
        if pair is None or self._caps_in_use is None or copy.limit_price is None:
            return ""
        with self._caps_in_use.without(copy):
            caps = self.of(pair, self._context.by_pair.of(pair.name).caps, now).caps
            room = None if caps is None else tightest_room(caps, Price(copy.limit_price))
        if isinstance(room, Unpriced):
            return f"what {room.cap} leaves is not known, as {room.asset} has no known price"
        cost = QuoteAmount(copy.ordered * copy.limit_price)
        return f"{room} leaves {room.left} for {cost}" if room is not None and room.left < cost else ""

    def _rate(self, asset: str, quote: str) -> Decimal | None:
        """What a unit of an asset is worth in a quote; by Kraken's other names (XBT, ZUSD), too, or one that
        it had when the process started.
        """
        table = self._portfolio.pairs.table
        asset = self._book.names.current(table.asset(asset) if table.lists(asset) else asset)
        return self._portfolio.prices.marks.rate(asset, quote)

    def _notional(self, pair: PairRules) -> QuoteAmount | None:
        """A fixed notional in another currency, in the pair's quote."""
        amount, asset = self._context.rules.notional, self._context.rules.notional_asset
        rate = self._rate(asset, pair.quote) if amount is not None and asset else None
        return None if amount is None or rate is None else QuoteAmount(amount * rate)
