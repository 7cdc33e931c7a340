"""What the control API shows: accounts, keys, pairs and the two logs as JSON rows."""

from typing import Any

from krakencopy.paper_exchange.accounts.account import Account, ApiKey
from krakencopy.paper_exchange.live.live_market import LiveMarket
from krakencopy.paper_exchange.order_entry.trading_conditions import Conditions
from krakencopy.paper_exchange.rest.rows import balance_text, order_row
from krakencopy.paper_exchange.values.decimals import fixed
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.time_format import US_PER_S
from krakencopy.paper_exchange.venue.audit_log import FillRecord, RequestRecord
from krakencopy.paper_exchange.venue.exchange import Exchange


def key_row(key: ApiKey) -> dict[str, Any]:
    """A key, without its name and its secret."""
    return {
        "key_id": key.key_id,
        "permissions": sorted(str(permission) for permission in key.permissions),
        "nonce": str(key.nonce),
        "nonce_window": key.nonce_window,
        "valid_until": key.valid_until_us // US_PER_S,
        "query_from": key.query_from_us // US_PER_S,
        "query_to": key.query_to_us // US_PER_S,
        "ip_allowlist": list(key.ip_allowlist),
    }


def account_row(account: Account, now_us: int) -> dict[str, Any]:
    """An account as it is now."""
    return {
        "id": account.id,
        "tier": str(account.tier),
        "limits": account.limited,
        "balances": {asset.id: balance_text(asset, amount) for asset, amount in account.balances.items()},
        "holds": {
            asset.id: balance_text(asset, account.held(asset))
            for asset in account.balances
            if account.held(asset)
        },
        "open_orders": {txid: order_row(order, trades=True) for txid, order in account.open_orders.items()},
        "volume_30d_usd": fixed(account.volume_usd(now_us), 4),
        "keys": [key_row(key) for key in account.keys.values()],
    }


def pair_row(pair: Pair, conditions: Conditions) -> dict[str, Any]:
    """What the orders of a pair must keep to, faults left aside."""
    pair_rules = conditions.pair_rules(pair)
    return {
        "pair": pair.altname,
        "ordermin": f"{pair_rules.minima.ordermin:f}",
        "costmin": f"{pair_rules.minima.costmin:f}",
        "tick_size": f"{pair_rules.tick_size:f}",
        "status": str(pair_rules.status),
        "listed": pair_rules.listed,
    }


def market_row(kind: str, exchange: Exchange, live: LiveMarket | None, now_s: float) -> dict[str, Any]:
    """What moves the prices, and where each pair stands. `now_s` is of the live market's
    clock.
    """
    rows = {}
    for pair in exchange.catalogue.pairs:
        market = exchange.market.of(pair)
        rows[pair.altname] = {
            "status": exchange.conditions.status_of(pair),
            "bid": f"{market.quote.bid:f}" if market.priced else None,
            "ask": f"{market.quote.ask:f}" if market.priced else None,
            "pinned": market.pinned,
        }
        if live is not None and live.follows(pair):
            rows[pair.altname] |= live.state_of(pair)
    feed = {} if live is None else {"feed": live.row(now_s)}
    return {"market": kind, **feed, "pairs": rows}


def request_row(number: int, record: RequestRecord) -> dict[str, Any]:
    """A private request, and what came of it."""
    return {
        "n": number,
        "received_ns": record.received_ns,
        "account": record.account,
        "key_id": record.key_id,
        "method": record.method,
        "nonce": record.nonce,
        "params": record.params,
        "outcome": record.outcome,
        "fault": record.fault,
    }


def fill_row(number: int, record: FillRecord) -> dict[str, Any]:
    """A fill as it really happened."""
    trade = record.event.trade
    assert trade is not None, "only events with a trade are recorded as fills"
    order = trade.order
    return {
        "n": number,
        "account": order.account_id,
        "txid": order.txid,
        "exec_id": trade.exec_id,
        "cl_ord_id": order.request.cl_ord_id,
        "pair": order.pair.altname,
        "side": str(order.side),
        "price": f"{trade.price:f}",
        "volume": f"{trade.volume:f}",
        "cost": f"{trade.cost:f}",
        "fee": f"{trade.fee:f}",
        "fee_asset": trade.fee_asset.id,
        "maker": trade.maker,
        "emitted_ns": record.emitted_ns,
    }
