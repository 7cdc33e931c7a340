"""Brings one user to the master's positions, coin by coin: takes a sync, holds each of its coins until its
turn in the lane of that coin, asks its price, and answers it in one write, as a fill is answered.

The order that a coin leads to is an ordinary copy from its intent on (copying/copy_execution.py). That a sync
was taken is durable with all of its coins, and that a coin was answered with its copy: whatever ends the
process in between, no coin is answered twice and none is lost. A sync comes right behind the last fill that
its positions count, and its coins stand before every later fill of theirs (copying/turns.py), so that what
the master does meanwhile is counted once, by its fill.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from functools import partial

from krakencopy.account_proc.contract.amounts import FIAT, MONEY
from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.fill_faults import FillGap, FillInvalid
from krakencopy.account_proc.copying.holdings import Holdings
from krakencopy.account_proc.copying.lookups import Lookup
from krakencopy.account_proc.copying.new_copies import NewCopies
from krakencopy.account_proc.copying.sales import Sales
from krakencopy.account_proc.copying.trial import Trial
from krakencopy.account_proc.copying.turns import quote_of
from krakencopy.account_proc.domain.copy_plan import Order, Skip
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, NO_VOLUME, BaseVolume, Price, Side
from krakencopy.account_proc.domain.sync_sizing import SyncAnswer, SyncItem, answer_item
from krakencopy.account_proc.runtime import failpoint
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: A price that was asked for longer ago is asked for again, in seconds.
PRICE_AGE_MAX_S = 5.0


class Syncs:
    """The syncs of one user."""

    def __init__(self, context: CopyContext, holdings: Holdings, new_copies: NewCopies, sales: Sales) -> None:
        self._context = context
        self._book = context.book
        self._ledger = context.ledger
        self._portfolio = context.portfolio
        self._holdings = holdings
        self._new_copies = new_copies
        self._sales = sales
        #: What a pair costs and when that was asked for (Unix seconds); None where the exchange did not tell.
        self._asks: dict[str, tuple[Price | None, float]] = {}
        #: Of which pairs the exchange is asked now.
        self._question: tuple[set[str], asyncio.Future[None]] | None = None

    # -- from the supervisor's word to the coins ------------------------------------------------------------

    def take_order(self, order: account_pb2.SyncOrder) -> list[SyncItem]:
        """Takes a sync durably; its coins, none where it was taken before. Raises FillGap where it does not
        follow the last fill that it counts, and LedgerFault.
        """
        if order.number <= self._ledger.synced:
            return []
        cursor = self._ledger.cursor or 0
        if order.as_of_seq != cursor:
            raise FillGap(f"a sync as of fill {order.as_of_seq} does not follow fill {cursor}")
        items = self.items_of(order)
        log.info("%s: %d coins, as of fill %d", order.source, len(items), order.as_of_seq)
        self._ledger.commit(beside=self._ledger.taken_sync(order.number, items))
        failpoint.reach(self._context.account_id, "after_sync_taken")
        return items

    def items_of(self, order: account_pb2.SyncOrder) -> list[SyncItem]:
        """Its coins: what the master holds, and what copying holds beside that. No money that came in. Raises
        FillInvalid for what cannot be the supervisor's.
        """
        try:
            return self._read_items(order)
        except (ValueError, ArithmeticError) as error:
            raise FillInvalid(
                f"a sync as of fill {order.as_of_seq} cannot be read: it is not the supervisor's"
            ) from error

    def _read_items(self, order: account_pb2.SyncOrder) -> list[SyncItem]:
        volumes = {each.asset: _amount(each.volume) for each in order.positions}
        positions = {each.asset: each for each in order.positions if volumes[each.asset] > 0}
        costs = {
            coin: {cost.asset: _amount(cost.amount) for cost in each.costs}
            for coin, each in positions.items()
        }
        cash = {each.asset: _amount(each.amount) for each in order.master_cash}
        for paid in costs.values():
            for asset, amount in paid.items():
                cash[asset] = cash.get(asset, Decimal(0)) + amount
        held = {coin for coin, own in self._book.coins if own.volume and (own.pair or coin not in FIAT)}
        coins = sorted(
            {coin for coin, each in positions.items() if each.pair or coin not in FIAT}
            | (held if order.sells else set())
        )
        nothing = account_pb2.MasterPosition()
        return [
            SyncItem(
                number=order.number, as_of_seq=order.as_of_seq, index=index, coin=coin,
                **self._pairs_of(coin, positions.get(coin, nothing), coins),
                volume=volumes.get(coin, Decimal(0)), costs=costs.get(coin, {}),
                equity=_amount(order.master_equity.amount), equity_asset=order.master_equity.asset,
                cash=cash, source=order.source, not_worse=order.not_worse, sells=order.sells,
                taken_at=self._context.now(),
            )
            for index, coin in enumerate(coins, start=1)
        ]  # fmt: skip

    def _pairs_of(
        self, coin: str, position: account_pb2.MasterPosition, coins: Iterable[str]
    ) -> dict[str, str]:
        """Where it is bought: where the copies of what the master bought last are, if that is for money; else
        where it paid most in money, else for the money that the account has most of. Not with a coin that is
        synced itself. With the master's pair, where that is another by the map.
        """
        current, marks = self._book.names.current_pair, self._portfolio.prices.marks
        bought = current(position.pair)
        mapped = self._context.pair_map.of(bought)
        if mapped != bought and quote_of(mapped) in MONEY:
            # Nowhere else, listed or not: as it is with copies of its fills.
            return {"pair": mapped, "master_pair": bought}
        paid = sorted(
            position.costs, key=lambda cost: -Decimal(cost.amount) * (marks.rate(cost.asset, "USD") or 0)
        )
        own = sorted(
            MONEY, key=lambda money: (-self._portfolio.cash(money) * (marks.rate(money, "USD") or 0), money)
        )
        followed = [bought, *(f"{coin}/{cost.asset}" for cost in paid)]
        copied = {self._context.pair_map.of(pair): pair for pair in reversed(followed)}
        wanted = [*map(self._context.pair_map.of, followed), *(f"{coin}/{money}" for money in own)]
        others = {other for other in coins if other != coin}
        fit = [pair for pair in wanted if quote_of(pair) in MONEY and quote_of(pair) not in others]
        fit += [pair for pair in wanted if quote_of(pair) in MONEY]
        pair = next(filter(self._is_listed, fit), wanted[0] or f"{coin}/USD")
        masters = copied.get(pair, pair)
        return {"pair": pair, "master_pair": "" if masters == pair else masters}

    def _is_listed(self, pair: str) -> bool:
        rules = self._portfolio.pairs.table.find(pair)
        return rules is not None and rules.status != NOT_LISTED

    def left_items(self) -> list[SyncItem]:
        """What an earlier process has taken and not answered, by the names of now."""
        return [each.renamed(self._book.names.current_pair) for each in self._ledger.sync_items()]

    # -- a coin's turn --------------------------------------------------------------------------------------

    def before_item(self, item: SyncItem) -> Lookup | None:
        """What has to be asked before a coin is answered; None for nothing."""
        _, asked_at = self._asks.get(item.pair, (None, 0.0))
        is_known = 0 <= self._context.now() - asked_at <= PRICE_AGE_MAX_S
        return None if is_known else partial(self._ask_for, item.pair)

    async def _ask_for(self, pair: str) -> None:
        """Asks what a pair costs, together with those of all coins that wait."""
        if self._question is None or pair not in self._question[0]:
            pairs = {pair, *(each.pair for each in self._ledger.sync_items())}
            self._question = pairs, asyncio.ensure_future(self._ask(pairs))
        question = self._question
        await asyncio.shield(question[1])
        if self._question is question:
            self._question = None

    async def _ask(self, pairs: Iterable[str]) -> None:
        """Asks what pairs cost. Without an answer it is not known."""
        listed = [pair for pair in dict.fromkeys(pairs) if self._is_listed(pair)]
        try:
            quotes = await self._portfolio.prices.tickers(listed)
        except ExchangeError as error:
            log.warning("prices of %s could not be read: %s", ", ".join(listed), error)
            quotes = {}
        now = self._context.now()
        for pair in pairs:
            quote = quotes.get(pair)
            self._asks[pair] = (None if quote is None or quote.ask <= 0 else Price(quote.ask), now)

    def answer(self, item: SyncItem) -> CopyRecord | None:
        """Answers a coin whose turn it is, durably; the copy that is to be ordered, if any. Raises
        LedgerFault.
        """
        now = self._context.now()
        pair = self._portfolio.pairs.table.find(item.pair)
        price, _ = self._asks.get(item.pair, (None, 0.0))
        age = now - item.taken_at
        if age > (most := self._context.rules_of(item.pair).max_entry_age_s):
            detail = f"it waited for {age:.0f} s, longer than max_entry_age_s = {most:g}; resync again"
            answer = _not_done(Reason.STALE_ENTRY, detail, self._book.held(item.coin))
        else:
            answer = self._decide(item, pair, price, now)
        copy = self._record(item, answer, price, now)
        failpoint.reach(self._context.account_id, "before_intent")
        left = [each for each in self._ledger.sync_items() if each.copy_id != item.copy_id]
        joined: list[CopyRecord] = []
        if isinstance(answer.decision, Order):
            joined = self._new_copies.joined_by(answer.decision, copy.copy_id)
            self._book.count_mapped(item.coin, is_mapped=bool(item.master_pair))
        self._ledger.commit(copies=[copy, *joined], book=self._book, beside=self._ledger.waiting_syncs(left))
        failpoint.reach(self._context.account_id, "after_intent")
        self._context.changed()
        if not isinstance(answer.decision, Order):
            return None
        worst = sum((piece.cost for piece in copy.slices), NO_AMOUNT)
        self._portfolio.reserve(copy.copy_id, quote_of(copy.pair), worst.amount)
        return copy

    def _record(self, item: SyncItem, answer: SyncAnswer, price: Price | None, now: float) -> CopyRecord:
        if answer.sell:
            detail = f"{answer.words}; {answer.sell} of it is owed"
            pair = self._sales.pair_of(item.coin)
            owed = self._sales.owe(item.copy_id, pair, answer.sell, Reason.RESYNC, detail, source=item.source)
            owed.as_of_seq = item.as_of_seq
            return owed
        assert answer.decision is not None
        copy = self._new_copies.of_sync(item, item.pair, answer.decision, price, now)
        copy.user_equity = (answer.user_equity or NO_AMOUNT).amount
        return copy

    def _decide(
        self, item: SyncItem, pair: PairRules | None, price: Price | None, now: float,
        trial: Trial | None = None,
    ) -> SyncAnswer:  # fmt: skip
        """What is done about a coin now, or would be."""
        book = self._book if trial is None else trial.book
        held = book.held(item.coin)
        if pair is None or pair.status == NOT_LISTED:
            return _not_done(Reason.UNKNOWN_PAIR, f"{item.pair} is not listed at the exchange", held)
        if price is None:
            return _not_done(Reason.NO_MARK, f"the exchange tells no price of {item.pair}", held)
        here = self._context.by_pair.of(pair.name)
        holdings = self._holdings.of(pair, here.caps, now, trial, priced=True)
        masters = self._portfolio.pairs.table.find(item.master_pair) if item.master_pair else None
        # What of the master is followed is said of its pairs; all else of those that orders are sent in.
        excluded = self._context.by_pair.of(item.master_pair or pair.name).excluded
        refused = (Reason.PAIR_EXCLUDED, excluded) if excluded else None
        if (stop := self._context.guard.stop(Side.BUY)) is not None:
            refused = Reason(stop.reason), stop.cause
        answer = answer_item(
            book, item, pair, here.rules, holdings, price, now, refused=refused,
            master_ordermin=None if masters is None else masters.ordermin,
        )  # fmt: skip
        if answer.sell and not self._sales.is_sellable(self._sales.pair_of(item.coin), answer.sell):
            detail = f"{answer.words}; {answer.sell} more is less than the exchange takes"
            skip = Skip(fills=(), reason=Reason.SYNC_NOT_NEEDED, detail=detail)
            return replace(answer, sell=NO_VOLUME, decision=skip)
        return answer

    # -- what would be done ---------------------------------------------------------------------------------

    async def plan(self, order: account_pb2.SyncOrder) -> list[pb.SyncPosition]:
        """What a sync would do now, each coin after those before it. Nothing is done."""
        items = self.items_of(order)
        await self._ask([item.pair for item in items])
        trial, now = self._holdings.trial(), self._context.now()
        return [self._planned(item, trial, now) for item in items]

    def _planned(self, item: SyncItem, trial: Trial, now: float) -> pb.SyncPosition:
        pair = self._portfolio.pairs.table.find(item.pair)
        price, _ = self._asks.get(item.pair, (None, 0.0))
        answer = self._decide(item, pair, price, now, trial)
        shown = pb.SyncPosition(
            asset=item.coin, pair=item.pair, master_volume=plain(item.volume), detail=answer.words,
            held_volume=str(answer.held), price="" if price is None else str(price),
        )  # fmt: skip
        if answer.target is not None:
            shown.target_volume = str(answer.target)
        rate = None if pair is None else self._portfolio.prices.marks.rate(item.equity_asset, pair.quote)
        if price is not None and rate and item.equity:
            shown.master_weight = plain(round(item.volume * price.amount / (item.equity * rate), 6))
        if answer.sell:
            shown.pair, shown.reason = self._sales.pair_of(item.coin), Reason.RESYNC
            shown.sell_volume = str(answer.sell)
        elif (decision := answer.decision) is not None:
            shown.reason, shown.cap, shown.detail = decision.reason, decision.cap, decision.detail
            if isinstance(decision, Order):
                shown.buy_volume = str(decision.volume)
                self._count(item, decision, price, trial, now)
        return shown

    def _count(self, item: SyncItem, order: Order, price: Price | None, trial: Trial, now: float) -> None:
        copy = self._new_copies.of_sync(item, item.pair, order, price, now)
        worst = order.limit_price or price
        assert worst is not None
        cost = order.volume * worst
        copy.cost, copy.state = cost.amount, CopyState.FILLED
        trial.count_entry(copy, cost)


def _amount(text: str) -> Decimal:
    """A number, nothing where there is none. Raises decimal.InvalidOperation or ValueError."""
    amount = Decimal(text or 0)
    if not amount.is_finite():
        raise ValueError(text)
    return amount


def _not_done(reason: Reason, detail: str, held: BaseVolume) -> SyncAnswer:
    skip = Skip(fills=(), reason=reason, detail=detail)
    return SyncAnswer(words=detail, target=None, held=held, decision=skip)
