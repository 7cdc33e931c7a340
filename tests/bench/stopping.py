"""How long it takes to stop: from a halt of all to the last user's acknowledgement, and from a flatten of all
until the last user's exit is filled.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from krakencopy.client.sdk.message_client import MessageClient
from tests.bench.ours import Running, rest
from tests.bench.person import PATIENCE_S, Person
from tests.bench.rows import Stopping, Who
from tests.bench.timing import NS_PER_MS, Spread
from tests.bench.venue import Record, names
from tests.support.system import System, wait_for

#: Halts are cheap, and of less than 100 the p99 is the worst. Each sale needs a purchase of all users.
HALTS, FLATTENS = 100, 10


def measure(who: Who, running: Running, halts: int, flattens: int) -> Stopping:
    """Of a system that is ready, with all of its users."""
    system, person, api = running.system, running.contestant.person, running.api
    if person.orders % 2:
        person.trade()  # out: users hold nothing
        rest(api, person)
    took_ms = list(_halts(api, halts))
    sold_ms = list(_flattens(system, person, api, flattens))
    return Stopping(users=len(system.users), halt=Spread.of(took_ms), flatten=Spread.of(sold_ms), who=who)


def _halts(api: MessageClient, count: int) -> Iterator[float]:
    for _ in range(count):
        began_ns = time.monotonic_ns()
        answer = api.set_trading_state("HALTED", everyone=True)
        if not all(one.acknowledged for one in answer.accounts):
            # It comes after a second at most; the rest is seen where it is shown.
            wait_for("the last acknowledgement", partial(_all_keep_to, api, answer.version), PATIENCE_S)
        yield (time.monotonic_ns() - began_ns) / NS_PER_MS
        api.set_trading_state("ACTIVE", everyone=True)


def _all_keep_to(api: MessageClient, version: int) -> bool:
    return all(account.trading.version >= version for account in api.get_status().accounts)


def _flattens(system: System, person: Person, api: MessageClient, count: int) -> Iterator[float]:
    users = names(len(system.users))
    record = Record(system.paper)
    for _ in range(count):
        person.trade()  # in
        rest(api, person)
        record.user_sales()
        began_ns = time.monotonic_ns()
        api.flatten_accounts(everyone=True)
        sold: dict[str, int] = {}

        def all_sold(sold: dict[str, int] = sold) -> bool:
            sold.update((row["account"], row["emitted_ns"]) for row in record.user_sales())
            return len(sold) == len(users)

        wait_for("every user's exit", all_sold, PATIENCE_S)
        yield (max(sold.values()) - began_ns) / NS_PER_MS
        api.set_trading_state("ACTIVE", account_ids=users)
        person.trade()  # out: users have nothing left
        rest(api, person)
