"""What befell a user beside fills is in its replay as it was: renamings, a flatten, stops, copies of earlier
versions, orders from before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.contract.ledger_file import Held
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.pairs import NOT_LISTED
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.history import (
    JOURNAL_SCHEMA,
    HistoryUnreadable,
    MasterHistory,
    Rename,
    UserHistory,
    master_history,
    uncopied,
    user_history,
)
from krakencopy.account_proc.simulation.replay import Account, Interval, Replayed, replay
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.journal.schema import SCHEMA_VERSION
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import BTC, NOW
from tests.support.copying_user import User, streamed_fill
from tests.support.replayed_lives import EVER, living, past_of, replayed, shown, sold_out
from tests.support.scripted_kraken import ASSETS, PAIRS, run
from tests.support.trading_states import order_flatten, say_state

D = Decimal
RULES = CopyRules()
Life = Callable[[User, list[pb.Fill]], Awaitable[None]]


@dataclass(frozen=True)
class Lived:
    """A life, as a ledger and a journal have it afterwards."""

    path: Path
    fills: list[pb.Fill]
    history: UserHistory

    def found_again(self, interval: Interval = EVER, **more: Any) -> Replayed:
        """A replay by the rules that held; its copies are those that there were."""
        found = replayed(self.path, self.fills, RULES, interval, **more)
        assert shown(found.copies) == shown(found.real_copies)
        return found


def lived(folder: Path, life: Life) -> Lived:
    path, fills = folder / "anna.db", list[pb.Fill]()

    async def steps() -> None:
        async with living(ledger, RULES) as user:
            await life(user, fills)

    with closing(Ledger(path, "anna")) as ledger:
        run(steps())
    history = user_history(path)
    assert history is not None
    return Lived(path, fills, history)


async def trades(
    user: User, fills: list[pb.Fill], side: Side, pair: str = "BTC/USD", volume: str = "0.001"
) -> None:
    user.now += 10
    fill = user.made(side, pair)
    fill.volume = volume
    fills.append(fill)
    user.copier.take_fills([fill])
    await user.done()


def test_a_flatten_is_in_it_as_it_was(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)
        await trades(user, fills, Side.BUY, volume="0.0001")
        order_flatten(user.states_path, ["anna"])
        user.guard.look()
        await sold_out(user)

    it = lived(tmp_path, life)
    found = it.found_again()
    assert {copy.reason for copy in found.copies} >= {Reason.FLATTEN, Reason.EXIT_OWED}
    assert found.replayed.won == found.real.won
    # By other rules as well: all that is held then is sold.
    half = replayed(it.path, [streamed_fill(1, Side.BUY, "BTC/USD", NOW)], CopyRules(multiplier=D("0.5")))
    assert [copy.ordered for copy in half.copies if copy.cl_ord_id] == [D("0.00005"), D("0.00005")]


def test_a_stop_holds_in_it_and_what_was_owed_then_is_sold_when_it_was(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)
        say_state(user.states_path, TradingState.HALTED)
        await trades(user, fills, Side.BUY)
        await trades(user, fills, Side.SELL)
        say_state(user.states_path, TradingState.ACTIVE)
        await sold_out(user)

    found = lived(tmp_path, life).found_again()
    assert [copy.reason for copy in found.copies if copy.reason == Reason.TRADING_HALTED]
    assert found.assumptions == ()


def test_a_renamed_coin_is_followed(tmp_path: Path) -> None:
    renamed = {"XXBXZUSD": PAIRS["XXBTZUSD"] | {"altname": "XBXUSD", "wsname": "XBX/USD", "base": "XXBX"}}
    assets = ASSETS | {"XXBX": {"altname": "XBX"}}

    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)
        user.kraken.always |= {"AssetPairs": PAIRS | renamed, "Assets": assets}
        await user.portfolio.pairs.read()
        user.copier.rename_coin(1, "BTC", "XBX")
        await trades(user, fills, Side.SELL, "XBX/USD")

    it = lived(tmp_path, life)
    new = replace(BTC, canonical="XXBXZUSD", altname="XBXUSD", wsname="XBX/USD", name="XBX/USD", base="XBX")
    history = replace(it.history, pairs=(BTC, new))
    found = it.found_again(history=history, renames=[Rename("BTC", "XBX", 1)])
    assert [copy.reason for copy in found.copies] == [Reason.SCALED, Reason.EXIT_FULL]


def test_copies_of_earlier_versions_say_less_and_that_is_said(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)
        await trades(user, fills, Side.BUY)

    it = lived(tmp_path, life)
    old = [replace(copy, account_equity=None, free_cash=None) for copy in it.history.copies]
    found = it.found_again(history=replace(it.history, copies=tuple(old)))
    assert "at 2 decisions is not written down" in found.assumptions[0]
    without = [replace(copy, user_equity=D(0)) for copy in old]
    lost = replayed(it.path, it.fills, RULES, history=replace(it.history, copies=tuple(without)))
    assert [copy.reason for copy in lost.copies] == [Reason.NO_EQUITY, Reason.NO_EQUITY]
    assert "what it had at 2 decisions is not written down" in lost.assumptions[0]


def test_what_waited_when_it_begins_waits(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY, volume="0.0003")  # carried
        await trades(user, fills, Side.BUY)
        user.kraken.next["AddOrder"] = [ExchangeRefused("AddOrder", ("EOrder:No way",))] * 2
        await trades(user, fills, Side.SELL)  # refused, and owed
        await sold_out(user)

    it = lived(tmp_path, life)
    _, *later = sorted(copy.decided_at for copy in it.history.copies)
    assert later
    for at in later:
        it.found_again(Interval(since=at, until=EVER.until))


def test_an_order_on_its_way_when_it_begins_ends_as_it_did(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)
        await trades(user, fills, Side.SELL)

    it = lived(tmp_path, life)
    first = min(it.history.copies, key=lambda copy: copy.decided_at)
    between = (first.decided_at + first.finished_at) / 2
    found = it.found_again(Interval(since=between, until=EVER.until))
    assert [copy.reason for copy in found.copies] == [Reason.EXIT_FULL]


def test_money_in_whichever_currency_pays_for_everything_where_that_is_said() -> None:
    fills = [streamed_fill(1, Side.BUY, "BTC/USD", NOW), streamed_fill(2, Side.BUY, "BTC/USD", NOW + 1)]
    for fill in fills:
        fill.marks["EUR"] = "2"
    master = MasterHistory(journal_id="a journal", fills=tuple(fills))
    account = Account(account_id="anna", rules=RULES, history=None, wallet={"EUR": D(100)})
    for any_money, state in ((False, CopyState.SKIPPED), (True, CopyState.FILLED)):
        each = replace(account, any_money=any_money)
        found = replay(each, past_of(master, [BTC]))
        assert {copy.state for copy in found.copies} == {state}
        # In USD it has 200, and the master 1000.
        assert [copy.planned for copy in found.copies if copy.filled][:1] == [D("0.0002")] * any_money


@pytest.mark.parametrize("asked_last", ["listed", "gone"])
def test_a_pair_that_is_listed_no_more_or_not_yet_was_traded_while_it_was_listed(
    tmp_path: Path, asked_last: str
) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)
        user.kraken.always["AssetPairs"] = {"XETHZUSD": PAIRS["XETHZUSD"]}
        await user.portfolio.pairs.read()
        await trades(user, fills, Side.BUY)
        user.kraken.always["AssetPairs"] = PAIRS
        await user.portfolio.pairs.read()
        await trades(user, fills, Side.BUY)
        await trades(user, fills, Side.SELL, volume="0.003")

    it = lived(tmp_path, life)
    kept = replace(BTC, status="online" if asked_last == "listed" else NOT_LISTED)
    found = it.found_again(pairs=[kept])
    assert [copy.reason for copy in found.real_copies][1] == Reason.UNKNOWN_PAIR
    halved = replayed(it.path, it.fills, CopyRules(multiplier=D("0.5")), pairs=[kept])
    assert [copy.state for copy in halved.copies] == [copy.state for copy in found.copies]


def test_nothing_is_asked_of_an_exchange() -> None:
    account = Account(account_id="anna", rules=RULES, history=None, wallet={"USD": D(100)})
    master = MasterHistory(journal_id="a journal", fills=(streamed_fill(1, Side.BUY, "NEW/USD", NOW),))
    found = replay(account, past_of(master, [BTC]))
    assert [copy.reason for copy in found.copies] == [Reason.UNKNOWN_PAIR]


def test_what_is_no_ledger_is_said(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    assert user_history(path) is None
    path.write_text("no ledger at all")
    with pytest.raises(HistoryUnreadable, match=r"anna.db cannot be read"):
        user_history(path)


def test_balances_without_what_copying_holds_have_the_money_of_it(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)

    it = lived(tmp_path, life)
    held = replace(it.history, balances={"BTC": Held(D("0.5")), "USD": Held(D(95))})
    master = MasterHistory(journal_id="a journal", fills=tuple(it.fills))
    assert uncopied(held, master) == {"BTC": D("0.4999"), "USD": D(100)}
    assert uncopied(UserHistory(), master) == {}


def test_a_ledger_of_another_journal_is_said(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)

    path = lived(tmp_path, life).path
    assert user_history(path, "a journal") is not None
    with pytest.raises(HistoryUnreadable, match="is of another journal"):
        user_history(path, "another")


def journal_of_before(folder: Path, *more: str, schema: int = 2) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as journal, journal:
        journal.execute(f"PRAGMA user_version={schema}")
        journal.execute("CREATE TABLE meta (key, value)")
        journal.execute("INSERT INTO meta VALUES ('journal_id', 'a journal')")
        journal.execute("CREATE TABLE fills (seq, body)")
        body = streamed_fill(1, Side.BUY, "BTC/USD", NOW).SerializeToString()
        journal.execute("INSERT INTO fills VALUES (1, ?)", (body,))
        journal.execute("CREATE TABLE users (account_id, joined_seq)")
        for statement in more:
            journal.execute(statement)


def test_a_journal_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    journal_of_before(tmp_path)
    master = master_history(tmp_path)
    assert ([fill.seq for fill in master.fills], master.renames, master.settings) == ([1], (), {})


def test_what_was_renamed_by_an_earlier_version_was_after_all_that_it_had(tmp_path: Path) -> None:
    renames = "CREATE TABLE renames (number INTEGER PRIMARY KEY, old_name TEXT, new_name TEXT)"
    journal_of_before(tmp_path, renames, "INSERT INTO renames VALUES (1, 'ETH', 'NEW')", schema=3)
    assert master_history(tmp_path).renames == (Rename("ETH", "NEW", 1),)


@pytest.mark.parametrize(
    ("schema", "more", "words"),
    [
        (SCHEMA_VERSION + 1, (), "a later version of krakencopy has written it; run that one"),
        (0, (), "it is no journal of krakencopyd"),
        (2, ("DELETE FROM meta",), "it has no 'journal_id'"),
    ],
)
def test_a_journal_that_cannot_be_read_is_said(
    tmp_path: Path, schema: int, more: tuple[str, ...], words: str
) -> None:
    assert JOURNAL_SCHEMA == SCHEMA_VERSION, "what is read of this schema is to be looked through"
    journal_of_before(tmp_path, *more, schema=schema)
    with pytest.raises(HistoryUnreadable, match=rf"journal.db cannot be read: .*{words}"):
        master_history(tmp_path)


def test_a_plan_that_cannot_be_read_is_said_where_it_is_needed(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)

    it = lived(tmp_path, life)
    with closing(sqlite3.connect(it.path)) as ledger, ledger:
        ledger.execute("UPDATE plans SET body = 'no plan'")
    assert it.found_again().copies, "nothing asks for it"
    with pytest.raises(HistoryUnreadable, match=r"the plan of MO1 in .*anna.db cannot be read"):
        it.found_again(Interval(since=NOW + 100, until=NOW + 1e6))


def test_copies_of_fills_that_came_while_it_was_read_are_left_out(tmp_path: Path) -> None:
    async def life(user: User, fills: list[pb.Fill]) -> None:
        await trades(user, fills, Side.BUY)
        await trades(user, fills, Side.BUY)

    it = lived(tmp_path, life)
    found = replayed(it.path, it.fills[:1], RULES)
    assert shown(found.copies) == shown(found.real_copies)
    assert found.replayed.won == found.real.won
    assert len(found.copies) == 1
    empty = replayed(it.path, [], RULES)
    assert not empty.copies
    assert not empty.real_copies
    assert not empty.replayed.won
