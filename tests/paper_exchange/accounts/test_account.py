"""An account's balances, holds, orders and keys agree with each other whatever is done."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256

import pytest

from krakencopy.paper_exchange.accounts.account import Account, Accounts, ApiKey, key_id
from krakencopy.paper_exchange.accounts.ledger import LedgerKind
from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.values.pairs import form_of
from krakencopy.paper_exchange.values.sides import OrderType, Side
from tests.support.paper_venue import USD, XBT, XBTUSD, pair_named

USD_F, USD_S = form_of(USD, ".F"), form_of(USD, ".S")
DAY_US = 24 * 3600 * 1_000_000
UUID = "6d1b345e-2821-40e2-ad83-4ecb18a06876"


def account(**balances: int) -> Account:
    made = Account("a", Tier.PRO)
    for asset in (USD, USD_F, USD_S, XBT):
        if amount := balances.get(asset.altname.replace(".", "_")):
            made.credit(asset, Decimal(amount))
    return made


def order(txid: str = "O1", cl_ord_id: str | None = None) -> Order:
    request = OrderRequest(XBTUSD, Side.BUY, OrderType.LIMIT, Decimal(1), Decimal(100), cl_ord_id=cl_ord_id)
    return Order(txid, "a", request, 0)


def api_key(owner: Account, name: str = "key") -> ApiKey:
    return ApiKey(name, b"secret", owner, frozenset(), 0, 0, 0)


# -- money -------------------------------------------------------------------------------------------------


def test_a_balance_is_what_was_credited_and_never_below_zero() -> None:
    made = account(USD=10)
    made.credit(USD, Decimal(-10))
    assert [made.balance(USD), made.balance(XBT)] == [0, 0]
    with pytest.raises(AssertionError, match="balance of ZUSD would be -1"):
        made.credit(USD, Decimal(-1))


def test_a_change_is_written_into_the_ledger_with_the_balance_after_it() -> None:
    made = account(USD=10)
    entry = made.book("L1", "T1", 5, LedgerKind.TRADE, USD, Decimal(-4), Decimal(1))
    assert [entry.amount, entry.fee, entry.balance, made.balance(USD)] == [-4, 1, 5, 5]
    assert made.ledger == [entry]


def test_a_hold_is_on_the_own_balance_first_and_then_on_what_auto_earn_keeps() -> None:
    made, resting = account(USD=10, USD_F=5, USD_S=7), order()
    made.set_hold(resting, Decimal(12))
    assert [made.held(asset) for asset in (USD, USD_F, USD_S)] == [10, 2, 0]
    assert [made.unheld(asset) for asset in (USD, USD_F, USD_S)] == [0, 3, 7]
    assert made.available(USD, earning=True) == 3
    made.set_hold(resting, Decimal(4))
    assert [made.held(USD), made.held(USD_F), made.available(USD)] == [4, 0, 6]
    with pytest.raises(AssertionError, match="hold of ZUSD would be 16"):
        made.set_hold(resting, Decimal(16))


def test_the_fee_tier_looks_at_30_days() -> None:
    made = account()
    made.add_volume(0, Decimal(100))
    made.add_volume(DAY_US, Decimal(50))
    assert made.volume_usd(30 * DAY_US) == 150
    assert made.volume_usd(30 * DAY_US + 1) == 50
    assert made.volume_usd(32 * DAY_US) == 0


# -- orders ------------------------------------------------------------------------------------------------


def test_an_open_order_is_found_by_its_clients_id_in_any_spelling_until_it_is_closed() -> None:
    made, opened = account(), order(cl_ord_id=UUID)
    made.open(opened)
    assert made.open_order_of(UUID.replace("-", "").upper()) is opened
    assert made.open_order_of("no id " * 9) is None
    assert (made.open_count(XBTUSD), made.open_count(pair_named("ETHUSD"))) == (1, 0)
    made.close(opened)
    assert made.open_order_of(UUID) is None
    assert (made.open_count(XBTUSD), made.open_orders, made.closed_orders) == (0, {}, [opened])
    assert made.orders == {"O1": opened}


def test_an_order_without_a_clients_id_is_found_by_its_own_alone() -> None:
    made, opened = account(), order()
    made.open(opened)
    made.close(opened)
    assert made.orders == {"O1": opened}


def test_an_order_knows_what_is_left_of_it_and_what_it_was_filled_at() -> None:
    made = order()
    assert [made.remaining, made.average_price, made.amended, made.waits] == [1, 0, False, False]
    made.vol_exec, made.cost = Decimal("0.25"), Decimal(24)
    assert (made.remaining, made.average_price) == (Decimal("0.75"), Decimal(96))
    assert (made.paying_asset, replace(made.request, side=Side.SELL).paying_asset) == (USD, XBT)


# -- keys --------------------------------------------------------------------------------------------------


def test_a_key_is_known_to_the_exchange_and_to_its_account_until_it_is_removed() -> None:
    accounts, owner = Accounts(), account()
    accounts.add_account(owner)
    key = api_key(owner)
    accounts.add_key(key)
    assert accounts.get("a") is owner
    assert accounts.get("b") is None
    assert (accounts.key("key"), owner.keys) == (key, {"key": key})
    assert list(accounts) == [owner]
    accounts.remove_key(key)
    assert (accounts.key("key"), owner.keys) == (None, {})


def test_neither_an_account_nor_a_key_is_taken_in_twice() -> None:
    accounts, owner = Accounts(), account()
    accounts.add_account(owner)
    accounts.add_key(api_key(owner))
    with pytest.raises(AssertionError):
        accounts.add_account(account())
    with pytest.raises(AssertionError):
        accounts.add_key(api_key(owner))


def test_logs_name_a_key_by_a_part_of_its_hash() -> None:
    assert api_key(account()).key_id == key_id("key") == sha256(b"key").hexdigest()[:8]
