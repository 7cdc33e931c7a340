"""Which of two accounts that are one at the exchange goes on, by their number and by their orders; the
other must not trade.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.account_identity import AccountIdentity
from krakencopy.account_proc.contract.order_ids import copy_order_id, own_order_id
from krakencopy.supervisor.accounts.same_account import Identities, same_account
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import NOW, fill, small_config

ONE, TWO, THREE = (str(AccountIdentity.of(f"AA00 0000 {name}")) for name in ("ONE1", "TWO2", "SIX3"))


class Scene:
    """A master and two users; ben stands before anna in the configuration."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.starts = dict.fromkeys(["master", "ben", "anna"], NOW)
        self.condemned: list[tuple[str, str, str]] = []
        for user in ("ben", "anna"):
            journal.join(user)
        self.identities = self.new_identities()

    def new_identities(self) -> Identities:
        """As after a restart of the supervisor."""
        return Identities(self.journal, EventLog(self.journal), self, small_config("ben", "anna"))

    def process_started_at(self, account_id: str) -> float:
        return self.starts.get(account_id, 0.0)

    def condemn(self, account_id: str, reason: str, message: str) -> None:
        self.condemned.append((account_id, reason, message))

    def who(self) -> list[tuple[str, str]]:
        """Who was condemned since the last question, and for what."""
        condemned, self.condemned = self.condemned, []
        return [(account_id, reason) for account_id, reason, _ in condemned]

    def copy_id(self, account_id: str) -> str:
        return copy_order_id(self.journal.journal_id, account_id, "c1", 1)

    def drift(
        self, order_id: str, cl_ord_id: str, *, at: float = NOW + 1, code: str = "ORDER_MADE_ELSEWHERE"
    ) -> pb.Drift:
        made = pb.Drift(
            code=code, order_id=order_id, cl_ord_id=cl_ord_id, message=f"order {order_id} was made elsewhere"
        )
        made.found_at.FromMicroseconds(round(at * 1e6))
        return made


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Scene]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield Scene(journal)


@pytest.mark.parametrize(
    ("account_id", "identity", "other"),
    [
        ("anna", THREE, ""),
        ("anna", ONE, "master"),
        ("anna", TWO, "ben"),
        ("ben", TWO, ""),
        ("anna", "", ""),
        ("master", TWO, ""),
    ],
)
def test_who_goes_before_whom(account_id: str, identity: str, other: str) -> None:
    known = {"master": ONE, "ben": TWO, "removed": THREE}
    assert same_account(account_id, identity, known, ["master", "ben", "anna"]) == other


def test_the_second_on_an_account_must_not_trade_also_after_a_restart(it: Scene) -> None:
    assert it.identities.admit_account("master", ONE, ())
    assert it.identities.admit_account("anna", TWO, ())
    assert not it.identities.admit_account("ben", TWO, ())
    ((account_id, reason, message),) = it.condemned
    assert (account_id, reason) == ("ben", "SAME_ACCOUNT")
    assert "ben and anna open account …TWO2" in message
    again = it.new_identities()
    assert not again.admit_account("ben", TWO, ())
    assert again.admit_account("anna", TWO, ())


def test_an_account_is_free_when_its_user_has_another_or_is_taken_out(it: Scene) -> None:
    it.identities.admit_account("anna", TWO, ())
    it.identities.admit_account("anna", THREE, ())
    assert it.identities.admit_account("ben", TWO, ())
    it.identities.use_config(small_config("anna"))
    assert it.identities.admit_account("anna", TWO, ())
    # It was taken out, and its process finishes.
    assert it.identities.admit_account("ben", TWO, ())
    assert it.who() == []


def test_a_master_that_comes_to_a_users_account_takes_it(it: Scene) -> None:
    assert it.identities.admit_account("anna", TWO, ())
    assert it.identities.admit_account("master", TWO, ())
    assert it.who() == [("anna", "SAME_ACCOUNT")]


def test_our_own_orders_in_an_accounts_record_say_whose_it_is_before_anything_is_traded(it: Scene) -> None:
    foreign = it.drift("O1", copy_order_id("elsewhere", "ben", "c1", 1))
    assert it.identities.admit_account("anna", "", [foreign])
    assert not it.identities.admit_account("anna", "", [foreign, it.drift("O2", it.copy_id("ben"))])
    assert not it.identities.admit_account(
        "anna", "", [it.drift("O3", own_order_id(it.journal.journal_id, "master", "r1"))]
    )
    assert it.who() == [("anna", "SAME_ACCOUNT")] * 2
    # As of a user that was renamed: the old name is not configured any more.
    it.identities.use_config(small_config("anna"))
    assert it.identities.admit_account("anna", "", [it.drift("O2", it.copy_id("ben"))])


def test_a_fill_of_the_master_that_is_a_users_order_is_copied_by_nobody_and_stops_that_user(
    it: Scene,
) -> None:
    own = own_order_id(it.journal.journal_id, "master", "r1")
    chained = copy_order_id("elsewhere", "master", "c1", 1)
    fills = [
        fill(1), fill(2, cl_ord_id="bot-17"), fill(3, cl_ord_id=own), fill(4, cl_ord_id=chained),
        fill(5, cl_ord_id=it.copy_id("anna")),
    ]  # fmt: skip
    it.identities.set_fills_apart(fills)
    assert [copied.not_copied for copied in fills] == ["", "", "", "", "SAME_ACCOUNT"]
    assert it.who() == [("anna", "SAME_ACCOUNT")]
    (event,) = it.journal.events_after(0, 10)
    assert (event.severity, event.account_id, event.code) == (
        pb.SEVERITY_ERROR,
        "master",
        "FILL_NOT_COPIED",
    )
    assert "made for anna" in event.message
    # One from before its start is not copied either, but whoever started it since may have mended it.
    it.starts["anna"] = NOW + 100
    late = fill(6, cl_ord_id=it.copy_id("anna"))
    it.identities.set_fills_apart([late])
    assert (late.not_copied, it.who()) == ("SAME_ACCOUNT", [])


def test_an_order_that_was_made_elsewhere_stops_its_account_or_the_later_of_two_once(it: Scene) -> None:
    foreign = it.drift("O1", copy_order_id("elsewhere", "anna", "c1", 1))
    it.identities.judge_drifts("anna", [foreign, it.drift("O2", "x", code="ORDER_UNINTENDED")])
    ((account_id, reason, message),) = it.condemned
    assert (account_id, reason) == ("anna", "KEY_USED_ELSEWHERE")
    assert "order O1 was made elsewhere; stop it" in message
    it.who()
    it.identities.judge_drifts("anna", [foreign])
    assert it.who() == []
    # The same state folder at work twice makes ids like our own.
    it.identities.judge_drifts("anna", [it.drift("O3", it.copy_id("anna"))])
    assert it.who() == [("anna", "KEY_USED_ELSEWHERE")]
    for finder, maker in (("ben", "anna"), ("anna", "ben")):
        it.identities.judge_drifts(finder, [it.drift(f"O4{finder}", it.copy_id(maker))])
        assert it.who() == [("anna", "SAME_ACCOUNT")]
    own = own_order_id(it.journal.journal_id, "master", "r1")
    it.identities.judge_drifts("ben", [it.drift("O5", own)])
    assert it.who() == [("ben", "SAME_ACCOUNT")]


def test_what_was_found_before_an_account_was_started_again_does_not_stop_it_again(it: Scene) -> None:
    it.starts["anna"] = NOW + 10
    it.identities.judge_drifts("anna", [it.drift("O1", "6b3a0e0e-0000", at=NOW + 5)])
    it.identities.judge_drifts("ben", [it.drift("O2", it.copy_id("anna"), at=NOW + 5)])
    assert it.who() == []


def test_a_user_that_was_seen_on_the_masters_account_is_taken_to_be_there_until_its_number_says_otherwise(
    it: Scene,
) -> None:
    it.identities.set_fills_apart([fill(1, cl_ord_id=it.copy_id("anna"))])
    it.condemned.clear()
    again = it.new_identities()
    assert again.admit_account("master", "", ())
    assert again.admit_account("ben", "", ())
    assert not again.admit_account("anna", "", ())
    assert not again.admit_account("anna", TWO, ())
    assert it.who() == [("anna", "SAME_ACCOUNT")] * 2
    assert again.admit_account("master", ONE, ())
    assert again.admit_account("anna", TWO, ())
