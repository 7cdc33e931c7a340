"""Whether the key opens the account that the ledger is about, before anything is traded with it.

By what the exchange tells of the account where it tells that (contract/account_identity.py), by the ledger's
own orders where it does not, or by the trades that a master's wallet holds: under another account's key the
exchange knows none of them. A ledger that has just been made says nothing, and a master's is then held
against the journal, which may be another master's.
"""

from __future__ import annotations

from collections.abc import Callable

from krakencopy.account_proc.contract.account_identity import AccountIdentity, masked
from krakencopy.account_proc.contract.errors import ExchangeRefused, OtherAccount, OutcomeUnknown
from krakencopy.account_proc.domain.counted_trades import WALLET, remembered_trades
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.state.shadow_mark import is_shadow_order

#: Its name in the ledger.
IDENTITY = "account"
#: Orders of the ledger that are asked for: one call, and one that is known is enough.
ORDERS_ASKED = 50
#: Kraken: how a refusal begins that says that an id is nobody's; as a rule it is left out of the answer.
UNKNOWN_ORDER = "EOrder:Unknown order"
_WAY_OUT = (
    "put that account's key back, or configure this account under an id of its own, which begins "
    "with a ledger of its own"
)


async def check_own_account(
    account_id: str,
    exchange: KrakenExchange,
    ledger: Ledger,
    shown: AccountIdentity | None,
    now: Callable[[], float],
    lag_s: float,
) -> None:
    """Raises OtherAccount, ExchangeError while it is not known, or LedgerFault. ``lag_s``: how far the
    exchange's reads may trail.
    """
    kept = ledger.kept_value(IDENTITY)
    if shown is not None and kept is not None:
        if kept != str(shown):
            raise OtherAccount(
                f"the API key of {account_id} opens account {masked(str(shown))} at the exchange, its ledger "
                f"{ledger.path} is about "
                f"account {masked(kept)}; {_WAY_OUT}"
            )
        return
    await _check_trades(account_id, exchange, ledger, now() - lag_s)
    ordered = [
        order_id for order_id in ledger.placed_order_ids(now(), ORDERS_ASKED) if not is_shadow_order(order_id)
    ]
    if not ordered or await _knows_any(exchange, ordered):
        return
    if not ledger.placed_order_ids(now() - lag_s, 1):
        raise OutcomeUnknown("QueryOrders", "the ledger's orders are too young to be certain")
    now_shown = f" It is account {masked(str(shown))}." if shown is not None else ""
    raise OtherAccount(
        f"the exchange knows none of the last {len(ordered)} orders of {ledger.path} under the API key of "
        f"{account_id}, so that key "
        f"opens another account than the ledger is about.{now_shown} {_WAY_OUT[0].upper()}{_WAY_OUT[1:]}"
    )


async def _check_trades(
    account_id: str, exchange: KrakenExchange, ledger: Ledger, certain_before: float
) -> None:
    """Of a master: whether the exchange knows any of the last trades that its wallet holds. Raises as
    ``check_own_account``.
    """
    trades = remembered_trades(ledger.kept_value(WALLET) or "")
    if not trades:
        return
    times = trades.values()
    listed = await exchange.record.trades_since(min(times), max(times) + 1)
    if any(trade.txid in trades for trade in listed):
        return
    if min(times) >= certain_before:
        raise OutcomeUnknown("TradesHistory", "the wallet's trades are too young to be certain")
    raise OtherAccount(
        f"the exchange knows none of the last {len(trades)} trades in {ledger.path} under the API key of "
        f"{account_id}, so that key "
        "opens another account than the wallet and the journal are about. "
        f"{_WAY_OUT[0].upper()}{_WAY_OUT[1:]}"
    )


async def check_journal(
    account_id: str, exchange: KrakenExchange, ordered: list[str], *, certain: bool
) -> None:
    """Of a master whose ledger is new: whether the exchange knows any of the last orders that the journal is
    about. Raises OtherAccount, and ExchangeError while it is not known; ``certain``: the exchange's reads
    cannot trail behind those orders any more.
    """
    ordered = ordered[-ORDERS_ASKED:]
    if not ordered or await _knows_any(exchange, ordered):
        return
    if not certain:
        raise OutcomeUnknown("QueryOrders", "the journal's orders are too young to be certain")
    raise OtherAccount(
        f"the exchange knows none of the last {len(ordered)} orders of the journal under the API key of "
        f"{account_id}, so that key opens "
        "another account than the journal is about, and what this account sells is no exit from what users "
        "copied of that one; put "
        "that account's key back, or begin with a --state-dir of its own"
    )


async def _knows_any(exchange: KrakenExchange, order_ids: list[str]) -> bool:
    try:
        return bool(await exchange.record.query_orders(order_ids))
    except ExchangeRefused as error:
        if all(text.startswith(UNKNOWN_ORDER) for text in error.errors):
            return False
        raise
