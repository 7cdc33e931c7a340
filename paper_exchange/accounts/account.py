"""Accounts: what they own, what is on hold, their orders and trades, and the API keys that speak for them.

Balances never go below zero and holds never above what is there: the caller checks before it takes money.

What orders spend is the asset's own balance and, as Kraken's page on balances says, what Auto Earn keeps of
it (`.F`). In which order, and how a hold shows on the two, is not documented: here the own balance comes
first, in both.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final

from krakencopy.paper_exchange.accounts.ledger import LedgerEntry, LedgerKind
from krakencopy.paper_exchange.accounts.orders import Order, Trade
from krakencopy.paper_exchange.accounts.rate_limits import RestCounter, Tier, TradingCounters
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.ids import client_order_key
from krakencopy.paper_exchange.values.pairs import EARN_SUFFIX, Asset, Pair, form_of
from krakencopy.paper_exchange.values.time_format import US_PER_S

# Kraken's fee tiers look at the last 30 days.
_FEE_WINDOW_US: Final = 30 * 24 * 3600 * US_PER_S


class Permission(StrEnum):
    """What a key may do, in the names of GetApiKeyInfo."""

    QUERY_FUNDS = "query-funds"
    ADD_FUNDS = "add-funds"
    WITHDRAW_FUNDS = "withdraw-funds"
    EARN_FUNDS = "earn-funds"
    QUERY_OPEN_TRADES = "query-open-trades"
    QUERY_CLOSED_TRADES = "query-closed-trades"
    MODIFY_TRADES = "modify-trades"
    CLOSE_TRADES = "close-trades"
    QUERY_LEDGER = "query-ledger"
    EXPORT_DATA = "export-data"
    CREATE_WS_TOKEN = "create-ws-token"  # noqa: S105 - the name of a permission
    ADD_WITHDRAW_ADDRESS = "add-withdraw-address"
    UPDATE_WITHDRAW_ADDRESS = "update-withdraw-address"


# What a key that trades by copying needs, and no more.
TRADING_PERMISSIONS: Final = frozenset(
    {
        Permission.QUERY_FUNDS,
        Permission.QUERY_OPEN_TRADES,
        Permission.QUERY_CLOSED_TRADES,
        Permission.MODIFY_TRADES,
        Permission.CLOSE_TRADES,
        Permission.QUERY_LEDGER,
        Permission.CREATE_WS_TOKEN,
    }
)


@dataclass(slots=True, eq=False)
class ApiKey:
    """A key of an account. `nonce` is the highest one accepted; `seen` those inside the window below it.

    `valid_until_us` and the two bounds of the queries are 0 where there are none, the allow-list is empty.
    """

    key: str
    secret: bytes
    account: "Account"
    permissions: frozenset[Permission]
    nonce_window: int
    created_us: int
    modified_us: int
    nonce: int = 0
    last_used_us: int = 0
    seen: set[int] = field(default_factory=set)
    valid_until_us: int = 0
    query_from_us: int = 0
    query_to_us: int = 0
    ip_allowlist: tuple[str, ...] = ()
    rest: RestCounter = field(default_factory=RestCounter)

    @property
    def key_id(self) -> str:
        """What logs call the key: the first 8 hex digits of its SHA-256."""
        return key_id(self.key)


def key_id(key: str) -> str:
    """The name under which a key appears in logs."""
    return sha256(key.encode()).hexdigest()[:8]


class Account:
    """One client of the exchange. `limited` is whether the rate limits of its tier hold for it."""

    def __init__(self, account_id: str, tier: Tier, *, limited: bool = True) -> None:
        self.id: Final = account_id
        self.tier = tier
        self.limited = limited
        self.counters: Final = TradingCounters()
        # Kraken: one timer an account; the time at which it cancels everything.
        self.cancel_all_at_us: int | None = None
        self.balances: Final[dict[Asset, Decimal]] = {}
        # Of what resting orders pay with, however much of it Auto Earn keeps.
        self.holds: Final[dict[Asset, Decimal]] = {}
        self.keys: Final[dict[str, ApiKey]] = {}
        self.orders: Final[dict[str, Order]] = {}
        self.open_orders: Final[dict[str, Order]] = {}
        self.closed_orders: Final[list[Order]] = []
        self.trades: Final[list[Trade]] = []
        self.ledger: Final[list[LedgerEntry]] = []
        self._open_in: dict[Pair, int] = {}
        self._open_by_client_id: dict[str, Order] = {}
        self._volumes: deque[tuple[int, Decimal]] = deque()
        self._volume_usd = ZERO

    def balance(self, asset: Asset) -> Decimal:
        """All of an asset, held or not."""
        return self.balances.get(asset, ZERO)

    def earning(self, asset: Asset) -> Decimal:
        """What Auto Earn keeps of an asset."""
        return self.balance(form_of(asset, EARN_SUFFIX)) if asset.underlying is None else ZERO

    def held(self, asset: Asset) -> Decimal:
        """What resting orders keep on hold of a balance."""
        if asset.underlying is None:
            return min(self.holds.get(asset, ZERO), self.balance(asset))
        if asset.suffix != EARN_SUFFIX:
            return ZERO
        return max(ZERO, self.holds.get(asset.underlying, ZERO) - self.balance(asset.underlying))

    def unheld(self, asset: Asset) -> Decimal:
        """What can be taken away from a balance."""
        return self.balance(asset) - self.held(asset)

    def available(self, asset: Asset, *, earning: bool = False) -> Decimal:
        """What a new order may spend: with `earning` of what Auto Earn keeps as well."""
        owned = self.balance(asset) + (self.earning(asset) if earning else ZERO)
        return owned - self.holds.get(asset, ZERO)

    def credit(self, asset: Asset, amount: Decimal) -> None:
        """Add to a balance; a negative amount takes away, and must not take more than is there."""
        balance = self.balance(asset) + amount
        assert balance >= 0, f"{self.id}: balance of {asset.id} would be {balance}"
        self.balances[asset] = balance

    def book(
        self,
        entry_id: str,
        refid: str,
        at_us: int,
        kind: LedgerKind,
        asset: Asset,
        amount: Decimal,
        fee: Decimal = ZERO,
        subtype: str = "",
    ) -> LedgerEntry:
        """Change a balance by `amount` less `fee`, and write it into the ledger."""
        self.credit(asset, amount - fee)
        entry = LedgerEntry(entry_id, refid, at_us, kind, asset, amount, fee, self.balances[asset], subtype)
        self.ledger.append(entry)
        return entry

    def set_hold(self, order: Order, amount: Decimal) -> None:
        """Let an order keep `amount` of its paying asset on hold instead of what it held so far."""
        asset = order.paying_asset
        held = self.holds.get(asset, ZERO) - order.held + amount
        assert 0 <= held <= self.balance(asset) + self.earning(asset), (
            f"{self.id}: hold of {asset.id} would be {held}"
        )
        self.holds[asset] = held
        order.held = amount

    def open(self, order: Order) -> None:
        """Take an accepted order into the books."""
        self.orders[order.txid] = order
        self.open_orders[order.txid] = order
        self._open_in[order.pair] = self.open_count(order.pair) + 1
        if order.request.cl_ord_id is not None:
            client_key = client_order_key(order.request.cl_ord_id)
            assert client_key is not None, "the id's form was checked when the order was read"
            self._open_by_client_id[client_key] = order

    def close(self, order: Order) -> None:
        """Move an order from the open ones to the closed ones; its client order id is free again."""
        del self.open_orders[order.txid]
        self._open_in[order.pair] -= 1
        self.closed_orders.append(order)
        if order.request.cl_ord_id is not None:
            client_key = client_order_key(order.request.cl_ord_id)
            assert client_key is not None, "the id's form was checked when the order was read"
            del self._open_by_client_id[client_key]

    def open_count(self, pair: Pair) -> int:
        """How many open orders there are of a pair."""
        return self._open_in.get(pair, 0)

    def open_order_of(self, cl_ord_id: str) -> Order | None:
        """The open order with this client order id, in any spelling. Kraken knows it among open orders
        only.
        """
        client_key = client_order_key(cl_ord_id)
        return None if client_key is None else self._open_by_client_id.get(client_key)

    def add_volume(self, at_us: int, usd: Decimal) -> None:
        """Count a trade towards the fee tier."""
        self._volumes.append((at_us, usd))
        self._volume_usd += usd

    def volume_usd(self, now_us: int) -> Decimal:
        """What was traded in the last 30 days, in USD."""
        while self._volumes and self._volumes[0][0] < now_us - _FEE_WINDOW_US:
            self._volume_usd -= self._volumes.popleft()[1]
        return self._volume_usd


class Accounts:
    """All accounts and all keys of the exchange."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._keys: dict[str, ApiKey] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def get(self, account_id: str) -> Account | None:
        """The account with this id."""
        return self._accounts.get(account_id)

    def add_account(self, account: Account) -> None:
        """Take in a new account, whose keys are added afterwards."""
        assert account.id not in self._accounts, "the caller looked first"
        self._accounts[account.id] = account

    def key(self, key: str) -> ApiKey | None:
        """The key, of whatever account."""
        return self._keys.get(key)

    def add_key(self, key: ApiKey) -> None:
        """Take in a new key of an account."""
        assert key.key not in self._keys, "the caller looked first"
        self._keys[key.key] = key
        key.account.keys[key.key] = key

    def remove_key(self, key: ApiKey) -> None:
        """Forget a key; requests signed with it are refused from now on."""
        del self._keys[key.key]
        del key.account.keys[key.key]
