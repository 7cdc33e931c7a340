"""Accounts: listed in pages, shown, asked of the exchange with time for it."""

from __future__ import annotations

from krakencopy.client.sdk.calls import account_calls as calls
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Scripted


def test_accounts_are_listed_and_each_is_shown_by_its_id(sdk: MessageClient, supervisor: Scripted) -> None:
    bob = nouns.Account(id="bob")
    supervisor.on["ListAccounts"] = lambda _request, _context: pb.ListAccountsResponse(accounts=[bob])
    supervisor.on["GetAccount"] = lambda _request, _context: pb.GetAccountResponse(account=bob)
    assert list(sdk.list_accounts()) == [sdk.get_account("bob")] == [bob]
    assert supervisor.requests(pb.GetAccountRequest) == [pb.GetAccountRequest(account_id="bob")]


def test_what_asks_the_exchange_has_time_for_it() -> None:
    assert calls.get_nonce("bob").timeout_s == 20.0
    assert calls.get_nonce("bob", timeout_s=3.0).timeout_s == 3.0


def test_a_new_name_of_a_coin_is_kept_for_ever_and_a_process_started_by_its_run_alone() -> None:
    assert calls.rename_asset("MATIC", "POL").once_for_ever
    for call in (calls.start_account, calls.stop_account, calls.restart_account, calls.pause_account):
        assert not call("bob").once_for_ever
    assert not calls.resume_account("bob").once_for_ever
