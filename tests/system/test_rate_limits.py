"""Kraken's limits at their strictest: bursts are copied whole, nothing is refused for its rate, and nothing
is asked on the way.

``scenario`` is the whole story for any number of users and fills; by hand:
``python -m tests.system.test_rate_limits USERS FILLS``.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as pb
from tests.support.client import private
from tests.support.system import Key, Paper, System, wait_for

#: By pair: its altname and the volume of one level of its book. What is bought fills level by level.
MARKETS = {"BTC/USD": ("XBTUSD", Decimal("0.001")), "ETH/USD": ("ETHUSD", Decimal("0.02"))}
#: Fills of one order of the master.
FILLS_AN_ORDER = 10
#: A tenth of each fill is above every minimum, so that each could be an order of its own.
MASTER_USD, USER_USD = "1000000", "100000"
#: How Kraken's error for too many calls begins.
LIMIT_WORDS = ("Rate limit", "Throttled", "lockout", "Too many", "rate limit")

FINISHED = "COPY_STATE_FILLED"


@dataclass
class Numbers:
    """What a scenario came to."""

    users: int
    fills: int = 0
    #: From the first order of the burst to the last user's answer to the last fill, in seconds.
    seconds: float = 0.0
    #: Requests of the account that asked most often.
    requests_max: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    #: Outcomes that speak of limits, and how often.
    refused: Counter[str] = field(default_factory=Counter)
    #: Copies that waited for their pair's counter.
    waited: int = 0
    #: Copies of all users by state.
    copies: Counter[str] = field(default_factory=Counter)
    #: Why copies were not filled, and how often.
    reasons: Counter[str] = field(default_factory=Counter)
    #: Users whose trades are not what their copies say.
    wrong: list[str] = field(default_factory=list)


def open_account(paper: Paper, account: str, usd: str, tier: str) -> Key:
    key = Key.make()
    keys = [{"key": key.key, "secret": key.secret}]
    paper.call("POST", "/accounts", id=account, tier=tier, balances={"ZUSD": usd}, keys=keys)
    return key


def strictest(paper: Paper) -> Paper:
    """Where sources disagree about what a call costs: the higher cost."""
    paper.call("POST", "/rules", history_cost=4, open_orders_cost=2)
    for (altname, depth), ask in zip(MARKETS.values(), ("50000", "2000"), strict=True):
        bid = str(Decimal(ask) - Decimal("0.1"))
        paper.call("POST", f"/markets/{altname}", bid=bid, ask=ask, depth=str(depth))
    return paper


def starter_system(paper: Paper, users: int) -> tuple[System, Key]:
    """Users of the lowest tier, a master of the highest, and a key with which a person trades it."""
    names = [f"u{number:02}" for number in range(users)]
    keys = {name: open_account(paper, name, USER_USD, "starter") for name in names}
    keys["master"] = open_account(paper, "master", MASTER_USD, "pro")
    hand = Key.make()
    paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
    lines = dict.fromkeys(names, 'tier = "starter"') | {"master": 'tier = "pro"'}
    # A machine that is too slow for so many processes must not be taken for a limit.
    patient = "[copy]\nmax_entry_age_s = 600"
    users_usd = dict.fromkeys(names, USER_USD)
    return System(paper, users_usd, config_tail=patient, user_lines=lines, keys=keys), hand


def trade(paper: Paper, hand: Key, side: str, pair: str, fills: int) -> None:
    """An order of the master that fills level by level."""
    altname, depth = MARKETS[pair]
    volume = str(depth * fills)
    answer = private(
        paper.rest_url, hand, "AddOrder", pair=altname, type=side, ordertype="market", volume=volume
    )
    assert answer["error"] == []


def settled(system: System, fills: int, patience_s: float) -> None:
    def done() -> bool:
        with system.api() as api:
            report = api.get_report()
        return (
            report.fills >= fills
            and not report.unanswered
            and all(not a.copies.open + a.without_fill.open for a in report.accounts)
        )

    wait_for(f"{fills} fills with every user's answer", done, patience_s)


def has_copied(paper: Paper, user: str, fills: int) -> bool:
    """Whether a user holds its tenth of so many fills, however they were merged: shown by the exchange, as
    reports take their time.
    """
    held = Decimal(paper.call("GET", f"/accounts/{user}")["balances"].get("XXBT", "0"))
    return round(held / (MARKETS["BTC/USD"][1] / 10)) >= fills


def refusals(requests: list[dict[str, Any]]) -> Counter[str]:
    return Counter(row["outcome"] for row in requests if any(word in row["outcome"] for word in LIMIT_WORDS))


def scenario(users: int, fills: int, patience_s: float = 120.0) -> Numbers:
    """A burst of master fills in two pairs, and out again; what it came to by the exchange's own record."""
    numbers = Numbers(users)
    with Paper() as paper:
        system, hand = starter_system(strictest(paper), users)
        with system:
            system.start()
            wait_for("a system that is ready", lambda: (seen := system.status()) and seen.ready, patience_s)
            began = time.monotonic()
            pairs = list(MARKETS) * (fills // FILLS_AN_ORDER // 2)
            for pair in pairs:
                trade(paper, hand, "buy", pair, FILLS_AN_ORDER)
            settled(system, len(pairs) * FILLS_AN_ORDER, patience_s)
            numbers.seconds = round(time.monotonic() - began, 1)
            for pair in MARKETS:
                trade(paper, hand, "sell", pair, FILLS_AN_ORDER * len(pairs) // 2)
            master_fills = len(paper.fills("master"))
            settled(system, master_fills, patience_s)
            numbers.fills = master_fills
            _judge(paper, system, numbers)
    return numbers


def _judge(paper: Paper, system: System, numbers: Numbers) -> None:
    requests, trades = paper.rows("requests"), paper.rows("fills")
    numbers.refused = refusals(requests)
    numbers.requests_max = max(Counter(row["account"] for row in requests).values())
    numbers.orders = Counter(row["account"] for row in requests if row["method"] == "AddOrder")
    for user in system.users:
        copies = system.copies(user)
        numbers.waited += sum("waits" in copy.detail for copy in copies)
        states = {copy.copy_id: pb.CopyState.Name(copy.state) for copy in copies}
        numbers.copies.update(states.values())
        numbers.reasons.update(copy.reason for copy in copies if states[copy.copy_id] != FINISHED)
        filled = sum((Decimal(copy.filled_volume or 0) for copy in copies), Decimal(0))
        seen = sum((Decimal(row["volume"]) for row in trades if row["account"] == user), Decimal(0))
        held = {
            altname: sum(
                Decimal(row["volume"]) * (1 if row["side"] == "buy" else -1)
                for row in trades
                if row["account"] == user and row["pair"] in {altname, pair}
            )
            for pair, (altname, _) in MARKETS.items()
        }
        if filled != seen or any(held.values()) or not seen:
            numbers.wrong.append(f"{user}: copies {filled}, exchange {seen}, left {held}")


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        yield strictest(paper)


def test_a_burst_is_copied_whole_by_users_of_the_lowest_tier_and_nothing_is_refused_for_its_rate() -> None:
    numbers = scenario(users=4, fills=40)
    assert numbers.refused == {}
    assert numbers.wrong == []
    assert set(numbers.copies) == {FINISHED}
    assert numbers.fills >= 80


def test_an_account_that_orders_for_long_waits_for_its_pairs_counter_and_is_never_refused(
    paper: Paper,
) -> None:
    system, hand = starter_system(paper, 1)
    with system:
        system.start().wait_ready()
        # Each fill an order of its own: 60 may leave at once, then one a second.
        for number in range(1, 76):
            trade(paper, hand, "buy", "BTC/USD", 1)
            if number <= 60:
                wait_for(f"copy {number}", partial(has_copied, paper, "u00", number))
        settled(system, 75, 45.0)
        trade(paper, hand, "sell", "BTC/USD", 75)
        settled(system, len(paper.fills("master")), 45.0)
        numbers = Numbers(1)
        _judge(paper, system, numbers)
    assert numbers.refused == {}
    assert numbers.wrong == []
    assert numbers.orders["u00"] >= 60
    assert numbers.waited


def test_no_balance_and_no_price_is_asked_for_between_a_fill_and_its_order(paper: Paper) -> None:
    system, hand = starter_system(paper, 2)
    with system:
        system.start().wait_ready()
        for number in range(1, 11):
            trade(paper, hand, "buy", "ETH/USD", 1)
            settled(system, number, 45.0)
        # When each user's process received each fill, on the exchange's clock: before that it could not ask
        # on its account.
        clocks_ns = time.time_ns() - time.monotonic_ns()
        received = {
            user: [copy.received_at.ToNanoseconds() - clocks_ns for copy in system.copies(user)]
            for user in system.users
        }
    requests = paper.rows("requests")
    disturbed = 0
    for user in system.users:
        mine = [row for row in requests if row["account"] == user]
        sent = [row["received_ns"] for row in mine if row["method"] == "AddOrder"]
        assert len(sent) == len(received[user]) == 10
        for began, ended in zip(received[user], sent, strict=True):
            assert began < ended
            disturbed += any(began < row["received_ns"] < ended for row in mine)
    # What runs beside it, every few seconds, may fall in between once.
    assert disturbed <= 1


def test_exits_are_finished_when_the_market_opens_again(paper: Paper) -> None:
    system, hand = starter_system(paper, 1)
    with system:
        system.start().wait_ready()
        trade(paper, hand, "buy", "BTC/USD", 1)
        settled(system, 1, 45.0)
        closed = {"account": "u00", "method": "AddOrder", "executed": False, "count": 3}
        paper.call("POST", "/faults", kind="error", error="EService:Market in cancel_only mode", **closed)
        trade(paper, hand, "sell", "BTC/USD", 1)

        def left() -> Decimal:
            trades = paper.fills("u00")
            return sum(
                (Decimal(row["volume"]) * (1 if row["side"] == "buy" else -1) for row in trades), Decimal(0)
            )

        wait_for("the exit", lambda: not left())
        outcomes = [
            row["outcome"]
            for row in paper.rows("requests")
            if row["account"] == "u00" and row["method"] == "AddOrder"
        ]
        assert outcomes == ["ok", *["EService:Market in cancel_only mode"] * 3, "ok"]


def test_a_key_that_is_locked_out_is_left_alone_and_exits_are_done_afterwards(paper: Paper) -> None:
    system, hand = starter_system(paper, 1)
    with system:
        system.start().wait_ready()
        trade(paper, hand, "buy", "BTC/USD", 1)
        settled(system, 1, 45.0)
        locked = {"account": "u00", "method": "AddOrder", "executed": False, "count": 1}
        paper.call("POST", "/faults", kind="error", error="EGeneral:Temporary lockout", **locked)
        trade(paper, hand, "sell", "BTC/USD", 1)
        wait_for(
            "the exit",
            lambda: [row["side"] for row in paper.fills("u00")] == ["buy", "sell"],
        )
        mine = [row for row in paper.rows("requests") if row["account"] == "u00"]
        (index,) = [
            number for number, row in enumerate(mine) if row["outcome"] == "EGeneral:Temporary lockout"
        ]
        # The paper market's lockouts last a second: nothing is signed until then.
        assert mine[index + 1]["received_ns"] - mine[index]["received_ns"] > 0.9e9


if __name__ == "__main__":
    print(scenario(int(sys.argv[1]), int(sys.argv[2]), patience_s=600.0))  # noqa: T201 - its only output
