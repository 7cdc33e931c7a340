"""Commands against grpc_testing's channel: what is asked, what is shown, how it ends. No server, no
socket.
"""

from __future__ import annotations

import json
from argparse import Namespace
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
import grpc_testing  # type: ignore[import-untyped]  # no stubs
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from krakencopy.client.cli.main import main
from krakencopy.client.cli.run import run
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import SERVICE, refusal

#: Either the answer, or the RPC and the status that refuses it.
Given = Message | tuple[str, grpc.Status]


class Terminal:
    """Runs one command and answers what it asks, in the order given."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._channel = grpc_testing.channel([SERVICE], grpc_testing.strict_real_time())
        self.asked: list[Any] = []
        self.out = self.err = ""

    def run(self, line: str, *answers: Given) -> int:
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(run, line.split(), self._dial)
            for answer in answers:
                self._answer(answer, ended)
            code = ended.result(10)
        captured = self._capsys.readouterr()
        self.out, self.err = captured.out, captured.err
        return code

    def objects(self) -> list[dict[str, Any]]:
        """Standard output, read as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def _dial(self, _arguments: Namespace) -> MessageClient:
        return MessageClient(channel=self._channel)

    def _answer(self, answer: Given, ended: Future[int]) -> None:
        assert not ended.done(), "the command ended before it asked"
        if isinstance(answer, Message):
            rpc = self._take(type(answer).__name__.removesuffix("Response"))
            rpc.terminate(answer, (), grpc.StatusCode.OK, "")
        else:
            name, status = answer
            rpc = self._take(name)
            rpc.terminate(None, status.trailing_metadata, status.code, status.details)

    def _take(self, name: str) -> Any:
        _, request, rpc = self._channel.take_unary_unary(SERVICE.methods_by_name[name])
        self.asked.append(request)
        return rpc


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


NOT_FOUND = refusal(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "no account 'eve'; there are bob, master")


def test_status_shows_the_system_and_ends_with_0_even_when_it_is_not_ready(terminal: Terminal) -> None:
    assert terminal.run("status", samples.status(ready=False, message="bob waits")) == 0
    assert terminal.out.startswith("system       NOT READY: bob waits\n")
    assert terminal.err == ""


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("status", samples.status()),
        ("report", pb.GetReportResponse(fills=3)),
        ("why 12", samples.explanation()),
        ("accounts bob", pb.GetAccountResponse(account=samples.user())),
        ("order buy BTC/USD 0.005 --yes", pb.PlaceOrderResponse(order_id="O1")),
        ("shutdown --yes", pb.ShutdownResponse()),
        ("reload --dry-run", samples.reloaded(applied=False)),
        ("wait --ready", samples.status()),
    ],
)
def test_json_is_one_object_from_which_the_message_can_be_read_back(
    terminal: Terminal, line: str, answer: Message
) -> None:
    assert terminal.run(f"{line} -o json", answer) == 0
    [found] = terminal.objects()
    expected = getattr(answer, "account", answer)
    assert ParseDict(found, type(expected)()) == expected
    assert set(found) >= {field.name for field in expected.DESCRIPTOR.fields if not field.has_presence}


@pytest.mark.parametrize(
    ("line", "answer", "expected"),
    [
        (
            "accounts",
            pb.ListAccountsResponse(accounts=[samples.master(), samples.user()]),
            [samples.master(), samples.user()],
        ),
        (
            "fills",
            pb.ListFillsResponse(fills=[samples.fill(2), samples.fill(1)]),
            [samples.fill(1), samples.fill(2)],
        ),
        (
            "fills --after 0",
            pb.ListFillsResponse(fills=[samples.fill(1), samples.fill(2)]),
            [samples.fill(1), samples.fill(2)],
        ),
        (
            "copies",
            pb.ListCopiesResponse(copies=[samples.copy("bob", 2), samples.copy("bob", 1)]),
            [samples.copy("bob", 1), samples.copy("bob", 2)],
        ),
        (
            "events",
            pb.ListEventsResponse(events=[samples.event(2), samples.event(1)]),
            [samples.event(1), samples.event(2)],
        ),
    ],
)
def test_lists_are_one_object_or_one_row_for_each_with_the_latest_last(
    terminal: Terminal, line: str, answer: Message, expected: list[Message]
) -> None:
    assert terminal.run(f"{line} -o json", answer) == 0
    assert [ParseDict(found, type(expected[0])()) for found in terminal.objects()] == expected
    assert terminal.run(line, answer) == 0
    header, *rows = terminal.out.splitlines()
    assert header.split()[0] in {"ACCOUNT", "FILL", "EVENT"}
    assert len(rows) == len(expected)


@pytest.mark.parametrize(
    ("line", "request_made"),
    [
        ("fills", pb.ListFillsRequest(page_size=20)),
        ("fills --after 7", pb.ListFillsRequest(page_size=1000, after_seq=7)),
        ("fills --limit 0", pb.ListFillsRequest(page_size=1000)),
        ("copies", pb.ListCopiesRequest(page_size=20)),
        (
            "copies --account bob --fill 7 --state skipped",
            pb.ListCopiesRequest(page_size=20, account_id="bob", fill_seq=7, state=nouns.COPY_STATE_SKIPPED),
        ),
        ("events --account bob", pb.ListEventsRequest(page_size=20, account_id="bob")),
        (
            "fills --since 2026-01-02T03:04:05Z --until 2026-01-02T04:04:06.5",
            pb.ListFillsRequest(page_size=1000, since=samples.at(), until=samples.at(1500)),
        ),
        ("report --until 2026-01-02T03:04:05Z", pb.GetReportRequest(until=samples.at())),
        (
            "copies --since 2026-01-02T03:04:05Z --limit 5",
            pb.ListCopiesRequest(page_size=5, since=samples.at()),
        ),
        ("events --until 2026-01-02T03:04:05Z", pb.ListEventsRequest(page_size=20, until=samples.at())),
        ("why 12", pb.ExplainFillRequest(seq=12)),
        ("why TABC-1", pb.ExplainFillRequest(exec_id="TABC-1")),
        (
            "order sell btc/usd 0.005 --limit 60000 --request-id mine",
            pb.PlaceOrderRequest(
                request_id="mine", pair="btc/usd", side=nouns.SIDE_SELL, volume="0.005", limit_price="60000"
            ),
        ),
    ],
)
def test_what_is_typed_is_what_is_asked(terminal: Terminal, line: str, request_made: Message) -> None:
    answer = getattr(pb, type(request_made).__name__.replace("Request", "Response"))()
    if isinstance(request_made, pb.GetReportRequest):
        answer.until.CopyFrom(request_made.until)
    assert terminal.run(line, answer) == 0
    assert terminal.asked == [request_made]


def test_all_accounts_are_stopped_users_first_and_started_master_first(terminal: Terminal) -> None:
    accounts = pb.ListAccountsResponse(accounts=[samples.master(), samples.user("ann"), samples.user("bob")])
    stopped, started = pb.StopAccountResponse(), pb.StartAccountResponse()
    assert terminal.run("stop --all", accounts, stopped, stopped, stopped) == 0
    assert [request.account_id for request in terminal.asked[1:]] == ["bob", "ann", "master"]
    terminal.asked.clear()
    assert terminal.run("start --all", accounts, started, started, started) == 0
    assert [request.account_id for request in terminal.asked[1:]] == ["master", "ann", "bob"]


def test_an_account_that_does_not_exist_is_refused_with_the_servers_text(terminal: Terminal) -> None:
    assert terminal.run("accounts eve", ("GetAccount", NOT_FOUND)) == 1
    assert terminal.out == ""
    assert terminal.err == "krakencopy: no account 'eve'; there are bob, master (ACCOUNT_NOT_FOUND)\n"


def test_one_account_that_is_refused_does_not_keep_the_others_from_it(terminal: Terminal) -> None:
    known = [pb.GetAccountResponse(account=samples.user(name)) for name in ("ann", "eve", "bob")]
    stopping = [
        pb.StopAccountResponse(account=samples.user(name, nouns.ACCOUNT_STATE_STOPPING))
        for name in ("ann", "bob")
    ]
    refused = ("StopAccount", NOT_FOUND)  # it was taken out after it was looked for
    assert terminal.run("stop ann eve bob", *known, stopping[0], refused, stopping[1]) == 1
    assert terminal.out == "".join(f"{name}: stop accepted; now STOPPING\n" for name in ("ann", "bob"))
    assert terminal.err.count("no account 'eve'") == 1


def test_what_was_started_is_one_object_of_json(terminal: Terminal) -> None:
    known = pb.GetAccountResponse(account=samples.user())
    started = pb.StartAccountResponse(account=samples.user())
    assert terminal.run("start bob -o json", known, started) == 0
    [found] = terminal.objects()
    assert ParseDict(found, nouns.Account()) == samples.user()


CHANGES = [
    "added: ann (it copies what the master trades from now on)",
    "removed: bob (it has no process)",
    "changed: eve: copy.max_user_risk 0.10 -> 0.05, strategy (not set) -> mine (its process restarts)",
    "changed: startup.nonce_separation_s 5 -> 0 (at once)",
]


def test_a_reload_says_what_it_has_changed_one_line_each(terminal: Terminal) -> None:
    assert terminal.run("reload --yes", samples.reloaded(applied=True)) == 0
    assert terminal.out.splitlines() == CHANGES
    assert not terminal.asked[-1].dry_run
    assert terminal.run("reload --dry-run", samples.reloaded(applied=False)) == 0
    assert terminal.out.splitlines() == [*CHANGES, "a dry run: nothing of this was applied"]
    assert terminal.asked[-1].dry_run
    # It looks first whether accounts are taken out.
    assert terminal.run("reload", pb.ReloadResponse(), pb.ReloadResponse(applied=True)) == 0
    assert terminal.out == "nothing has changed\n"


def test_a_bad_configuration_ends_with_78_and_a_line_for_each_fault(terminal: Terminal) -> None:
    faults = "c.toml: line 7: not TOML; see https://toml.io\nc.toml: exchange.mode: missing; write one"
    refused = refusal(grpc.StatusCode.INVALID_ARGUMENT, "BAD_CONFIGURATION", faults)
    assert terminal.run("reload", ("Reload", refused)) == 78
    assert terminal.out == ""
    assert terminal.err.splitlines() == [
        "krakencopy: the configuration cannot be used; nothing was changed",
        "krakencopy: c.toml: line 7: not TOML; see https://toml.io",
        "krakencopy: c.toml: exchange.mode: missing; write one",
    ]


def test_an_order_says_what_the_exchange_made_of_it(terminal: Terminal) -> None:
    placed = pb.PlaceOrderResponse(order_id="O1", cl_ord_id="kc-1", description="buy 0.005 XBTUSD @ market")
    assert terminal.run("order buy XBTUSD 0.005 --yes", placed) == 0
    assert terminal.out == (
        "placed on the master: buy 0.005 XBTUSD @ market\n  order O1, cl_ord_id kc-1\n"
        "  see it: krakencopy orders O1; end it: krakencopy cancel O1\n"
    )


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (grpc.StatusCode.UNKNOWN, 4),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 5),
        (grpc.StatusCode.UNAVAILABLE, 2),
    ],
)
def test_an_order_whose_outcome_nobody_knows_says_how_to_find_out(
    terminal: Terminal, code: grpc.StatusCode, exit_code: int
) -> None:
    lost = ("PlaceOrder", refusal(code, "ORDER_OUTCOME_UNKNOWN", "no answer"))
    assert terminal.run("order buy BTC/USD 1 --yes", lost) == exit_code
    assert f"give it again with --request-id {terminal.asked[-1].request_id}" in terminal.err
    assert terminal.err.count("\n") == 1


def test_an_order_that_was_refused_is_not_said_to_be_in_doubt(terminal: Terminal) -> None:
    refused = refusal(
        grpc.StatusCode.FAILED_PRECONDITION, "EXCHANGE_REFUSED", "not enough USD",
        metadata={"exchange_error": "EOrder:Insufficient funds"},
    )  # fmt: skip
    assert terminal.run("order buy BTC/USD 1 --yes", ("PlaceOrder", refused)) == 1
    assert terminal.err == "krakencopy: not enough USD (EOrder:Insufficient funds)\n"


def test_what_the_exchange_said_is_not_repeated(terminal: Terminal) -> None:
    theirs = "EOrder:Insufficient funds"
    refused = refusal(
        grpc.StatusCode.FAILED_PRECONDITION, "EXCHANGE_REFUSED", f"the exchange refused it: {theirs}",
        metadata={"exchange_error": theirs},
    )  # fmt: skip
    assert terminal.run("order buy BTC/USD 1 --yes", ("PlaceOrder", refused)) == 1
    assert terminal.err == f"krakencopy: the exchange refused it: {theirs}\n"


@pytest.mark.parametrize(
    ("line", "answer", "said"),
    [
        ("fills", pb.ListFillsResponse(), "no fills"),
        ("copies --state rejected", pb.ListCopiesResponse(), "no such copies"),
        ("events --account eve", pb.ListEventsResponse(), "no events about eve"),
    ],
)
def test_people_are_told_that_there_is_nothing_and_programs_get_nothing(
    terminal: Terminal, line: str, answer: Message, said: str
) -> None:
    assert terminal.run(line, answer) == 0
    assert terminal.out == f"{said}\n"
    assert terminal.run(f"{line} -o json", answer) == 0
    assert terminal.out == ""


@pytest.mark.parametrize(
    ("traded", "said"),
    [
        ([], "no fills of xbt/eur\n"),
        (["BTC/EUR", "BTC/USD", "ETH/USD"], "no fills of xbt/eur (there are fills of BTC/EUR, ...)\n"),
        (["ADA/JPY", "QQ/ZZ"], "no fills of xbt/eur (there are fills of ADA/JPY, QQ/ZZ)\n"),
    ],
)
def test_where_a_pair_has_no_fills_those_that_have_are_named(
    terminal: Terminal, traded: list[str], said: str
) -> None:
    status = pb.GetStatusResponse(pairs=traded)
    assert terminal.run("fills --pair xbt/eur --limit 5", pb.ListFillsResponse(), status) == 0
    assert terminal.asked[0] == pb.ListFillsRequest(page_size=5, pair="xbt/eur")
    assert terminal.out == said


def test_accounts_tells_below_the_table_what_there_is_to_say(terminal: Terminal) -> None:
    blocked = samples.user("eve", nouns.ACCOUNT_STATE_WAITING, "MASTER_NOT_READY", "start the master")
    assert terminal.run("accounts", pb.ListAccountsResponse(accounts=[samples.master(), blocked])) == 0
    assert terminal.out.splitlines()[-2:] == ["", "eve: start the master"]


def test_an_order_that_never_left_is_not_said_to_be_in_doubt(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["order", "buy", "BTC/USD", "1", "--state-dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "is krakencopyd running" in error
    assert "may have been placed" not in error
