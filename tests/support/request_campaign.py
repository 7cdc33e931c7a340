"""Generated requests against real processes: a supervisor with its accounts, and accounts alone, which are
asked as the supervisor asks them. What must not be is a finding: a call without an answer, a refusal whose
reason is not published, an order that nobody asked for, a process that ends.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpclib.exceptions import GRPCError
from h2.exceptions import ProtocolError as HttpError
from hypothesis import HealthCheck, Phase, given, seed, settings

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.account_proc.contract.refusals import INTERNAL_FAULT
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role, Tier
from krakencopy.supervisor.accounts.grpc_client import METHODS, RpcClient
from krakencopy.supervisor.processes.spawner import Child, ExecSpawner
from krakencopy.v1 import account_pb2, control_pb2, types_pb2
from tests.support.generated_requests import Generated, Plausible, Requests, text_field
from tests.support.system import Paper, System

CONTROL = control_pb2.DESCRIPTOR.services_by_name["ControlService"]
ACCOUNT = account_pb2.DESCRIPTOR.services_by_name["AccountService"]
#: A call that has no answer after so long has none, in seconds.
ANSWER_S = 30.0
#: A stream that has said nothing for so long has nothing to say, in seconds.
STREAM_S = 0.02
#: Answers of a stream that are read.
STREAM_ANSWERS = 3
#: Characters of a refusal's text at most, but of the faults of a configuration.
TEXT_MAX = 300
#: Examples that Hypothesis draws at a time: it remembers each of them.
CHUNK = 1_000
#: Refusals for a field's value that no field causes alone.
_NO_FIELD = {"REQUEST_UNREADABLE", "BAD_CONFIGURATION", "NO_START", "NOT_ADMITTED"}
_ORDER_VOLUME = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)


@dataclass
class Findings:
    """What a campaign came to."""

    calls: Counter[str] = field(default_factory=Counter)
    #: How calls were refused, by their reason.
    reasons: Counter[str] = field(default_factory=Counter)
    #: What must not be, each with the first call that led to it.
    faults: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    #: The longest time that a process's loop stood still, by its name, in milliseconds: in all, and without
    #: what it waited for a processor.
    still_ms: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add_fault(self, kind: str, call: Generated | None = None) -> None:
        """One thing that must not be."""
        self.counts[kind] += 1
        self.faults.setdefault(kind, "" if call is None else f"{call.method} {call.requests!r}"[:2_000])


@dataclass(frozen=True, slots=True)
class Refused:
    """How a call was refused."""

    code: str
    message: str
    details: Iterable[Any]


def judge_refusal(refused: Refused) -> str:
    """What is wrong with a refusal; empty for nothing."""
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in refused.details:
        if isinstance(detail, error_details_pb2.ErrorInfo):
            info = detail
        elif isinstance(detail, error_details_pb2.BadRequest):
            bad = detail
    if not info.reason:
        return f"{refused.code} without a reason: {refused.message[:100]}"
    if info.domain != "krakencopy" or info.reason not in REFUSALS:
        return f"{refused.code}/{info.reason} is not in the catalogue"
    if info.reason == INTERNAL_FAULT:
        return f"a mistake of ours: {refused.message}"
    texts = [refused.message, *info.metadata.values(), *(each.description for each in bad.field_violations)]
    if info.reason != "BAD_CONFIGURATION" and any(len(text) > TEXT_MAX for text in texts):
        return f"{refused.code}/{info.reason}: a text of more than {TEXT_MAX} characters"
    if not all(line.isprintable() for text in texts for line in text.split("\n")):
        return f"{refused.code}/{info.reason}: a text that cannot be shown"
    if refused.code == "INVALID_ARGUMENT" and info.reason not in _NO_FIELD and not bad.field_violations:
        return f"{refused.code}/{info.reason} names no field"
    return ""


def reason_of(refused: Refused) -> str:
    """The reason alone."""
    infos = [each for each in refused.details if isinstance(each, error_details_pb2.ErrorInfo)]
    return infos[0].reason if infos else ""


def draw_calls(requests: Requests, count: int, first_seed: int, play: Callable[[Generated], None]) -> None:
    """Plays so many calls."""
    for begin in range(0, count, CHUNK):

        @seed(first_seed + begin)
        @settings(
            max_examples=min(CHUNK, count - begin), database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(requests.calls())
        def play_one(call: Generated) -> None:
            play(call)

        play_one()


def parsed(kind: type[Message], request: bytes) -> Any:
    """The message; None for what is none."""
    try:
        return kind.FromString(request)
    except DecodeError:
        return None


def is_order(order: Any) -> bool:
    """Whether a PlaceOrder may lead to an order, judged without the code that is tested."""
    return (
        order is not None
        and 0 < len(order.request_id) <= 128
        and order.side in {types_pb2.SIDE_BUY, types_pb2.SIDE_SELL}
        and bool(_ORDER_VOLUME.fullmatch(order.volume))
        and Decimal(order.volume) > 0
        and (
            not order.limit_price
            or (bool(_ORDER_VOLUME.fullmatch(order.limit_price)) and Decimal(order.limit_price) > 0)
        )
    )


@contextmanager
def watched_folder() -> Iterator[Path]:
    """Where processes say how long their loops stood still (tests/support/watched)."""
    folder = Path(tempfile.mkdtemp(prefix="kcw"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def watched_by(folder: Path) -> dict[str, str]:
    """The environment of a process that is to say it there."""
    code = str(Path(__file__).parent / "watched")
    paths = filter(None, [code, os.environ.get("PYTHONPATH")])
    return {"KRAKENCOPY_WATCHED": str(folder), "PYTHONPATH": os.pathsep.join(paths)}


def read_watched(folder: Path, pids: dict[str, int], findings: Findings) -> None:
    """How long the loops of these processes stood still."""
    for name, pid in pids.items():
        with suppress(FileNotFoundError, ValueError):
            took, own = (folder / str(pid)).read_text().split()
            findings.still_ms[name] = float(took), float(own)


# -- the supervisor ------------------------------------------------------------------------------------------

PLAUSIBLE: Plausible = {
    "account_id": ["master", "anna", "ben", "supervisor", "nobody"],
    "request_id": [f"request {number}" for number in range(200)],
    "pair": ["BTC/USD", "XBTUSD", "XXBTZUSD", "ETH/USD", "NO/SUCH"],
    "volume": ["0.0001", "0.001", "0.002", "1", "0", "1000000"],
    "limit_price": ["", "", "30000", "50000", "0"],
    "old_name": ["BTC", "MATIC", "FOO"],
    "new_name": ["POL", "BTC", "ETH"],
    "page_token": [""],
    "page_size": [0, 1, 10],
    "after_seq": [0, 1],
    "after_change": [0, 1],
    "fill_seq": [0, 1],
    "seq": [1, 2],
    "lines": [0, 1, 100],
}
#: What ends the supervisor, or a process whose end would be a finding, where it is right: made wrong.
_SPARED = {"master", "anna"}


class ControlCampaign:
    """Calls of ControlService, of a whole system."""

    def __init__(self, system: System, findings: Findings) -> None:
        self._system = system
        self._findings = findings
        self._channel = grpc.insecure_channel(system.endpoint)
        #: Client order ids that were answered.
        self.placed: set[str] = set()
        self._rpcs = {method.name: self._rpc(method) for method in CONTROL.methods}

    def _rpc(self, method: Any) -> tuple[Any, Any]:
        make = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
        answer = getattr(control_pb2, method.output_type.name)
        rpc = make(
            f"/{CONTROL.full_name}/{method.name}", request_serializer=bytes,
            response_deserializer=answer.FromString,
        )  # fmt: skip
        return rpc, getattr(control_pb2, method.input_type.name)

    def play(self, call: Generated) -> None:
        """One call and its answer."""
        rpc, kind = self._rpcs[call.method]
        (request,) = call.requests
        request = self._harmless(call.method, kind, request)
        call = Generated(call.method, (request,))
        self._findings.calls[call.method] += 1
        is_stream = isinstance(rpc, grpc.UnaryStreamMultiCallable)
        try:
            if is_stream:
                self._read_stream(rpc, request)
                return
            answer = rpc(request, timeout=ANSWER_S)
        except grpc.RpcError as error:
            self._judge(call, error, is_stream=is_stream)
            return
        if call.method == "PlaceOrder":
            self.placed.add(answer.cl_ord_id)
            if not is_order(parsed(kind, request)):
                self._findings.add_fault("an order was placed that nobody asked for", call)

    @staticmethod
    def _harmless(method: str, kind: type[Message], request: bytes) -> bytes:
        """The request, but for one that would rightly end what must not end."""
        message = parsed(kind, request)
        if message is None:
            return request
        if method == "Shutdown":
            return request + text_field(1, "")  # without an id it is refused
        if method in {"StopAccount", "RestartAccount"} and message.account_id in _SPARED:
            return request + text_field(2, "ben")
        return request

    @staticmethod
    def _read_stream(rpc: Any, request: bytes) -> None:
        answers = rpc(request, timeout=STREAM_S)
        for _ in range(STREAM_ANSWERS):
            if next(answers, None) is None:
                return
        answers.cancel()

    def _judge(self, call: Generated, error: grpc.RpcError, *, is_stream: bool) -> None:
        if is_stream and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return  # it had nothing more to say
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and len(call.requests[0]) > 65_536:
            self._findings.reasons["larger than gRPC takes"] += 1
            return
        refused = _refused_by_grpc(error)
        self._findings.reasons[reason_of(refused)] += 1
        if wrong := judge_refusal(refused):
            self._findings.add_fault(wrong, call)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()


def _refused_by_grpc(error: grpc.RpcError) -> Refused:
    details = []
    with suppress(ValueError):
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # the error of a finished call is it
        for packed in () if status is None else status.details:
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
                found = kind()
                if packed.Unpack(found):
                    details.append(found)
    return Refused(error.code().name, error.details() or "", details)


def check_orders(paper: Paper, findings: Findings, asked: set[str], copied: set[str]) -> None:
    """Every order that reached the exchange was asked for, or is a copy that is known."""
    for row in paper.rows("requests"):
        if row["method"] == "AddOrder":
            findings.orders += 1
            if row["params"].get("cl_ord_id") not in asked | copied and row["outcome"] == "ok":
                findings.add_fault(f"{row['account']} placed an order that nobody asked for: {row['params']}")


def play_control(count: int, first_seed: int, findings: Findings) -> None:
    """So many calls of a supervisor with a master and two users; one of these may be stopped and started."""
    with Paper() as paper, watched_folder() as watched:
        paper.price("XBTUSD", "40000")
        paper.price("ETHUSD", "2500")
        users = {"anna": "100000", "ben": "100000"}
        with System(paper, users, "1000000", more_environment=watched_by(watched)) as system:
            system.start().wait_ready()
            before = {"supervisor": system.status().pid, **system.pids()}
            for file in watched.iterdir():
                file.unlink(missing_ok=True)
            campaign = ControlCampaign(system, findings)
            draw_calls(Requests(CONTROL, PLAUSIBLE), count, first_seed, campaign.play)
            campaign.close()
            campaign.placed.add(_check_system(system, before, findings))
            read_watched(watched, before, findings)
            copied = {copy.cl_ord_id for user in ("anna", "ben") for copy in system.copies(user)}
            check_orders(paper, findings, campaign.placed, copied)


def _check_system(system: System, before: dict[str, int], findings: Findings) -> str:
    """All that must not end has not ended, and copies on; the client order id of an order for that."""
    status = system.status()
    if status is None or status.pid != before["supervisor"]:
        findings.add_fault("the supervisor has ended")
        return ""
    with system.api() as api:
        api.resume_account("anna")
        api.resume_account("ben")
        api.start_account("ben")
        for event in api.list_events():
            if event.severity == types_pb2.SEVERITY_ERROR and event.account_id != "ben":
                findings.add_fault(f"an event of severity ERROR: {event.code} {event.message}")
    system.wait_ready()
    for name in sorted(_SPARED):
        if system.pids().get(name) != before[name]:
            findings.add_fault(f"the process of {name} has ended")
    fills = system.status().head_seq
    placed = system.buy("BTC/USD", "0.01")
    system.settled(fills + 1)
    return str(placed.cl_ord_id)


# -- accounts ------------------------------------------------------------------------------------------------

#: The run that the processes are started in.
EPOCH = 7
JOURNAL = "a journal"
#: How a conversation with a user begins.
OPENING = (
    account_pb2.CopyFillsRequest(
        start=account_pb2.CopyStart(epoch=EPOCH, journal_id=JOURNAL)
    ).SerializeToString(),
    account_pb2.CopyFillsRequest(admitted=account_pb2.Admission()).SerializeToString(),
)
_OF_ACCOUNTS: Plausible = {
    **PLAUSIBLE,
    "epoch": [EPOCH],
    "acked_seq": [0],
    "acked_revision": [0],
    "joined_seq": [0],
    "head_seq": [0, 100],
    "journal_id": [JOURNAL],
    "names": ["BTC", "XXBT", "POL"],
    "order_id": ["OAAAAA-BBBBB-CCCCCC"],
    "price": ["40000"],
    "seconds": [1_700_000_000],
    "nanos": [0],
    "known_exec_ids": ["TAAAAA-BBBBB-CCCCCC"],
    "held_coins": ["BTC"],
    "master_pairs": ["BTC/USD"],
}


@dataclass
class _Alone:
    """One account's process, asked by the test in the supervisor's place."""

    name: str
    child: Child
    client: RpcClient


class AccountCampaign:
    """Calls of AccountService, of a master and of a user."""

    def __init__(self, runner: asyncio.Runner, accounts: list[_Alone], findings: Findings) -> None:
        self._runner = runner
        self._accounts = accounts
        self._findings = findings
        self._number = 0
        self.placed: set[str] = set()

    def play(self, call: Generated) -> None:
        """One call of one of them."""
        self._number += 1
        account = self._accounts[self._number % len(self._accounts)]
        if call.method == "Drain" and parsed(account_pb2.DrainRequest, call.requests[0]) is not None:
            return  # from then on nothing would be done
        self._findings.calls[f"account {call.method}"] += 1
        self._runner.run(self._ask(account, call))

    async def _ask(self, account: _Alone, call: Generated) -> None:
        method = ACCOUNT.methods_by_name[call.method]
        path, cardinality, request_type, answer_type = METHODS[call.method]
        is_stream = method.server_streaming
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                account.client._channel.request(path, cardinality, request_type, answer_type) as stream,
            ):
                for request in call.requests[:-1]:
                    await stream.send_message(request)
                await stream.send_message(call.requests[-1], end=True)
                if not is_stream:
                    await self._take_answer(call, await stream.recv_message())
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(STREAM_S):
                        while await stream.recv_message() is not None:
                            pass
                        return
                with suppress(HttpError):  # it has just ended
                    await stream.cancel()
        except GRPCError as error:
            self._judge(call, Refused(error.status.name, error.message or "", error.details or ()))
        except TimeoutError:
            self._findings.add_fault(f"{call.method} was not answered", call)

    async def _take_answer(self, call: Generated, answer: Any) -> None:
        if call.method == "PlaceOrder":
            self.placed.add(answer.cl_ord_id)
            if not is_order(parsed(account_pb2.AccountServicePlaceOrderRequest, call.requests[0])):
                self._findings.add_fault("an order was placed that nobody asked for", call)

    def _judge(self, call: Generated, refused: Refused) -> None:
        self._findings.reasons[reason_of(refused)] += 1
        if wrong := judge_refusal(refused):
            self._findings.add_fault(wrong, call)


def play_accounts(count: int, first_seed: int, findings: Findings) -> None:
    """So many calls of the processes of a master and of a user, each alone."""
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    try:
        with Paper() as paper, watched_folder() as watched, asyncio.Runner() as runner:
            paper.price("XBTUSD", "40000")
            paper.price("ETHUSD", "2500")
            spawner = ExecSpawner(environ=os.environ | watched_by(watched))
            runner.run(spawner.start())
            try:
                accounts = [
                    runner.run(_start_alone(spawner, paper, folder, name)) for name in ("master", "anna")
                ]
                for file in watched.iterdir():
                    file.unlink(missing_ok=True)
                campaign = AccountCampaign(runner, accounts, findings)
                draw_calls(
                    Requests(ACCOUNT, _OF_ACCOUNTS, {"CopyFills": OPENING}), count, first_seed, campaign.play
                )
                for account in accounts:
                    if not account.child.alive:
                        findings.add_fault(f"the process of {account.name} has ended")
                    account.client.close()
                read_watched(watched, {f"{each.name} alone": each.child.pid for each in accounts}, findings)
                check_orders(paper, findings, campaign.placed, set())
            finally:
                runner.run(spawner.close())
    finally:
        shutil.rmtree(folder)


async def _start_alone(spawner: ExecSpawner, paper: Paper, folder: Path, name: str) -> _Alone:
    key = paper.open_account(name, {"ZUSD": "1000000"})
    socket = folder / f"{name}.sock"
    spec = AccountSpec(
        id=name, role=Role.MASTER if name == "master" else Role.USER, broker="kraken", epoch=EPOCH,
        instance_id=f"{name}-1", rest_url=paper.rest_url, ws_url=paper.ws_url,
        nonce_path=folder / f"{name}.nonce", socket_path=socket, ledger_path=folder / f"{name}.db",
        log_path=folder / f"{name}.jsonl", key_lock_dir=folder / "keys", paper=True, visibility_lag_s=1.0,
        tier=Tier.UNLIMITED,
    )  # fmt: skip
    child = await spawner.spawn(spec, Credentials(key.key, key.secret, "known to both ends"))
    await child.wait_ready(ANSWER_S)
    account = _Alone(name, child, RpcClient(socket, "known to both ends"))
    if spec.role is Role.USER:
        await _admit(account)
    return account


async def _admit(account: _Alone) -> None:
    """An honest conversation, after which the user trades."""
    async with account.client.open("CopyFills") as call:
        await call.send_message(OPENING[0])
        await call.recv_message()
        await call.send_message(OPENING[1], end=True)
        await call.recv_message()
