"""Sells all that copying has bought and still holds, when somebody has said so: makes it owed. Sold it is as
any exit that is owed (copying/owed_exits.py).

What is made owed is durable together with the record that says why; that all of it is owed, together with the
last of them. So each order to flatten does this once, whatever ends the process in between: what is owed is
not owed again, and what is bought later is not meant.

    REQUESTED ──▶ SELLING (while it is made owed, and while some of it can be sold) ──▶ DONE

Taken back is what is owed by it alone and not sold yet; a share that the master has left meanwhile is owed by
that.

Never coins of the account's own, nor its strategy's: only what the book counts, less what is owed already.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from krakencopy.account_proc.contract.amounts import FIAT, MONEY
from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.contract.trading_states import FlattenBy, FlattenOrder, TradingState
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.sales import Sales
from krakencopy.account_proc.copying.turns import Turns, coin_of, quote_of
from krakencopy.account_proc.domain.copy_book import BY_FLATTEN, CopyBook
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import NO_VOLUME, BaseVolume, Side
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Of the ledger: the last order to flatten of which nothing is left that could be sold.
SOLD = {FlattenBy.SAID: "flatten_sold", FlattenBy.LIMIT: "limit_flatten_sold"}
#: An order that left before an account was flattened began at most so much later, in seconds.
IN_FLIGHT_MAX_S = 60.0


class Flatten:
    """One user's, of those who order it in one way."""

    def __init__(self, context: CopyContext, turns: Turns, sales: Sales, by: FlattenBy) -> None:
        self._by = by
        self._context = context
        self._book = context.book
        self._ledger = context.ledger
        self._turns = turns
        self._sales = sales
        self._sold = int(context.ledger.kept_value(SOLD[by]) or 0)
        self._begun = False

    @property
    def state(self) -> pb.FlattenState.ValueType:
        """How far the last one that was said has come, if there is one."""
        order = self._context.guard.flatten
        done = order is not None and order.number <= self._sold
        return pb.FLATTEN_STATE_DONE if done else pb.FLATTEN_STATE_SELLING

    def begin(self) -> None:
        """What an earlier process has left is taken up. Before, nobody here knows of its orders."""
        self._begun = True

    def look(self) -> None:
        """Goes on with it as far as that is possible now. Raises LedgerFault."""
        order = self._context.guard.last_flatten(self._by)
        if not self._begun or order is None or order.number <= self._sold:
            return
        if order.number > self._flattened:
            if order.taken_back:
                self._take_back(order)
            elif self._was_done(order):
                log.warning("flatten %d was done before this ledger was brought back", order.number)
                self._commit(order.number)
            else:
                self._make_owed(order)
        if order.number <= self._flattened and (order.taken_back or not self._is_selling()):
            self._ledger.keep_value(SOLD[self._by], str(order.number))
            self._sold = order.number
            self._context.changed()

    @property
    def _flattened(self) -> int:
        return self._ledger.flattened(self._by)

    def _commit(
        self, number: int | None, copies: Iterable[CopyRecord] = (), book: CopyBook | None = None
    ) -> None:
        """``number``: of the order, where all of it is owed."""
        whole = {} if number is None else self._ledger.whole_flatten(self._by, number)
        self._ledger.commit(copies=copies, book=book, beside=whole)

    def _was_done(self, order: FlattenOrder) -> bool:
        """Whether this ledger was brought back from before it, and copying has bought since: then it was done
        and lifted, and what was bought later is not meant.
        """
        return max(self._ledger.bought.values(), default=0.0) > order.at + IN_FLIGHT_MAX_S

    def _make_owed(self, order: FlattenOrder) -> None:
        """What is held and not owed yet is owed, and what is carried of entries is given up."""
        copies = self._give_up_entries(order)
        is_whole, bought = not self._turns.orders_on_way, self._bought_since(order)
        for coin, position in list(self._book.coins):
            not_meant = min(bought[coin], self._book.held(coin))
            left = BaseVolume(position.volume) - self._book.owed(coin) - not_meant
            if left.amount <= 0 or (coin in FIAT and not position.pair):  # money that came in is cash again
                continue
            if not self._turns.is_free(coin):
                is_whole = False
            elif self._sales.is_sellable(pair := self._sales.pair_of(coin), self._book.held(coin)):
                copy_id = f"f{self._ledger.revision + 1 + len(copies)}"
                detail = f"{_words(order)}; it is owed"
                by = f"{BY_FLATTEN}{order.number}" if self._by is FlattenBy.SAID else ""
                copies.append(self._sales.owe(copy_id, pair, left, Reason.FLATTEN, detail, order_id=by))
                if (quote := quote_of(pair)) not in MONEY:
                    # There is no pair with money: what comes in for it is meant as well.
                    self._book.left[quote] = self._sales.pair_of(quote)
        if not copies and not is_whole:
            return
        self._commit(order.number if is_whole else None, copies, self._book)
        self._context.changed()

    def _take_back(self, order: FlattenOrder) -> None:
        """What is owed by a flatten alone is held again; what an order on its way leaves, once that is over.
        Carried entries that it gave up stay so.
        """
        is_whole = not self._turns.orders_on_way
        copies = list(filter(None, map(self._ledger.copy, self._book.take_back_flatten())))
        if not copies and not is_whole:
            return
        why = f": {order.reason}" if order.reason else ""
        for copy in copies:
            copy.detail += f"; what of it was not sold is held again, taken back by {order.by}{why}"
        self._commit(order.number if is_whole else None, copies, self._book)
        self._context.changed()

    def _bought_since(self, order: FlattenOrder) -> Mapping[str, BaseVolume]:
        """What was bought of each coin after the order was lifted, and is not meant."""
        bought: dict[str, BaseVolume] = defaultdict(lambda: NO_VOLUME)
        if self._context.guard.state is TradingState.ACTIVE:
            for copy in self._ledger.entries_since(order.at):
                coin = self._book.names.current(coin_of(copy.pair))
                bought[coin] += BaseVolume(max(copy.filled - copy.fee_base, Decimal(0)))
        return bought

    def _give_up_entries(self, order: FlattenOrder) -> list[CopyRecord]:
        given_up = []
        for pair, copy_ids in self._book.carried_entries().items():
            self._book.give_up_entries(pair, copy_ids)
            given_up += copy_ids
        copies = list(filter(None, map(self._ledger.copy, dict.fromkeys(given_up))))
        for copy in copies:
            copy.reason = Reason.FLATTEN
            copy.detail += f"; given up: {_words(order)}"
        return copies

    def _is_selling(self) -> bool:
        """Whether something is on its way, or owed and can be sold."""
        if self._turns.orders_on_way:
            return True
        owed_in = [pair for pair, side in self._book.carried if side is Side.SELL]
        return any(self._sales.is_sellable(pair, self._owed_in(pair)) for pair in owed_in)

    def _owed_in(self, pair: str) -> BaseVolume:
        return min(self._book.carried_volume(pair, Side.SELL), self._book.held(coin_of(pair)))


def _words(order: FlattenOrder) -> str:
    """Who has said so, when and why, for people."""
    why = f": {order.reason}" if order.reason else ""
    return f"all that copying bought is sold, as of {utc(order.at):%Y-%m-%d %H:%M:%S} UTC, by {order.by}{why}"
