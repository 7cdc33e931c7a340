"""Which past orders, fills and ledger entries an answer shows: filters by id and time, pages of 50, newest
first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.ledger import LedgerEntry
from krakencopy.paper_exchange.accounts.orders import Order, Revision, revision_of
from krakencopy.paper_exchange.rest.rows import HistoricFill, fills_of
from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.ids import client_order_key
from krakencopy.paper_exchange.values.pairs import CURRENCY, TOKENISED, Asset
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.time_format import US_PER_S

# Kraken: 50 rows a page, for orders and for trades.
PAGE_ROWS: Final = 50

Item = TypeVar("Item")

# Kraken: the kinds that Ledgers can be asked for; most of them never happen here.
_LEDGER_KINDS: Final = frozenset(
    {
        "all", "trade", "deposit", "withdrawal", "transfer", "margin", "adjustment", "rollover", "credit",
        "settled", "staking", "dividend", "sale", "nft_rebate", "spend", "receive", "reward",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of the rows that match, newest first, and how many match in all."""

    rows: Sequence[Item]
    count: int


def closed_orders(account: Account, params: Params) -> Page[Order]:
    """The page of closed orders that ClosedOrders' arguments ask for. Raises KrakenError."""
    which = params.text("closetime") or "both"
    if which not in {"open", "close", "both"}:
        raise invalid_arguments("closetime")
    start, end = _bounds(params, lambda txid: _opened_us(account, txid))

    def inside(order: Order) -> bool:
        opened = _between(start, order.opened_us, end)
        closed = _between(start, order.closed_us, end)
        return opened if which == "open" else closed if which == "close" else opened or closed

    matches = matching(params)
    found = [order for order in reversed(account.closed_orders) if inside(order) and matches(order)]
    if which == "open":
        found.sort(key=lambda order: order.opened_us, reverse=True)
    return _page(found, params)


def past_fills(account: Account, params: Params) -> Page[HistoricFill]:
    """The page of fills that TradesHistory's arguments ask for. Raises KrakenError."""
    # A spot account has no positions: every other kind of trade that Kraken names is an empty list.
    kind = params.text("type") or "all"
    if kind not in {"all", "any position", "closed position", "closing position", "no position"}:
        raise invalid_arguments("type")
    start, end = _bounds(params, lambda exec_id: _traded_us(account, exec_id))
    if kind not in {"all", "no position"}:
        return Page([], 0)
    fills = fills_of(account.trades, consolidate=params.flag("consolidate_taker", default=True))
    return _page([fill for fill in reversed(fills) if _between(start, fill.at_us, end)], params)


def ledger_entries(account: Account, params: Params, catalogue: Catalogue) -> Page[LedgerEntry]:
    """The page of the ledger that Ledgers' arguments ask for. Raises KrakenError."""
    aclass = params.text("aclass")
    if aclass not in {"", CURRENCY, TOKENISED}:
        raise invalid_arguments("aclass")
    assets = _assets(params, catalogue)
    kind = params.text("type") or "all"
    if kind not in _LEDGER_KINDS:
        raise invalid_arguments("type")
    start, end = _bounds(params, lambda entry_id: _booked_us(account, entry_id))
    found = [
        entry
        for entry in reversed(account.ledger)
        if (assets is None or entry.asset in assets)
        and aclass in {"", entry.asset.aclass}
        and kind in {"all", entry.kind}
        and _between(start, entry.at_us, end)
    ]
    return _page(found, params)


def _assets(params: Params, catalogue: Catalogue) -> set[Asset] | None:
    """The assets of a comma list; None for all of them."""
    text = params.text("asset") or "all"
    if text == "all":
        return None
    found = set()
    for spelling in text.split(","):
        asset = catalogue.find_asset(spelling.strip())
        if asset is None:
            raise KrakenError("EQuery:Unknown asset")
        found.add(asset)
    return found


def revisions(order: Order) -> list[Revision]:
    """The terms of an order since it came in, oldest first."""
    return order.revisions or [revision_of(order, order.txid, "original", order.opened_us)]


def matching(params: Params) -> Callable[[Order], bool]:
    """The filter of `userref` and `cl_ord_id`, which all order queries take. Raises KrakenError."""
    userref = params.integer("userref")
    cl_ord_id = params.optional("cl_ord_id")
    wanted = None if cl_ord_id is None else client_order_key(cl_ord_id)
    if cl_ord_id is not None and wanted is None:
        raise invalid_arguments("cl_ord_id")

    def matches(order: Order) -> bool:
        request = order.request
        if userref is not None and request.userref != userref:
            return False
        if wanted is None:
            return True
        return request.cl_ord_id is not None and client_order_key(request.cl_ord_id) == wanted

    return matches


def _bounds(params: Params, time_of: Callable[[str], int | None]) -> tuple[int | None, int | None]:
    """`start` (exclusive, to the second) and `end` (inclusive): unix seconds or the id of a row."""

    def bound(name: str) -> int | None:
        text = params.text(name)
        if not text:
            return None
        return time_of(text) if text[0].isalpha() else params.unix_us(name)

    start = bound("start")
    if start is not None and not params.text("start")[0].isalpha():
        start -= start % US_PER_S
    return start, bound("end")


def _opened_us(account: Account, txid: str) -> int:
    order = account.orders.get(txid)
    if order is None:
        raise invalid_arguments("start")
    return order.opened_us


def _traded_us(account: Account, exec_id: str) -> int:
    for trade in reversed(account.trades):
        if trade.exec_id == exec_id:
            return trade.at_us
    raise invalid_arguments("start")


def _booked_us(account: Account, entry_id: str) -> int:
    for entry in reversed(account.ledger):
        if entry.id == entry_id:
            return entry.at_us
    raise invalid_arguments("start")


def _between(start: int | None, at_us: int, end: int | None) -> bool:
    return (start is None or at_us > start) and (end is None or at_us <= end)


def _page(found: Sequence[Item], params: Params) -> Page[Item]:
    offset = params.integer("ofs", 0)
    if offset is None or offset < 0:
        raise invalid_arguments("ofs")
    return Page(found[offset : offset + PAGE_ROWS], len(found))
