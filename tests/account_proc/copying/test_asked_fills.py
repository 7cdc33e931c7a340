"""A fill that somebody asks a user to copy: by the rules of streamed ones, at most once, whatever ends the
process in between and whatever is streamed at the same time.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.order_ids import copy_order_id
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.asked_fills import AskedAnswer, Outcome
from krakencopy.account_proc.copying.fill_faults import FillInvalid
from krakencopy.account_proc.domain.quantities import NO_VOLUME, Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.asked_user import ask, say, skipped
from tests.support.copying_user import User, copying, played_in_turn, process_in, streamed_fill
from tests.support.scripted_kraken import run, until

#: What a user of 100 dollars makes of a fill of the master of 1000.
VOLUME = "0.0001"


def test_a_fill_that_was_skipped_is_copied_when_somebody_asks_for_it_however_old_it_is(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            fill = skipped(user)
            user.now += 86_400
            answer = await ask(user, fill)
            assert answer == AskedAnswer(outcome=Outcome.COPIED, copy_id="d1")
            await user.done()
            copy = ledger.copy("d1")
            assert copy is not None
            assert (copy.state, copy.reason, copy.fill_seqs) == (CopyState.FILLED, "SCALED", (1,))
            assert copy.detail.startswith("asked for by operator root at 2026-")
            assert copy.cl_ord_id == copy_order_id("a journal", "anna", "d1", 1)
            assert [order["volume"] for order in user.kraken.sent] == [VOLUME]
            assert user.copy(1).reason == "TRADING_REDUCING"

    run(steps())


def test_what_was_copied_is_not_copied_again_however_often_and_by_whomever_it_is_asked_for(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            first = skipped(user)
            await ask(user, first)
            streamed = user.made(Side.BUY)
            user.copier.take_fills([streamed])
            await user.done()
            assert len(user.kraken.sent) == 2
            already = AskedAnswer(outcome=Outcome.ALREADY, copy_id="d1")
            assert await ask(user, first) == await ask(user, first, dry_run=True) == already
            # Of the streamed one either the journal knows, or it is among the changes that it does not have.
            revision = ledger.revision
            for known in ({"known_copy_id": "c2", "known_revision": revision}, {"known_revision": 0}):
                answer = await ask(user, streamed, **known)
                assert answer == AskedAnswer(outcome=Outcome.ALREADY, copy_id="c2")
            await user.done()
            assert len(user.kraken.sent) == 2

    run(steps())


def test_a_fill_of_before_a_user_joined_may_be_asked_for(ledger: Ledger) -> None:
    ledger.join("a journal", 7)

    async def steps() -> None:
        async with copying(ledger) as user:
            assert (await ask(user, streamed_fill(3, Side.BUY, "BTC/USD", user.now))).copy_id == "d3"
            await user.done()
            assert ledger.cursor == 7
            assert user.book.held("BTC").amount > 0

    run(steps())


@pytest.mark.parametrize("restart", [False, True])
def test_a_fill_that_is_streamed_after_it_was_asked_for_is_answered_already(
    tmp_path: Path, *, restart: bool
) -> None:
    async def asks(user: User) -> None:
        await ask(user, streamed_fill(2, Side.BUY, "BTC/USD", user.now))
        await user.done()

    async def streams(user: User) -> None:
        user.copier.take_fills([user.made(Side.BUY), user.made(Side.BUY), user.made(Side.BUY)])
        await user.done()
        assert user.ledger.cursor == 3
        assert sorted(copy.copy_id for copy in user.copies) == ["c1", "c3", "d2"]
        assert user.ledger.pending_fills() == []

    played_in_turn(tmp_path, asks, streams, restart=restart)


def test_while_its_coin_is_busy_a_wish_is_kept_and_answered_once_after_a_restart(tmp_path: Path) -> None:
    async def asks() -> None:
        async with process_in(tmp_path) as user:
            old = skipped(user)
            user.kraken.held["AddOrder"] = asyncio.Event()
            user.fill()
            assert await ask(user, old) == AskedAnswer(outcome=Outcome.WAITING, copy_id="d1")
            # Asked for again, it is the same wish; and a fill that waits for its turn is no wish.
            assert await ask(user, old) == AskedAnswer(outcome=Outcome.WAITING, copy_id="d1")
            third = user.made(Side.BUY)
            user.copier.take_fills([third])
            assert (await ask(user, third)).detail == "it was streamed and waits for its turn"
            assert [wish.copy_id for wish in user.ledger.wishes()] == ["d1"]

    async def starts_again() -> None:
        async with process_in(tmp_path) as user:
            user.copier._asked_fills._begun = False
            user.copier._look_at_wishes()
            assert user.ledger.copy("d1") is None
            user.copier._asked_fills.begin()
            user.copier._look_at_wishes()
            await user.done()
            assert user.ledger.wishes() == []
            copy = user.ledger.copy("d1")
            assert copy is not None
            assert (copy.state, copy.filled) == (CopyState.FILLED, copy.ordered)
            assert len(user.kraken.sent) == 1

    run(asks())
    run(starts_again())


def test_a_wish_that_has_waited_too_long_is_skipped_and_may_be_asked_for_again(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            old = skipped(user)
            user.kraken.held["AddOrder"] = asyncio.Event()
            user.fill()
            await ask(user, old)
            user.now += 31
            user.kraken.held.pop("AddOrder").set()
            await until(lambda: ledger.copy("d1") is not None)
            await user.done()
            copy = ledger.copy("d1")
            assert copy is not None
            assert (copy.state, copy.reason) == (CopyState.SKIPPED, "STALE_ENTRY")
            assert (await ask(user, old)).copy_id == "d1.2"
            await user.done()
            assert len(user.kraken.sent) == 2

    run(steps())


def test_what_the_rules_do_not_copy_is_refused_with_the_reason_and_leaves_nothing_behind(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=CopyRules(exclude=("ETH/*",))) as user:
            dear = {"XXBTZUSD": {"b": ["50300", "1"], "a": ["50300", "1"], "c": ["50300", "1"]}}
            margin = user.made(Side.BUY)
            margin.margin = True
            before = dump(ledger)
            for fill, reason in (
                (user.made(Side.BUY, "ETH/USD"), "PAIR_EXCLUDED"),
                (user.made(Side.BUY, "NEW/USD"), "UNKNOWN_PAIR"),
                (user.made(Side.SELL), "NO_COPIED_POSITION"),
                (margin, "MARGIN_TRADE"),
            ):
                answer = await ask(user, fill)
                assert (answer.outcome, answer.reason) == (Outcome.REFUSED, reason)
            user.kraken.always["Ticker"] = dear
            answer = await ask(user, user.made(Side.BUY))
            assert (answer.reason, answer.detail) == (
                "SLIPPAGE_BOUND",
                "the price is 50300, past the slippage bound 50250 (50 bps over the master's 50000)",
            )
            for state, reason in ((TradingState.REDUCING, "TRADING_REDUCING"),
                                  (TradingState.HALTED, "TRADING_HALTED")):  # fmt: skip
                say(user, state)
                assert (await ask(user, user.made(Side.BUY))).reason == reason
            say(user, TradingState.ACTIVE)
            user.strategy_orders = True
            assert (await ask(user, user.made(Side.SELL))).reason == "OWN_STRATEGY_TRADES"
            assert dump(ledger) == before
            assert user.kraken.sent == []

    run(steps())


def test_an_entry_whose_price_nobody_tells_is_bound_all_the_same(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["Ticker"] = OutcomeUnknown("Ticker", "no answer")
            assert (await ask(user, user.made(Side.BUY))).outcome is Outcome.COPIED
            await user.done()
            assert [order["price"] for order in user.kraken.sent] == ["50250"]

    run(steps())


def test_a_sale_that_is_asked_for_sells_only_what_copying_bought(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["Balance"] = {"ZUSD": "100", "XXBT": "5"}
            await user.portfolio.refresh()
            user.fill()
            await user.done()
            say(user, TradingState.HALTED)
            sold = user.made(Side.SELL)
            say(user, TradingState.ACTIVE)
            assert (await ask(user, sold)).outcome is Outcome.COPIED
            await user.done()
            assert [(each["type"], each["volume"]) for each in user.kraken.sent] == [
                ("buy", VOLUME), ("sell", VOLUME),
            ]  # fmt: skip
            assert user.book.held("BTC") == NO_VOLUME

    run(steps())


@pytest.mark.parametrize("side", Side)
def test_a_dry_run_says_what_would_be_done_and_changes_nothing(ledger: Ledger, side: Side) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            fill, before = user.made(side), dump(ledger)
            answer = await ask(user, fill, dry_run=True)
            words = {
                Side.BUY: "0.0001 BTC would be bought, for 50250 at most; ",
                Side.SELL: "0.0001 BTC would be sold; ",
            }
            assert answer.outcome is Outcome.WOULD_COPY
            assert answer.detail.startswith(words[side])
            small = replace_volume(fill, "0.0000001")
            if side is Side.BUY:
                answer = await ask(user, small, dry_run=True)
                assert answer.detail.startswith("would be carried until it is large enough; ")
            user.ledger.commit(book=user.book)
            assert dump(ledger) == before
            assert len(user.kraken.sent) == 1

    run(steps())


def test_a_fill_that_cannot_be_read_is_no_fill_of_the_journal(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            with pytest.raises(FillInvalid, match="fill 1 cannot be read"):
                await ask(user, replace_volume(user.made(Side.BUY), "many"))

    run(steps())


def test_what_orders_of_before_a_backup_have_answered_is_not_copied_again(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            fill = user.made(Side.BUY)
            ledger.take_over([], {"BTC/USD": user.now}, {}, user.book)
            user.now += 10
            assert (await ask(user, fill)).reason == "ANSWERED_BEFORE"

    run(steps())


def replace_volume(fill: pb.Fill, volume: str) -> pb.Fill:
    other = pb.Fill()
    other.CopyFrom(fill)
    other.volume = volume
    return other


def dump(ledger: Ledger) -> str:
    """All that a ledger has of copying."""
    copies = [replace(copy, revision=0) for copy in ledger.copies_after(0, 1000)]
    tables = ("positions", "carried", "plans", "pending_fills")
    rows = {
        name: sorted(ledger._db.execute(f"SELECT * FROM {name}"))  # noqa: S608 - names of tables
        for name in tables
    }
    return json.dumps([list(map(str, copies)), rows, ledger.wishes()], default=str)


@pytest.mark.parametrize("restart", [False, True])
def test_a_wish_that_was_skipped_is_no_answer_to_its_fill_when_that_is_streamed(
    tmp_path: Path, *, restart: bool
) -> None:
    async def asks(user: User) -> None:
        user.kraken.held["AddOrder"] = asyncio.Event()
        user.fill()
        ahead = streamed_fill(2, Side.BUY, "BTC/USD", user.now)
        assert (await ask(user, ahead)).outcome is Outcome.WAITING
        say(user, TradingState.REDUCING)
        user.kraken.held.pop("AddOrder").set()
        await user.done()
        assert user.ledger.copy("d2").reason == "TRADING_REDUCING"  # type: ignore[union-attr]
        say(user, TradingState.ACTIVE)

    async def streams(user: User) -> None:
        user.fill()
        await user.done()
        assert user.copy(2).state is CopyState.FILLED

    played_in_turn(tmp_path, asks, streams, restart=restart)
