"""Fills of a replay in mapped pairs: another map, none any more, a rate that nobody wrote, and a pair whose
rules nobody has read.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.history import MasterHistory
from krakencopy.account_proc.simulation.replay import Account, Interval, Replayed, replay
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import BTC, NOW
from tests.support.copying_user import streamed_fill
from tests.support.mapped_user import ALL_PAIRS, DOLLARS, LISTED, TO_EUROS, mapped_user
from tests.support.replayed_lives import EVER, past_of, replayed
from tests.support.scripted_kraken import run

D = Decimal
BTC_EUR = LISTED.pair("BTC/EUR")


def lived(path: Path, *sides: Side, marks: dict[str, str] | None = None) -> list[pb.Fill]:
    """A user with euros copies these fills of a master with dollars."""
    fills: list[pb.Fill] = []

    async def steps() -> None:
        async with mapped_user(ledger) as user:
            for side in sides:
                user.now += 10
                fills.append(user.trade(side, marks=marks))
                await user.done()

    with closing(Ledger(path, "anna")) as ledger:
        run(steps())
    return fills


def found_of(found: Replayed) -> list[tuple[str, str, str, str]]:
    return [(str(copy.state), copy.reason, copy.pair, copy.master_pair) for copy in found.copies]


def test_without_the_map_copies_are_in_the_masters_pair_as_far_from_its_price_as_they_were(
    tmp_path: Path,
) -> None:
    path = tmp_path / "anna.db"
    fills = lived(path, Side.BUY, Side.SELL)
    found = replayed(path, fills, CopyRules(), pairs=ALL_PAIRS)
    assert found_of(found) == [
        (CopyState.FILLED, "SCALED", "BTC/USD", ""), (CopyState.FILLED, "EXIT_FULL", "BTC/USD", ""),
    ]  # fmt: skip
    # Filled at 40000 euros for 50000 dollars at 0.8.
    assert [copy.cost / copy.filled for copy in found.copies] == [50_000, 50_000]


def test_with_a_map_that_was_not_there_then_copies_are_in_its_pair(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    fills = lived(path, Side.BUY, Side.SELL)
    other = replace(TO_EUROS, map={"BTC/USD": "*/USD"})
    assert {copy.pair for copy in replayed(path, fills, other, pairs=ALL_PAIRS).copies} == {"BTC/USD"}
    away = replayed(path, fills, replace(TO_EUROS, exclude=("BTC/USD",)), pairs=ALL_PAIRS)
    assert [copy.reason for copy in away.copies] == [Reason.PAIR_EXCLUDED, Reason.NO_COPIED_POSITION]
    # The pair that is traded is not what filters go by.
    stays = replayed(path, fills, replace(TO_EUROS, exclude=("BTC/EUR",)), pairs=ALL_PAIRS)
    assert [copy.state for copy in stays.copies] == [CopyState.FILLED, CopyState.FILLED]


def test_what_was_bought_in_the_mapped_pair_before_is_sold_there_when_the_map_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    fills = lived(path, Side.BUY, Side.SELL)
    found = replayed(path, fills, CopyRules(), Interval(since=NOW + 15, until=EVER.until), pairs=ALL_PAIRS)
    assert found_of(found) == [(CopyState.FILLED, "EXIT_FULL", "BTC/EUR", "BTC/USD")]


def test_a_rate_that_did_not_come_with_the_fill_is_that_of_the_real_copy(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    fills = lived(path, Side.BUY, marks={})
    found = replayed(path, fills, TO_EUROS, pairs=ALL_PAIRS)
    assert [copy.planned for copy in found.copies] == [copy.planned for copy in found.real_copies]
    assert found.assumptions == ()


def begun(*fills: pb.Fill, rules: CopyRules = TO_EUROS, known: bool = True) -> Replayed:
    """A user that was not there, with 80 euros."""
    account = Account(account_id="anna", rules=rules, history=None, wallet={"EUR": D(80)})
    master = MasterHistory(journal_id="a journal", fills=fills)
    return replay(account, past_of(master, [BTC, BTC_EUR] if known else [BTC]))


def bought(number: int, rate: str = DOLLARS) -> pb.Fill:
    fill = streamed_fill(number, Side.BUY, "BTC/USD", NOW + number)
    if rate:
        fill.marks["EUR"] = rate
    return fill


def test_the_last_known_rate_is_taken_where_there_is_no_other_and_that_is_said() -> None:
    found = begun(bought(1), bought(2, ""))
    assert [copy.pair for copy in found.copies if copy.filled] == ["BTC/EUR"] * 2
    assert any(
        "the rate of 1 fills in mapped pairs did not come with them" in each for each in found.assumptions
    )
    assert [copy.reason for copy in begun(bought(1, "")).copies] == [Reason.NO_MARK]


@pytest.mark.parametrize("known", [True, False])
def test_rules_that_nobody_read_are_those_of_the_masters_pair_and_that_is_said(*, known: bool) -> None:
    found = begun(bought(1), known=known)
    assert [(copy.pair, copy.state) for copy in found.copies] == [("BTC/EUR", CopyState.FILLED)]
    assert any("those of BTC/USD are taken" in each for each in found.assumptions) is not known
