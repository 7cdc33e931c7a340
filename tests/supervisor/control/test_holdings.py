"""Who takes a user out is told what will be sold, in figures, before it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.config.diff import compare
from krakencopy.supervisor.config.leaving_accounts import Leaver
from krakencopy.supervisor.control.holdings import NAMED_MAX, holdings_words
from krakencopy.v1 import account_pb2
from tests.support.configured import Configured, user_of_file
from tests.support.idle_supervisor import Link, set_running
from tests.support.supervisor_samples import fill


@pytest.fixture
def it(state: Path) -> Iterator[Configured]:
    state.mkdir(mode=0o700)
    made = Configured(state, user_of_file("anna"))
    yield made
    made.close()


def holds(it: Configured, **coins: str) -> None:
    snapshot = account_pb2.WatchSnapshotResponse(positions_known=True)
    for asset, volume in coins.items():
        snapshot.positions.add(asset=asset, volume=volume, pair=f"{asset}/USD")
    set_running(it.supervisor.accounts["anna"], Link(snapshot))


def effect(it: Configured, policy: OnLeave | None) -> str:
    """Of a change that takes anna out."""
    running = it.supervisor.config
    anna = next(one for one in running.users if one.id == "anna")
    begin = {} if policy is None else {"anna": Leaver(policy, {}, 1.0)}
    difference = compare(running, running)
    if policy is None:
        return it.reloader._effect_on_removed(anna)
    (change,) = it.reloader.answer_of(difference, begin, running, applied=False).accounts
    return change.effect


def test_what_is_held_is_named_with_about_what_it_is_worth(it: Configured) -> None:
    assert holdings_words(it.journal, it.supervisor.accounts["anna"]) is None, "nobody says"
    it.journal.append([fill(1, price="20000")], 1)
    holds(it, BTC="0.5", ADA="3")
    words = holdings_words(it.journal, it.supervisor.accounts["anna"])
    assert words == "3 ADA, 0.5 BTC (about 10000 USD)"
    holds(it, **{f"C{number:02}": "1" for number in range(NAMED_MAX + 2)})
    words = holdings_words(it.journal, it.supervisor.accounts["anna"])
    assert words is not None
    assert words.endswith("1 C07 and 2 coins more")


def test_each_way_to_leave_says_what_becomes_of_it(it: Configured) -> None:
    holds(it, BTC="0.5")
    assert effect(it, OnLeave.CLOSE_ALL).endswith("(close_all); to be sold at once, at the market: 0.5 BTC")
    assert effect(it, OnLeave.CLOSE_ONLY).endswith("(close_only); to be sold when the master sells: 0.5 BTC")
    assert effect(it, None).endswith("what it has copied and still holds stays in its account: 0.5 BTC")
    holds(it)
    assert effect(it, OnLeave.CLOSE_ALL).endswith("copying holds nothing (close_all), which is so now")
    assert effect(it, None) == "it finishes what is in flight"
    it.supervisor.accounts["anna"].process.link = None
    assert effect(it, OnLeave.CLOSE_ALL).endswith("is not known, as its process does not say")
