"""(b) The reference bot's way: one thread asks user by user for the balance, then sends the order, over
one kept connection.
"""

from __future__ import annotations

import time

import requests

from tests.bench.timing import RoundRobin
from tests.bench.venue import PAIR, USER_VOLUME, Record, accounts, answering, exchange
from tests.support.client import signed
from tests.support.system import Key, Paper

#: It takes many seconds a fill where users are many: fewer fills will do, after so many.
ROUNDS_LEAST = 3


def measure(users: int, fills: int, answers_ms: list[int], limit_s: float) -> dict[int, list[RoundRobin]]:
    """Rounds by how late the exchange answers; no new one is begun after ``limit_s``, once there are
    ROUNDS_LEAST.
    """
    found = {}
    with exchange() as paper:
        keys = accounts(paper, users)
        for answer_ms in answers_ms:
            with answering(paper, answer_ms), requests.Session() as session:
                found[answer_ms] = _rounds(paper, keys, fills, limit_s, session)
    return found


def _rounds(
    paper: Paper, keys: list[Key], fills: int, limit_s: float, session: requests.Session
) -> list[RoundRobin]:
    record = Record(paper)
    rounds: list[RoundRobin] = []
    until = time.monotonic() + limit_s
    while len(rounds) < fills and (len(rounds) < ROUNDS_LEAST or time.monotonic() < until):
        side = "sell" if len(rounds) % 2 else "buy"
        began_ns = time.monotonic_ns()
        for key in keys:
            _call(session, paper, key, "Balance")
            _call(
                session, paper, key, "AddOrder",
                pair=PAIR, type=side, ordertype="market", volume=USER_VOLUME,
            )  # fmt: skip
        arrivals = [row["received_ns"] for row in record.orders()]
        assert len(arrivals) == len(keys)
        rounds.append(RoundRobin.of(began_ns, arrivals))
    return rounds


def _call(session: requests.Session, paper: Paper, key: Key, method: str, **params: str) -> None:
    path, body, headers = signed(key, method, params)
    answer = session.post(paper.rest_url + path, data=body, headers=headers, timeout=10).json()
    assert not answer["error"], answer
