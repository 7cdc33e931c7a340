"""The person whose trades are copied, and how long each fill takes to every user's order at the exchange: the
same for every contestant that watches the master.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from tests.bench.timing import RoundRobin
from tests.bench.venue import MASTER_VOLUME, PAIR, Record, Refusal
from tests.support.client import signed
from tests.support.system import Key, Paper, wait_for

#: For hundreds of processes on a busy machine, in seconds.
PATIENCE_S = 300.0
#: What a fill takes before the first one was seen; nobody is asked anything meanwhile, in seconds.
FIRST_PAUSE_S = 0.3


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


@dataclass(frozen=True, slots=True)
class Travel:
    """A fill, when it was sent to the master, and when each user's order was at the exchange, in ns of the
    monotonic clock.
    """

    exec_id: str
    emitted_ns: int
    arrivals_ns: Mapping[str, int]
    #: Orders for it that were not taken, of any user.
    refused: Sequence[Refusal] = ()

    @property
    def round(self) -> RoundRobin:
        return RoundRobin.of(self.emitted_ns, list(self.arrivals_ns.values()))


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who copies a person's trades to so many users."""

    paper: Paper
    person: Person
    users: int
    #: Process ids by what they are for; without the exchange's.
    processes: Mapping[str, Sequence[int]]
    #: Whether everything has come to its end with all of the person's trades.
    is_at_rest: Callable[[], bool]

    def rest(self) -> None:
        """Waits for that."""
        wait_for(f"the end of {self.person.orders} trades", self.is_at_rest, PATIENCE_S)


def travels(contestant: Contestant, fills: int) -> Iterator[Travel]:
    """Each of so many fills, one after another; the next one comes when all is at rest."""
    person, record = contestant.person, Record(contestant.paper)
    pause_s = FIRST_PAUSE_S
    for _ in range(fills):
        refused = len(record.refused)
        person.trade()
        # Looking is in the way of what is measured.
        time.sleep(pause_s)
        arrivals = arrivals_of(record, contestant.users)
        (fill,) = record.master_fills()
        assert fill["emitted_ns"], "nobody was sent the master's fill"
        travel = Travel(fill["exec_id"], fill["emitted_ns"], arrivals, record.refused[refused:])
        pause_s = min(max(1.5 * travel.round.last / 1000, 0.02), FIRST_PAUSE_S)
        contestant.rest()
        yield travel


def arrivals_of(record: Record, users: int) -> dict[str, int]:
    """When each user's order was at the exchange, by user."""
    rows: list[dict[str, Any]] = []

    def all_there() -> bool:
        rows.extend(record.orders())
        return len(rows) >= users

    wait_for("every user's order", all_there, PATIENCE_S)
    arrivals = {row["account"]: row["received_ns"] for row in rows}
    assert len(arrivals) == len(rows) == users, "a user ordered twice"
    return arrivals
