"""What is noted of a call: whom it is about, what was asked and what was changed; bounded, and no secret."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from krakencopy.supervisor.control.audit_notes import ASKED_MAX, CHANGES_MAX, NAMED_MAX, CallNotes
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2
from tests.support.idle_supervisor import idle_supervisor
from tests.support.supervisor_samples import grouped_config

EVERYBODY = {"master", "anna", "bob", "carl"}
CHANGE = pb.SettingChange(key="order", old_value="a", new_value="b")
SALE = pb.FlattenPosition(account_id="anna", asset="BTC", volume="1")


@pytest.fixture
def notes(tmp_path: Path, journal: Journal) -> CallNotes:
    return CallNotes(idle_supervisor(tmp_path, journal, grouped_config()))


@pytest.mark.parametrize(
    ("request_", "accounts", "standing"),
    [
        (pb.StopAccountRequest(account_id="anna"), ["anna"], {"anna"}),
        (pb.FlattenAccountsRequest(target=pb.TradingTarget(all=True)), ["(all)"], EVERYBODY),
        (
            pb.SetTradingStateRequest(target=pb.TradingTarget(account_ids=["bob"], groups=["eu"])),
            ["bob", "group:eu"], {"anna", "bob", "carl"},
        ),
        (pb.CopyFillRequest(account_ids=["anna", "bob"]), ["anna", "bob"], {"anna", "bob"}),
        (pb.SetSettingsRequest(id="eu"), ["eu"], {"anna", "carl"}),
        (pb.SetSettingsRequest(all=True), ["(all)"], EVERYBODY),
        (pb.PlaceOrderRequest(), ["master"], {"master"}),
        (pb.CancelOrdersRequest(), ["master"], {"master"}),
        (pb.ReloadRequest(), [], set()),
        (pb.StopAccountRequest(account_id="nobody"), ["nobody"], set()),
    ],
)  # fmt: skip
def test_whom_a_call_is_about(
    notes: CallNotes, request_: Message, accounts: list[str], standing: set[str]
) -> None:
    assert notes.asked(request_)["accounts"] == accounts
    assert {key.partition(".")[0] for key in notes.standing(request_)} == standing


def made(**fields: dict[str, str] | str) -> Message:
    """A message of texts and of messages with texts."""
    whole = descriptor_pb2.FileDescriptorProto(name="made.proto", package="made", syntax="proto3")
    top = whole.message_type.add(name="Top")
    for number, (name, value) in enumerate(fields.items(), 1):
        field = top.field.add(
            name=name, number=number, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
        )
        if isinstance(value, str):
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
            continue
        field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".made.{name.title()}"
        inner = whole.message_type.add(name=name.title())
        for place, key in enumerate(value, 1):
            inner.field.add(
                name=key, number=place, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
                label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
            )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(whole)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("made.Top"))(**fields)


def test_what_is_configured_is_named_and_who_asked(notes: CallNotes) -> None:
    asked = notes.asked(made(account={"account_id": "anna", "broker": "kraken"}, changed_by="ann"))
    assert (asked["accounts"], asked["by"]) == (["anna"], "ann")
    assert asked["asked"] == {"account": {"account_id": "anna", "broker": "kraken"}}
    assert notes.asked(made(group={"group_id": "eu"}))["accounts"] == ["group:eu"]
    assert notes.asked(made(group_id="eu"))["accounts"] == ["group:eu"]
    assert set(notes.standing(made(account={"id": "anna"}))) > {"anna.state"}


def test_a_secret_in_an_answer_is_not_noted() -> None:
    assert changed(made(credential={"id": "t1", "name": "ann"}, token="a secret")) == {
        "after": {"credential": "t1"}
    }  # fmt: skip


def test_how_an_account_stands(notes: CallNotes) -> None:
    assert notes.standing(pb.StopAccountRequest(account_id="anna")) == {
        "anna.state": "STOPPED", "anna.wanted": "yes", "anna.paused": "no", "anna.trading": "ACTIVE",
    }  # fmt: skip
    assert "master.paused" not in notes.standing(pb.PlaceOrderRequest())


def test_what_is_asked_has_the_names_of_the_api_and_the_hash_of_all_of_it(notes: CallNotes) -> None:
    request = pb.SetSettingsRequest(
        request_id="r1", id="anna", settings={"order": "limit_ioc"}, set_by="ann", validate_only=True
    )
    assert notes.asked(request) == {
        "request_id": "r1", "accounts": ["anna"],
        "asked": {"id": "anna", "settings": {"order": "limit_ioc"}, "validate_only": True},
        "sha256": sha256(request.SerializeToString(deterministic=True)).hexdigest(),
        "by": "ann", "dry_run": True,
    }  # fmt: skip
    halt = pb.SetTradingStateRequest(state=types_pb2.TRADING_STATE_HALTED, reason="odd", by="bob")
    found = notes.asked(halt)
    assert (found["asked"], found["by"], found["why"]) == ({"state": "TRADING_STATE_HALTED"}, "bob", "odd")
    assert "dry_run" not in found


def test_a_long_request_leaves_its_first_words_and_its_hash(notes: CallNotes) -> None:
    many = pb.FlattenAccountsRequest(target=pb.TradingTarget(account_ids=[f"user{n}" for n in range(5_000)]))
    found = notes.asked(many)
    assert len(found["accounts"]) == NAMED_MAX + 1
    assert found["accounts"][-1] == f"(and {5_000 - NAMED_MAX} more)"
    wide = pb.SetSettingsRequest(id="anna", settings={f"key{n}": "v" * 2_000 for n in range(30)})
    assert len(json.dumps(notes.asked(wide))) < 2 * ASKED_MAX
    text = pb.SetSettingsRequest(id="anna", settings={"include": "x" * 2_000})
    assert notes.asked(text)["asked"]["settings"]["include"].endswith("x")
    assert len(json.dumps(notes.asked(text)["asked"])) < 300


def changed(
    answer: Message, before: dict[str, str] | None = None, after: dict[str, str] | None = None
) -> Any:
    return CallNotes.changed(before or {}, after or {}, answer)


def test_only_what_is_otherwise_is_noted() -> None:
    before = {"anna.paused": "no", "anna.state": "RUNNING", "anna.gone": "x"}
    after = {"anna.paused": "yes", "anna.state": "RUNNING"}
    assert changed(pb.PauseAccountResponse(), before, after) == {
        "before": {"anna.paused": "no", "anna.gone": "x"}, "after": {"anna.paused": "yes"},
    }  # fmt: skip
    assert changed(pb.PauseAccountResponse(), after, after) == {}


@pytest.mark.parametrize(
    ("answer", "before", "after"),
    [
        (
            pb.PlaceOrderResponse(order_id="O1", cl_ord_id="c1", description="buy"), {},
            {"order_id": "O1", "cl_ord_id": "c1", "description": "buy"},
        ),
        (
            pb.SetSettingsResponse(applied=True, settings=[CHANGE]),
            {"order": "a"}, {"order": "b", "applied": "True"},
        ),
        (
            pb.ReloadResponse(
                accounts=[
                    pb.AccountChange(
                        account_id="anna", kind=pb.CHANGE_KIND_CHANGED,
                        settings=[pb.SettingChange(key="copy.order", old_value="a", new_value="b")],
                    )
                ]
            ),
            {"anna": "", "anna.copy.order": "a"}, {"anna": "CHANGED", "anna.copy.order": "b"},
        ),
        (
            pb.FlattenAccountsResponse(positions=[SALE]),
            {}, {"anna.sells.BTC": "1"},
        ),
        (
            pb.CopyFillResponse(answers=[pb.CopyFillAnswer(account_id="anna", reason="SCALED")]), {},
            {"anna.copy": "SCALED"},
        ),
        (
            pb.CancelOrderResponse(
                outcome=types_pb2.CANCEL_OUTCOME_CANCELLED, order=types_pb2.Order(order_id="O1")
            ),
            {}, {"outcome": "CANCEL_OUTCOME_CANCELLED", "order_id": "O1"},
        ),
        (pb.CancelOrdersResponse(cancelled=2, left=1), {}, {"cancelled": "2", "left": "1"}),
        (pb.ResetLimitResponse(names=["day", "week"]), {}, {"names": "day, week"}),
    ],
)  # fmt: skip
def test_what_an_answer_says_was_done(answer: Message, before: dict[str, str], after: dict[str, str]) -> None:
    found = changed(answer)
    assert (found.get("before", {}), found.get("after", {})) == (before, after)


def test_changes_are_bounded() -> None:
    settings = [pb.SettingChange(key=f"k{n}", new_value="x" * 1_000) for n in range(100)]
    found = changed(pb.ReloadResponse(settings=settings))
    assert len(found["after"]) == CHANGES_MAX + 1
    assert found["after"]["more"] == "40"
    assert max(map(len, found["after"].values())) <= 200
