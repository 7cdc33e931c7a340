"""One subscription to Kraken's ``executions`` channel, without a socket: frames in, events out. Pure.

Where it is asked to, the ``balances`` channel comes over the same connection. It knows acknowledgements,
snapshots, sequence numbers and the market's status; it neither connects nor waits. Kraken: all subscriptions
are lost with a connection, and nothing is sent again, so after any doubt the only way is a new connection.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES, ExchangeError
from krakencopy.account_proc.domain.sent_values import NAME_LENGTH_MAX, UNREADABLE, name, number, shown
from krakencopy.account_proc.kraken.errors import classify, loads
from krakencopy.account_proc.kraken.feed.executions import Execution, ExecutionsMerge, Incomplete

log = logging.getLogger(__name__)

CHANNEL = "executions"
#: Kraken: tells each entry of the account's ledger, trades included.
BALANCES = "balances"
#: Kraken: the entry of a margin trade; its amount is what was won or lost where a position was closed.
MARGIN = "margin"
#: Kraken: echoed in the acknowledgement.
EXECUTIONS_REQUEST, BALANCES_REQUEST = 1, 2
#: Pings count from here on.
FIRST_PING = 3
#: How heartbeats begin; they are recognised without decoding them, as there is one each second for each
#: account.
HEARTBEAT = b'{"channel":"heartbeat"'
#: Kraken: whether an account without open orders and trades gets a snapshot at all is not documented.
SNAPSHOT_WAIT_S = 2.0


class FeedCut(ExchangeError):
    """The connection cannot be trusted any more."""

    reason = "FEED_CUT"


@dataclass(frozen=True, slots=True)
class Connected:
    """The subscription stands; these are the open orders and last trades."""

    rows: tuple[Execution | Incomplete, ...]


@dataclass(frozen=True, slots=True)
class Executed:
    """Something happened."""

    rows: tuple[Execution | Incomplete, ...]


@dataclass(frozen=True, slots=True)
class TimeTold:
    """The exchange took a request and answered it at these times of its clock (RFC 3339); it had been sent
    at ``sent_at``.
    """

    time_in: str
    time_out: str
    sent_at: float


#: Kraken: subtypes of transfers from or to the futures wallet. Its side is not given here, so what comes that
#: way is a deposit for us.
OUT_OF_SPOT = frozenset({"spotfromfutures", "spottofutures"})


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """A balance changed: by so much of an asset, for a reason of Kraken's such as "trade" or "withdrawal".
    The fee is deducted, but of a margin trade, of which the executions feed tells the fee and only this what
    was won or lost.
    """

    asset: str
    amount: Decimal
    kind: str


Event = Connected | Executed | BalanceChanged | TimeTold


def subscription(token: str) -> str:
    """The request to send first. It holds a secret."""
    params = {
        "channel": CHANNEL,
        "token": token,
        "snap_orders": True,
        "snap_trades": True,
        "order_status": True,
        "ratecounter": False,
    }
    return json.dumps({"method": "subscribe", "params": params, "req_id": EXECUTIONS_REQUEST})


def balances_subscription(token: str) -> str:
    """The request for changes of balances, to send second. It holds a secret."""
    params = {"channel": BALANCES, "token": token, "snapshot": False}
    return json.dumps({"method": "subscribe", "params": params, "req_id": BALANCES_REQUEST})


class FeedSession:
    """From the subscription to the first doubt."""

    def __init__(self, merge: ExecutionsMerge) -> None:
        """``merge`` outlives sessions: a row after a reconnect may belong to an order sent before."""
        self._merge = merge
        self._accepted_at: float | None = None
        self._sequence: int | None = None
        #: Whether Connected has been returned.
        self.live = False
        #: When requests were sent whose answers tell the time, by their numbers.
        self._asked: dict[int, float] = {}
        self._pings = 0
        #: Kraken: online, maintenance, cancel_only, post_only, limit_only; empty until sent.
        self.system_status = ""

    def subscribes(self, sent_at: float) -> None:
        """The subscription is sent at this time of any steady clock, which comes back with what its answer
        tells of the exchange's.
        """
        self._asked[EXECUTIONS_REQUEST] = sent_at

    def ping(self, sent_at: float) -> str:
        """What to send to be answered at once, with the time."""
        number = FIRST_PING + self._pings
        self._pings += 1
        self._asked[number] = sent_at
        return json.dumps({"method": "ping", "req_id": number})

    def receive(self, frame: bytes, now: float) -> list[Event]:
        """Events of one frame, in order. ``now``: any clock that only goes forward, in seconds.

        Raises FeedCut, or KeyRefused if the key may not subscribe.
        """
        if frame.startswith(HEARTBEAT):
            return self.waited(now)
        try:
            message = loads(frame)
        except (ValueError, RecursionError) as error:
            raise FeedCut("a frame that is no JSON") from error
        if not isinstance(message, dict):
            raise FeedCut("a frame that is no object")
        if message.get("channel") == CHANNEL:
            return self._executions(message)
        if message.get("channel") == BALANCES:
            return [*_balance_changes(message), *self.waited(now)]
        if message.get("channel") == "status":
            self._status(message)
        elif message.get("req_id") == BALANCES_REQUEST:
            self._acknowledge_balances(message)
        elif message.get("success") is False or "Error" in message:
            raise _refusal(shown(message.get("error") or message.get("Error")))
        elif message.get("method") == "subscribe":
            self._accepted_at = now
        return [*self._time(message), *self.waited(now)]

    def _time(self, message: Mapping[str, Any]) -> list[Event]:
        number = message.get("req_id")
        sent_at = self._asked.pop(number, None) if isinstance(number, int) else None
        if sent_at is None:
            return []
        return [TimeTold(shown(message.get("time_in")), shown(message.get("time_out")), sent_at)]

    @staticmethod
    def _acknowledge_balances(message: Mapping[str, Any]) -> None:
        """Without them, balances are read now and then all the same."""
        if message.get("success") is not True:
            log.warning("the exchange does not tell changes of balances: %s", shown(message.get("error")))

    def waited(self, now: float) -> list[Event]:
        """Connected with nothing in it, if the subscription was accepted a while ago and no snapshot came."""
        if self.live or self._accepted_at is None or now - self._accepted_at < SNAPSHOT_WAIT_S:
            return []
        self.live = True
        return [Connected(())]

    def _executions(self, message: Mapping[str, Any]) -> list[Event]:
        self._count(message.get("sequence"))
        data = message.get("data")
        # Without rows it is one that cannot be read: the caller that needs its content reads the history.
        rows = tuple(self._merge.parse(data if isinstance(data, list) else [data]))
        if self.live:
            return [Executed(rows)]
        self.live = True
        if message.get("type") == "snapshot":
            return [Connected(rows)]
        return [Connected(()), Executed(rows)]

    def _count(self, sequence: object) -> None:
        """Kraken: counts the messages of one subscription, from the snapshot on."""
        if not isinstance(sequence, int):
            return
        if self._sequence is not None and sequence != self._sequence + 1:
            raise FeedCut(f"message {sequence} came after message {self._sequence}")
        self._sequence = sequence

    def _status(self, message: Mapping[str, Any]) -> None:
        rows = message.get("data")
        if isinstance(rows, list) and rows and isinstance(rows[-1], dict):
            self.system_status = shown(rows[-1].get("system") or self.system_status, NAME_LENGTH_MAX)


def _balance_changes(message: Mapping[str, Any]) -> list[Event]:
    """What a message of the balances channel tells. A row that cannot be read costs that row: balances are
    read as well.
    """
    changes: list[Event] = []
    rows = message.get("data")
    for row in rows if message.get("type") == "update" and isinstance(rows, list) else ():
        try:
            kind, fee = shown(row["type"], NAME_LENGTH_MAX), number(row.get("fee") or 0)
            amount = number(row["amount"]) - (0 if kind == MARGIN else fee)
            subtype = shown(row.get("subtype") or "", NAME_LENGTH_MAX)
            kind = subtype if subtype in OUT_OF_SPOT else kind
            changes.append(BalanceChanged(name(row["asset"]), amount, kind))
        except UNREADABLE as error:
            log.warning("a change of a balance cannot be read (%s: %s)", type(error).__name__, shown(error))
    return changes


def _refusal(error: str) -> ExchangeError:
    classified = classify("subscribe", [error], is_order=False)
    return classified if classified.exit_code in FINAL_EXIT_CODES else FeedCut(f"refused: {error}")
