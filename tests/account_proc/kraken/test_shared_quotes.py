"""Prices are asked for once for all processes that need them, and by each where the file is of no use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.order import Quote
from krakencopy.account_proc.kraken.pairs_cache import Origin
from krakencopy.account_proc.kraken.shared_quotes import FRESH_S, TURN_S, WANTED_S, SharedQuotes
from krakencopy.account_proc.runtime.file_lock import LockedFile

ORIGIN = Origin("http://one", 1, "boot")
NEVER = float("-inf")


class Market:
    """Tells prices that grow with each question, of all pairs but those without one."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.now = 1_000.0

    async def ask(self, names: Sequence[str]) -> Mapping[str, Quote]:
        self.asked.append(tuple(names))
        price = Decimal(len(self.asked))
        return {name: Quote(bid=price, ask=price, last=price) for name in names if name != "NONE/USD"}

    def process(self, folder: Path, name: str, origin: Origin = ORIGIN) -> SharedQuotes:
        async def pause(seconds: float) -> None:
            self.now += seconds

        return SharedQuotes(folder / "quotes", name, origin, clock=lambda: self.now, pause=pause)

    def price(self, process: SharedQuotes, *names: str, newer_than: float = NEVER) -> list[int]:
        quotes, at = asyncio.run(process.get(names, self.ask, newer_than))
        assert at <= self.now
        return [int(quotes[name].bid) for name in names if name in quotes]


def test_what_one_has_asked_for_others_read(tmp_path: Path) -> None:
    market = Market()
    ann, bob = market.process(tmp_path, "ann"), market.process(tmp_path, "bob")
    assert market.price(ann, "BTC/USD", "NONE/USD") == [1]
    assert market.price(bob, "BTC/USD", "NONE/USD") == [1]
    assert market.price(bob, "ETH/USD") == [2]
    assert list(market.asked[-1]) == ["BTC/USD", "NONE/USD", "ETH/USD"]
    assert market.price(ann, "BTC/USD") == [2]
    market.now += FRESH_S
    assert market.price(ann, "BTC/USD") == [3]
    market.now += WANTED_S
    assert market.price(ann, "ETH/USD") == [4]
    assert list(market.asked[-1]) == ["BTC/USD", "ETH/USD"]
    market.now += 2 * WANTED_S
    market.price(ann, "ETH/USD")
    assert list(market.asked[-1]) == ["ETH/USD"]


def test_who_wants_another_reading_than_its_last_gets_one(tmp_path: Path) -> None:
    market = Market()
    ann = market.process(tmp_path, "ann")
    market.price(ann, "BTC/USD")
    assert market.price(ann, "BTC/USD", newer_than=market.now) == [2]
    assert market.price(market.process(tmp_path, "bob"), "BTC/USD") == [2]


@pytest.mark.parametrize("harm", ["cut", "flip", "not text", "other run"])
def test_a_file_that_is_of_no_use_is_as_good_as_none(tmp_path: Path, harm: str) -> None:
    market, path = Market(), tmp_path / "quotes"
    market.price(market.process(tmp_path, "ann"), "BTC/USD")
    content = path.read_bytes()
    harmed = {"cut": content[:-9], "flip": content.replace(b"BTC", b"BTD"), "not text": b"\xff\xfe"}
    path.write_bytes(harmed.get(harm, content))
    origin = Origin("http://one", 2, "boot") if harm == "other run" else ORIGIN
    assert market.price(market.process(tmp_path, "bob", origin), "BTC/USD") == [2]


def test_one_that_has_the_turn_for_too_long_is_not_waited_for(tmp_path: Path) -> None:
    market = Market()
    turn = LockedFile(tmp_path / "quotes.lock", "a test")
    assert market.price(market.process(tmp_path, "ann"), "BTC/USD") == [1]
    assert market.now >= 1_000 + TURN_S
    turn.close()


def test_without_a_folder_each_asks_by_itself(tmp_path: Path) -> None:
    market = Market()
    ann = market.process(tmp_path / "gone", "ann")
    assert [market.price(ann, "BTC/USD"), market.price(ann, "BTC/USD")] == [[1], [2]]


def test_what_the_exchange_refuses_is_raised_and_the_turn_is_over(tmp_path: Path) -> None:
    market = Market()

    async def refuse(_: Sequence[str]) -> Mapping[str, Quote]:
        raise OutcomeUnknown("Ticker", "no answer")

    with pytest.raises(OutcomeUnknown):
        asyncio.run(market.process(tmp_path, "ann").get(["BTC/USD"], refuse, NEVER))
    assert market.price(market.process(tmp_path, "bob"), "BTC/USD") == [1]
