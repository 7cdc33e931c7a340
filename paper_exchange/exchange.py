"""The whole exchange without its wires: market, accounts, engine, tokens and logs, put together.

Time is passed in. Whatever happens to orders goes to one listener, in order, before the call returns. Faults that change
the exchange itself (its mode, clock, minima, tokens) take effect here; the others where they strike.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from paper_exchange.accounts import Account, Accounts, ApiKey
from paper_exchange.conditions import Conditions, conditions_of
from paper_exchange.engine import Cut, Engine
from paper_exchange.faults import Fault, FaultKind, Faults, FaultSpec, Occasion
from paper_exchange.ids import TransactionIds
from paper_exchange.market import Market, MarketTrade, Quote
from paper_exchange.orders import Order, OrderEvent, OrderRequest
from paper_exchange.record import NumberedLog
from paper_exchange.replay import Replay
from paper_exchange.symbols import PAIRS, Asset, Pair
from paper_exchange.tokens import Tokens


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A private request as it came in, and what the exchange did: `ok`, the error string, or `unseen`.

    `fault` is what struck it, None where nothing did.
    """

    received_ns: int
    account: str | None
    key_id: str | None
    method: str
    nonce: str | None
    params: dict[str, Any]
    outcome: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class FillRecord:
    """A fill, and when its event was about to be written to the sockets."""

    event: OrderEvent
    emitted_ns: int


class Exchange:
    """One exchange. Public calls change it at the instant that is passed in."""

    def __init__(self, *, seed: int, replay: Replay | None, ids: random.Random, now_us: int) -> None:
        self.started_us: Final = now_us
        self.market: Final = Market(seed=seed, replay=replay, now_us=now_us)
        self.accounts: Final = Accounts()
        self.engine: Final = Engine(self.market, self.accounts, TransactionIds(ids))
        self.tokens: Final = Tokens()
        self.faults: Final = Faults()
        self.conditions = Conditions()
        self.requests: Final[NumberedLog[RequestRecord]] = NumberedLog()
        self.fills: Final[NumberedLog[FillRecord]] = NumberedLog()
        self.on_events: Callable[[list[OrderEvent]], None] = _nobody_listens
        self.on_market: Callable[[int], None] = _nobody_watches
        self.on_key_revoked: Callable[[ApiKey], None] = _no_sessions
        self.on_mode: Callable[[], None] = _nobody_is_told
        self.on_fault_set: Callable[[Fault], None] = _no_wires
        self.on_fault_lifted: Callable[[Fault], None] = _no_wires

    def wall_us(self, true_us: int) -> int:
        """What the exchange's clock shows at a time: all that clients see is stamped by it."""
        return true_us + self.conditions.skew_us

    def true_us(self, wall_us: int) -> int:
        """The time at which the exchange's clock shows `wall_us`: for what lasts, such as a token."""
        return wall_us - self.conditions.skew_us

    def place(self, account: Account, request: OrderRequest, now_us: int, cut: Cut | None = None) -> Order:
        """Accept and match an order. Raises KrakenError."""
        placement = self.engine.place(account, request, now_us, cut)
        self.on_events(placement.events)
        return placement.order

    def cancel(self, account: Account, orders: Iterable[Order], now_us: int) -> int:
        """Cancel open orders; how many."""
        events = self.engine.cancel(account, orders, now_us)
        self.on_events(events)
        return len(events)

    def tick(self, now_us: int) -> None:
        """Let every walking pair take one step and trade."""
        self._trade(self.market.step(), now_us)
        self.on_market(now_us)

    def play(self, elapsed_us: int, now_us: int) -> None:
        """Let `elapsed_us` of the replay pass."""
        due = self.market.replay_due(elapsed_us)
        replay = self.market.replay
        if replay is None or not due:
            return
        played = self.market.of(replay.pair)
        for past in due:
            self._trade([played.play(past)], now_us)
        self.on_market(now_us)

    def pin(self, pair: Pair, quote: Quote, now_us: int) -> None:
        """Hold a pair's market at a quote; resting orders that it crosses fill."""
        market = self.market.of(pair)
        market.pin(quote)
        self._match(pair, now_us)
        market.print_inside(now_us)
        self.on_market(now_us)

    def deposit(self, account: Account, asset: Asset, amount: Decimal) -> bool:
        """Add to a balance, or take away where negative; False where less than that is available."""
        if account.available(asset) + amount < 0:
            return False
        account.credit(asset, amount)
        return True

    def revoke_sessions(self, key: ApiKey) -> None:
        """Let a key's tokens die, and with them the sockets that subscribed with them."""
        self.tokens.revoke(key)
        self.on_key_revoked(key)

    def set_fault(self, spec: FaultSpec, now_us: int) -> Fault:
        """Set a fault; what acts at once has acted when this returns."""
        fault = self.faults.add(spec)
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
        self.conditions = conditions_of(self.faults.states())
        if self.conditions.mode is mode:
            return
        self.on_mode()
        for pair in PAIRS if not mode.matches else ():
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
        if self.conditions.mode.matches:
            self.on_events(self.engine.market_set(pair, now_us))

    def _trade(self, trades: Iterable[MarketTrade], now_us: int) -> None:
        if not self.conditions.mode.matches:
            # Kraken: nothing is matched, so the market itself does not trade either.
            return
        for trade in trades:
            events = self.engine.market_traded(trade, now_us)
            if events:
                self.on_events(events)


def _nobody_listens(_events: list[OrderEvent]) -> None:
    """Before the wires are connected, events go nowhere."""


def _nobody_watches(_now_us: int) -> None:
    """Before the wires are connected, nobody is told that the market moved."""


def _nobody_is_told() -> None:
    """Before the wires are connected, nobody is told of a mode."""


def _no_wires(_fault: Fault) -> None:
    """Before the wires are connected, there is nothing for a fault to cut."""


def _no_sessions(_key: ApiKey) -> None:
    """Before the wires are connected, no socket depends on a key."""
