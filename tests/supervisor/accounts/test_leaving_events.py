"""What is said of users that leave, and of those that come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.account_proc.contract.trading_states import StateSetting, TradingState, limit_scope
from krakencopy.account_proc.contract.trading_status import status_message
from krakencopy.supervisor.accounts.leaving_events import leaving_events, leaving_words, returned
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.leaving_accounts import Leaver
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import Life, State
from tests.support.idle_supervisor import idle_supervisor
from tests.support.supervisor_samples import small_config
from tests.support.trading_links import TradingLink, set_living

GOING = Leaver(OnLeave.CLOSE_ALL, {}, 1_795_336_500.0)
SLOWLY = Leaver(OnLeave.CLOSE_ONLY, {}, 1_795_336_500.0)
STAYS = Leaver(OnLeave.CLOSE_ONLY, {})


def test_only_who_was_leaving_comes_back() -> None:
    assert returned({"a": GOING, "b": STAYS, "c": GOING}, {"c": GOING}) == ["a"]


def test_each_is_one_event() -> None:
    found = leaving_events({"a": GOING}, ["b"])
    assert [(event.account_id, event.code) for event in found] == [
        ("a", "ACCOUNT_LEAVING"),
        ("b", "ACCOUNT_RETURNED"),
    ]
    assert "on_leave = close_all" in found[0].message


@pytest.fixture
def anna(tmp_path: Path) -> Iterator[tuple[SupervisedAccount, TradingLink]]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        supervisor = idle_supervisor(tmp_path, journal, small_config("anna"))
        account = supervisor.accounts["anna"]
        yield account, set_living(account, supervisor.place.states)
        supervisor.trading.close()


def test_words_say_since_when_and_how(anna: tuple[SupervisedAccount, TradingLink]) -> None:
    words = partial(leaving_words, account=anna[0], master_serves=True)
    assert words(None) == words(STAYS) == ""
    assert words(GOING).startswith("leaves since 2026-11-")
    assert words(GOING).endswith("it buys nothing, and ends once all is sold")
    assert "when the master has left its coins" in words(SLOWLY)


def test_words_say_what_keeps_it_from_selling(anna: tuple[SupervisedAccount, TradingLink]) -> None:
    account, link = anna

    def waits(leaver: Leaver, *, master_serves: bool = True) -> str:
        words = leaving_words(leaver, account, master_serves=master_serves)
        return words.partition("; nothing is sold now: ")[2]

    assert waits(GOING, master_serves=False) == waits(SLOWLY) == ""
    assert waits(SLOWLY, master_serves=False) == "it sells as the master does, which is not there"
    account.paused = True
    assert waits(GOING) == ""
    assert waits(SLOWLY).startswith("it is paused")
    halted = StateSetting(state=TradingState.HALTED, by="limit day", reason="", at=1.0)
    link.snapshot.trading.CopyFrom(
        status_message(halted.state, {limit_scope("day"): halted}, version=1, fault="")
    )
    assert waits(GOING) == waits(SLOWLY) == "it is HALTED (by limit day) until that is lifted"
    account.process.link = None
    account.life = Life(
        account_id="anna", state=State.WAITING, reason="MASTER_NOT_READY", message="the master is FAILED"
    )
    assert waits(GOING) == "it is WAITING (MASTER_NOT_READY: the master is FAILED)"
