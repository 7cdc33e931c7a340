"""What comes back from Kraken's REST endpoints, as values. Pure: knows no transport.

Each parser reads one row and raises one of ``UNREADABLE`` if the row lacks what it must have; what is only
shown is left empty instead. ``readable`` reads many, each by itself: an odd row costs that row. Kraken:
numbers are strings, some of them JSON numbers; times are unix seconds with a fraction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from krakencopy.account_proc.contract.nonce_file import NONCE_MAX
from krakencopy.account_proc.domain.order import Quote
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.sent_values import (
    LAST_SECOND,
    NAME_LENGTH_MAX,
    UNREADABLE,
    amount,
    moment,
    name,
    number,
    positive,
    price,
    price_or_none,
    shown,
    whole,
)

T = TypeVar("T")

#: Of what is wrong with a row, enough to recognise it.
PROBLEM_LENGTH_MAX = 120
#: Trades of a pair are counted from 1: far more than there will be, and what a file takes.
TRADE_ID_MAX = 2**63 - 1
#: Kraken: how far nonces may be behind; what krakencopy.v1 can tell.
NONCE_WINDOW_MAX = 2**63 - 1
#: Kraken: the highest fee of a spot trade (fee schedule of 2026-07), as a share of its cost.
FEE_MOST = Decimal("0.008")


@dataclass(frozen=True, slots=True)
class OddRow:
    """A row that cannot be read, and what can still be read of it."""

    #: Its key in the answer: an id of an order or a trade, the name of a pair or an asset.
    key: str
    #: The client order id in it; empty in a row that has fields and not this one, None where nobody can tell.
    cl_ord_id: str | None
    #: What is wrong, for people.
    problem: str


class Balances(dict[str, Decimal]):
    """Amounts by display name, and which assets the answer names without an amount that can be read: how
    much is there is not known.
    """

    def __init__(self, amounts: Mapping[str, Decimal], unknown: frozenset[str] = frozenset()) -> None:
        super().__init__(amounts)
        self.unknown = unknown


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
    #: In quote, also where it was taken in base.
    fee: Decimal
    #: The order's flag fcib: the fee was taken in base, of which the row does not tell how much. Only the
    #: feed and the ledgers do.
    fee_in_base: bool
    #: Display name of the pair's quote; empty for a pair that is not listed.
    quote: str
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
class OrderEnd:
    """Of an order's row, what its end needs, as ``OrderRow`` has it; there where the rest of the row
    cannot be read, too.
    """

    txid: str
    status: str
    vol_exec: Decimal
    cost: Decimal
    fee: Decimal
    fee_in_base: bool
    #: Empty where the row does not tell its pair.
    quote: str
    reason: str | None


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
    #: In quote, also where it was taken in base, which the row does not say.
    fee: Decimal
    margin: bool
    time: Decimal
    #: The pair's public trade number.
    trade_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A change of one balance as Ledgers tells it. Kraken: the rows of one trade or conversion share their
    ``refid``.
    """

    id: str
    refid: str
    time: Decimal
    #: Kraken: trade, deposit, withdrawal, transfer, spend, receive, and others.
    kind: str
    #: Display name, forms such as BTC.F by themselves.
    asset: str
    #: What the balance has changed by, the fee taken off.
    change: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyInfo:
    """What the key may do, by GetApiKeyInfo."""

    name: str
    permissions: frozenset[str]
    #: The last nonce that Kraken accepted, if it tells.
    nonce: int | None
    nonce_window: int
    #: Unix seconds; 0 means for ever, or that it cannot be read.
    valid_until: int
    #: Addresses from which the key works; empty for all.
    allowed_addresses: tuple[str, ...] = ()
    #: The account's public number (Kraken: ``iban``), the same for all of its keys; empty if it is not given.
    account_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFee:
    """What the account pays for trades in a pair now, in percent of the cost."""

    #: Our name of the pair, e.g. BTC/USD.
    pair: str
    maker: Decimal
    taker: Decimal


def readable(rows: Any, read: Callable[[str, Any], T], odd: Callable[[OddRow], None]) -> dict[str, T]:
    """Every row that can be read, by its key; the others are passed to ``odd``. Raises AttributeError where
    the answer has no rows at all.
    """
    found: dict[str, T] = {}
    for key, row in rows.items():
        try:
            found[name(key)] = read(key, row)
        except UNREADABLE as error:
            problem = shown(f"{type(error).__name__}: {error}", PROBLEM_LENGTH_MAX)
            odd(OddRow(shown(key, NAME_LENGTH_MAX), _cl_ord_id(row), problem))
    return found


def _cl_ord_id(row: Any) -> str | None:
    """As ``OddRow`` has it."""
    if not isinstance(row, Mapping):
        return None
    found = row.get("cl_ord_id") or ""
    try:
        return name(found) if found != "" else ""
    except UNREADABLE:
        return None


def quote_of(row: Mapping[str, Any]) -> Quote:
    """A row of Ticker. Kraken: 0 where nobody bids, or asks; what was traded last stands for it then."""
    bid, ask, last = (price_or_none(row[each][0]) for each in "bac")
    # Never traded: what somebody asks for it is no price.
    last = last or price(bid)
    return Quote(bid=bid or last, ask=ask or last, last=last, one_sided=not (bid and ask))


def order_row(txid: str, row: Mapping[str, Any], table: PairTable) -> OrderRow:
    """A row of OpenOrders, ClosedOrders or QueryOrders."""
    descr = row["descr"]
    pair = table.find(name(descr["pair"]))
    if (cl_ord_id := _cl_ord_id(row)) is None:
        raise ValueError(f"cl_ord_id {shown(row['cl_ord_id'])!r}")
    return OrderRow(
        txid=txid,
        cl_ord_id=cl_ord_id or None,
        pair=pair.name if pair else descr["pair"],
        side=Side(descr["type"]),
        status=name(row["status"]),
        vol=amount(row["vol"]),
        vol_exec=amount(row["vol_exec"]),
        cost=amount(row["cost"]),
        fee=number(row["fee"]),
        fee_in_base=_fee_in_base(row),
        quote=pair.quote if pair else "",
        price=price_or_none(row["price"]),
        opentm=moment(row["opentm"]),
        closetm=_closed_at(row),
        reason=_reason(row),
        trades=tuple(shown(trade, NAME_LENGTH_MAX) for trade in _list(row.get("trades"))),
        description=shown(descr.get("order", "")),
    )


def hold_of(row: Mapping[str, Any], table: PairTable) -> tuple[str, Decimal]:
    """Of what asset an open order holds how much, its fee included. Raises where the row does not tell a
    price: a trigger that trails, say.
    """
    descr, left = row["descr"], amount(row["vol"]) - amount(row["vol_exec"])
    pair, side = table.pair(name(descr["pair"])), Side(descr["type"])
    if descr.get("leverage") not in {None, "", "none"}:
        return pair.quote, Decimal(0)  # margin is no money that is held
    if side is Side.SELL:
        return pair.base, left
    if "viqc" in str(row.get("oflags") or "").split(","):
        return pair.quote, left * (1 + FEE_MOST)  # its volume is in quote
    # Kraken: the limit of a stop-loss-limit is the second price.
    limit = price(max(number(descr["price"]), number(descr.get("price2") or 0)))
    return pair.quote, left * limit * (1 + FEE_MOST)


def order_end(txid: str, row: Mapping[str, Any], table: PairTable) -> OrderEnd:
    """As ``order_row``, of a row that need not tell which order it is. Kraken was seen to send ``"descr":
    {}``.
    """
    pair = None
    with suppress(*UNREADABLE):
        pair = table.find(name(row["descr"]["pair"]))
    return OrderEnd(
        txid=txid,
        status=name(row["status"]),
        vol_exec=amount(row["vol_exec"]),
        cost=amount(row["cost"]),
        fee=number(row["fee"]),
        fee_in_base=_fee_in_base(row),
        quote=pair.quote if pair else "",
        reason=_reason(row),
    )


def _fee_in_base(row: Mapping[str, Any]) -> bool:
    return "fcib" in str(row.get("oflags") or "").split(",")


def _reason(row: Mapping[str, Any]) -> str | None:
    reason = row.get("reason")
    return None if reason is None else shown(reason)


def _closed_at(row: Mapping[str, Any]) -> Decimal | None:
    """None while it is open, and where it cannot be read: only shown."""
    try:
        return moment(row["closetm"])
    except UNREADABLE:
        return None


def trade_row(txid: str, row: Mapping[str, Any], table: PairTable) -> TradeRow:
    """A row of TradesHistory. Without a fee that can be read it is a trade all the same: balances tell
    what was taken.
    """
    pair = table.find(name(row["pair"]))
    paid, vol = price(row["price"]), positive(row["vol"])
    cost = _or_none(row.get("cost"))
    return TradeRow(
        txid=txid,
        ordertxid=name(row["ordertxid"]),
        pair=pair.name if pair else row["pair"],
        side=Side(row["type"]),
        price=paid,
        vol=vol,
        cost=paid * vol if cost is None else cost,
        fee=_or_none(row.get("fee")) or Decimal(0),
        # Kraken: "margin" is the amount of collateral; position rows have a status besides.
        margin=number(row.get("margin") or 0) > 0 or bool(row.get("posstatus")),
        time=moment(row["time"]),
        trade_id=_whole(row.get("trade_id"), TRADE_ID_MAX) or 0,
    )


def ledger_entry(entry_id: str, row: Mapping[str, Any], table: PairTable) -> LedgerRow:
    """A row of Ledgers. Kraken: ``amount`` is without the fee."""
    return LedgerRow(
        id=entry_id,
        refid=name(row["refid"]),
        time=moment(row["time"]),
        kind=name(row["type"]),
        asset=table.held_as(name(row["asset"])),
        change=number(row["amount"]) - number(row["fee"]),
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
        name=shown(folded.get("apikeyname") or ""),
        permissions=frozenset(shown(permission, NAME_LENGTH_MAX) for permission in permissions),
        nonce=_whole(nonce, NONCE_MAX),
        # What is only shown or warned of does not keep the account's number from being known.
        nonce_window=_whole(folded.get("noncewindow"), NONCE_WINDOW_MAX) or 0,
        valid_until=_whole(folded.get("validuntil"), LAST_SECOND) or 0,
        # Seen of Kraken: [""] for a key that works from everywhere.
        allowed_addresses=tuple(shown(address, NAME_LENGTH_MAX) for address in addresses if address),
        account_number=shown(folded.get("iban") or "", NAME_LENGTH_MAX),
    )


def pair_fees(
    result: Mapping[str, Any], table: PairTable, odd: Callable[[OddRow], None]
) -> tuple[PairFee, ...]:
    """The result of TradeVolume, pairs by name. Kraken: makers pay as takers where a pair has no
    fees_maker.
    """
    takers = {key: row for key, row in (result.get("fees") or {}).items() if table.find(key) is not None}
    makers = result.get("fees_maker") or {}
    rows = readable(
        takers,
        lambda key, row: PairFee(
            pair=table.pair(key).name,
            maker=number((makers.get(key) or row)["fee"]),
            taker=number(row["fee"]),
        ),
        odd,
    )
    return tuple(sorted(rows.values(), key=lambda fee: fee.pair))


def _or_none(value: Any) -> Decimal | None:
    """A number that may be missing; None for 0 and for what is none."""
    try:
        return number(value) or None
    except UNREADABLE:
        return None


def _whole(value: Any, most: int) -> int | None:
    """A whole number from 0 to ``most``; None for anything else."""
    try:
        return whole(value, most)
    except UNREADABLE:
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
