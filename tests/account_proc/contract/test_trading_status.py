from __future__ import annotations

from krakencopy.account_proc.contract.trading_states import (
    ALL,
    LIMIT,
    ON_LEAVE,
    StateSetting,
    TradingState,
    TradingStates,
    account_scope,
    group_scope,
)
from krakencopy.account_proc.contract.trading_status import (
    NO_VERSION,
    taken_back_words,
    trading_status,
)
from krakencopy.v1 import types_pb2 as pb


def said(state: TradingState, reason: str = "") -> StateSetting:
    return StateSetting(state=state, by="operator ann", reason=reason, at=1_700_000_000.5)


def test_without_a_word_an_account_is_active_and_has_nothing_to_sell() -> None:
    status = trading_status(TradingStates(), "bob")
    assert status == pb.TradingStatus(state=pb.TRADING_STATE_ACTIVE, version=NO_VERSION)


def test_the_strictest_holds_and_each_word_is_there_the_widest_first() -> None:
    states = TradingStates().with_state([account_scope("bob")], said(TradingState.REDUCING))
    states = states.with_state([group_scope("eu")], said(TradingState.HALTED, "odd orders"))
    states = states.with_state([ALL, account_scope("eve")], said(TradingState.REDUCING))
    status = trading_status(states, "bob", "eu", version=3)
    assert (status.state, status.version) == (pb.TRADING_STATE_HALTED, 3)
    assert [(one.scope, one.state) for one in status.settings] == [
        ("all", pb.TRADING_STATE_REDUCING),
        ("group:eu", pb.TRADING_STATE_HALTED),
        ("account:bob", pb.TRADING_STATE_REDUCING),
    ]
    group = status.settings[1]
    assert (group.by, group.reason, group.at.ToJsonString()) == (
        "operator ann",
        "odd orders",
        "2023-11-14T22:13:20.500Z",
    )


def test_an_order_to_sell_is_one_that_nobody_has_read_yet() -> None:
    states = TradingStates().with_flatten(["bob"], "operator ann", "leaving", 1.0)
    flatten = trading_status(states, "bob", fault="it is gone").flatten
    assert (flatten.number, flatten.state, flatten.by, flatten.reason, flatten.at.seconds) == (
        1, pb.FLATTEN_STATE_REQUESTED, "operator ann", "leaving", 1,
    )  # fmt: skip
    assert not trading_status(states, "eve").HasField("flatten")


def taken_back(states: TradingStates, shown: pb.TradingStatus | None = None, by: str = "ann") -> str:
    after = states.with_flatten_taken_back(["bob"], by, "slip", 9.0)
    return taken_back_words(states, after, "bob", shown or pb.TradingStatus())


def test_what_comes_of_taking_back_a_flatten_is_said() -> None:
    ordered = TradingStates().with_flatten(["bob"], "operator ann", "leaving", 1.0)
    assert taken_back(ordered) == "what of its flatten is not sold yet is held again"
    done = pb.TradingStatus(flatten=pb.Flatten(number=1, state=pb.FLATTEN_STATE_DONE))
    assert taken_back(ordered, done) == "its flatten was done, nothing of it is left to be taken back"
    twice = ordered.with_flatten_taken_back(["bob"], "ann", "slip", 2.0)
    assert taken_back(twice) == "no flatten of it is owed"
    by_leaving = TradingStates().with_flatten(["bob"], ON_LEAVE, "", 1.0)
    assert taken_back(by_leaving) == "its flatten was ordered by on_leave, and is not taken back by this"
    limited = pb.TradingStatus(settings=[pb.TradingStateSetting(scope=f"{LIMIT}day")])
    assert taken_back(TradingStates(), limited) == (
        "no flatten of it is owed, and what a limit of its own sells is not taken back by this"
    )


def test_a_flatten_that_is_taken_back_beside_one_of_others_goes_on() -> None:
    ordered = TradingStates().with_flatten(["bob"], "operator ann", "", 1.0)
    again = ordered.with_flatten_taken_back(["bob"], "ann", "", 2.0).with_flatten(
        ["bob"], "limit day", "", 2.0
    )
    words = taken_back_words(ordered, again, "bob", pb.TradingStatus())
    assert words == "its flatten is taken back, and it sells all the same: by limit day"
