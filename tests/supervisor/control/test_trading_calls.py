"""What ControlService answers about trading states, on its real socket: whom it is about, that it is on the
disk first, who keeps to it, and what is sold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.account_proc.contract.trading_states import (
    FlattenOrder,
    StateSetting,
    TradingState,
    TradingStates,
)
from krakencopy.account_proc.runtime import trading_state_file
from krakencopy.account_proc.runtime.trading_state_file import LOCK_NAME, TradingStateFile, change_states
from krakencopy.supervisor.accounts import trading_acks
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.idle_supervisor import idle_supervisor
from tests.support.ledger_samples import ledger_with_position
from tests.support.served_control import refused, served
from tests.support.supervisor_samples import fill, grouped_config
from tests.support.trading_links import TradingLink, set_living

HALTED, REDUCING, ACTIVE = (
    nouns.TRADING_STATE_HALTED,
    nouns.TRADING_STATE_REDUCING,
    nouns.TRADING_STATE_ACTIVE,
)
FREE = FlattenOrder(number=0, by="", reason="", at=0.0, taken_back=True)
SAID = StateSetting(state=TradingState.HALTED, by="operator", reason="", at=1.0)


class World:
    """A supervisor with users of two groups; carl has no process."""

    def __init__(self, stub: Any, supervisor: Supervisor, links: dict[str, TradingLink]) -> None:
        self.stub, self.supervisor, self.links = stub, supervisor, links
        self._number = 0

    def _asked(self, account_ids: tuple[str, ...], more: dict[str, Any]) -> dict[str, Any]:
        """The fields of a request about these, and more."""
        self._number += 1
        target = pb.TradingTarget(
            account_ids=account_ids, all=more.pop("all", False), groups=more.pop("groups", ())
        )
        return {"request_id": f"r{self._number}", "target": target} | more

    async def say(self, state: Any, *account_ids: str, **more: Any) -> Any:
        asked = self._asked(account_ids, more)
        return await self.stub.SetTradingState(pb.SetTradingStateRequest(state=state, **asked))

    async def flatten(self, *account_ids: str, **more: Any) -> Any:
        return await self.stub.FlattenAccounts(pb.FlattenAccountsRequest(**self._asked(account_ids, more)))

    def events(self) -> list[tuple[str, str, str]]:
        found = self.supervisor.journal.events_after(0, 1_000)
        return [(event.account_id, event.code, event.message) for event in found]

    def states(self) -> Any:
        return TradingStateFile(self.supervisor.place.states).read()


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[World]:
    supervisor = idle_supervisor(folder, journal, grouped_config())
    links = {
        name: set_living(supervisor.accounts[name], supervisor.place.states)
        for name in ("master", "anna", "bob")
    }
    async with served(supervisor) as stub:
        yield World(stub, supervisor, links)


def shown(answer: Any) -> dict[str, tuple[str, bool, str]]:
    return {
        one.account_id: (
            nouns.TradingState.Name(one.trading.state).removeprefix("TRADING_STATE_"),
            one.acknowledged,
            one.message,
        )
        for one in answer.accounts
    }


NO_PROCESS = "no process: it keeps to it from its start"


def test_what_is_said_is_in_the_file_and_an_event_and_each_process_keeps_to_it(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            answer = await w.say(HALTED, "bob", by="operator ann", reason="odd orders")
            assert shown(answer) == {"bob": ("HALTED", True, "")}
            assert answer.version == w.states().version == 1
            assert w.states().state_of("bob") is TradingState.HALTED
            assert ("bob", "TRADING_STATE_CHANGED", "bob: HALTED by operator ann (odd orders)") in w.events()
            answer = await w.say(REDUCING, groups=["eu"])
            assert shown(await w.say(REDUCING, "eu")) == shown(answer)
            assert shown(answer) == {"anna": ("REDUCING", True, ""), "carl": ("REDUCING", True, NO_PROCESS)}
            answer = await w.say(HALTED, all=True)
            assert shown(answer) == {
                "master": ("HALTED", True, ""), "anna": ("HALTED", True, ""), "bob": ("HALTED", True, ""),
                "carl": ("HALTED", True, NO_PROCESS),
            }  # fmt: skip
            assert {name: link.asked for name, link in w.links.items()} == {"master": 1, "anna": 3, "bob": 2}
            said = (await w.stub.GetAccount(pb.GetAccountRequest(account_id="anna"))).account.trading
            scopes = [(one.scope, one.by) for one in said.settings]
            assert (said.version, scopes) == (4, [("all", "operator"), ("group:eu", "operator")])

    asyncio.run(play())


def test_what_was_lifted_and_what_holds_still(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.say(HALTED, all=True, reason="exchange is odd", by="operator ann")
            await w.say(HALTED, "anna")
            lifted = shown(await w.say(ACTIVE, "anna"))
            state, acknowledged, words = lifted["anna"]
            assert (state, acknowledged) == ("HALTED", True)
            assert words.startswith("still HALTED for all, since ")
            assert words.endswith(
                ", by operator ann (exchange is odd): lift it with `krakencopy resume --all`"
            )
            lifted = shown(await w.say(ACTIVE, all=True))
            assert lifted["anna"] == ("ACTIVE", True, "")
            # All, and one of them by its own name as well.
            await w.say(HALTED, "bob")
            still = shown(await w.say(ACTIVE, all=True))["bob"][2]
            assert "still HALTED for itself" in still
            assert "`krakencopy resume bob`" in still
            assert shown(await w.say(ACTIVE, "bob", all=True))["bob"] == ("ACTIVE", True, "")
            # What was said for a removed account can be lifted, and nothing else be said of it.
            change_states(
                w.supervisor.place.states,
                lambda states: replace(states, states={"account:gone": SAID}),
            )
            w.supervisor.trading_acks._looked_at = -10.0
            w.supervisor.trading_acks.look()
            assert (await refused(w.say(HALTED, "gone")))[1] == "ACCOUNT_NOT_FOUND"
            assert list((await w.say(ACTIVE, "gone")).accounts) == []
            assert w.states().states == {}
            # One that leaves the configuration buys nothing, whatever is lifted.
            leaving = replace(SAID, state=TradingState.REDUCING, by="on_leave")
            w.supervisor.trading.keep_leaving = lambda: (
                lambda states: replace(states, states={"account:bob": leaving})
            )
            state, acknowledged, words = shown(await w.say(ACTIVE, "bob"))["bob"]
            assert (state, acknowledged) == ("REDUCING", True)
            assert words == "still REDUCING by on_leave: in the configuration again it stays"

    asyncio.run(play())


def test_the_same_request_does_nothing_again_and_another_target_is_another_request(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            first = await w.say(HALTED, "bob", request_id="r")
            assert await w.say(HALTED, "bob", request_id="r") == first
            assert w.states().version == 1
            await w.say(HALTED, "anna", request_id="r")
            assert w.states().version == 2

    asyncio.run(play())


def test_who_does_not_answer_is_named_and_the_state_holds(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trading_acks, "ACKNOWLEDGE_S", 0.2)

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            w.links["bob"].is_stuck = True
            found = shown(await w.say(HALTED, all=True))
            assert {name for name, (_, acknowledged, _) in found.items() if not acknowledged} == {"bob"}
            assert found["bob"][2].startswith("it has not answered (no answer in time) within 0.2 s: process")
            assert w.states().state_of("bob") is TradingState.HALTED

    asyncio.run(play())


def test_what_cannot_be_is_refused_and_nothing_is_said(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            code, reason, words = await refused(w.say(HALTED, "anna", "bbo"))
            assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
            assert "did you mean bob?" in words
            code, reason, words = await refused(w.say(HALTED, groups=["us"]))
            assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "GROUP_NOT_FOUND")
            assert words == "no group 'us'; there are eu"
            assert (await refused(w.say(HALTED)))[1] == "NO_ACCOUNTS"
            assert (await refused(w.say(0, "anna")))[1] == "FIELD_INVALID"
            assert (await refused(w.say(HALTED, "anna", request_id="")))[1] == "REQUEST_ID_MISSING"
            assert (await refused(w.flatten("master")))[1] == "NOT_A_USER"
            assert (await refused(w.flatten()))[1] == "NO_ACCOUNTS"
            w.supervisor.accounts["bob"].removed = True
            assert (await refused(w.flatten("bob")))[1] == "ACCOUNT_NOT_FOUND"
            assert w.states().version == 0
            # It still may place an order, and is halted with the others.
            assert "bob" in shown(await w.say(HALTED, all=True))

    asyncio.run(play())


def test_a_file_that_is_gone_halts_all_until_all_are_resumed(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.say(HALTED, "bob")
            w.supervisor.place.states.unlink()
            code, reason, words = await refused(w.say(ACTIVE, "bob"))
            assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STATES_UNREADABLE")
            assert "krakencopy resume --all --reason" in words
            assert (await refused(w.flatten("bob")))[1] == "STATES_UNREADABLE"
            found = shown(await w.say(ACTIVE, all=True))
            lost = "the file was made anew, what was said before is lost (account:bob HALTED)"
            assert found["bob"] == ("ACTIVE", True, lost)
            assert w.states().version > 1_700_000_000

    asyncio.run(play())


def test_what_cannot_be_written_does_not_hold(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trading_state_file, "TURN_MAX_S", 0.1)

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            (w.supervisor.place.states.with_name(LOCK_NAME)).mkdir()
            code, reason, words = await refused(w.say(HALTED, "bob"))
            assert (code, reason) == (grpc.StatusCode.INTERNAL, "STATES_NOT_WRITTEN")
            assert "nothing of it holds" in words
            assert w.states().state_of("bob") is TradingState.ACTIVE

    asyncio.run(play())


def test_users_sell_what_copying_bought_and_a_dry_run_only_says_so(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            journal.append([fill(1, price="20000")], epoch=1)
            held = nouns.CopiedPosition(pair="BTC/USD", asset="BTC", volume="0.0100")
            w.links["bob"].snapshot.positions.append(held)
            planned = await w.flatten("bob", dry_run=True)
            [sold] = planned.positions
            assert (sold.account_id, sold.asset, sold.volume, sold.pair) == ("bob", "BTC", "0.01", "BTC/USD")
            assert (sold.value.amount, sold.value.asset) == ("200", "USD")
            journal.append([fill(2, price="22000", marks={"EUR": "1.1"})], epoch=1)
            held.pair = "BTC/EUR"
            w.links["anna"].snapshot.positions.append(held)
            [mapped] = (await w.flatten("anna", dry_run=True)).positions
            assert (mapped.value.amount, mapped.value.asset) == ("200", "EUR")
            del w.links["anna"].snapshot.positions[:]
            assert (list(planned.accounts), w.states().version) == ([], 0)
            # All that copy: the master does not.
            answer = await w.flatten(all=True, reason="leaving", by="operator ann")
            assert [one.account_id for one in answer.positions] == ["bob"]
            assert list(shown(answer)) == ["anna", "bob", "carl"]
            assert {state for state, _, _ in shown(answer).values()} == {"REDUCING"}
            assert answer.accounts[1].trading.flatten.number == 1
            requested = [event for event in w.events() if event[1] == "FLATTEN_REQUESTED"]
            assert [account for account, _, _ in requested] == ["anna", "bob", "carl"]
            assert requested[1][2].endswith("by operator ann (leaving)")
            assert not [event for event in w.events() if event[1] == "TRADING_STATE_CHANGED"]

    asyncio.run(play())


def test_the_plan_of_a_process_that_was_just_started_is_of_its_ledger(
    tmp_path: Path, journal: Journal
) -> None:
    """Nothing would be shown for what is then sold."""

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            path = w.supervisor.place.ledger("bob")
            path.parent.mkdir(exist_ok=True)
            ledger_with_position(path, "BTC", "0.002", "BTC/USD")
            w.links["bob"].snapshot.positions_known = False
            (sold,) = (await w.flatten("bob")).positions
            assert (sold.account_id, sold.asset, sold.volume) == ("bob", "BTC", "0.002")

    asyncio.run(play())


def test_what_is_not_sold_yet_is_held_again_once_and_its_state_stays(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.flatten("anna", "bob")
            w.links["bob"].say()
            w.links["bob"].snapshot.trading.flatten.state = nouns.FLATTEN_STATE_DONE
            answer = await w.flatten("anna", "bob", "carl", cancel=True, by="operator ann", reason="a slip")
            assert list(answer.positions) == []
            words = {one.account_id: one.message for one in answer.accounts}
            assert words["anna"].startswith("what of its flatten is not sold yet is held again; still REDUC")
            assert "lift it with `krakencopy resume anna`" in words["anna"]
            assert words["bob"].startswith("its flatten was done")
            assert words["carl"].startswith("no flatten of it is owed")
            assert w.states().state_of("anna") is TradingState.REDUCING
            assert w.states().flattens["anna"].taken_back
            assert not answer.accounts[0].trading.HasField("flatten")
            [event] = [one for one in w.events() if one[:2] == ("anna", "FLATTEN_TAKEN_BACK")]
            assert event[2] == "what of its flatten is not sold yet is held again, by operator ann (a slip)"
            again = await w.flatten("anna", cancel=True)
            assert again.accounts[0].message.startswith("no flatten of it is owed;")
            # What a limit of the account's own sells is in no file.
            w.links["anna"].say()
            w.links["anna"].snapshot.trading.settings.add(scope="limit:day", by="limit day", state=REDUCING)
            again = await w.flatten("anna", cancel=True)
            assert "owed, and what a limit of its own sells is not taken back" in again.accounts[0].message

    asyncio.run(play())


def test_what_a_limit_or_leaving_has_sold_is_not_held_again_by_an_operator(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            orders = {"anna": "limit day of all users, hit 1", "bob": "on_leave"}

            def ordered(states: TradingStates) -> TradingStates:
                for user, by in orders.items():
                    if states.flattens.get(user, FREE).taken_back:
                        states = states.with_flatten([user], by, "", 1.0)
                return states

            w.supervisor.trading.keep_leaving = lambda: ordered
            await w.supervisor.trading.enforce("", "")
            before = w.states()
            words = shown(await w.flatten("anna", "bob", cancel=True))
            for user, by in orders.items():
                assert words[user][2].startswith(f"its flatten was ordered by {by}, and is not taken back")
            assert w.states().flattens == before.flattens
            # An operator's own may be; and they sell all the same.
            await w.flatten("anna", "bob", "carl")
            assert {order.by for order in w.states().flattens.values()} == {"operator"}
            words = shown(await w.flatten("anna", "bob", "carl", cancel=True))
            for user, by in orders.items():
                assert words[user][2].startswith(
                    f"its flatten is taken back, and it sells all the same: by {by}"
                )
            assert words["carl"][2].startswith("what of its flatten is not sold yet is held again")
            assert {
                key: order.by for key, order in w.states().flattens.items() if not order.taken_back
            } == orders

    asyncio.run(play())
