"""The private channels of one WebSocket client, executions and balances: its subscriptions, and what they are
sent. Pure.

Each subscription lives on a token, counts its own messages, and keeps its token alive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.ledger import LedgerEntry, LedgerKind
from krakencopy.paper_exchange.accounts.orders import ExecType, OrderEvent
from krakencopy.paper_exchange.accounts.tokens import Token
from krakencopy.paper_exchange.values import exact_json as wire_json
from krakencopy.paper_exchange.values.pairs import Asset
from krakencopy.paper_exchange.values.time_format import rfc3339
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.venue.order_api import rate_count, rate_count_most
from krakencopy.paper_exchange.websocket.execution_rows import (
    event_row,
    full_event_row,
    is_sent,
    snapshot_rows,
)
from krakencopy.paper_exchange.websocket.messages import Fields, MessageRefusal, flag

# Kraken sends these with every subscription to executions.
_WARNINGS: Final = [
    "cancel_reason is deprecated, use reason",
    "stop_price is deprecated, use triggers.price",
    "trigger is deprecated use triggers.reference",
    "triggered_price is deprecated use triggers.last_price",
]
# Kraken: the channel calls converts otherwise than Ledgers does. What it calls moves into earn products is
# not documented.
_CHANNEL_KINDS: Final = {LedgerKind.SPEND: "conversion", LedgerKind.RECEIVE: "conversion"}
# Where an asset with a suffix is kept. Kraken names wallets `spot`/`main` and `earn`/something; which suffix
# is which is a guess.
_SPOT: Final = ("spot", "main")
_WALLETS: Final = {
    "F": ("earn", "flex"),
    "B": ("earn", "bonded"),
    "S": ("earn", "bonded"),
    "M": ("earn", "locked"),
}
_OTHER_WALLET: Final = ("earn", "flex")


@dataclass(slots=True)
class Executions:
    """A live subscription to the executions of the token's account."""

    token: Token
    order_status: bool
    ratecounter: bool
    sequence: int = 0

    @property
    def account(self) -> Account:
        """Whose orders are sent."""
        return self.token.key.account

    def wants_event(self, event: OrderEvent) -> bool:
        """Whether such an event is sent."""
        return is_sent(event, order_status=self.order_status)

    def messages(
        self,
        events: Sequence[OrderEvent],
        rows: "EventRows",
        times: Sequence[int] | None,
        odd: str | None = None,
    ) -> list[str]:
        """One message for each event that is sent, with its sequence.

        `times` says how often each is sent, else once; one that is sent 0 times uses up its sequence number.
        `odd` is a row that comes before them.
        """
        found = []
        if odd is not None:
            self.sequence += 1
            found.append(_private_message("executions", "update", odd, self.sequence))
        for place, event in enumerate(events):
            if not self.wants_event(event):
                continue
            row = rows.row(event, full=not self.order_status, ratecounter=self.ratecounter)
            self.sequence += 1
            if times is not None and times[place] == 0:
                continue
            found.append(_private_message("executions", "update", row, self.sequence))
            for _ in range(1, 1 if times is None else times[place]):
                self.sequence += 1
                found.append(_private_message("executions", "update", row, self.sequence))
        return found


@dataclass(slots=True)
class Balances:
    """A live subscription to the balances of the token's account."""

    token: Token
    sequence: int = 0
    # Entries of the account's ledger that are in the snapshot, or were sent.
    sent_count: int = 0

    @property
    def account(self) -> Account:
        """Whose balances are sent."""
        return self.token.key.account

    def messages(self) -> list[str]:
        """One message for each new entry of the ledger."""
        found = []
        for entry in self.account.ledger[self.sent_count :]:
            self.sequence += 1
            row = wire_json.dumps(_ledger_row(entry))
            found.append(_private_message("balances", "update", row, self.sequence))
        self.sent_count = len(self.account.ledger)
        return found


class EventRows:
    """The rows of a batch of events as JSON, written once for however many clients get them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rows: dict[tuple[int, bool, bool], str] = {}

    def row(self, event: OrderEvent, *, full: bool, ratecounter: bool = False) -> str:
        """A row; `full` for those who are not sent pending_new: their `new` is the whole order."""
        full = full and event.kind is ExecType.NEW
        text = self._rows.get((id(event), full, ratecounter))
        if text is None:
            fields = full_event_row(event) if full else event_row(event, self._exchange.market)
            if ratecounter:
                fields["ratecounter"] = self._count(event)
            text = self._rows[id(event), full, ratecounter] = wire_json.dumps(fields)
        return text

    def _count(self, event: OrderEvent) -> Decimal:
        """The engine's counter. Kraken says that it is in the stream; under which name and where is not
        documented.
        """
        account = self._exchange.accounts.get(event.order.account_id)
        assert account is not None, "accounts are never removed"
        return rate_count(account, event.order.pair, event.at_us)


def subscribe_executions(
    exchange: Exchange, token: Token, params: Fields
) -> tuple[Executions, dict[str, Any], list[str]]:
    """A new subscription, the result of its acknowledgement, and its first message. Raises MessageRefusal."""

    def wanted(name: str, *, default: bool) -> bool:
        return flag(params, name, "subscribe", default=default)

    # Kraken: `snapshot` and `snapshot_trades` are the old names.
    orders = wanted("snap_orders", default=wanted("snapshot", default=True))
    trades = wanted("snap_trades", default=wanted("snapshot_trades", default=False))
    wanted("rebased", default=True)
    if params.get("users", "all") != "all":
        raise MessageRefusal("Unsupported field: 'users' for the given msg type: subscribe")
    # Kraken: a master that asks for all of its users gets no snapshot.
    everyone = "users" in params
    orders, trades = orders and not everyone, trades and not everyone
    subscription = Executions(
        token,
        order_status=wanted("order_status", default=True),
        ratecounter=wanted("ratecounter", default=False),
    )
    result = {
        "channel": "executions",
        "maxratecount": rate_count_most(subscription.account),
        "snap_orders": orders,
        "snap_trades": trades,
        "snapshot": orders or trades,
        "warnings": _WARNINGS,
    }
    if not orders and not trades:
        return subscription, result, []
    rows = snapshot_rows(subscription.account, exchange.market, orders=orders, trades=trades)
    subscription.sequence = 1
    return subscription, result, [_private_message("executions", "snapshot", _join(rows), 1)]


def subscribe_balances(token: Token, params: Fields) -> tuple[Balances, dict[str, Any], list[str]]:
    """A new subscription, the result of its acknowledgement, and its first message. Raises MessageRefusal."""
    snapshot = flag(params, "snapshot", "subscribe", default=True)
    flag(params, "rebased", "subscribe", default=True)
    if params.get("users", "all") != "all":
        raise MessageRefusal("Unsupported field: 'users' for the given msg type: subscribe")
    snapshot = snapshot and "users" not in params
    subscription = Balances(token)
    subscription.sent_count = len(subscription.account.ledger)
    result = {"channel": "balances", "snapshot": snapshot}
    if not snapshot:
        return subscription, result, []
    subscription.sequence = 1
    rows = _join(_balance_rows(subscription.account))
    return subscription, result, [_private_message("balances", "snapshot", rows, 1)]


def _balance_rows(account: Account) -> list[dict[str, Any]]:
    """Kraken: one row an asset under its display name, the sum of its wallets; what is on hold does not
    show.
    """
    wallets: dict[Asset, list[dict[str, Any]]] = {}
    for asset, amount in account.balances.items():
        kind, place = _wallet(asset)
        wallet = {"type": kind, "id": place, "balance": amount.quantize(asset.step)}
        wallets.setdefault(asset.underlying or asset, []).append(wallet)
    return [
        {
            "asset": asset.name,
            "asset_class": asset.aclass,
            "balance": sum((wallet["balance"] for wallet in found), Decimal(0)).quantize(asset.step),
            "wallets": found,
        }
        for asset, found in wallets.items()
    ]


def _ledger_row(entry: LedgerEntry) -> dict[str, Any]:
    asset = entry.asset
    wallet_type, wallet_id = _wallet(asset)
    row: dict[str, Any] = {
        "ledger_id": entry.id,
        "ref_id": entry.refid,
        "timestamp": rfc3339(entry.at_us),
        "type": _CHANNEL_KINDS.get(entry.kind, str(entry.kind)),
    }
    if entry.subtype:
        row["subtype"] = entry.subtype
    return row | {
        "asset": (asset.underlying or asset).name,
        "asset_class": asset.aclass,
        "category": _CHANNEL_KINDS.get(entry.kind, str(entry.kind)),
        "wallet_type": wallet_type,
        "wallet_id": wallet_id,
        "amount": entry.amount.quantize(asset.step),
        "fee": entry.fee.quantize(asset.step),
        "balance": entry.balance.quantize(asset.step),
    }


def _wallet(asset: Asset) -> tuple[str, str]:
    if asset.underlying is None:
        return _SPOT
    return _WALLETS.get(asset.name.rpartition(".")[2], _OTHER_WALLET)


def _private_message(channel: str, kind: str, rows: str, sequence: int) -> str:
    return f'{{"channel":"{channel}","type":"{kind}","data":[{rows}],"sequence":{sequence}}}'


def _join(rows: list[dict[str, Any]]) -> str:
    return ",".join(wire_json.dumps(row) for row in rows)
