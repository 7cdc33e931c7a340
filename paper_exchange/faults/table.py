"""The faults that tests set: which there are, on which events each one fires, how often. Pure: no sockets,
clocks, files.

`POST /paper/v1/faults` sets one, `GET` lists them with how often each matched and fired, `DELETE` ends all,
or one by its id. Request faults fire on private requests whose API key is known. "engine acts": the request
is checked and carried out.

* drop_request (a private request): connection closed without an answer; the engine never saw it, the nonce
  stays unused
* drop_reply (a private request): engine acts, then the connection is closed without a byte of answer
* hang_reply (a private request): engine acts, answer after `delay_ms` (30000), or not at all with `never`
  (false)
* trickle_reply (a private request): engine acts, then the answer comes byte by byte, each `delay_ms` (1000)
  after the one before
* hang_request (a private request): key, signature and nonce are taken at once, the engine acts after
  `delay_ms` (30000)
* truncate_reply (a private request): engine acts, half of the JSON is sent under its whole length, then the
  connection is closed
* html_5xx (a private request): HTML page with `status` (502; 502, 503, 504, 520); `executed` (true): engine
  acts, false: never saw it
* error (a private request): answer is `error` (required; `<ts>` in it: now + 1 s); `executed` (false): engine
  acts; false: nonce used up
* wrong_order_id (an AddOrder, `method` (required)): acknowledged under an id that no order has; `executed`
  (true): engine acts, false: never saw it
* duplicate_delivery (a private request): the same bytes are delivered twice, the client gets the second's
  answer
* swap (a private request): held until the key's next request was handled, or `delay_ms` (1000) passed
* partial_cancel (an accepted order): filled by `fraction` (0.5), then cancelled; `cum_qty` (true): totals in
  the cancel row
* ws_cut (now): `when` (now): the account's executions sockets are cut, as if the network had gone
* ws_cut (a batch of events): `when` before_event: sockets are cut before any of it is sent
* ws_cut (an order that trades at once): `when` after_new: sockets are cut after `new`, the trades are lost
* ws_silence (now): for `delay_ms` (5000) nothing is sent on executions sockets, new ones included; `lose`
  (true): it is lost, else late
* ws_refuse (a WebSocket connect): refused with HTTP 503
* sequence_gap (an executions message): left out, its sequence number is used up
* duplicate_event (a trade event): sent twice, with the next sequence number
* no_filled_marker (a `filled` event): left out, without a gap; the trade events say partially_filled as ever
* reorder_events (an order's trades of one instant): sent in reverse order
* expire_token (now): tokens die; `close` (false): the sockets that subscribed with them are closed
* front_page (any REST request): a page of the front (`error code: 1015`, no JSON) with `status` (429; 403,
  429); the exchange never saw it
* market_refused (an order or a ticker of `pair` (required)): answered with `error` (required); `method`
  AddOrder or Ticker (either), `ordertype` (any) of the order; `count` (0)
* odd_row (rows of an answer): `method` (required, below): `row` (`{"descr": {}}`) is among them under `key`
  (one of its own; one that is there: replaced)
* odd_values (an answer, or the next message of `executions`): in one to three places of it, drawn by `seed`,
  stand values that cannot be true; the message comes before the right one
* market_mode (state): `mode` (required): online, cancel_only, post_only, limit_only, maintenance (orders and
  cancels only; reads go on)
* ordermin (state): `pair` (required), `ordermin`, `costmin`: the engine's minima; `stale` (false): AssetPairs
  shows the old ones
* clock_skew (state): `seconds` (0, may be negative) are added to the exchange's clock wherever a client sees
  it, HTTP's `Date` too, and `drift` (0) more for each second from now on (0.01: 10 ms a second)
* visibility_lag (state): reads trail the engine by `delay_ms` (1000) and up to `jitter_ms` (0) more, drawn
  for each read by `seed`

An odd row is put into the answers of OpenOrders, ClosedOrders, QueryOrders, TradesHistory, QueryTrades,
Ledgers, Balance, BalanceEx, Ticker, AssetPairs, Assets, or before the next message of the `executions`
channel. Its numbers become text. A front page and a refused market fire on public calls too, where no account
is named.

Replayed fills after a re-subscription are no fault: a snapshot with `snap_trades` always repeats them.

Which events: `account` and `method` (private requests and visibility_lag only; left out: any). `after` (0):
skip so many matching events of each account. `probability` (1): drawn from a generator that is seeded by
`seed` (0), the kind, the account and the number of the account's matching events. So whatever other accounts
do, the same events of one account are decided the same way. `count` (1; 0: until deleted): how many times in
all; where no account is named, the first event uses it up. What acts now, and states, take none of these
four (visibility_lag: `seed`).

Every fault sees every event that it matches; of those that are due only the oldest fires.
A fault of the executions channel that nobody listens to, and a swap while one is going on, match and don't
fire. Of states of one kind the newest holds. In the log of requests, `fault` names what fired on the row
(several: joined by a comma; market_mode and ordermin where they refused it, visibility_lag where it was read
late) and `outcome` is what the exchange really did, `unseen` where the request never reached it.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any, Final

from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import OrderType
from krakencopy.paper_exchange.values.trading_mode import MarketMode

# Faults that are kept, exhausted ones included: a long run of faults need not tidy up behind itself.
FAULTS_MOST: Final = 10_000

_US_PER_MS: Final = 1_000


class FaultKind(StrEnum):
    """What goes wrong."""

    DROP_REQUEST = auto()
    DROP_REPLY = auto()
    HANG_REPLY = auto()
    TRICKLE_REPLY = auto()
    HANG_REQUEST = auto()
    TRUNCATE_REPLY = auto()
    HTML_5XX = auto()
    ERROR = auto()
    WRONG_ORDER_ID = auto()
    DUPLICATE_DELIVERY = auto()
    SWAP = auto()
    PARTIAL_CANCEL = auto()
    WS_CUT = auto()
    WS_SILENCE = auto()
    WS_REFUSE = auto()
    SEQUENCE_GAP = auto()
    DUPLICATE_EVENT = auto()
    NO_FILLED_MARKER = auto()
    REORDER_EVENTS = auto()
    EXPIRE_TOKEN = auto()
    FRONT_PAGE = auto()
    MARKET_REFUSED = auto()
    ODD_ROW = auto()
    ODD_VALUES = auto()
    MARKET_MODE = auto()
    ORDERMIN = auto()
    CLOCK_SKEW = auto()
    VISIBILITY_LAG = auto()


class Occasion(StrEnum):
    """The events that faults wait for, and the two occasions that are none: at once, and all the time."""

    REQUEST = auto()  # a private request came in
    FRONT = auto()  # any REST request came in
    MARKET = auto()  # an order or a ticker of a pair is asked for
    ROWS = auto()  # rows are about to be sent
    READ = auto()  # a private request wants to know what an account has
    ORDER = auto()  # an order passed all checks
    CONNECT = auto()  # a WebSocket client connects
    BATCH = auto()  # events of one account and one instant are about to be sent
    ENTRY = auto()  # among them a new order that trades at once
    TRADES = auto()  # among them several trades of one order
    TRADE = auto()
    FILLED = auto()
    MESSAGE = auto()  # any one of them
    NOW = auto()
    STATE = auto()


# What happens on the executions channel.
DISTORTING: Final = frozenset(
    {Occasion.BATCH, Occasion.ENTRY, Occasion.TRADES, Occasion.TRADE, Occasion.FILLED, Occasion.MESSAGE}
)

_OCCASIONS: Final = {
    FaultKind.PARTIAL_CANCEL: Occasion.ORDER,
    FaultKind.WS_SILENCE: Occasion.NOW,
    FaultKind.WS_REFUSE: Occasion.CONNECT,
    FaultKind.SEQUENCE_GAP: Occasion.MESSAGE,
    FaultKind.DUPLICATE_EVENT: Occasion.TRADE,
    FaultKind.NO_FILLED_MARKER: Occasion.FILLED,
    FaultKind.REORDER_EVENTS: Occasion.TRADES,
    FaultKind.EXPIRE_TOKEN: Occasion.NOW,
    FaultKind.FRONT_PAGE: Occasion.FRONT,
    FaultKind.MARKET_REFUSED: Occasion.MARKET,
    FaultKind.ODD_ROW: Occasion.ROWS,
    FaultKind.ODD_VALUES: Occasion.ROWS,
    FaultKind.MARKET_MODE: Occasion.STATE,
    FaultKind.ORDERMIN: Occasion.STATE,
    FaultKind.CLOCK_SKEW: Occasion.STATE,
    FaultKind.VISIBILITY_LAG: Occasion.READ,
}


class CutWhen(StrEnum):
    """When `ws_cut` cuts."""

    NOW = auto()
    AFTER_NEW = auto()
    BEFORE_EVENT = auto()


_CUT_OCCASIONS: Final = {
    CutWhen.NOW: Occasion.NOW,
    CutWhen.AFTER_NEW: Occasion.ENTRY,
    CutWhen.BEFORE_EVENT: Occasion.BATCH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """A fault as it was asked for; a kind has only some of the fields (`fault_entry`)."""

    kind: FaultKind
    account: str | None = None
    method: str | None = None
    count: int = 1
    after: int = 0
    probability: Decimal = Decimal(1)
    seed: int = 0
    delay_ms: int = 0
    jitter_ms: int = 0
    never: bool = False
    status: int = 502
    executed: bool = False
    error: str = ""
    fraction: Decimal = ZERO
    cum_qty: bool = True
    when: CutWhen = CutWhen.NOW
    lose: bool = True
    close: bool = False
    mode: MarketMode = MarketMode.ONLINE
    pair: Pair | None = None
    ordermin: Decimal | None = None
    costmin: Decimal | None = None
    stale: bool = False
    seconds: Decimal = ZERO
    drift: Decimal = ZERO
    since_us: int = 0
    row: Any = None
    key: str | None = None
    ordertype: OrderType | None = None

    @property
    def occasion(self) -> Occasion:
        """The events that it waits for."""
        if self.kind is FaultKind.WS_CUT:
            return _CUT_OCCASIONS[self.when]
        return _OCCASIONS.get(self.kind, Occasion.REQUEST)

    @property
    def counted(self) -> bool:
        """Whether it fires a number of times, and not at once or all the time."""
        return self.occasion not in {Occasion.NOW, Occasion.STATE, Occasion.READ}


@dataclass(slots=True, eq=False)
class Fault:
    """A fault that is set: how many events it matched, how often it fired."""

    id: int
    spec: FaultSpec
    matched: int = 0
    fired: int = 0
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def exhausted(self) -> bool:
        """Whether it has fired as often as it was to."""
        return self.spec.counted and 0 < self.spec.count <= self.fired

    def is_for(self, account: str, method: str | None, pair: Pair | None, ordertype: str | None) -> bool:
        """Whether an event is among those that it was set for."""
        spec = self.spec
        return (
            spec.account in {None, account}
            and spec.method in {None, method}
            and spec.pair in {None, pair}
            and spec.ordertype in {None, ordertype}
        )

    def is_due(self, account: str) -> bool:
        """Count one matching event of an account; whether the fault is to fire on it."""
        self.matched += 1
        number = self._seen[account] = self._seen.get(account, 0) + 1
        if number <= self.spec.after:
            return False
        return self.spec.probability == 1 or self._draw(account) < self.spec.probability

    def lag_us(self, account: str) -> int:
        """How late the read is that was counted last, for visibility_lag."""
        spec = self.spec
        jitter = int(spec.jitter_ms * _US_PER_MS * self._draw(account)) if spec.jitter_ms else 0
        return spec.delay_ms * _US_PER_MS + jitter

    def _draw(self, account: str) -> float:
        """A number from 0 to below 1 that depends on nothing but the seed and the account's own events."""
        state = f"{self.spec.seed}:{self.spec.kind}:{account}:{self._seen[account]}"
        return random.Random(state).random()  # noqa: S311 - to be repeated, not secret


class Faults:
    """All faults that are set, exhausted ones included, until they are deleted."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        # Those that can still fire.
        self._live: dict[int, Fault] = {}
        self._last_id = 0
        self._armed: dict[Occasion, list[Fault]] = {}
        self._distorting = False

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def __len__(self) -> int:
        return len(self._faults)

    def states(self) -> Iterator[FaultSpec]:
        """What holds all the time, oldest first."""
        return (fault.spec for fault in self._live.values() if fault.spec.occasion is Occasion.STATE)

    def add_fault(self, spec: FaultSpec) -> Fault:
        """Set a fault under the next id."""
        assert len(self._faults) < FAULTS_MOST, "the caller looked first"
        self._last_id += 1
        fault = self._faults[self._last_id] = Fault(self._last_id, spec)
        if spec.occasion is not Occasion.NOW:
            self._live[fault.id] = fault
        self._arm()
        return fault

    def remove(self, ids: Iterable[int]) -> list[Fault]:
        """End faults; those that there were."""
        removed = [fault for fault_id in ids if (fault := self._faults.pop(fault_id, None)) is not None]
        for fault in removed:
            self._live.pop(fault.id, None)
        self._arm()
        return removed

    def armed(self, occasion: Occasion) -> bool:
        """Whether any fault waits for such an event: where none does, nothing need be asked."""
        return occasion in self._armed

    def distorting(self) -> bool:
        """Whether any fault waits for something on the executions channel."""
        return self._distorting

    def fire(
        self,
        occasion: Occasion,
        account: str = "",
        method: str | None = None,
        *,
        pair: Pair | None = None,
        ordertype: str | None = None,
        barred: frozenset[FaultKind] = frozenset(),
    ) -> Fault | None:
        """The fault that fires on this event. `barred` kinds see the event but cannot fire on it."""
        fired: Fault | None = None
        for fault in self._armed.get(occasion, ()):
            if not fault.is_for(account, method, pair, ordertype):
                continue
            due = fault.is_due(account)
            if due and fired is None and fault.spec.kind not in barred:
                fired = fault
        if fired is not None:
            fired.fired += 1
            if fired.exhausted:
                del self._live[fired.id]
                self._arm()
        return fired

    def market_refusal(
        self, pair: Pair, method: str, account: str = "", ordertype: str | None = None
    ) -> str | None:
        """The error with which a market, or one kind of orders in it, is refused to an account."""
        fault = self.fire(Occasion.MARKET, account, method, pair=pair, ordertype=ordertype)
        return None if fault is None else fault.spec.error

    def blame(self, kind: FaultKind, pair: Pair | None = None) -> None:
        """A state (of this pair) refused a request: the newest fault of its kind has fired."""
        for fault in reversed(self._live.values()):
            if fault.spec.kind is kind and fault.spec.pair is pair:
                fault.matched += 1
                fault.fired += 1
                return

    def _arm(self) -> None:
        armed: dict[Occasion, list[Fault]] = {}
        for fault in self._live.values():
            armed.setdefault(fault.spec.occasion, []).append(fault)
        # A state is a state: the newest one holds.
        armed.get(Occasion.READ, []).reverse()
        self._armed = armed
        self._distorting = not DISTORTING.isdisjoint(armed)
