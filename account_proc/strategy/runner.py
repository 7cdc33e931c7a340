"""Runs an account's strategy: asks it what it wants, and decides whether and how much of it is ordered.

    switched on ─▶ nothing is copied any more ─▶ on_start ─▶ ticks and orders, one at a time
        ─▶ switched off ─▶ on_stop

A Kraken user's loop is off while its master is connected. Switching off takes effect before the next order,
and ``off`` returns only when no order of the loop can reach the exchange any more: who copies then has the
account to itself. Being switched on only says that the loop *may* begin; it does when copying has finished
what it had begun. So copying and the loop never trade at the same time. Orders go through
trading/requested_orders.py, which makes them exactly-once. It must not know brokers, nor who switches it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import partial

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import AccountError, ExchangeError, LedgerFault, OutcomeUnknown
from krakencopy.account_proc.contract.spec import AccountSpec
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.requested_order import RequestedOrder
from krakencopy.account_proc.kraken.order_gate import NotTraded
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.strategy.api import OrderIntent, StopReason, Strategy, StrategyFill, Tick
from krakencopy.account_proc.strategy.risk import COST_DECIMALS, RiskLimits, allowed
from krakencopy.account_proc.trading.broker import Broker, Market
from krakencopy.account_proc.trading.requested_orders import OrderAsked, RequestedOrders
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: How much longer than its deadlines an order may take to be dead for certain, in seconds: clocks differ.
MARGIN_S = 2.0
#: An order waits for the broker's limits at most one deadline, and has another one to arrive.
DEADLINES = 2
#: What the strategy wants when the process ends is ordered within this, in seconds.
STOP_MAX_S = 5.0
#: Between two tries while the account is not ready, in seconds.
UNREADY_S = 0.5


class StrategyRunner:
    """One strategy on one account."""

    def __init__(
        self,
        *,
        name: str,
        strategy: Strategy,
        orders: RequestedOrders,
        broker: Broker,
        limits: RiskLimits,
        now: Callable[[], float],
        change_signal: ChangeSignal,
        ready: Callable[[], bool],
        copying: Callable[[], bool],
    ) -> None:
        """``ready``: whether the account can trade; ``copying``: whether copying has something on its way.
        ``change_signal`` rings when either may have changed, and is rung when something here has.
        """
        self.name = name
        self._strategy = strategy
        self._orders = orders
        self._broker = broker
        self._limits = limits
        self._now = now
        self._change_signal = change_signal
        self._ready = ready
        self._copying = copying
        #: Counts how often the loop was switched; a session belongs to one of these.
        self._turn = 0
        self._wanted = False
        self._stopping = asyncio.Event()
        #: While an order of ours may still reach the exchange, one of an earlier process included: until when
        #: (Unix seconds).
        self._under_way_until = max((order.deadline + MARGIN_S for order in orders.live()), default=0.0)
        #: The turn of the session that goes on, 0 for none. One that was switched off may still be about to
        #: find that out.
        self._session_turn = 0
        #: Why it was switched off for good; empty while it was not.
        self.failure = ""
        #: What it did last, for people.
        self.last = ""
        self.orders_sent = 0

    # -- what others may ask --------------------------------------------------------------------------------

    def switch_on(self) -> None:
        """Lets the loop begin as soon as nothing is copied any more."""
        if not self._wanted:
            self._wanted, self._turn = True, self._turn + 1
            self._change_signal.notify()

    async def off(self) -> None:
        """Switches the loop off; returns when nothing of it can reach the exchange any more."""
        was_on = self.on
        if self._wanted:
            self._wanted, self._turn = False, self._turn + 1
            self._change_signal.notify()
        seen = -1
        while self.under_way:
            pause = max(self._under_way_until - self._now(), 0.01)
            try:
                seen = await asyncio.wait_for(self._change_signal.wait(seen), pause)
            except TimeoutError:
                continue
        if was_on:
            log.info("strategy %s is off", self.name)

    @property
    def on(self) -> bool:
        """Whether the strategy trades at this moment."""
        return self._session_turn != 0 and self._session_turn == self._turn

    @property
    def under_way(self) -> bool:
        """Whether an order of the loop may still reach the exchange."""
        return self._under_way_until > self._now()

    def equity(self, pair: str) -> Decimal | None:
        """For the strategy: see ``strategy.Account``."""
        market = self._broker.market(pair)
        return None if market is None else self._broker.holdings(market).equity

    def position(self, pair: str) -> Decimal:
        """For the strategy: see ``strategy.Account``."""
        market = self._broker.market(pair)
        return Decimal(0) if market is None else self._orders.position(market.name).volume

    def to_proto(self) -> pb.StrategyStatus:
        """For status and ``accounts ID``."""
        return pb.StrategyStatus(
            name=self.name, on=self.on, failure=self.failure, last=self.last, orders_sent=self.orders_sent,
            positions=[
                pb.OwnPosition(
                    pair=pair, volume=plain(held.volume), cost=plain(round(held.cost, COST_DECIMALS))
                )
                for pair, held in sorted(self._orders.positions().items())
            ],
        )  # fmt: skip

    # -- the loop -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Trades whenever it is switched on, for ever. Raises LedgerFault."""
        for order in self._orders.live():
            log.info("strategy %s: taking up order %s", order.strategy, order.cl_ord_id)
            self._told(await self._orders.settle(order))
        seen = -1
        while True:
            if self._wanted and not self._copying() and not self.failure:
                await self._session(self._turn)
            else:
                seen = await self._change_signal.wait(seen)

    async def stop(self) -> None:
        """The process ends in order: the strategy may still order what it wants at its end."""
        if self.on:
            self._stopping.set()
            self._change_signal.notify()
            seen = -1
            try:
                async with asyncio.timeout(STOP_MAX_S):
                    while self.on:
                        seen = await self._change_signal.wait(seen)
            except TimeoutError:
                log.warning("strategy %s did not end in time", self.name)
        await self.off()

    async def _session(self, turn: int) -> None:
        self._session_turn = turn
        self._change_signal.notify()
        log.info("strategy %s is on", self.name)
        try:
            await self._orders_of(self._call(partial(self._strategy.on_start, self)), turn)
            await self._ticks(turn)
            why = StopReason.SHUTDOWN if self._may_trade(turn) else StopReason.COPYING
            wanted = self._call(partial(self._strategy.on_stop, why))
            if why is StopReason.SHUTDOWN:
                await self._orders_of(wanted, turn)
        except _Failed as error:
            self.failure = f"{type(error.cause).__name__}: {error.cause}"
            log.exception("strategy %s failed and is off until the account is restarted", self.name)
        finally:
            if self.on:
                log.info("strategy %s is off", self.name)
            self._session_turn = 0
            self._wanted = self._wanted and not self._stopping.is_set()
            self._change_signal.notify()

    async def _ticks(self, turn: int) -> None:
        due = dict.fromkeys(self._strategy.pairs, 0.0)
        while self._may_trade(turn) and not self._stopping.is_set():
            now = self._now()
            for pair, at in due.items():
                if at <= now and self._ready():
                    due[pair] = now + self._strategy.interval_s
                    await self._tick(pair, turn)
            pause = min(due.values(), default=now + self._strategy.interval_s) - self._now()
            await self._pause(UNREADY_S if not self._ready() else max(pause, 0.0), turn)

    async def _pause(self, pause_s: float, turn: int) -> None:
        """So long, or until the loop is switched."""
        await asyncio.sleep(0)  # others have their turn, whatever the interval
        until, seen = self._now() + pause_s, self._change_signal.version
        while self._turn == turn and not self._stopping.is_set() and (rest := until - self._now()) > 0:
            try:
                seen = await asyncio.wait_for(self._change_signal.wait(seen), rest)
            except TimeoutError:
                return

    async def _tick(self, pair: str, turn: int) -> None:
        market = self._broker.market(pair)
        if market is None:
            raise _Failed(ValueError(f"pair {pair!r} is not listed at the exchange"))
        try:
            quote = await self._broker.quote(market.name)
        except ExchangeError as error:
            log.warning("strategy %s: no price of %s: %s", self.name, pair, error)
            return
        if not self._may_trade(turn):
            return
        tick = Tick(pair=pair, bid=quote.bid, ask=quote.ask, last=quote.last, at=self._now())
        await self._orders_of(self._call(partial(self._strategy.on_market, tick)), turn)

    def _call(self, ask: Callable[[], Iterable[OrderIntent]]) -> list[OrderIntent]:
        """What the strategy wants. Raises _Failed."""
        try:
            return list(ask())
        except Exception as error:
            raise _Failed(error) from error

    def _may_trade(self, turn: int) -> bool:
        return self._turn == turn and self._wanted

    # -- one order ------------------------------------------------------------------------------------------

    async def _orders_of(self, intents: list[OrderIntent], turn: int) -> None:
        """Places what is wanted, one after another, and what the strategy wants when each has traded."""
        waiting = list(intents)
        while waiting and self._may_trade(turn):
            intent = waiting.pop(0)
            fill = await self._place(intent, turn)
            if fill is not None:
                waiting += self._call(partial(self._strategy.on_fill, fill))

    async def _place(self, intent: OrderIntent, turn: int) -> StrategyFill | None:
        market = self._broker.market(intent.pair)
        if market is None:
            self._tell(f"{intent.pair} is not listed at the exchange; nothing is ordered")
            return None
        try:
            quote = await self._broker.quote(market.name)
        except ExchangeError as error:
            self._tell(f"{intent.side} {market.name}: not ordered, no price to be had ({error})")
            return None
        seen = self._change_signal.version
        while self._copying() and self._may_trade(turn):
            seen = await self._change_signal.wait(seen)
        own = self._orders.position(market.name)
        verdict = allowed(
            intent, market, self._broker.holdings(market), own.volume, own.cost, quote, self._limits
        )
        if not verdict.volume:
            self._tell(f"{intent.side} {market.name}: not ordered, {verdict.reason}")
            return None
        # From here to the order there is no pause in which somebody could switch the loop off unseen.
        if not self._may_trade(turn):
            return None
        price = None if intent.limit_price is None else _on_tick(intent.limit_price, market, intent.side)
        asked = OrderAsked(
            request_id=f"{self.name}/{uuid.uuid4().hex}",
            pair=market.name,
            side=intent.side,
            volume=verdict.volume,
            limit_price=price,
            strategy=self.name,
        )
        order = await self._send(asked)
        if order is None:
            return None
        words = "; ".join(filter(None, (intent.note, verdict.reason)))
        return self._told(await self._orders.settle(order), words)

    async def _send(self, asked: OrderAsked) -> RequestedOrder | None:
        """Sends, and finds out what became of it where the answer was lost; None where nothing was done."""
        self._under_way_until = self._now() + DEADLINES * self._broker.deadline_s + MARGIN_S
        self.orders_sent += 1
        try:
            while True:
                try:
                    return await self._orders.place(asked)
                except NotTraded:
                    raise  # and not asked for again: nothing was done
                except OutcomeUnknown as error:
                    log.warning("strategy %s: %s; looking for the order", self.name, error)
        except LedgerFault:
            raise
        except AccountError as error:
            self._tell(f"{asked.side} {plain(asked.volume)} {asked.pair}: {error}")
            return None
        finally:
            self._under_way_until = 0.0
            self._change_signal.notify()

    def _told(self, order: RequestedOrder, words: str = "") -> StrategyFill | None:
        """What an order of ours traded."""
        done = f"{order.side} {plain(order.filled)} of {plain(order.volume)} {order.pair}"
        self._tell(f"{done}, order {order.order_id}" + (f" ({words})" if words else ""))
        if not order.filled:
            return None
        base, _, quote = order.pair.partition("/")
        return StrategyFill(
            pair=order.pair, side=order.side, volume=order.filled, price=order.cost / order.filled,
            fees={asset: fee for asset, fee in ((base, order.fee_base), (quote, order.fee_quote)) if fee},
        )  # fmt: skip

    def _tell(self, words: str) -> None:
        log.info("strategy %s: %s", self.name, words)
        self.last = words
        self._change_signal.notify()


def make_runner(
    spec: AccountSpec,
    strategy: Strategy,
    orders: RequestedOrders,
    broker: Broker,
    change_signal: ChangeSignal,
    *,
    ready: Callable[[], bool],
    copying: Callable[[], bool],
    now: Callable[[], float],
) -> StrategyRunner:
    """The loop of an account, by its specification."""
    assert spec.strategy is not None
    limits = RiskLimits(risk=spec.strategy_risk, slippage_bps=spec.copy.max_slippage_bps)
    return StrategyRunner(
        name=spec.strategy,
        strategy=strategy,
        orders=orders,
        broker=broker,
        limits=limits,
        now=now,
        change_signal=change_signal,
        ready=ready,
        copying=copying,
    )


class _Failed(Exception):
    """The strategy itself raised."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(str(cause))


def _on_tick(price: Decimal, market: Market, side: Side) -> Decimal:
    """On the market's grid, and never worse than the strategy wanted."""
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return (price / market.tick).quantize(Decimal(1), rounding=rounding) * market.tick
