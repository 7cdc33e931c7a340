"""Watches over the limits to one user's losses: reads prices, judges, and has a hit hold.

    judged       at each end of a copy's order, and at least every 10 s while copying holds coins
    durable      a hit, before anything follows from it (limit_book.py)
    then         no order leaves against it (trading/trading_guard.py), and the machinery of flatten sells

All of it is beside the way from a fill to an order: it asks and writes a moment after it. Where a price that
is needed is not known to be right nothing is judged, and that is said once it lasts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NoReturn

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.contract.loss_counting import LimitState, Seen, Verdict
from krakencopy.account_proc.contract.loss_limits import Metric
from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.flow_lookup import FlowLookup
from krakencopy.account_proc.copying.limit_book import LimitBook, RealisedCount
from krakencopy.account_proc.copying.limit_flows import Baseline, Flow, added
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.notices.unreadable import NoticeCode
from krakencopy.account_proc.trading.right_marks import RightMarks, Worth

log = logging.getLogger(__name__)

#: Between two judgements while copying holds coins, in seconds: with the answer to it no more than 10. And
#: while it holds none.
HELD_S, IDLE_S = 8.0, 60.0
#: The first at a paper exchange, which nobody else asks.
HELD_PAPER_S = 2.0
#: From the end of an order to the judgement, in seconds: the reports of all users go first.
AFTER_FILL_S = 0.5
#: Before a loss is read once more that one reading alone has shown, in seconds.
CONFIRM_S = 1.0
#: What is not judged for so long is said, in seconds.
UNTOLD_S = 60.0
#: Prices are waited for so long at most, in seconds.
PRICES_MAX_S = 8.0
#: Why one limit alone is not judged.
PRICELESS = "a price of what copying has realised is not known"
WORTHLESS = "the account is worth too little for a limit in percent"
LOOKED_UP = "what came in or went out is looked up in the exchange's ledger"
#: Copies that are read of the ledger at a time.
COPIES_MAX = 500


class LimitWatch:
    """Of one user."""

    def __init__(
        self, context: CopyContext, book: LimitBook, in_flight: Callable[[], bool], right: RightMarks,
        held_s: float = HELD_S, lookup: FlowLookup | None = None,
    ) -> None:  # fmt: skip
        """``in_flight``: whether an order of the account may still trade; ``held_s``: between two judgements
        while copying holds coins; ``lookup``: who finds out what came from outside where balances alone do
        not show it. What was hit before holds from here on. Raises LedgerFault.
        """
        self._context = context
        self.book = book
        self._in_flight = in_flight
        self._right = right
        self._held_s = held_s
        self._lookup = lookup
        self._count = RealisedCount(context.ledger, context.book)
        self._wake = asyncio.Event()
        #: What came from outside and is not valued yet.
        self._changes: list[Mapping[str, Decimal]] = []
        #: Whether it is known what came from outside while no process was there.
        self._is_caught_up = book.baseline is None
        #: Why nothing was judged last, and since when (Unix seconds); empty while it is.
        self.untold, self._untold_since = "", 0.0
        #: The same of one limit alone, by name.
        self._silent: dict[str, str] = {}
        self._is_unconfirmed = False
        self._written_at = 0.0
        count = context.ledger.along

        def count_and_wake(copies: Sequence[CopyRecord]) -> Mapping[str, str]:
            if counted := count(copies):
                self._wake.set()
            return counted

        context.ledger.along = count_and_wake
        context.portfolio.outside.append(self._take_change)
        book.write()
        book.hold(context.guard)
        self._show()

    def _take_change(self, change: Mapping[str, Decimal], _kind: str) -> None:
        if self._is_caught_up:
            self._changes.append(dict(change))
        self._wake.set()

    async def run(self) -> NoReturn:
        """For ever. Raises LedgerFault."""
        while True:
            if self.book.is_empty:  # and nothing comes to it before the next process: no fill wakes this
                await asyncio.Event().wait()
            await self.judge_now()
            pause_s = CONFIRM_S if self._is_unconfirmed else self._held_s if self._is_pressing() else IDLE_S
            try:
                await asyncio.wait_for(self._wake.wait(), pause_s)
                await asyncio.sleep(AFTER_FILL_S)
            except TimeoutError:
                pass
            self._wake.clear()

    async def judge_now(self) -> None:
        """Reads prices and judges all limits. Raises LedgerFault."""
        if self.book.is_empty:
            return
        while not await self._is_over():
            log.debug("prices are read again after a look into the exchange's ledger")
        self._show()

    async def _is_over(self) -> bool:
        """Reads prices and judges, or looks up first what came from outside, and has prices read anew."""
        try:
            async with asyncio.timeout(PRICES_MAX_S):
                worth = await self._right.read(self._beside())
        except (ExchangeError, TimeoutError) as error:
            self._tell_nothing(f"prices could not be read ({str(error) or 'no answer in time'})")
            return True
        if await self._looks_up():
            return self._is_open_question()  # then later
        self._judge(worth)
        return True

    async def _looks_up(self) -> bool:
        """Finds out what came from outside, where that has to be asked for: never beside an order, and only
        where prices are there, so that the exchange answers. Whether it was asked, and prices are older.
        """
        portfolio = self._context.portfolio
        if self._lookup is None or not self._is_open_question() or not portfolio.believed:
            return False
        self._tell_nothing(LOOKED_UP)
        baseline, names = self.book.baseline, self._context.book.names
        await self._lookup.ask(self._changes, baseline, portfolio.worth_wallet().balances(), names.current)
        return True

    def _is_open_question(self) -> bool:
        return (
            self._lookup is not None
            and any(Flow.of_change(change).is_mixed for change in self._changes)
            and any(state.depends_on_flows for state in self.book.states.values())
            and self._lookup.is_open(self._changes)
        )

    def _is_pressing(self) -> bool:
        """Whether copying holds coins, or the last judgement has said nothing."""
        if self.untold or not all(state.since for state in self.book.states.values()):
            return True
        return any(
            position.volume > 0 and (coin not in FIAT or position.pair)
            for coin, position in self._context.book.coins
        )

    def _beside(self) -> list[str]:
        """Assets whose prices are needed beside those of what is held."""
        currencies = [state.limit.currency for state in self.book.states.values()]
        found = () if self._lookup is None else self._lookup.found(self._changes) or ()
        moved = [asset for change in self._changes for asset in Flow.of_change(change).amounts]
        moved += found
        return list(dict.fromkeys((*currencies, *self._count.totals(), *moved)))

    # -- the judgement, in one turn of the loop -------------------------------------------------------------

    def _judge(self, worth: Worth) -> None:
        now = self._context.now()
        why = self._why_not_now(worth)
        if why:
            self._tell_nothing(why)
            return
        if not self._is_caught_up:
            self._catch_up()
            if self._changes:
                self._wake.set()  # what came in or went out may need prices that were not asked for
                return
        if self._is_open_question():
            self._tell_nothing(LOOKED_UP)
            self._wake.set()
            return
        self.untold = ""
        must_write = self._take_flows(worth, now)
        self._is_unconfirmed, self._silent = False, {}
        for state in self.book.counts:
            if state.unknown:  # who adds them up sees that it begins anew
                state.restart()
        for state in self.book.states.values():
            begun = state.since
            verdict = state.judge(self._seen(state, worth, now), self.book.hits)
            must_write = must_write or verdict in {Verdict.WARNED, Verdict.HIT} or state.since != begun
            self._is_unconfirmed = self._is_unconfirmed or verdict is Verdict.OVER
            if verdict is None and not state.unknown:
                self._silent[state.limit.name] = PRICELESS if state.since else WORTHLESS
            if verdict is Verdict.HIT:
                self.book.hits += 1
                log.error("LIMIT_HIT: %s", state.words)
            elif verdict is Verdict.WARNED:
                log.warning("LIMIT_WARNED: %s", state.words)
        self._is_unconfirmed = self._is_unconfirmed or any(
            state.steady is None and state.last_level is not None for state in self.book.counts
        )
        if not self._in_flight():
            self._keep_baseline()
        # What a fill has moved can wait for a while: the next fill may follow at once.
        if must_write or now >= self._written_at + self._held_s:
            self.book.write()
            self._written_at = now
        self.book.hold(self._context.guard)

    def _keep_baseline(self) -> None:
        portfolio, before = self._context.portfolio, self.book.baseline
        wallet, revision = portfolio.worth_wallet().balances(), self._context.ledger.revision
        if before is None or not before.is_still(wallet, revision):
            at = portfolio.read_at - portfolio.lag_s
            self.book.baseline = Baseline(wallet=wallet, revision=revision, at=at)

    def _why_not_now(self, worth: Worth) -> str:
        portfolio = self._context.portfolio
        if not portfolio.loaded or not portfolio.believed:
            return "balances are being compared with the exchange's"
        if not self._is_caught_up and self._in_flight():
            return "orders of an earlier process are not over"
        for currency in dict.fromkeys(state.limit.currency for state in self.book.states.values()):
            if not portfolio.equity_known(currency):
                return "a balance could not be read"
            if missing := worth.missing(currency, self._beside()):
                return f"no price that is known to be right of {', '.join(missing)} in {currency}"
        return ""

    def _catch_up(self) -> None:
        """What came from outside while no process was there."""
        baseline, ledger = self.book.baseline, self._context.ledger
        assert baseline is not None
        copies: list[CopyRecord] = []
        while page := ledger.copies_after(copies[-1].revision if copies else baseline.revision, COPIES_MAX):
            copies += page
        wallet = self._context.portfolio.worth_wallet().balances()
        change = baseline.change_to(wallet, copies, self._context.book.names.current)
        self._is_caught_up = True
        if change:
            log.info("came from outside since this account's last process: %s", change)
            self._changes.append(change)

    def _take_flows(self, worth: Worth, now: float) -> bool:
        """Takes out of all limits what came in or went out; whether there was something."""
        changes, self._changes = self._changes, []
        found = None if self._lookup is None else self._lookup.found(changes)
        together: dict[str, Decimal] = {}
        for change in changes:
            flow, together = Flow.of_change(change), added(together, change)
            if flow.is_mixed and found is None:
                at = f"{utc(now):%Y-%m-%d %H:%M:%S} UTC"
                words = f"{flow.words} without a trade that was reported, noticed at {at}"
                for state in self.book.states.values():
                    state.lose_track(f"{words}: what of it came from outside is not known{self._why_unknown}")
        if self._lookup is not None:
            self._lookup.forget()
        if not together:
            return False
        if self.book.baseline is not None:
            self.book.baseline = self.book.baseline.after(together)
        flows = together if found is None else found
        for state in self.book.states.values():
            before = worth.equity(state.limit.currency, without=flows)
            state.take_flow(self._seen(state, worth, now), before)
        return True

    @property
    def _why_unknown(self) -> str:
        return f" ({self._lookup.why})" if self._lookup is not None and self._lookup.why else ""

    def _seen(self, state: LimitState, worth: Worth, now: float) -> Seen:
        currency = state.limit.currency
        realised = self._count.totals() if state.limit.metric is Metric.REALISED else {}
        return Seen(
            at=now, equity=worth.equity(currency), realised=realised,
            rate=lambda asset: worth.rate(asset, currency),
        )  # fmt: skip

    # -- what is shown --------------------------------------------------------------------------------------

    def _tell_nothing(self, why: str) -> None:
        if not self.untold:
            self._untold_since = self._context.now()
        self.untold = why

    def why_not_judged(self, state: LimitState) -> str:
        """Why a limit is not judged, once that lasts; else empty."""
        if state.hit is not None:
            return ""
        lasts = self.untold and self._context.now() - self._untold_since >= UNTOLD_S
        return state.unknown or self._silent.get(state.limit.name, "") or (self.untold if lasts else "")

    def _show(self) -> None:
        """What an operator should know of each limit, for as long as it holds."""
        notices, states = self._context.portfolio.notices, self.book.own
        hits = {name: state.hit.words for name, state in states.items() if state.hit is not None}
        warned = {name: state.warning for name, state in states.items() if state.warned_at and not state.hit}
        unjudged = {name: self.why_not_judged(state) for name, state in states.items()}
        notices.hold(NoticeCode.LIMIT_HIT, hits)
        notices.hold(NoticeCode.LIMIT_WARNED, warned)
        words = {
            name: f"limit {name} is not judged: {why}"
            for name, why in unjudged.items()
            if why and why != WORTHLESS
        }
        notices.hold(NoticeCode.LIMIT_NOT_JUDGED, words)
        self._context.changed()

    def reset(self, name: str, request_id: str) -> list[str] | None:
        """Resets a limit, or all that were hit where no name is given; their names, and None where there is
        nothing of the kind. Repeated requests do nothing. Raises LedgerFault.
        """
        done = self.book.reset_by(request_id)
        if done is not None:
            return done
        names = [name] if name else list(self.book.hits_now())
        if not names or any(each not in self.book.own for each in names):
            return None
        self.book.reset(names, request_id)
        self.book.hold(self._context.guard)
        self._wake.set()
        self._show()
        return names
