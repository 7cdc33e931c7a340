"""Generated requests of every RPC of AccountService against accounts alone, which are asked as the supervisor
asks them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpclib.exceptions import GRPCError
from h2.exceptions import ProtocolError as HttpError

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role, Tier
from krakencopy.supervisor.accounts.grpc_client import METHODS, RpcClient
from krakencopy.supervisor.processes.spawner import Child, ExecSpawner
from krakencopy.v1 import account_pb2
from tests.support.account_specs import states_file_in
from tests.support.generated_requests import Generated, Plausible, Requests
from tests.support.request_campaign import (
    ACCOUNT,
    ANSWER_S,
    PLAUSIBLE,
    STREAM_S,
    Campaign,
    Findings,
    Refused,
    check_orders,
    draw_calls,
    forget_watched,
    parsed,
    read_watched,
    watched_by,
    watched_exchange,
)
from tests.support.system import Paper

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


class AccountCampaign(Campaign):
    """Calls of AccountService, of a master and of a user."""

    def __init__(self, runner: asyncio.Runner, accounts: list[_Alone], findings: Findings) -> None:
        super().__init__(findings)
        self._runner = runner
        self._accounts = accounts
        self._number = 0

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
                    answer: Any = await stream.recv_message()
                    if call.method == "PlaceOrder":
                        self._take_order(call, account_pb2.AccountServicePlaceOrderRequest, answer.cl_ord_id)
                    elif call.method == "CopyAskedFill":
                        self.placed.add(answer.copy.cl_ord_id)
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(STREAM_S):
                        while await stream.recv_message() is not None:
                            pass
                        return
                with suppress(HttpError):  # it has just ended
                    await stream.cancel()
        except GRPCError as error:
            self._take_refusal(call, Refused(error.status.name, error.message or "", error.details or ()))
        except TimeoutError:
            self._findings.add_fault(f"{call.method} was not answered", call)


def play_accounts(count: int, first_seed: int, findings: Findings) -> None:
    """So many calls of the processes of a master and of a user, each alone."""
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    try:
        with watched_exchange() as (paper, watched), asyncio.Runner() as runner:
            spawner = ExecSpawner(environ=os.environ | watched_by(watched))
            runner.run(spawner.start())
            try:
                accounts = [
                    runner.run(_start_alone(spawner, paper, folder, name)) for name in ("master", "anna")
                ]
                forget_watched(watched)
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
        log_path=folder / f"{name}.jsonl", key_lock_dir=folder / "keys",
        states_path=states_file_in(folder), paper=True, visibility_lag_s=1.0,
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
