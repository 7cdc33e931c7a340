from __future__ import annotations

from typing import Any

import pytest

from krakencopy.client import BadInput, TradingState
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Scripted


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("ACTIVE", nouns.TRADING_STATE_ACTIVE),
        ("REDUCING", nouns.TRADING_STATE_REDUCING),
        ("HALTED", nouns.TRADING_STATE_HALTED),
    ],
)
def test_a_state_is_said_for_whom_and_by_whom(
    endpoint: str, supervisor: Scripted, word: str, state: Any
) -> None:
    with MessageClient(endpoint) as sdk:
        sdk.set_trading_state(word, account_ids=["bob"], groups=["eu"], reason="odd", request_id="r")  # type: ignore[arg-type]  # of the table
        sdk.set_trading_state(word, everyone=True, by="limit day")  # type: ignore[arg-type]  # the same
    first, second = supervisor.requests(pb.SetTradingStateRequest)
    assert first == pb.SetTradingStateRequest(
        request_id="r", target=pb.TradingTarget(account_ids=["bob"], groups=["eu"]),
        state=state, reason="odd", by=operator_name(),
    )  # fmt: skip
    assert (second.target.all, second.by) == (True, "limit day")


def test_users_sell_or_only_say_what_they_would(endpoint: str, supervisor: Scripted) -> None:
    with MessageClient(endpoint) as sdk:
        sdk.flatten_accounts(account_ids=["bob"], dry_run=True)
        sdk.flatten_accounts(everyone=True, reason="leaving", by="ann", request_id="r")
    first, second = supervisor.requests(pb.FlattenAccountsRequest)
    assert (list(first.target.account_ids), first.dry_run, first.by) == (["bob"], True, operator_name())
    assert second == pb.FlattenAccountsRequest(
        request_id="r", target=pb.TradingTarget(all=True), reason="leaving", by="ann"
    )


def test_a_word_that_is_no_state_is_bad_input(sdk: MessageClient) -> None:
    with pytest.raises(BadInput, match="write 'ACTIVE', 'REDUCING' or 'HALTED'"):
        sdk.set_trading_state("HALT", everyone=True)  # type: ignore[arg-type]  # that is what is tested


def test_a_state_may_be_given_as_an_account_has_it(sdk: MessageClient, supervisor: Scripted) -> None:
    sdk.set_trading_state(TradingState.REDUCING, everyone=True)
    assert supervisor.requests(pb.SetTradingStateRequest)[0].state == nouns.TRADING_STATE_REDUCING
