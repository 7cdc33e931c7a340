"""What the exchange says of an account: balances, holds, the key's rights, fees."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from krakencopy.account_proc.contract.errors import (
    ExchangeRefused,
    RateLimited,
)
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.pairs import NOT_LISTED
from krakencopy.account_proc.domain.sent_values import amount, name, number
from krakencopy.account_proc.kraken.calls import Calls, UnexpectedForm, expected_form
from krakencopy.account_proc.kraken.errors import (
    NothingTold,
)
from krakencopy.account_proc.kraken.market_reads import MarketReads
from krakencopy.account_proc.kraken.order_reads import OrderReads
from krakencopy.account_proc.kraken.rest.messages import (
    ApiKeyInfo,
    Balances,
    LedgerRow,
    OddRow,
    PairFee,
    api_key_info,
    hold_of,
    ledger_entry,
    pair_fees,
    readable,
)
from krakencopy.account_proc.kraken.rest.request_queue import Priority

log = logging.getLogger(__name__)

#: How refusals begin of a call that this key or this exchange does not have; another one may have the answer.
NO_SUCH_CALL = (
    "EGeneral:Permission denied",
    "EGeneral:Unknown method",
    "EAccount:Invalid permissions",
    "EAPI:Feature disabled",
)
#: Of the ledger of balances so many pages are read at most: each costs as much as a page of trades.
LEDGER_PAGES_MAX = 4
#: Kraken's tokens have some 40 characters.
TOKEN_LENGTH_MAX = 4_096


class AccountReads:
    """Reads of one account. All methods raise ExchangeError."""

    def __init__(self, calls: Calls, market: MarketReads, record: OrderReads) -> None:
        self._calls = calls
        self._market = market
        self._record = record
        #: False once BalanceEx was refused.
        self._tells_holds = True
        #: Whether the account was seen to have something: Kraken lists that for ever, with 0 where it is
        #: gone.
        self._has_balances = False

    async def balances(self) -> Balances:
        """By display name, e.g. BTC, USD. Kinds like USD.F stand by themselves. Kraken: holds are not
        deducted.
        """
        table = await self._market.table()
        result = await self._balance_rows("Balance")
        unknown: list[OddRow] = []
        with expected_form("Balance"):
            rows = readable(result, lambda _, amount: number(amount), unknown.append)
        return self._balances("Balance", rows, unknown, table)

    async def _balance_rows(self, method: str) -> Any:
        """Kraken was seen to answer without a result where an account never had anything (rotki takes it
        so); anywhere else that is no answer.
        """
        try:
            result = await self._calls.private(method, priority=Priority.READ)
        except NothingTold:
            if self._has_balances:
                raise
            return {}
        self._has_balances = self._has_balances or bool(result)
        return result

    def _balances(
        self, method: str, rows: Mapping[str, Decimal], unknown: Sequence[OddRow], table: PairTable
    ) -> Balances:
        """Balances under the assets' names, and of which assets the amount cannot be read."""
        for row in unknown:
            self._calls.odd(method, row)
        names = frozenset(table.held_as(row.key) for row in unknown)
        return Balances({table.held_as(key): amount for key, amount in rows.items()}, names)

    async def holdings(self) -> tuple[Balances, dict[str, Decimal]]:
        """``balances``, and what open orders hold of them; where BalanceEx is refused, by what those
        orders are.
        """
        table = await self._market.table()
        if self._tells_holds:
            try:
                result = await self._balance_rows("BalanceEx")
            except ExchangeRefused as error:
                if not error.errors[0].startswith(NO_SUCH_CALL):
                    raise
                log.warning("what open orders hold is counted order by order: %s", error)
                self._tells_holds = False
            else:
                unknown: list[OddRow] = []
                with expected_form("BalanceEx"):
                    rows = readable(result, lambda _, row: _holding(row), unknown.append)
                balances = {key: balance for key, (balance, _) in rows.items()}
                holds = {table.held_as(key): hold for key, (_, hold) in rows.items() if hold > 0}
                return self._balances("BalanceEx", balances, unknown, table), holds
        return await self.balances(), await self._held_by_orders(table)

    async def _held_by_orders(self, table: PairTable) -> dict[str, Decimal]:
        """What open orders hold, by asset; nothing is known to be held where the exchange does not tell
        them, or by a row that cannot be read.
        """
        holds: dict[str, Decimal] = {}
        try:
            rows = await self._record.open_rows(None, Priority.READ)
        except RateLimited:
            raise
        except ExchangeRefused as error:
            log.warning("what open orders hold is not known: %s", error)
            return holds
        for asset, held in readable(
            rows, lambda _, row: hold_of(row, table), partial(self._calls.odd, "OpenOrders")
        ).values():
            holds[asset] = holds.get(asset, Decimal(0)) + held
        return holds

    async def api_key_info(self) -> ApiKeyInfo:
        """What the key may do. Raises UnexpectedForm, and ExchangeRefused where the key may not ask."""
        result = await self._calls.private("GetApiKeyInfo", priority=Priority.READ)
        with expected_form("GetApiKeyInfo"):
            return api_key_info(result)

    async def trade_fees(self, pairs: Sequence[str]) -> tuple[PairFee, ...]:
        """The account's own fees in these pairs by our name (BTC/USD), in one call. What is not listed is
        left out.
        """
        table = await self._market.table()
        found = (table.find(pair) for pair in pairs)
        names = {
            rules.altname for rules in found if rules and not rules.asset_class and rules.status != NOT_LISTED
        }
        if not names:
            return ()
        result = await self._calls.private(
            "TradeVolume", {"pair": ",".join(sorted(names))}, priority=Priority.BACKGROUND
        )
        with expected_form("TradeVolume"):
            return pair_fees(result, table, partial(self._calls.odd, "TradeVolume"))

    async def ledger_entries(self, since: float) -> list[LedgerRow]:
        """What has changed balances since a time (Unix seconds), oldest first; it trails behind balances.
        Raises UnexpectedForm where a row cannot be read, and OutcomeUnknown where there is too much.
        """
        table = await self._market.table()
        odd: list[OddRow] = []
        # Kraken: in whole seconds, and exclusive.
        params = {"start": str(max(0, math.floor(since) - 1))}
        rows = await self._calls.pages("Ledgers", "ledger", params, Priority.BACKGROUND, LEDGER_PAGES_MAX)
        with expected_form("Ledgers"):
            found = readable(rows, lambda key, row: ledger_entry(key, row, table), odd.append)
        if odd:
            raise UnexpectedForm("Ledgers", f"row {odd[0].key} cannot be read: {odd[0].problem}")
        return sorted(found.values(), key=lambda row: row.time)

    async def websocket_token(self) -> str:
        """A new token for private channels. Kraken: to be used within 15 minutes."""
        result = await self._calls.private("GetWebSocketsToken", priority=Priority.URGENT)
        with expected_form("GetWebSocketsToken"):
            return name(result["token"], TOKEN_LENGTH_MAX)


def _holding(row: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """A row of BalanceEx: the balance, and what open orders hold of it."""
    return number(row["balance"]), amount(row.get("hold_trade") or 0)
