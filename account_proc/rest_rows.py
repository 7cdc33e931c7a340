"""What is sent to and comes back from Kraken's REST endpoints, as values. Pure: knows no transport.

Parsers raise KeyError, TypeError, ValueError or ArithmeticError on rows of an unexpected form; exchange.py turns these into
OutcomeUnknown. Kraken: numbers are strings, some of them JSON numbers; times are unix seconds with a fraction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from account_proc.pairs import SymbolTable
from account_proc.units import Side, plain


@dataclass(frozen=True, slots=True)
class Quote:
    """Best prices and the last trade's, in quote."""

    bid: Decimal
    ask: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to place. A market order if there is no limit price."""

    pair: str
    side: Side
    #: In base.
    volume: Decimal
    limit_price: Decimal | None = None
    #: GTC (Kraken's default) or IOC.
    time_in_force: str | None = None
    cl_ord_id: str | None = None
    #: The engine must not act on the order after this. Kraken: 2 to 60 s ahead on REST.
    deadline: datetime | None = None
    #: Only have it checked.
    validate: bool = False

    def __post_init__(self) -> None:
        for name, number in (("volume", self.volume), ("limit_price", self.limit_price)):
            if number is not None and not (number.is_finite() and number > 0):
                raise ValueError(f"{name} must be larger than 0, not {number}")
        if self.deadline is not None and self.deadline.tzinfo is None:
            raise ValueError("deadline must have a time zone")

    def params(self, altname: str) -> dict[str, str]:
        """AddOrder's parameters. Kraken refuses scientific notation, so numbers are plain decimals."""
        params = {
            "pair": altname,
            "type": self.side.value,
            "ordertype": "market" if self.limit_price is None else "limit",
            "volume": plain(self.volume),
        }
        if self.limit_price is not None:
            params["price"] = plain(self.limit_price)
        if self.time_in_force is not None:
            params["timeinforce"] = self.time_in_force
        if self.cl_ord_id is not None:
            params["cl_ord_id"] = self.cl_ord_id
        if self.deadline is not None:
            utc = self.deadline.astimezone(UTC).replace(tzinfo=None)
            params["deadline"] = f"{utc.isoformat(timespec='milliseconds')}Z"
        if self.validate:
            params["validate"] = "true"
        return params


@dataclass(frozen=True, slots=True)
class OrderAck:
    """The order was accepted, not filled. ``order_id`` is empty if it was only validated."""

    order_id: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order as OpenOrders, ClosedOrders and QueryOrders tell it."""

    txid: str
    cl_ord_id: str | None
    #: Our name of the pair, e.g. BTC/USD.
    pair: str
    side: Side
    #: Kraken: pending, open, closed (filled), canceled, expired.
    status: str
    vol: Decimal
    #: Executed volume in base; may be more than 0 on a cancelled order.
    vol_exec: Decimal
    #: In quote; Kraken truncates it.
    cost: Decimal
    fee: Decimal
    #: Kraken: quote, or base if the order has the flag fcib. Empty for a pair that is not listed any more.
    fee_asset: str
    #: Average price of what was executed; 0 before.
    price: Decimal
    opentm: Decimal
    #: None while open.
    closetm: Decimal | None
    reason: str | None
    #: Execution ids, if they were asked for.
    trades: tuple[str, ...]
    #: E.g. "buy 0.00500000 XBTUSD @ market".
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """One execution as TradesHistory tells it. ``txid`` is the feed's exec_id."""

    txid: str
    ordertxid: str
    #: Our name of the pair, e.g. BTC/USD; as Kraken wrote it if it is not listed any more.
    pair: str
    side: Side
    price: Decimal
    #: In base.
    vol: Decimal
    cost: Decimal
    #: Kraken does not say in which asset; quote unless the order has the flag fcib.
    fee: Decimal
    margin: bool
    time: Decimal
    #: The pair's public trade number.
    trade_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyInfo:
    """What the key may do, by GetApiKeyInfo."""

    name: str
    permissions: frozenset[str]
    #: The last nonce that Kraken accepted, if it tells.
    nonce: int | None
    nonce_window: int
    #: Unix seconds; 0 means for ever.
    valid_until: int
    #: Addresses from which the key works; empty for all.
    allowed_addresses: tuple[str, ...] = ()
    #: The account's public number (Kraken: ``iban``), the same for all of its keys; empty if it is not told.
    account_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFee:
    """What the account pays for trades in a pair now, in percent of the cost."""

    #: Our name of the pair, e.g. BTC/USD.
    pair: str
    maker: Decimal
    taker: Decimal


def quote_of(row: Mapping[str, Any]) -> Quote:
    """A row of Ticker."""
    return Quote(bid=number(row["b"][0]), ask=number(row["a"][0]), last=number(row["c"][0]))


def order_row(txid: str, row: Mapping[str, Any], table: SymbolTable) -> OrderRow:
    """A row of OpenOrders, ClosedOrders or QueryOrders."""
    descr = row["descr"]
    pair = table.find(descr["pair"])
    fee_in_base = "fcib" in str(row.get("oflags") or "").split(",")
    closetm = number(row.get("closetm") or 0)
    reason = row.get("reason")
    return OrderRow(
        txid=txid,
        cl_ord_id=row.get("cl_ord_id") or None,
        pair=pair.symbol if pair else str(descr["pair"]),
        side=Side(descr["type"]),
        status=str(row["status"]),
        vol=number(row["vol"]),
        vol_exec=number(row["vol_exec"]),
        cost=number(row["cost"]),
        fee=number(row["fee"]),
        fee_asset="" if pair is None else pair.base if fee_in_base else pair.quote,
        price=number(row["price"]),
        opentm=number(row["opentm"]),
        closetm=closetm or None,
        reason=None if reason is None else str(reason),
        trades=tuple(str(trade) for trade in row.get("trades") or ()),
        description=str(descr.get("order", "")),
    )


def trade_row(txid: str, row: Mapping[str, Any], table: SymbolTable) -> TradeRow:
    """A row of TradesHistory."""
    pair = table.find(row["pair"])
    return TradeRow(
        txid=txid,
        ordertxid=str(row["ordertxid"]),
        pair=pair.symbol if pair else str(row["pair"]),
        side=Side(row["type"]),
        price=number(row["price"]),
        vol=number(row["vol"]),
        cost=number(row["cost"]),
        fee=number(row["fee"]),
        # Kraken: "margin" is the amount of collateral; position rows have a status besides.
        margin=number(row.get("margin") or 0) > 0 or bool(row.get("posstatus")),
        time=number(row["time"]),
        trade_id=int(row.get("trade_id") or 0),
    )


def api_key_info(row: Mapping[str, Any]) -> ApiKeyInfo:
    """The result of GetApiKeyInfo. Documented in camelCase, also seen in snake_case: both are read."""
    folded = {str(key).replace("_", "").lower(): value for key, value in row.items()}
    permissions = folded["permissions"]
    if not isinstance(permissions, list):
        raise TypeError("permissions")
    nonce = folded.get("nonce")
    addresses = folded.get("ipallowlist") or []
    if not isinstance(addresses, list):
        raise TypeError("ipAllowlist")
    return ApiKeyInfo(
        name=str(folded.get("apikeyname") or ""),
        permissions=frozenset(str(permission) for permission in permissions),
        nonce=None if nonce in {None, ""} else int(nonce),
        nonce_window=int(folded.get("noncewindow") or 0),
        valid_until=int(folded.get("validuntil") or 0),
        allowed_addresses=tuple(str(address) for address in addresses),
        account_number=str(folded.get("iban") or ""),
    )


def pair_fees(result: Mapping[str, Any], table: SymbolTable) -> tuple[PairFee, ...]:
    """The result of TradeVolume, pairs by name. Kraken: makers pay as takers where a pair has no fees_maker."""
    takers = result.get("fees") or {}
    makers = result.get("fees_maker") or {}
    fees = [
        PairFee(
            pair=table.pair(key).symbol,
            maker=number((makers.get(key) or row)["fee"]),
            taker=number(row["fee"]),
        )
        for key, row in takers.items()
    ]
    return tuple(sorted(fees, key=lambda fee: fee.pair))


def number(value: str | int | Decimal) -> Decimal:
    """A finite decimal. Raises ValueError, TypeError or ArithmeticError."""
    if isinstance(value, bool):
        raise TypeError(value)
    result = Decimal(value)
    if not result.is_finite():
        raise ValueError(value)
    return result
