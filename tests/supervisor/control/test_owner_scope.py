"""What an owner gets of an answer: its own account, and nothing of others, of the master, or of all."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2

from krakencopy.account_proc.contract.refusals import error_details
from krakencopy.supervisor.control.owner_scope import NAMED, OWN, hide_names, own_refusal
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

SERVICE = pb.DESCRIPTOR.services_by_name["ControlService"]
MINE, FOREIGN = "anna", "FOREIGN"


def test_each_method_that_owners_may_call_says_what_is_theirs_of_its_answer() -> None:
    assert OWN.keys() == NAMED.keys()


def fill(message: Any, account: str, depth: int = 0) -> None:
    """Sets every text of a message to an account's id, or to something foreign, and every list to one of
    each.
    """
    for field in message.DESCRIPTOR.fields:
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if is_map or depth > 5:
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            if field.message_type.full_name.startswith("google."):
                continue
            if field.is_repeated:
                for whose in (MINE, FOREIGN) if depth == 0 else (account,):
                    fill(getattr(message, field.name).add(), whose, depth + 1)
            else:
                fill(getattr(message, field.name), account, depth + 1)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                getattr(message, field.name).append(account)
            else:
                setattr(message, field.name, account)


@pytest.mark.parametrize("name", sorted(OWN.keys() - {"WhoAmI"}))
def test_nothing_foreign_is_left_in_an_answer(name: str) -> None:
    """Every text of it is foreign, but for what is within an item of the owner's own."""
    kind = GetMessageClass(SERVICE.methods_by_name[name].output_type)
    answer = kind()
    fill(answer, FOREIGN)
    if SERVICE.methods_by_name[name].server_streaming or name in {
        "GetAccount",
        "StopAccount",
        "PauseAccount",
    }:
        assert OWN[name](answer, MINE) is None
        mine = kind()
        fill(mine, MINE)
        assert OWN[name](mine, MINE) is not None
        return
    found = OWN[name](answer, MINE)
    assert found is not None
    # What says where an answer goes on, what was traded, and of which kind the run is.
    public = {"next_page_token", "version", "mode", "exec_id", "pair", "price", "volume"}
    assert list(foreign_in(found, public)) == []
    assert MINE in str(found)


def foreign_in(message: Message, public: set[str]) -> Any:
    for field, value in message.ListFields():
        if field.name in public:
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in value if field.is_repeated else [value]:
                yield from foreign_in(each, public)
        elif value == FOREIGN:
            yield field.full_name


def test_a_fill_is_shown_as_what_was_traded_and_not_what_the_master_has() -> None:
    answer = pb.ExplainFillResponse(
        fill=types_pb2.Fill(
            seq=7, pair="BTC/USD", price="1", volume="2", master_equity="10", master_cash="5", order_id="O",
            master_position="3", journal_position="4", fee=types_pb2.Money(amount="1"), marks={"BTC": "1"},
        )
    )  # fmt: skip
    found = OWN["ExplainFill"](answer, MINE)
    assert found == pb.ExplainFillResponse(fill=types_pb2.Fill(seq=7, pair="BTC/USD", price="1", volume="2"))


def test_a_status_is_ready_when_its_own_account_runs() -> None:
    running = types_pb2.Account(id=MINE, state=types_pb2.ACCOUNT_STATE_RUNNING)
    other = types_pb2.Account(id="bob", state=types_pb2.ACCOUNT_STATE_FAILED)
    answer = pb.GetStatusResponse(message="bob is FAILED", accounts=[running, other], pid=7, head_seq=3)
    found = OWN["GetStatus"](answer, MINE)
    assert found == pb.GetStatusResponse(
        ready=True, exchange=pb.ExchangeStatus(), accounts=[running], head_seq=3
    )  # fmt: skip
    gone = OWN["GetStatus"](answer, "carl")
    assert isinstance(gone, pb.GetStatusResponse)
    assert not gone.ready
    assert list(gone.accounts) == []


def test_texts_for_people_name_no_others() -> None:
    notice = types_pb2.Notice(message="the keys of anna and bob open one account")
    account = types_pb2.Account(
        id=MINE, message="bob, bob-2 and bobby: anna waits for the master", notices=[notice], broker="bob"
    )
    event = types_pb2.Event(message="bob!", data={"of": "bob", "pair": "BTC/USD"})
    for message in (account, event):
        hide_names(message, ["bob", "bob-2", "master"])
    hidden = "(another account)"
    assert account.message == f"{hidden}, {hidden} and bobby: anna waits for the master"
    assert account.notices[0].message == f"the keys of anna and {hidden} open one account"
    assert account.broker == "bob", "only texts"
    assert (event.message, dict(event.data)) == (f"{hidden}!", {"of": hidden, "pair": "BTC/USD"})
    hide_names(event, [])


def test_a_refusal_names_no_others() -> None:
    def status(reason: str) -> bytes:
        found = status_pb2.Status(code=5, message="there are bob, carl")
        for part in error_details(reason):
            found.details.add().Pack(part)
        return bytes(found.SerializeToString())

    assert b"carl" not in own_refusal(status("ACCOUNT_NOT_FOUND"))
    assert b"ACCOUNT_NOT_FOUND" in own_refusal(status("ACCOUNT_NOT_FOUND"))
    assert own_refusal(status("COMPACTED")) == status("COMPACTED")
