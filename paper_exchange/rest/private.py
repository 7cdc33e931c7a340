"""The private REST methods, from a request that was admitted to Kraken's `result`.

Pure: raw bytes and times come in, a result goes out (or a KrakenError), and each request is recorded. A
request may wait between `admit` (`admission`) and `act`, where a fault has it so.
"""

import logging
from collections.abc import Callable
from typing import Final

from krakencopy.paper_exchange.accounts import auth
from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.as_of import READS, account_as_of
from krakencopy.paper_exchange.faults.odd_rows import with_odd_row
from krakencopy.paper_exchange.faults.odd_values import with_odd_values
from krakencopy.paper_exchange.faults.table import FaultKind, Occasion
from krakencopy.paper_exchange.rest import account as rest_account
from krakencopy.paper_exchange.rest import history as rest_history
from krakencopy.paper_exchange.rest import orders as rest_orders
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.venue.admission import Admission, SignedRequest, admit, record
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.venue.private_call import Call, Result

_log = logging.getLogger(__name__)


def call(exchange: Exchange, request: SignedRequest, now_us: int, fault: FaultKind | None = None) -> Result:
    """Answer a private method and record it, with the fault that is injected into it. Raises KrakenError."""
    return act(exchange, admit(exchange, request, now_us), now_us, fault)


def act(exchange: Exchange, admission: Admission, now_us: int, fault: FaultKind | None = None) -> Result:
    """Do what an admitted request asks for, and record it. Raises KrakenError."""
    fired = [] if fault is None else [fault]
    outcome = "ok"
    try:
        if admission.refusal is not None:
            raise admission.refusal  # noqa: TRY301 - one place records every outcome
        assert admission.key is not None, "without a key there is a refusal"
        # What has fallen due comes before the call, however late the clock is.
        exchange.advance(now_us)
        account = _seen_account(exchange, admission, now_us, fired)
        method = _METHODS[admission.request.method]
        result = method(
            Call(exchange, admission.key, account, admission.params, admission.admitted_us, now_us, fired)
        )
        return _with_fault(exchange, admission, result, fired)
    except KrakenError as error:
        outcome = error.text
        raise
    except Exception:  # noqa: BLE001 - a fault of ours is answered and recorded like Kraken's own
        _log.exception("a private call failed: %s", admission.request.method)
        outcome = "EGeneral:Internal error"
        raise KrakenError(outcome) from None
    finally:
        record(exchange, admission, outcome, fired)


def _seen_account(exchange: Exchange, admission: Admission, now_us: int, fired: list[FaultKind]) -> Account:
    """The account as it is, or as it was a while ago where a fault lets this read trail the engine."""
    assert admission.key is not None, "the caller looked first"
    account, method = admission.key.account, admission.request.method
    if method not in READS or not exchange.faults.armed(Occasion.READ):
        return account
    fault = exchange.faults.fire(Occasion.READ, account.id, method)
    if fault is None:
        return account
    fired.append(fault.spec.kind)
    return account_as_of(account, now_us - fault.lag_us(account.id), now_us)


def _with_fault(exchange: Exchange, admission: Admission, result: Result, fired: list[FaultKind]) -> Result:
    """The result, with what a fault puts into it."""
    assert admission.key is not None, "the caller looked first"
    if not exchange.faults.armed(Occasion.ROWS):
        return result
    method = admission.request.method
    fault = exchange.faults.fire(Occasion.ROWS, admission.key.account.id, method)
    if fault is None:
        return result
    fired.append(fault.spec.kind)
    if fault.spec.kind is FaultKind.ODD_VALUES:
        return with_odd_values(result, fault)
    return with_odd_row(method, result, fault.spec)


_METHODS: Final[dict[str, Callable[[Call], Result]]] = {
    "Balance": rest_account.balance,
    "BalanceEx": rest_account.balance_ex,
    "TradeBalance": rest_account.trade_balance,
    "TradeVolume": rest_account.trade_volume,
    "GetWebSocketsToken": rest_account.web_sockets_token,
    "GetApiKeyInfo": rest_account.api_key_info,
    "AddOrder": rest_orders.add_order,
    "AddOrderBatch": rest_orders.add_order_batch,
    "AmendOrder": rest_orders.amend_order,
    "EditOrder": rest_orders.edit_order,
    "CancelOrder": rest_orders.cancel_order,
    "CancelOrderBatch": rest_orders.cancel_order_batch,
    "CancelAll": rest_orders.cancel_all,
    "CancelAllOrdersAfter": rest_orders.cancel_all_orders_after,
    "OpenOrders": rest_history.open_orders,
    "ClosedOrders": rest_history.closed_orders,
    "QueryOrders": rest_history.query_orders,
    "OrderAmends": rest_history.order_amends,
    "TradesHistory": rest_history.trades_history,
    "QueryTrades": rest_history.query_trades,
    "OpenPositions": rest_history.open_positions,
    "Ledgers": rest_history.ledgers,
    "QueryLedgers": rest_history.query_ledgers,
}
assert _METHODS.keys() == auth.methods(), "every private method has an entry in the permission map"
