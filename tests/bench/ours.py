"""(a) krakencopy: a whole system whose master a person trades with a key of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from krakencopy.client.sdk.message_client import MessageClient
from tests.bench.hops import HOP_FILLS, Travel, hops
from tests.bench.timing import RoundRobin, Spread
from tests.bench.venue import MASTER_USD, MASTER_VOLUME, PAIR, USER_USD, Record, answering, names
from tests.support.client import signed
from tests.support.system import Key, Paper, System, wait_for

#: For hundreds of processes on a busy machine, in seconds.
PATIENCE_S = 300.0
#: What a fill takes before the first one was seen; nobody is asked anything meanwhile, in seconds.
FIRST_PAUSE_S = 0.3
#: A machine that is too slow must not be taken for a user that comes too late.
PATIENT = "[copy]\nmax_entry_age_s = 600"


class Person:
    """Trades the master, in and out alternately, over one connection."""

    def __init__(self, paper: Paper) -> None:
        self._url = paper.rest_url
        self._key = Key.make()
        self._session = requests.Session()
        self.orders = 0
        paper.call("POST", "/accounts/master/keys", key=self._key.key, secret=self._key.secret)

    def trade(self) -> None:
        """In, or out again."""
        self.order("sell" if self.orders % 2 else "buy", MASTER_VOLUME)

    def order(self, side: str, volume: str) -> None:
        """One market order."""
        params = {"pair": PAIR, "type": side, "ordertype": "market", "volume": volume}
        path, body, headers = signed(self._key, "AddOrder", params)
        answer = self._session.post(self._url + path, data=body, headers=headers, timeout=10).json()
        assert not answer["error"], answer
        self.orders += 1

    def close(self) -> None:
        self._session.close()


@contextmanager
def started(paper: Paper, users: int) -> Iterator[tuple[System, Person]]:
    """A system that is ready, and its person."""
    with System(paper, dict.fromkeys(names(users), USER_USD), MASTER_USD, PATIENT) as system:
        system.start()
        wait_for("a system that is ready", lambda: (seen := system.status()) and seen.ready, PATIENCE_S)
        person = Person(paper)
        yield system, person
        person.close()


def measure(
    system: System, person: Person, fills: int, answer_ms: int
) -> tuple[list[RoundRobin], dict[str, Spread]]:
    """A round for each fill; and each hop of a copy, in ms, by name."""
    with answering(system.paper, answer_ms), system.api() as api:
        record = Record(system.paper)
        rounds: list[RoundRobin] = []
        travels: list[Travel] = []
        pause_s = FIRST_PAUSE_S
        for _ in range(fills):
            person.trade()
            # Looking is in the way of what is measured.
            time.sleep(pause_s)
            arrivals = _arrivals(record, len(system.users))
            (fill,) = record.master_fills()
            assert fill["emitted_ns"], "nobody was sent the master's fill"
            rounds.append(RoundRobin.of(fill["emitted_ns"], list(arrivals.values())))
            travels.append(Travel(fill["exec_id"], fill["emitted_ns"], arrivals))
            pause_s = min(max(1.5 * rounds[-1].last / 1000, 0.02), FIRST_PAUSE_S)
            rest(api, person)
        return rounds, hops(api, travels[-HOP_FILLS:])


def _arrivals(record: Record, users: int) -> dict[str, int]:
    """When each user's order was at the exchange, by user."""
    rows: list[dict[str, Any]] = []

    def all_there() -> bool:
        rows.extend(record.orders())
        return len(rows) >= users

    wait_for("every user's order", all_there, PATIENCE_S)
    arrivals = {row["account"]: row["received_ns"] for row in rows}
    assert len(arrivals) == len(rows) == users, "a user ordered twice"
    return arrivals


def rest(api: MessageClient, person: Person, fills: int | None = None) -> None:
    """Waits until every user has come to its end with so many fills; with those of the person's orders,
    unless asked to.
    """
    wanted = person.orders if fills is None else fills

    def at_rest() -> bool:
        users = [account for account in api.get_status().accounts if account.id != "master"]
        return all(user.cursor_seq == wanted and not user.copies_open for user in users)

    wait_for(f"every user's end with {wanted} fills", at_rest, PATIENCE_S)
