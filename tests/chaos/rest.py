"""When a batch is over: who still hangs where, what an operator does about it, and what everyone has then."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.v1 import types_pb2 as pb
from tests.chaos import reading
from tests.chaos.judge_exits import still_held
from tests.chaos.owners import Owners
from tests.chaos.records import Record
from tests.chaos.rows import Settled
from tests.chaos.tally import Tally
from tests.support.system import Paper, System

#: How long all may take to come to rest after a batch. Reads of an exchange that trail are looked at again
#: after 60 s.
REST_MAX_S = 100.0
POLL_S = 0.1
#: A backoff that lasts longer is cut short by an operator's `start`.
BACKOFF_MAX_S = 0.5
#: Exits that are still owed get so long once all else is at rest: what was refused again and again is tried
#: up to once a minute.
CONVERGE_MAX_S = 75.0
#: The same for the reports of those.
REPORT_MAX_S = 5.0

#: What a batch may leave behind, and what holds up nothing: a clock that is wrong, coins that owners took.
LASTING = frozenset({"CLOCK_OFF", "COINS_MISSING"})


def _goes_on(account: Any) -> bool:
    """Whether an account trades, though it may lack something that lasts."""
    lasts = account.state == pb.ACCOUNT_STATE_DEGRADED and account.reason in LASTING
    return account.state in {pb.ACCOUNT_STATE_RUNNING, pb.ACCOUNT_STATE_STOPPED} or lasts


class DidNotRest(Exception):
    """A batch did not come to its end in time; says who hangs where."""


class Rest:
    """Looks at one world until it is at rest."""

    def __init__(
        self,
        paper: Paper,
        system: System,
        record: Record,
        owners: Owners,
        reader: reading.Reader,
        tally: Tally,
        users: list[str],
    ) -> None:
        self._paper = paper
        self._system = system
        self._record = record
        self._owners = owners
        self._reader = reader
        self._tally = tally
        self._users = users

    def hindrance(self) -> str:
        """Why not all is over yet; empty when it is."""
        status = self._system.status()
        if status is None:
            return "no supervisor answers"
        self._help(status)
        self._tell_names()
        if self._owners.untold:
            return "a coin's new name is not told"
        if not (status.ready or all(map(_goes_on, status.accounts))):
            return f"not ready: {status.message}"
        self._reader.read_exchange()
        fills = len(self._record.trades_of("master"))
        if status.head_seq < fills:
            return f"the journal has {status.head_seq} of {fills} fills"
        behind = [
            f"{account.id} at {account.cursor_seq} with {account.copies_open} open"
            for account in status.accounts
            if account.role == pb.ROLE_USER and (account.cursor_seq < fills or account.copies_open)
        ]
        if behind:
            return f"of {fills} fills: {', '.join(behind[:5])}"
        selling = [
            account.id
            for account in status.accounts
            if account.trading.HasField("flatten") and account.trading.flatten.state != pb.FLATTEN_STATE_DONE
        ]
        if selling:
            return f"what copying bought is still sold: {', '.join(selling[:5])}"
        with self._system.api() as api:
            try:
                self._reader.read_system(api, status.head_change)
            except KrakenCopyError as error:
                return str(error)
        unanswered = self._reader.unanswered()
        return f"reports are missing: {', '.join(unanswered[:5])}" if unanswered else ""

    def _help(self, status: Any) -> None:
        """What an operator would do."""
        now = time.time()
        for account in status.accounts:
            retry_at = account.retry_at.ToMicroseconds() / 1e6
            is_failed = account.state == pb.ACCOUNT_STATE_FAILED
            is_slow = account.state == pb.ACCOUNT_STATE_BACKOFF and retry_at - now > BACKOFF_MAX_S
            if is_failed or is_slow:
                reason = f"FAILED {account.reason}" if is_failed else "BACKOFF"
                self._tally.started_again[reason] += 1
                self._ask("start_account", account.id)
            if account.copy_mode == pb.COPY_MODE_PAUSED:
                self._ask("resume_account", account.id)

    def _tell_names(self) -> None:
        """An operator says which coin has another name; again until it is taken."""
        while self._owners.untold:
            with self._system.api() as api:
                try:
                    api.rename_asset(*self._owners.untold[0], timeout_s=3.0)
                except KrakenCopyError as error:
                    self._tally.not_done[f"rename_asset: {type(error).__name__}"] += 1
                    if error.reason != "NOT_RENAMED":  # else it was never traded, and has another name again
                        return
            self._owners.untold.pop(0)

    def _ask(self, what: str, account: str) -> None:
        with self._system.api() as api:
            try:
                getattr(api, what)(account, timeout_s=3.0)
            except KrakenCopyError as error:
                self._tally.not_done[f"{what}: {type(error).__name__}"] += 1

    def converge(self) -> None:
        """Owed exits may take a while; whether they came to their end is for the validators to say."""
        until = time.monotonic() + CONVERGE_MAX_S
        while time.monotonic() < until:
            self._reader.read_exchange()
            if not self._owing():
                break
            time.sleep(POLL_S)
        # What was sold meanwhile is to be reported, too.
        until = time.monotonic() + REST_MAX_S
        while why := self.hindrance():
            if time.monotonic() > until:
                raise DidNotRest(why)
            time.sleep(POLL_S)

    def _untold(self) -> bool:
        """Whether a user has traded since the last rest by an order that no copy names so far."""
        named = {(copy.account, copy.cl_ord_id) for copy in self._record.copies}
        settled = self._record.settled[-1].trades if self._record.settled else 0
        by_hand = {order.order_id for order in self._record.hand_orders}
        return any(
            trade.n > settled
            and trade.account != "master"
            and trade.order_id not in by_hand
            and (trade.account, trade.cl_ord_id) not in named
            for trade in self._record.trades
        )

    def _owing(self) -> bool:
        return any(still_held(self._record, len(self._record.trades), time.time()))

    def write_down(self) -> None:
        """What everyone has, once the copies of all trades since the last rest are reported.

        No fill stands behind an owed exit, so nobody misses its report, and one may trade at any moment, this
        one as well. A report that never comes is for the validators to find.
        """
        until = time.monotonic() + REPORT_MAX_S
        while True:
            balances: dict[str, dict[str, Decimal]] = {}
            open_orders: dict[str, int] = {}
            for account in ("master", *self._users):
                row = self._paper.call("GET", f"/accounts/{account}")
                balances[account] = {asset: Decimal(amount) for asset, amount in row["balances"].items()}
                open_orders[account] = len(row["open_orders"])
            self._reader.read_exchange()
            if not self._untold() or time.monotonic() > until:
                break
            time.sleep(POLL_S)
            self.hindrance()
        last = self._record.trades[-1].n if self._record.trades else 0
        self._record.settled.append(
            Settled(at=time.time(), trades=last, balances=balances, open_orders=open_orders)
        )
