"""What all contestants have in common: one exchange, how late it answers, its record, and the trade that
is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.system import Key, Paper

PAIR, PRICE = "XBTUSD", "50000"
#: The same pair in ccxt's words.
SYMBOL = "BTC/USD"
#: Large enough that no fee of a long run makes anyone short of money; a user's share of a fill is far above
#: the exchange's minimum.
MASTER_USD, USER_USD = "4000000", "40000"
MASTER_VOLUME, USER_VOLUME = "0.1", "0.001"
#: What a contestant may call on its way from a fill to an order.
SLOW_METHODS = ("AddOrder", "Balance", "BalanceEx")


def names(users: int) -> list[str]:
    return [f"user{number:03}" for number in range(users)]


def accounts(paper: Paper, users: int) -> list[Key]:
    """Accounts for a contestant that is no system of ours."""
    return [paper.open_account(name, {"ZUSD": USER_USD}) for name in names(users)]


@contextmanager
def exchange() -> Iterator[Paper]:
    """A fresh exchange at a price that stands: each order is one fill."""
    with Paper() as paper:
        paper.price(PAIR, PRICE)
        yield paper


@contextmanager
def answering(paper: Paper, answer_ms: int, at_once: str = "") -> Iterator[None]:
    """The exchange acts at once and answers so much later, as one far away would; one account, if any, is
    answered at once.
    """
    if at_once:
        # Of faults that are due the oldest fires.
        paper.call("POST", "/faults", kind="hang_reply", account=at_once, delay_ms=0, count=0)
    for method in SLOW_METHODS if answer_ms else ():
        paper.call("POST", "/faults", kind="hang_reply", method=method, delay_ms=answer_ms, count=0)
    yield
    paper.call("DELETE", "/faults")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A user's order that the exchange did not take: on a machine that is busy enough, one may come after its
    deadline.
    """

    account: str
    received_ns: int
    error: str


class Record:
    """The exchange's own record, read on from where it stood."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._read = {"requests": 0, "fills": 0}
        #: In the order of their arrival, as far as orders were read.
        self.refused: list[Refusal] = []
        for what in self._read:
            self._new(what)

    def orders(self) -> list[dict[str, Any]]:
        """New orders of users that were taken, in the order of their arrival."""
        rows = [
            row for row in self._new("requests") if row["method"] == "AddOrder" and row["account"] != "master"
        ]
        self.refused += [
            Refusal(row["account"], row["received_ns"], row["outcome"])
            for row in rows
            if row["outcome"] != "ok"
        ]
        return [row for row in rows if row["outcome"] == "ok"]

    def master_fills(self) -> list[dict[str, Any]]:
        """New fills of the master."""
        return [row for row in self._new("fills") if row["account"] == "master"]

    def user_sales(self) -> list[dict[str, Any]]:
        """New fills of users' sales."""
        return [row for row in self._new("fills") if row["account"] != "master" and row["side"] == "sell"]

    def _new(self, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while page := self._paper.call("GET", f"/{what}?after={self._read[what]}")[what]:
            found += page
            self._read[what] = page[-1]["n"]
        return found
