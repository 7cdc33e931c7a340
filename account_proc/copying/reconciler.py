"""Holds a user's ledger against the exchange's own record of orders, before anything is sent and every few
minutes from then on.

It trades nothing. Exits that are owed are finished by the copier; an order that had been given up and was
there after all is handed to the copier, which takes it into the copied position. So is, at the start, what
this ledger itself has made and does not know: it was brought back from a backup. Everything else that does
not agree is said, for the supervisor and people to judge. A record that cannot be read proves nothing: it is
read again. Trading does not begin before it could be read once, and goes on later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Protocol

from krakencopy.account_proc.contract.errors import ExchangeError, ExchangeRefused, OutcomeUnknown
from krakencopy.account_proc.contract.order_ids import Maker, tag, tag_of
from krakencopy.account_proc.copying.order_drifts import (
    DriftCode,
    disagreement,
    drift_of_execution,
    drift_of_order,
)
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.order import ENDED
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.rest.messages import OddRow, OrderRow
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.pauses import doubled_s, spread_s
from krakencopy.account_proc.state.ledger import Drift, Ledger
from krakencopy.account_proc.trading.account_check import UNKNOWN_ORDER
from krakencopy.account_proc.trading.order_gateway import OrderGateway

log = logging.getLogger(__name__)

#: Between two comparisons, in seconds; spread, so that many accounts on one machine do not ask at once.
PERIOD_S, PERIOD_PAPER_S = 300.0, 10.0
#: An account that has neither ordered nor traded for so long, in seconds, is compared every PERIOD_S only,
#: until it does again: what may come to light late at the paper exchange has come to light by then, and
#: comparing is the dearest of what an idle account does.
SETTLED_S = 30.0
#: After a comparison that failed, in seconds, doubled with each that fails again, up to the usual period.
COMPARE_RETRY_S = 15.0
#: How far the first comparison of a ledger reaches back, in seconds.
FIRST_LOOK_S = 86_400.0
#: Each comparison reaches back behind the one before by what reads may trail, and this, in seconds: an order
#: lives up to 60 s longer than its deadline.
RECORD_OVERLAP_S = 120.0
#: Kraken: the rows of the feed with which an order begins.
BEGINNINGS = frozenset({"pending_new", "new"})
#: Drifts are shown for this long, in seconds.
SHOWN_S = 86_400.0


@dataclass(frozen=True, slots=True)
class LookBack:
    """What the exchange's record has of before this process that the ledger has not."""

    #: Orders of this ledger's own copies, the oldest first: it is older than they are.
    lost: tuple[OrderRow, ...] = ()
    #: Orders under other ids of krakencopy's.
    marked: tuple[Drift, ...] = ()


class Adopter(Protocol):
    """Takes late orders into the copied position."""

    def adopt_order(self, row: OrderRow, given_up: CopyRecord) -> bool:
        """Whether it could be done now."""
        ...


class Reconciler:
    """One user's ledger against the exchange."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        adopter: Adopter,
        gateway: OrderGateway,
        now: Callable[[], float],
        changed: Callable[[], None],
        period_s: float = PERIOD_S,
        account_id: str = "",
        journal_id: str = "",
    ) -> None:
        """``account_id`` and ``journal_id``: whose orders this ledger's are (contract/order_ids.py)."""
        self._exchange = gateway.exchange
        self._ledger = ledger
        self._adopter = adopter
        self._gateway = gateway
        self._now = now
        self._changed = changed
        self._period_s = period_s
        self._drifts = ledger.drifts(0.0)
        self._tags = {maker: tag(maker, journal_id, account_id) for maker in Maker}
        #: When the record was read before the first comparison, and what it had: it need not be read twice at
        #: a start.
        self._looked: tuple[float, list[OrderRow]] | None = None
        #: Orders that began later than this, by the exchange's clock (Unix seconds), and were not in the
        #: record then, were made while this process ran.
        self._began_at, self._before_us = inf, frozenset[str]()

    def shown_drifts(self) -> list[Drift]:
        """What was found lately, the oldest first."""
        return [drift for drift in self._drifts if drift.found_at > self._now() - SHOWN_S]

    async def look_back(self, at_exchange: float) -> LookBack:
        """What is in the exchange's record and not in the ledger, before anything is sent; ``at_exchange``:
        its clock now (Unix seconds), rather too early than too late.

        Raises ExchangeError (nothing is known: do not trade) or LedgerFault.
        """
        looked_at = self._now()
        rows, odd = await self._read(Priority.READ)
        rows += await self._read_again(odd)
        lost, marked = [], []
        for row in rows:
            made_by = tag_of(row.cl_ord_id)
            if not made_by or self._ledger.owner(row.cl_ord_id or "") is not None:
                continue
            if made_by == self._tags[Maker.OWN]:
                # Asked for again under its request id, it is looked for and not sent
                # (trading/requested_orders.py).
                self._ledger.claim_own(row.cl_ord_id or "")
            elif made_by != self._tags[Maker.COPY]:
                marked.append(drift_of_order(DriftCode.ORDER_UNINTENDED, row, None, self._now()))
            elif row.vol_exec or row.status not in ENDED:
                lost.append(row)
        self._began_at, self._before_us = at_exchange, frozenset(row.txid for row in rows)
        self._looked = looked_at, rows
        return LookBack(tuple(sorted(lost, key=lambda row: row.opentm)), tuple(marked))

    def take_unknown_execution(self, execution: Execution) -> None:
        """What the feed sends of an order that nobody here follows. Raises LedgerFault."""
        order_id, at = execution.order_id, execution.timestamp.timestamp()
        began = execution.exec_type in BEGINNINGS and self._is_later(order_id, at)
        known = {drift.order_id for drift in self._drifts}
        if not began or order_id in known or self._ledger.owner(execution.cl_ord_id or "") is not None:
            return
        drift = drift_of_execution(execution, self._now())
        log.error("%s: %s", drift.code, drift.message)
        self._keep(None, [drift])

    async def run(self, news: ChangeSignal) -> None:
        """Compares every period, for ever, and first soon. Raises LedgerFault. ``news`` rings when the
        account orders or trades.
        """
        seen, heard_at, failures = news.version, self._now(), 0
        while True:
            try:
                done = await self.compare()
            except ExchangeError as error:
                log.warning("the exchange's record of orders could not be read: %s", error)
                done = False
            failures = 0 if done else failures + 1
            pause = (
                self._period_s
                if done
                else doubled_s(failures - 1, min(COMPARE_RETRY_S, self._period_s), PERIOD_S)
            )
            pause = min(pause, PERIOD_S)
            await asyncio.sleep(spread_s(pause))
            if done and news.version == seen and self._now() - heard_at > SETTLED_S:
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(seen), spread_s(PERIOD_S - self._period_s))
                    await asyncio.sleep(spread_s(pause))
            if news.version != seen:
                seen, heard_at = news.version, self._now()

    async def compare(self) -> bool:
        """One comparison; False while something that was found must wait. Raises ExchangeError (nothing is
        known) or LedgerFault.
        """
        looked, self._looked = self._looked, None
        began, rows = looked or (self._now(), (await self._read(Priority.BACKGROUND))[0])
        drifts, waits = self._judge(rows)
        if drifts or not waits:
            self._keep(None if waits else began, drifts)
        return not waits

    async def _read(self, priority: Priority) -> tuple[list[OrderRow], list[OddRow]]:
        """The exchange's record since the last comparison, and rows of it that cannot be read. Raises
        ExchangeError.
        """
        last = self._ledger.reconciled_at
        since = self._now() - FIRST_LOOK_S if last is None else last
        return await self._exchange.record.orders_of(
            None, since - self._gateway.visibility_lag - RECORD_OVERLAP_S, priority
        )

    async def _read_again(self, odd: Iterable[OddRow]) -> list[OrderRow]:
        """Orders whose rows cannot be read and that this ledger may have made and lost, each by its own key.

        Raises OutcomeUnknown where one of them was made by this ledger for certain and cannot be read so
        either, and ExchangeError.
        """
        ids = {row.key: row.cl_ord_id for row in odd}
        doubtful = [key for key, cl_ord_id in ids.items() if cl_ord_id is None or self._is_lost(cl_ord_id)]
        if not doubtful:
            return []
        try:
            rows, still_odd = await self._exchange.record.look_up(doubtful)
        except ExchangeRefused as error:
            if not error.errors[0].startswith(UNKNOWN_ORDER):
                raise
            rows, still_odd = {}, []
        ids |= {row.key: row.cl_ord_id for row in still_odd if row.cl_ord_id}
        lost = [key for key in doubtful if key not in rows and self._is_lost(ids[key])]
        if lost:
            raise OutcomeUnknown(
                "QueryOrders",
                f"{', '.join(lost)} was made by this account's ledger before that was brought back from a "
                "backup, and what it traded "
                "cannot be read; nothing is traded until it can",
            )
        return list(rows.values())

    def _is_lost(self, cl_ord_id: str | None) -> bool:
        """Whether an id is of a copy of this ledger's that it does not know."""
        return tag_of(cl_ord_id) == self._tags[Maker.COPY] and self._ledger.owner(cl_ord_id or "") is None

    def _keep(self, at: float | None, drifts: list[Drift]) -> None:
        self._ledger.put_reconciled(at, drifts)
        self._drifts = self._ledger.drifts(self._now() - SHOWN_S)
        self._changed()

    def _judge(self, rows: Iterable[OrderRow]) -> tuple[list[Drift], bool]:
        known = {drift.order_id for drift in self._drifts}
        drifts, waits = [], False
        for row in rows:
            owner = self._ledger.owner(row.cl_ord_id or "")
            copy = self._ledger.copy(owner) if owner else None
            code = disagreement(row, owner, copy)
            if code is None or row.txid in known:
                continue
            if code is DriftCode.ORDER_FOUND_LATE and copy is not None:
                self._gateway.trailed(self._gateway.visibility_lag)
                if not self._adopter.adopt_order(row, copy):
                    waits = True
                    continue
            known.add(row.txid)
            if code is DriftCode.ORDER_UNINTENDED and self._is_later(row.txid, float(row.opentm)):
                code = DriftCode.ORDER_MADE_ELSEWHERE
            drift = drift_of_order(code, row, copy, self._now())
            log.error("%s: %s", code, drift.message)
            drifts.append(drift)
        return drifts, waits

    def _is_later(self, order_id: str, opened_at: float) -> bool:
        return opened_at > self._began_at and order_id not in self._before_us
