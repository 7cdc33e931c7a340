"""ccxt's unified structures as our values, and its exceptions as our errors. Pure: ccxt itself is not
imported.

Numbers come as text, because ccxt is set so (``number = str``). Parsers raise one of UNREADABLE
(domain/sent_values.py) on structures of an unexpected form; ccxt_broker/client.py turns these into
OutcomeUnknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.domain import sent_values
from krakencopy.account_proc.kraken.errors import BelowMinimum
from krakencopy.account_proc.trading.broker import Ending, FoundOrder, Market, Quote

#: ccxt: values of an exchange's ``precisionMode``.
DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4
#: Where prices are counted in significant digits there is no tick; ccxt rounds them to what the exchange
#: takes.
FINEST_TICK = Decimal("1e-8")
#: ccxt: statuses of an order after which nothing more happens to it.
ENDED_STATUSES = frozenset({"closed", "canceled", "expired", "rejected"})
#: Longer texts are pages of HTML.
CAUSE_LENGTH_MAX = 200

#: ccxt's exceptions that are an answer of the exchange: nothing was done.
_REFUSALS = frozenset(
    {
        "ArgumentsRequired",
        "AuthenticationError",
        "BadRequest",
        "InsufficientFunds",
        "InvalidAddress",
        "InvalidOrder",
        "NotSupported",
        "OperationRejected",
    }
)
#: Those of them that prove nothing: the exchange may know our order already, or speaks of one that it should
#: know.
_NO_REFUSALS = frozenset({"DuplicateOrderId", "OrderNotCached", "OrderNotFound"})
_FULL = frozenset({"DDoSProtection", "RateLimitExceeded"})
_KEY = "AuthenticationError"
#: The exchange itself, or what stands before it, did not get to an answer.
_SERVER_FAULT = 500
#: Kraken's words in an exception of ccxt, which has one for all invalid orders; other exchanges are not
#: apart.
_TOO_SMALL = re.compile(r"(volume|cost|Order|Cost) minimum not met|Invalid arguments: ?(volume|cost)\b")
_QUERY_OF_URL = re.compile(r"\?\S+")


# -- errors ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """How far a request had come when it failed."""

    #: Whether the request that matters began to leave: for an order the one that places it.
    began: bool
    #: The HTTP status of the answer; None without one.
    status: int | None
    #: The answer itself says that nothing was done, whatever ccxt makes of it.
    refused: bool = False


def error_of(method: str, error: BaseException, sent: Sent) -> ExchangeError:
    """What an exception of ccxt means.

    A bare ``ExchangeError`` proves nothing: ccxt raises it for whatever it has no better name for, internal
    errors of the exchange among them.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    text = cause(error)
    is_answer = not sent.began or (sent.status is not None and sent.status < _SERVER_FAULT)
    if _KEY in names and is_answer:
        return KeyRefused(method, (text,))
    if names & _FULL and is_answer:
        return RateLimited(method, (text,))
    is_refusal = sent.refused or bool(names & _REFUSALS and not names & _NO_REFUSALS)
    if (is_refusal and is_answer) or not sent.began:
        return (BelowMinimum if _TOO_SMALL.search(text) else ExchangeRefused)(method, (text,))
    return OutcomeUnknown(method, text)


def coinbase_refuses(answer: object) -> bool:
    """Whether an answer of Coinbase says that an order was not made, and why: ccxt has a name for few of
    the reasons only.
    """
    match answer:
        case {"success": False, "error_response": {"preview_failure_reason": str(reason)}} if reason:
            return reason != "UNKNOWN_PREVIEW_FAILURE_REASON"
        case {"success": False, "error_response": {"error": str(reason)}}:
            return reason != "UNKNOWN_FAILURE_REASON"
    return False


def cause(error: BaseException) -> str:
    """The error's kind and text in one bounded line, without what was asked: it may be signed."""
    text = " ".join(_QUERY_OF_URL.sub("", str(error)).split())
    text = "".join(char for char in text if char.isprintable())
    return f"{type(error).__name__}: {text}"[:CAUSE_LENGTH_MAX]


# -- numbers -----------------------------------------------------------------------------------------------


def number(value: object) -> Decimal:
    """A number as ccxt gives it; nothing and None are 0. Raises ValueError for what is none."""
    if value is None or value == "":
        return Decimal(0)
    return sent_values.number(value)


def _amount(value: object) -> Decimal:
    """The same, and not below 0."""
    return sent_values.amount(0 if value in {None, ""} else value)


def price_or_none(value: object) -> Decimal | None:
    """A price; nothing, None and 0 are none. Raises ValueError for what is no price."""
    return sent_values.price(value) if number(value) else None


def positive(value: object) -> Decimal:
    """A number over 0. Raises ValueError."""
    return sent_values.positive(value)


# -- markets and prices ------------------------------------------------------------------------------------


def markets_of(markets: Mapping[str, Any], precision_mode: int) -> dict[str, Market]:
    """Every spot market that takes orders and whose rules are known, by each of its spellings in capitals."""
    found: dict[str, Market] = {}
    for row in markets.values():
        if not isinstance(row, Mapping) or not row.get("spot") or row.get("active") is False:
            continue
        try:
            market = _market(row, precision_mode)
        except sent_values.UNREADABLE:
            continue  # nothing can be ordered by rules that are not given
        for spelling in (row.get("id"), row.get("altname"), market.name):
            if spelling:
                found[str(spelling).upper()] = market
    return found


def _market(row: Mapping[str, Any], mode: int) -> Market:
    limits = row["limits"]
    return Market(
        name=sent_values.name(row["symbol"]),
        base=sent_values.name(row["base"]),
        quote=sent_values.name(row["quote"]),
        lot=_step(row["precision"]["amount"], mode),
        tick=_tick(row["precision"]["price"], mode),
        ordermin=_amount((limits.get("amount") or {}).get("min")),
        costmin=_amount((limits.get("cost") or {}).get("min")),
    )


def _step(precision: object, mode: int) -> Decimal:
    if mode == TICK_SIZE:
        return positive(precision)
    if mode == DECIMAL_PLACES and precision is not None:
        return Decimal(1).scaleb(-sent_values.whole(precision, sent_values.DECIMALS_MAX))
    raise ValueError("a volume's precision is not given")


def _tick(precision: object, mode: int) -> Decimal:
    return FINEST_TICK if mode == SIGNIFICANT_DIGITS else _step(precision, mode)


def quote_of(ticker: Mapping[str, Any]) -> Quote:
    """Bid, ask and last price."""
    return Quote(
        sent_values.price(ticker["bid"]), sent_values.price(ticker["ask"]), sent_values.price(ticker["last"])
    )


# -- balances ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Balance:
    """One asset: what is not set aside, and all of it."""

    free: Decimal
    total: Decimal


def balances_of(balance: Mapping[str, Any], odd: Callable[[str, Exception], None]) -> dict[str, Balance]:
    """What the account holds, by asset; those of which there is nothing are left out, and those whose row
    cannot be read, which are passed to ``odd``.
    """
    found = {}
    for asset, total in balance["total"].items():
        try:
            held = Balance(_amount(balance["free"].get(asset)), _amount(total))
            if held.total:
                found[sent_values.name(asset)] = held
        except sent_values.UNREADABLE as error:
            odd(sent_values.shown(asset, sent_values.NAME_LENGTH_MAX), error)
    return found


def equity_in(
    quote: str, balances: Mapping[str, Balance], last: Mapping[str, Decimal], listed: Iterable[str]
) -> Decimal | None:
    """All that is held, in ``quote``. ``last``: last prices by symbol; ``listed``: symbols that have a price.

    An asset without a market in ``quote`` counts nothing; one whose price is not known yet makes the sum
    unknown.
    """
    symbols = set(listed)
    sum_of = Decimal(0)
    for asset, held in balances.items():
        if asset == quote:
            sum_of += held.total
        elif (symbol := f"{asset}/{quote}") in last:
            sum_of += held.total * last[symbol]
        elif (inverse := f"{quote}/{asset}") in last:
            # 0 where the exchange has said none so far: it counts nothing then.
            sum_of += held.total / last[inverse] if last[inverse] else 0
        elif symbol in symbols or inverse in symbols:
            return None
    return sum_of


# -- orders ------------------------------------------------------------------------------------------------


def order_id_of(row: Any) -> str:
    """The exchange's id in the answer to an order. Raises OutcomeUnknown without one."""
    try:
        return sent_values.name(row["id"])
    except sent_values.UNREADABLE as error:
        raise OutcomeUnknown("createOrder", "an answer without the order's id") from error


def with_client_id(rows: Iterable[Mapping[str, Any]], cl_ord_id: str) -> Mapping[str, Any] | None:
    """The order with our id, the ended one if it is listed twice."""
    found = [row for row in rows if row.get("clientOrderId") == cl_ord_id]
    return max(found, key=lambda row: row.get("status") in ENDED_STATUSES, default=None)


def found_order(row: Mapping[str, Any], fee_asset: str = "") -> FoundOrder:
    """An order that was looked for and is there. ``fee_asset``: as ``fees_of`` takes it."""
    order_id = sent_values.name(row["id"])
    return FoundOrder(order_id, description_of(row), ending_of(row, order_id, fee_asset))


def ending_of(row: Mapping[str, Any], order_id: str, fee_asset: str = "") -> Ending | None:
    """How an order ended; None while it can still trade, or while what it traded at is not given.
    ``fee_asset``: as for ``fees_of``.
    """
    if row.get("status") not in ENDED_STATUSES:
        return None
    filled = _amount(row.get("filled"))
    cost = _amount(row.get("cost")) or filled * _amount(row.get("average"))
    if filled and not cost:
        return None
    return Ending(order_id=order_id, filled=filled, cost=cost, fees=fees_of([row], fee_asset))


def fees_of(rows: Iterable[Mapping[str, Any]], fee_asset: str = "") -> dict[str, Decimal]:
    """The fees of orders or trades, by asset. ``fee_asset``: the one that all of them are in, whatever
    ccxt names.
    """
    fees: dict[str, Decimal] = {}
    for row in rows:
        for fee in row.get("fees") or [row.get("fee") or {}]:
            asset, amount = fee_asset or fee.get("currency"), number(fee.get("cost"))
            if asset and amount:
                asset = sent_values.name(asset)
                fees[asset] = fees.get(asset, Decimal(0)) + amount
    return fees


def description_of(row: Mapping[str, Any]) -> str:
    """An order in a few words."""
    price = row.get("price") if row.get("type") == "limit" else "market"
    words = f"{row.get('side')} {row.get('amount') or row.get('filled')} {row.get('symbol')} @ {price}"
    return sent_values.shown(words)
