"""One WebSocket v2 client: what it asked for, what it subscribed to, and every answer to it. Pure: text in,
texts out.

The socket, the clock and the other clients are elsewhere (`ws`).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from krakencopy.paper_exchange.accounts.orders import OrderEvent
from krakencopy.paper_exchange.accounts.tokens import Token
from krakencopy.paper_exchange.values import exact_json as wire_json
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.websocket import instrument_channel as ws_instrument
from krakencopy.paper_exchange.websocket import trading as ws_trading
from krakencopy.paper_exchange.websocket.book_channel import DEPTHS
from krakencopy.paper_exchange.websocket.messages import (
    Fields,
    MessageRefusal,
    ack,
    check_names,
    choice,
    flag,
    message,
    pair_of,
    refused,
    stamped,
    symbols,
    unsupported,
)
from krakencopy.paper_exchange.websocket.private_channels import (
    Balances,
    EventRows,
    Executions,
    subscribe_balances,
    subscribe_executions,
)
from krakencopy.paper_exchange.websocket.public_channels import INTERVALS, PublicFeed
from krakencopy.paper_exchange.websocket.topics import (
    INSTRUMENT,
    INSTRUMENT_OF_ALL,
    Channel,
    Topic,
    balances_of,
    executions_of,
)
from krakencopy.paper_exchange.websocket.trading import WsCall

_FIELDS: Final[dict[str, frozenset[str]]] = {
    "executions": frozenset(
        {
            "channel",
            "token",
            "snap_orders",
            "snap_trades",
            "order_status",
            "ratecounter",
            "rebased",
            "users",
            "snapshot",
            "snapshot_trades",
        }
    ),
    "balances": frozenset({"channel", "token", "snapshot", "rebased", "users"}),
    "ticker": frozenset({"channel", "symbol", "event_trigger", "snapshot"}),
    "trade": frozenset({"channel", "symbol", "snapshot"}),
    "book": frozenset({"channel", "symbol", "depth", "snapshot"}),
    "ohlc": frozenset({"channel", "symbol", "interval", "snapshot"}),
    "instrument": frozenset({"channel", "snapshot", "include_tokenized_assets", "execution_venue"}),
}
_PRIVATE: Final = frozenset({"executions", "balances"})
# Kraken: where orders of a pair meet; there is one place here.
_VENUES: Final = ("international",)
_TRIGGERS: Final = {"trades": Channel.TICKER_TRADES, "bbo": Channel.TICKER_BBO}
# What Kraken says of channels with a field that is going away.
_INSTRUMENT_WARNING: Final = "tick_size is deprecated, use price_increment"
# A name in the record of calls is no longer than this, whatever a client calls.
_NAME_MOST: Final = 60
_OHLC_WARNING: Final = "timestamp is deprecated, use interval_begin"


class Session:
    """The state of one connection. Every public method returns the texts to send, in order."""

    def __init__(self, exchange: Exchange, feed: PublicFeed, connection_id: int) -> None:
        self._exchange = exchange
        self._feed = feed
        self._connection_id = connection_id
        self._executions: Executions | None = None
        self._balances: Balances | None = None
        self._instrument: Topic | None = None
        self._public: set[Topic] = set()
        # Whether the last message asked the engine to do something.
        self.acted = False

    @property
    def subscribed(self) -> bool:
        """Whether there is any subscription, so that heartbeats are due."""
        return bool(self.topics())

    def topics(self) -> frozenset[Topic]:
        """What this client is to be sent."""
        found = set(self._public)
        if self._instrument is not None:
            found.add(self._instrument)
        if self._executions is not None:
            found.add(executions_of(self._executions.account.id))
        if self._balances is not None:
            found.add(balances_of(self._balances.account.id))
        return frozenset(found)

    @property
    def token(self) -> Token | None:
        """The token that the subscription to executions lives on."""
        return None if self._executions is None else self._executions.token

    @property
    def tokens(self) -> list[Token]:
        """The tokens that private subscriptions live on."""
        return [subscription.token for subscription in (self._executions, self._balances) if subscription]

    def status(self) -> str:
        """Kraken: the status of the exchange comes first, before any request, and again when it changes."""
        row = {
            "version": "2.0.10",
            "system": self._exchange.conditions.mode.system,
            "api_version": "v2",
            "connection_id": self._connection_id,
            "upcoming_maintenance": [],
            "emergency": [],
        }
        return message("status", "update", [row])

    def close(self) -> None:
        """The connection is gone: its tokens are no longer held by subscriptions."""
        for token in self.tokens:
            token.subscriptions -= 1
        self._executions = self._balances = None

    def handle(self, text: str, now_us: int, received_ns: int = 0) -> list[str]:
        """Answer one message of the client, which came in at `received_ns` on the monotonic clock."""
        self.acted = False
        try:
            request = wire_json.loads(text)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            return [wire_json.dumps({"error": "Malformed request", "method": "", "success": False})]
        method, params = request.get("method"), request.get("params", {})
        self._exchange.called[_called(method, params)] += 1
        if method == "ping" and "params" not in request:
            return [stamped({"method": "pong"}, request, now_us)]
        try:
            if method == "ping":
                raise unsupported("params", "ping")
            if not isinstance(params, dict):
                raise MessageRefusal("Malformed request")  # noqa: TRY301 - answered in one place
            if isinstance(method, str) and method in ws_trading.METHODS:
                key = self._token(params, now_us).key
                self.acted = True
                return ws_trading.answer(
                    WsCall(self._exchange, key, method, request, params, now_us, received_ns)
                )
            if method == "subscribe":
                return self._subscribe(request, params, now_us)
            if method == "unsubscribe":
                return self._unsubscribe(request, params, now_us)
            self._exchange.unknown[_called(method, params)] += 1
            raise MessageRefusal(f"Unsupported method: '{method}'")  # noqa: TRY301 - as above
        except MessageRefusal as refusal:
            return [refused(request, refusal, now_us)]

    def wants_event(self, event: OrderEvent) -> bool:
        """Whether the subscription to executions wants such an event."""
        return self._executions is not None and self._executions.wants_event(event)

    def order_messages(
        self,
        events: Sequence[OrderEvent],
        rows: EventRows,
        times: Sequence[int] | None = None,
        odd: str | None = None,
    ) -> list[str]:
        """The messages about events of this client's account (`Executions.messages`)."""
        return [] if self._executions is None else self._executions.messages(events, rows, times, odd)

    def balance_messages(self) -> list[str]:
        """The messages about what is new in the ledger of this client's account."""
        return [] if self._balances is None else self._balances.messages()

    def _token(self, params: Fields, now_us: int) -> Token:
        text = params.get("token")
        if text is None:
            raise MessageRefusal("Token(s) not found")
        true_us = self._exchange.true_us(now_us)
        token = self._exchange.tokens.find(text, true_us) if isinstance(text, str) else None
        if token is None:
            raise MessageRefusal("ESession:Invalid session")
        return token

    # --- subscribing

    def _channel(self, params: Fields, method: str) -> str:
        channel = params.get("channel")
        fields = _FIELDS.get(channel) if isinstance(channel, str) else None
        if fields is None or not isinstance(channel, str):
            self._exchange.unknown[_called(method, params)] += 1
            raise MessageRefusal("Subscription name invalid")
        # A token is not part of a public subscription, but clients add it to all of them.
        check_names(params, fields | {"token"}, method)
        return channel

    def _subscribe(self, request: Fields, params: Fields, now_us: int) -> list[str]:
        channel = self._channel(params, "subscribe")
        if channel in _PRIVATE:
            return self._subscribe_private(channel, request, params, now_us)
        snapshot = flag(params, "snapshot", "subscribe", default=True)
        if channel == "instrument":
            return self._subscribe_instrument(request, params, now_us, snapshot=snapshot)
        return self._for_each_symbol(
            request,
            params,
            now_us,
            lambda symbol: self._subscribe_pair(
                request, params, self._pair(symbol), now_us, snapshot=snapshot
            ),
        )

    def _subscribe_instrument(
        self, request: Fields, params: Fields, now_us: int, *, snapshot: bool
    ) -> list[str]:
        if self._instrument is not None:
            raise MessageRefusal("Already subscribed")
        tokenised = flag(params, "include_tokenized_assets", "subscribe", default=False)
        choice(params, "execution_venue", "subscribe", _VENUES, _VENUES[0])
        self._instrument = INSTRUMENT_OF_ALL if tokenised else INSTRUMENT
        result = {"channel": "instrument", "snapshot": snapshot, "warnings": [_INSTRUMENT_WARNING]}
        messages = [ack(request, result, now_us)]
        if snapshot:
            messages.append(ws_instrument.snapshot(self._exchange.conditions, tokenised=tokenised))
        return messages

    def _pair(self, symbol: str) -> Pair:
        return pair_of(self._exchange.catalogue, symbol)

    def _for_each_symbol(
        self, request: Fields, params: Fields, now_us: int, answer: Callable[[str], list[str]]
    ) -> list[str]:
        """Kraken: each symbol is answered for itself, in the order of the request."""
        messages: list[str] = []
        for symbol in symbols(params, request["method"]):
            try:
                messages += answer(symbol)
            except MessageRefusal as refusal:
                messages.append(refused(request, MessageRefusal(refusal.text, symbol=symbol), now_us))
        return messages

    def _subscribe_pair(
        self, request: Fields, params: Fields, pair: Pair, now_us: int, *, snapshot: bool
    ) -> list[str]:
        topic, details = _topic(params, pair, "subscribe")
        if topic in self._public or any(self._clashes(topic, other) for other in self._public):
            raise MessageRefusal("Already subscribed")
        self._public.add(topic)
        result = {"channel": params["channel"], **details, "snapshot": snapshot, "symbol": pair.symbol}
        if topic.channel is Channel.OHLC:
            result["warnings"] = [_OHLC_WARNING]
        messages = [ack(request, result, now_us)]
        first = self._feed.snapshot(topic, now_us) if snapshot else None
        return messages if first is None else [*messages, first]

    def _clashes(self, topic: Topic, other: Topic) -> bool:
        """Whether a client cannot have both: a ticker of a pair is sent at one kind of event only."""
        tickers = set(_TRIGGERS.values())
        return topic.about is other.about and {topic.channel, other.channel} == tickers

    def _subscribe_private(self, channel: str, request: Fields, params: Fields, now_us: int) -> list[str]:
        token = self._token(params, now_us)
        if channel == "executions":
            if self._executions is not None:
                raise MessageRefusal("Already subscribed")
            self._executions, result, first = subscribe_executions(self._exchange, token, params)
        else:
            if self._balances is not None:
                raise MessageRefusal("Already subscribed")
            self._balances, result, first = subscribe_balances(token, params)
        token.subscriptions += 1
        return [ack(request, result, now_us), *first]

    # --- unsubscribing

    def _unsubscribe(self, request: Fields, params: Fields, now_us: int) -> list[str]:
        channel = self._channel(params, "unsubscribe")
        if channel in _PRIVATE:
            self._token(params, now_us)
            self._unsubscribe_private(channel)
            return [ack(request, {"channel": channel}, now_us)]
        if channel == "instrument":
            if self._instrument is None:
                raise MessageRefusal("Subscription Not Found")
            self._instrument = None
            return [ack(request, {"channel": channel}, now_us)]
        return self._for_each_symbol(
            request, params, now_us, lambda symbol: self._unsubscribe_pair(request, params, symbol, now_us)
        )

    def _unsubscribe_pair(self, request: Fields, params: Fields, symbol: str, now_us: int) -> list[str]:
        topic, details = _topic(params, self._pair(symbol), "unsubscribe")
        if topic not in self._public:
            raise MessageRefusal("Subscription Not Found")
        self._public.discard(topic)
        return [ack(request, {"channel": params["channel"], **details, "symbol": symbol}, now_us)]

    def _unsubscribe_private(self, channel: str) -> None:
        subscription = self._executions if channel == "executions" else self._balances
        if subscription is None:
            raise MessageRefusal("Subscription Not Found")
        subscription.token.subscriptions -= 1
        if channel == "executions":
            self._executions = None
        else:
            self._balances = None


def _called(method: Any, params: Any) -> str:
    """What the exchange's own record calls a request: `ws subscribe book`, `ws add_order`."""
    words = ["ws", str(method)]
    if isinstance(params, dict) and "channel" in params:
        words.append(str(params.get("channel")))
    return " ".join(words)[:_NAME_MOST]


def _topic(params: Fields, pair: Pair, method: str) -> tuple[Topic, dict[str, Any]]:
    """The topic that a public channel's arguments mean for a pair, and what its acknowledgement says of
    them.
    """
    channel = params["channel"]
    if channel == "ticker":
        trigger = choice(params, "event_trigger", method, _TRIGGERS, "trades")
        return Topic(_TRIGGERS[trigger], pair), {"event_trigger": trigger}
    if channel == "book":
        depth = choice(params, "depth", method, DEPTHS, DEPTHS[0])
        return Topic(Channel.BOOK, pair, depth), {"depth": depth}
    if channel == "ohlc":
        minutes = choice(params, "interval", method, INTERVALS, INTERVALS[0])
        return Topic(Channel.OHLC, pair, minutes), {"interval": minutes}
    return Topic(Channel.TRADE, pair), {}
