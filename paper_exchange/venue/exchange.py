"""The whole exchange without its wires: market, accounts, engine, tokens and logs, put together.

Time is passed in. Whatever happens to orders goes to one listener, in order, before the call returns. Faults
that change the exchange itself (its mode, clock, minima, tokens) take effect here; the others where
they fire.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts.account import Account, Accounts, ApiKey
from krakencopy.paper_exchange.accounts.ledger import BalanceChange, LedgerEntry
from krakencopy.paper_exchange.accounts.lockout import Lockouts
from krakencopy.paper_exchange.accounts.orders import Order, OrderEvent, OrderRequest, OrderStatus
from krakencopy.paper_exchange.accounts.tokens import Tokens
from krakencopy.paper_exchange.engine.engine import Engine
from krakencopy.paper_exchange.engine.outcomes import Cut, Placement
from krakencopy.paper_exchange.faults.table import Fault, FaultKind, Faults, FaultSpec, Occasion
from krakencopy.paper_exchange.market.market import Market, MarketTrade, Quote
from krakencopy.paper_exchange.market.replay import Replay
from krakencopy.paper_exchange.order_entry.conditional_close import close_request
from krakencopy.paper_exchange.order_entry.trading_conditions import Conditions, PairRules, conditions_of
from krakencopy.paper_exchange.values.assumptions import HouseRules
from krakencopy.paper_exchange.values.ids import TransactionIds
from krakencopy.paper_exchange.values.pairs import Asset, Pair
from krakencopy.paper_exchange.values.sides import OrderType
from krakencopy.paper_exchange.values.time_format import US_PER_S
from krakencopy.paper_exchange.values.trading_mode import MarketMode
from krakencopy.paper_exchange.venue.audit_log import FillRecord, NumberedLog, RequestRecord
from krakencopy.paper_exchange.venue.timers import Timers

# The words are not documented.
RENAMED: Final = "Asset renamed"
# Seen on the live exchange.
DEAD_MAN: Final = "CancelAllOrdersAfter Timeout"


class Exchange:
    """One exchange. Public calls change it at the instant that is passed in."""

    def __init__(
        self, *, seed: int, replay: Replay | None, ids: random.Random, now_us: int, live: bool = False
    ) -> None:
        self.started_us: Final = now_us
        self.live: Final = live
        self.rules: Final = HouseRules()
        self.market: Final = Market(seed=seed, replay=replay, now_us=now_us, live=live)
        self.catalogue: Final = self.market.catalogue
        self.accounts: Final = Accounts()
        self._ids: Final = TransactionIds(ids)
        self.engine: Final = Engine(self.market, self.accounts, self._ids, self.rules)
        self.lockouts: Final = Lockouts()
        # In the time that is true whatever the exchange's clock shows.
        self._timers: Final = Timers()
        self._changed_rules: Final[dict[Pair, PairRules]] = {}
        self._closed: frozenset[Pair] = frozenset()
        self.tokens: Final = Tokens()
        self.faults: Final = Faults()
        self.conditions = Conditions(self.catalogue)
        self.requests: Final[NumberedLog[RequestRecord]] = NumberedLog()
        self.fills: Final[NumberedLog[FillRecord]] = NumberedLog()
        # What clients asked for and the exchange does not have: `GET /0/public/Foo`.
        self.unknown: Final[Counter[str]] = Counter()
        # What they asked for at all.
        self.called: Final[Counter[str]] = Counter()
        self.on_events: Callable[[list[OrderEvent]], None] = _nobody
        self.on_market: Callable[[int], None] = _nobody
        self.on_key_revoked: Callable[[ApiKey], None] = _nobody
        self.on_mode: Callable[[], None] = _nobody
        self.on_ledger: Callable[[Account, Sequence[LedgerEntry]], None] = _nobody
        self.on_pair: Callable[[Pair], None] = _nobody
        self.on_listed: Callable[[Sequence[Asset], Sequence[Pair]], None] = _nobody
        self.on_alarm: Callable[[], None] = _nobody
        self.on_fault_set: Callable[[Fault], None] = _nobody
        self.on_fault_lifted: Callable[[Fault], None] = _nobody

    def wall_us(self, true_us: int) -> int:
        """What the exchange's clock shows at a time: all that clients see is stamped by it."""
        return self.conditions.clock.wall_us(true_us)

    def true_us(self, wall_us: int) -> int:
        """The time at which the exchange's clock shows `wall_us`: for what lasts, such as a token."""
        return self.conditions.clock.true_us(wall_us)

    def place(self, account: Account, request: OrderRequest, now_us: int, cut: Cut | None = None) -> Order:
        """Accept and match an order. Raises KrakenError."""
        return self._placed(self.engine.place(account, request, now_us, cut), now_us)

    def place_on_margin(self, account: Account, request: OrderRequest, now_us: int) -> Order:
        """Fill a market order on margin. Raises KrakenError."""
        return self._placed(self.engine.place_on_margin(account, request, now_us), now_us)

    def replace(self, order: Order, request: OrderRequest, now_us: int) -> Order:
        """Cancel an order and place another in its stead. Raises KrakenError, and then nothing has
        changed.
        """
        return self._placed(self.engine.replace(order, request, now_us), now_us)

    def _placed(self, placement: Placement, now_us: int) -> Order:
        order = placement.order
        if order.request.start_us is not None and order.status is OrderStatus.PENDING:
            self._at(order.request.start_us, lambda at_us: self._start(order, at_us))
        if order.request.expire_us is not None:
            self._at(order.request.expire_us, lambda at_us: self.engine.expire(order, at_us))
        self._emit(placement.events, now_us)
        return order

    def _start(self, order: Order, now_us: int) -> list[OrderEvent]:
        """Let a scheduled order begin, once its pair matches."""
        if self.conditions.matches(order.pair):
            return self.engine.start(order, now_us)
        self._at(now_us + US_PER_S, lambda at_us: self._start(order, at_us))
        return []

    def amend(self, order: Order, request: OrderRequest, now_us: int) -> str:
        """Give an open order other terms; the id of the amendment. Raises KrakenError, and then nothing
        has changed.
        """
        amendment = self.engine.amend(order, request, now_us)
        self._emit(amendment.events, now_us)
        return amendment.amend_id

    def cancel(self, account: Account, orders: Iterable[Order], now_us: int) -> int:
        """Cancel open orders; how many."""
        events = self.engine.cancel(account, orders, now_us)
        self._emit(events, now_us)
        return len(events)

    def cancel_all_at(self, account: Account, wall_us: int | None) -> None:
        """Set an account's dead-man timer, or take it away. It fires once."""
        account.cancel_all_at_us = wall_us
        if wall_us is None:
            return

        def fire(now_us: int) -> list[OrderEvent]:
            if account.cancel_all_at_us != wall_us:
                return []
            account.cancel_all_at_us = None
            return self.engine.cancel(account, account.open_orders.values(), now_us, DEAD_MAN)

        self._at(wall_us, fire)

    def _at(self, wall_us: int, action: Callable[[int], list[OrderEvent]]) -> None:
        """Let something happen when the exchange's clock, as it goes now, shows a time."""
        due_us = self.true_us(wall_us)
        first = self._timers.next_due_us()
        self._timers.add_timer(due_us, lambda now_us: self._emit(action(now_us), now_us))
        if first is None or due_us < first:
            self.on_alarm()

    def next_alarm_us(self) -> int | None:
        """The true time at which `advance` has something to do. Kraken: nothing is done in maintenance,
        but afterwards.
        """
        return None if self.conditions.mode is MarketMode.MAINTENANCE else self._timers.next_due_us()

    def advance(self, now_us: int) -> None:
        """Do what has fallen due by now."""
        while self.next_alarm_us() is not None:
            action = self._timers.pop_due(self.true_us(now_us))
            if action is None:
                return
            action(now_us)

    def _emit(self, events: list[OrderEvent], now_us: int) -> None:
        """Hand events to the listener, with those of the orders that conditional closes of fills place."""
        for event in events:
            if event.trade is not None and event.order.request.close is not None:
                break
        else:
            self.on_events(events)
            return
        followed = list(events)
        for event in events:
            if event.trade is not None and event.order.request.close is not None:
                request = close_request(event.order, event.trade)
                followed += self.engine.place_close(event.order, request, now_us)
        self.on_events(followed)

    def tick(self, now_us: int) -> None:
        """Let every walking pair take one step and trade."""
        self._trade(self.market.step(), now_us)
        self._moved(now_us)

    def play(self, elapsed_us: int, now_us: int) -> None:
        """Let `elapsed_us` of the replay pass."""
        due = self.market.replay_due(elapsed_us)
        replay = self.market.replay
        if replay is None or not due:
            return
        played = self.market.of(replay.pair)
        for past in due:
            self._trade([played.play(past)], now_us)
        self._moved(now_us)

    def feed(self, pair: Pair, quote: Quote, last: Decimal, now_us: int) -> None:
        """Take a pair's quote from a live feed; resting orders that it crosses fill."""
        market = self.market.of(pair)
        market.feed(quote, last, now_us)
        if not market.pinned:
            self._match(pair, now_us)
        self._moved(now_us)

    def feed_trade(self, trade: MarketTrade, now_us: int, *, past: bool) -> None:
        """Take a trade from a live feed: resting orders take part in it, and it joins the record.

        One of the `past` was made while nobody listened: it joins the record and fills no limit.
        """
        market = self.market.of(trade.pair)
        if market.pinned or not market.priced:
            return
        if past or not self.conditions.matches(trade.pair):
            market.tape.add_trade(trade.price, trade.volume, trade.side, OrderType.MARKET, now_us)
            self._trigger(trade.pair, now_us)
        else:
            self._trade([trade], now_us)
        self._moved(now_us)

    def close_pairs(self, closed: frozenset[Pair], now_us: int) -> None:
        """Let exactly these pairs take no orders and fill none. In those that open again what rests meets
        the market.
        """
        before, self._closed = self._closed, closed
        if before == closed:
            return
        self._refresh_conditions(now_us)
        for pair in self.catalogue.pairs:
            if pair in before ^ closed:
                self.on_pair(pair)
            if pair in before - closed:
                self._match(pair, now_us)
                self._trigger(pair, now_us)

    def pin(self, pair: Pair, quote: Quote, now_us: int) -> None:
        """Hold a pair's market at a quote; resting orders that it crosses fill."""
        market = self.market.of(pair)
        market.pin(quote)
        self._match(pair, now_us)
        market.print_inside(now_us)
        self._trigger(pair, now_us)
        self._moved(now_us)

    def resume(self, pair: Pair, now_us: int) -> None:
        """Let a pinned pair's market move again."""
        market = self.market.of(pair)
        held = market.quote
        market.resume()
        if market.quote != held:
            self._match(pair, now_us)
            self._moved(now_us)

    def _moved(self, now_us: int) -> None:
        self.market.note_quotes(now_us)
        self.on_market(now_us)

    def book(self, account: Account, changes: Iterable[BalanceChange], now_us: int) -> None:
        """Change balances outside of trading, under one reference. The caller has checked that there is
        enough.
        """
        refid = self._ids.mint("Q")
        entries = [
            account.book(
                self._ids.mint("L"),
                refid,
                now_us,
                change.kind,
                change.asset,
                change.amount,
                subtype=change.subtype,
            )
            for change in changes
        ]
        self.on_ledger(account, entries)

    def list_pair(self, pair: Pair, pair_rules: PairRules, now_us: int) -> None:
        """Change what a pair's orders must keep to. What rests stays; it fills when the pair matches
        again.
        """
        self._changed_rules[pair] = pair_rules
        self._refresh_conditions(now_us)
        self.on_pair(pair)
        self._match(pair, now_us)

    def add_pair(self, pair: Pair, now_us: int) -> None:
        """Take in a pair, with those of its assets that there were not before; its market begins at its
        start price.
        """
        assets = [asset for asset in (pair.base, pair.quote) if asset not in self.catalogue.assets]
        for asset in assets:
            self.catalogue.add_asset(asset)
        self.catalogue.add_pair(pair)
        self.market.add_pair(pair, now_us)
        self.on_listed(assets, [pair])

    def rename_asset(self, old: Asset, new: Asset, now_us: int) -> None:
        """Let an asset, its forms and its pairs have other names. Open orders of its pairs end; what is
        past keeps the old names.
        """
        for account in self.accounts:
            concerned = [
                order for order in account.open_orders.values() if old in {order.pair.base, order.pair.quote}
            ]
            self._emit(self.engine.cancel(account, concerned, now_us, RENAMED), now_us)
        for pair in self.catalogue.pairs_of(old):
            self.list_pair(pair, replace(self.conditions.pair_rules(pair), listed=False), now_us)
        moved = self.catalogue.replace(old, new)
        for pair, successor in moved:
            self.market.rename(pair, successor)
            self._changed_rules[successor] = replace(self._changed_rules[pair], listed=True)
        self._refresh_conditions(now_us)
        self.on_listed([new], [successor for _, successor in moved])

    def revoke_sessions(self, key: ApiKey) -> None:
        """Let a key's tokens die, and with them the sockets that subscribed with them."""
        self.tokens.revoke(key)
        self.on_key_revoked(key)

    def set_fault(self, spec: FaultSpec, now_us: int) -> Fault:
        """Set a fault; what acts at once has acted when this returns."""
        if spec.kind is FaultKind.CLOCK_SKEW:
            spec = replace(spec, since_us=self.true_us(now_us))
        fault = self.faults.add_fault(spec)
        if spec.occasion is Occasion.NOW or spec.kind is FaultKind.CLOCK_SKEW:
            fault.fired = 1
        if spec.kind is FaultKind.EXPIRE_TOKEN:
            self._expire_tokens(spec)
        self._refresh_conditions(now_us)
        self.on_fault_set(fault)
        return fault

    def lift_faults(self, ids: Iterable[int], now_us: int) -> list[int]:
        """End faults; the ids of those that there were."""
        lifted = self.faults.remove(ids)
        self._refresh_conditions(now_us)
        for fault in lifted:
            self.on_fault_lifted(fault)
        return [fault.id for fault in lifted]

    def _refresh_conditions(self, now_us: int) -> None:
        mode = self.conditions.mode
        self.conditions = conditions_of(
            self.catalogue, self.faults.states(), dict(self._changed_rules), self._closed
        )
        if self.conditions.mode is mode:
            return
        self.on_mode()
        self.on_alarm()
        for pair in self.catalogue.pairs if not mode.matches else ():
            self._match(pair, now_us)

    def _expire_tokens(self, spec: FaultSpec) -> None:
        for account in self.accounts:
            if spec.account in {None, account.id}:
                for key in account.keys.values():
                    if spec.close:
                        self.revoke_sessions(key)
                    else:
                        self.tokens.revoke(key)

    def _match(self, pair: Pair, now_us: int) -> None:
        """Fill the resting orders that the quote crosses, in a mode that matches."""
        if self.conditions.matches(pair):
            self._emit(self.engine.market_set(pair, now_us), now_us)

    def _trigger(self, pair: Pair, now_us: int) -> None:
        """Fire what the last price reaches, in a mode that matches."""
        if self.conditions.matches(pair):
            self._emit(self.engine.printed(pair, now_us), now_us)

    def _trade(self, trades: Iterable[MarketTrade], now_us: int) -> None:
        if not self.conditions.mode.matches:
            # Kraken: nothing is matched, so the market itself does not trade either.
            return
        for trade in trades:
            if not self.conditions.matches(trade.pair):
                continue
            events = self.engine.market_traded(trade, now_us)
            if events:
                self._emit(events, now_us)


def _nobody(*_sent: object) -> None:
    """Before the wires are connected, nobody listens."""
