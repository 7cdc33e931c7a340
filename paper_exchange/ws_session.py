"""One WebSocket v2 client: what it asked for, what it subscribed to, and every answer to it. Pure: text in, texts out.

The socket, the clock and the other clients are elsewhere (`ws`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from paper_exchange import wire_json
from paper_exchange.accounts import Account
from paper_exchange.exchange import Exchange
from paper_exchange.executions import event_row, full_event_row, snapshot_rows, tells
from paper_exchange.orders import ExecType, OrderEvent
from paper_exchange.symbols import Pair, find_symbol
from paper_exchange.timefmt import rfc3339
from paper_exchange.tokens import Token
from paper_exchange.ws_public import Channel, PublicFeed, instrument_snapshot

_FIELDS: Final[dict[str, frozenset[str]]] = {
    "executions": frozenset(
        {
            "channel", "token", "snap_orders", "snap_trades", "order_status", "ratecounter", "rebased",
            "snapshot", "snapshot_trades",
        }
    ),
    "ticker": frozenset({"channel", "symbol", "event_trigger", "snapshot"}),
    "trade": frozenset({"channel", "symbol", "snapshot"}),
    "instrument": frozenset({"channel", "snapshot"}),
}  # fmt: skip
# An account's id stands for its executions.
Topic = tuple[Channel, Pair] | str

_TRIGGERS: Final = {"trades": Channel.TICKER_TRADES, "bbo": Channel.TICKER_BBO}


class _Refusal(Exception):
    """A request is refused with this text; `symbol` is named where only one of several was bad."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(slots=True)
class _Executions:
    """A live subscription to the executions of the token's account."""

    token: Token
    order_status: bool
    sequence: int = 0

    @property
    def account(self) -> Account:
        return self.token.key.account


class Session:
    """The state of one connection. Every public method returns the texts to send, in order."""

    def __init__(self, exchange: Exchange, feed: PublicFeed, connection_id: int) -> None:
        self._exchange = exchange
        self._feed = feed
        self._connection_id = connection_id
        self._executions: _Executions | None = None
        self._instrument = False
        self._public: set[tuple[Channel, Pair]] = set()

    @property
    def subscribed(self) -> bool:
        """Whether there is any subscription, so that heartbeats are due."""
        return bool(self._public) or self._executions is not None or self._instrument

    def topics(self) -> frozenset[Topic]:
        """What this client is to be told of: public channels of pairs, and the executions of its account."""
        account_ids = () if self._executions is None else (self._executions.account.id,)
        return frozenset((*self._public, *account_ids))

    @property
    def token(self) -> Token | None:
        """The token that the private subscription lives on."""
        return None if self._executions is None else self._executions.token

    def status(self) -> str:
        """Kraken: the status of the exchange comes first, before any request, and again when it changes."""
        data = {
            "system": self._exchange.conditions.mode.system,
            "api_version": "v2",
            "connection_id": self._connection_id,
            "version": "2.0.10",
        }
        return wire_json.dumps({"channel": "status", "type": "update", "data": [data]})

    def close(self) -> None:
        """The connection is gone: the token is no longer held by a subscription."""
        if self._executions is not None:
            self._executions.token.subscriptions -= 1
            self._executions = None

    def handle(self, text: str, now_us: int) -> list[str]:
        """Answer one message of the client."""
        try:
            request = wire_json.loads(text)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            return [wire_json.dumps({"error": "Malformed request", "method": "", "success": False})]
        method, params = request.get("method"), request.get("params", {})
        if method == "ping":
            return [_stamped({"method": "pong"}, request, now_us)]
        answers: dict[str, Callable[[dict[str, Any], dict[str, Any], int], list[str]]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
        }
        answer = answers.get(method) if isinstance(method, str) else None
        try:
            if answer is None:
                raise _Refusal(f"Unsupported method: '{method}'")  # noqa: TRY301 - answered in one place
            if not isinstance(params, dict):
                raise _Refusal("Malformed request")  # noqa: TRY301 - as above
            return answer(request, params, now_us)
        except _Refusal as refusal:
            return [_refused(request, refusal.text, now_us)]

    def hears(self, event: OrderEvent) -> bool:
        """Whether the subscription tells of such an event."""
        subscription = self._executions
        return subscription is not None and tells(event, order_status=subscription.order_status)

    def order_messages(
        self, events: list[OrderEvent], rows: "EventRows", times: Sequence[int] | None = None
    ) -> list[str]:
        """The messages that tell of events of this client's account, one each, with their sequence.

        `times` says otherwise: how often each is told; one that is told 0 times uses up its sequence number.
        """
        subscription = self._executions
        if subscription is None:
            return []
        messages = []
        for place, event in enumerate(events):
            if not tells(event, order_status=subscription.order_status):
                continue
            row = rows.row(event, full=not subscription.order_status)
            subscription.sequence += 1
            if times is not None and times[place] == 0:
                continue
            messages.append(_execution_message("update", row, subscription.sequence))
            for _ in range(1, 1 if times is None else times[place]):
                subscription.sequence += 1
                messages.append(_execution_message("update", row, subscription.sequence))
        return messages

    def _subscribe(self, request: dict[str, Any], params: dict[str, Any], now_us: int) -> list[str]:
        channel = _channel(params)
        if channel == "executions":
            return self._subscribe_executions(request, params, now_us)
        snapshot = _flag(params, "snapshot", default=True)
        if channel == "instrument":
            if self._instrument:
                raise _Refusal("Already subscribed")
            self._instrument = True
            ack = _ack(request, {"channel": channel, "snapshot": snapshot}, now_us)
            return [ack, instrument_snapshot(self._exchange.conditions)] if snapshot else [ack]
        messages: list[str] = []
        result: dict[str, Any] = {"channel": channel, "snapshot": snapshot}
        trigger = Channel.TRADE
        if channel == "ticker":
            trigger = _trigger(params)
            result["event_trigger"] = params.get("event_trigger", "trades")
        for symbol in _symbols(params):
            pair = find_symbol(symbol)
            if pair is None:
                text = f"Currency pair not supported {symbol}"
                messages.append(_refused(request, text, now_us, symbol))
            elif self._hears(channel, pair):
                messages.append(_refused(request, "Already subscribed", now_us, symbol))
            else:
                self._public.add((trigger, pair))
                messages.append(_ack(request, result | {"symbol": symbol}, now_us))
                if snapshot and channel == "ticker":
                    messages.append(self._feed.ticker_snapshot(pair, now_us))
                elif snapshot:
                    messages.append(self._feed.trade_snapshot(pair))
        return messages

    def _hears(self, channel: str, pair: Pair) -> bool:
        kinds = _TRIGGERS.values() if channel == "ticker" else (Channel.TRADE,)
        return any((kind, pair) in self._public for kind in kinds)

    def _subscribe_executions(
        self, request: dict[str, Any], params: dict[str, Any], now_us: int
    ) -> list[str]:
        token = self._token(params, now_us)
        # Kraken: `snapshot` and `snapshot_trades` are the old names.
        orders = _flag(params, "snap_orders", default=_flag(params, "snapshot", default=True))
        trades = _flag(params, "snap_trades", default=_flag(params, "snapshot_trades", default=False))
        order_status = _flag(params, "order_status", default=True)
        _flag(params, "ratecounter", default=False)
        _flag(params, "rebased", default=True)
        if self._executions is not None:
            raise _Refusal("Already subscribed")
        token.subscriptions += 1
        self._executions = subscription = _Executions(token, order_status)
        result = {
            "channel": "executions",
            "maxratecount": subscription.account.tier.max_rate_count,
            "snap_orders": orders,
            "snap_trades": trades,
        }
        messages = [_ack(request, result, now_us)]
        if orders or trades:
            market = self._exchange.market
            rows = snapshot_rows(subscription.account, market, orders=orders, trades=trades)
            subscription.sequence = 1
            messages.append(_execution_message("snapshot", _join(rows), 1))
        return messages

    def _token(self, params: dict[str, Any], now_us: int) -> Token:
        text = params.get("token")
        true_us = self._exchange.true_us(now_us)
        token = self._exchange.tokens.find(text, true_us) if isinstance(text, str) else None
        if token is None:
            raise _Refusal("ESession:Invalid session")
        return token

    def _unsubscribe(self, request: dict[str, Any], params: dict[str, Any], now_us: int) -> list[str]:
        channel = _channel(params)
        if channel == "executions":
            self._token(params, now_us)
            if self._executions is None:
                raise _Refusal("Subscription Not Found")
            self.close()
            return [_ack(request, {"channel": channel}, now_us)]
        if channel == "instrument":
            if not self._instrument:
                raise _Refusal("Subscription Not Found")
            self._instrument = False
            return [_ack(request, {"channel": channel}, now_us)]
        kind = _trigger(params) if channel == "ticker" else Channel.TRADE
        messages = []
        for symbol in _symbols(params):
            pair = find_symbol(symbol)
            if pair is None or (kind, pair) not in self._public:
                messages.append(_refused(request, "Subscription Not Found", now_us, symbol))
            else:
                self._public.discard((kind, pair))
                messages.append(_ack(request, {"channel": channel, "symbol": symbol}, now_us))
        return messages


class EventRows:
    """The rows of a batch of events as JSON, written once for however many clients hear them."""

    def __init__(self, exchange: Exchange) -> None:
        self._market = exchange.market
        self._rows: dict[tuple[int, bool], str] = {}

    def row(self, event: OrderEvent, *, full: bool) -> str:
        """A row; `full` for those who are not told of pending_new: their `new` is the whole order."""
        full = full and event.kind is ExecType.NEW
        text = self._rows.get((id(event), full))
        if text is None:
            fields = full_event_row(event) if full else event_row(event, self._market)
            text = self._rows[id(event), full] = wire_json.dumps(fields)
        return text


def _execution_message(kind: str, rows: str, sequence: int) -> str:
    return f'{{"channel":"executions","type":"{kind}","data":[{rows}],"sequence":{sequence}}}'


def _join(rows: list[dict[str, Any]]) -> str:
    return ",".join(wire_json.dumps(row) for row in rows)


def _channel(params: dict[str, Any]) -> str:
    channel = params.get("channel")
    fields = _FIELDS.get(channel) if isinstance(channel, str) else None
    if fields is None or not isinstance(channel, str):
        raise _Refusal("Subscription name invalid")
    for name in params:
        # A token is not part of a public subscription, but clients add it to all of them.
        if name not in fields and name != "token":
            raise _Refusal(f"Unsupported field: '{name}'")
    return channel


def _trigger(params: dict[str, Any]) -> Channel:
    trigger = params.get("event_trigger", "trades")
    kind = _TRIGGERS.get(trigger) if isinstance(trigger, str) else None
    if kind is None:
        raise _Refusal("Unsupported field: 'event_trigger'")
    return kind


def _flag(params: dict[str, Any], name: str, *, default: bool) -> bool:
    value = params.get(name, default)
    if not isinstance(value, bool):
        raise _Refusal(f"Unsupported field: '{name}'")
    return value


def _symbols(params: dict[str, Any]) -> list[str]:
    symbols = params.get("symbol")
    if not isinstance(symbols, list) or not symbols or not all(isinstance(item, str) for item in symbols):
        raise _Refusal("Unsupported field: 'symbol'")
    return list(dict.fromkeys(symbols))


def _ack(request: dict[str, Any], result: dict[str, Any], now_us: int) -> str:
    return _stamped({"method": request["method"], "result": result, "success": True}, request, now_us)


def _refused(request: dict[str, Any], text: str, now_us: int, symbol: str | None = None) -> str:
    method = request.get("method")
    answer = {"error": text, "method": method if isinstance(method, str) else "", "success": False}
    return _stamped(answer if symbol is None else answer | {"symbol": symbol}, request, now_us)


def _stamped(answer: dict[str, Any], request: dict[str, Any], now_us: int) -> str:
    # The answer is ready at the instant that the request is read: nothing here waits.
    req_id = {"req_id": request["req_id"]} if isinstance(request.get("req_id"), int) else {}
    at = rfc3339(now_us)
    return wire_json.dumps(answer | req_id | {"time_in": at, "time_out": at})
