"""A process of an earlier run can neither publish a fill nor take one: by the run's number, by the locks,
and by who dials whom.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import grpc
import pytest

from krakencopy.account_proc.contract.socket_handshake import ANSWER_BYTES
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import account_pb2_grpc, types_pb2
from tests.support.client import private
from tests.support.footprint import children
from tests.support.system import Key, Paper, System, alive, freeze, wait_for


def bought(paper: Paper, account: str) -> list[Decimal]:
    return [Decimal(row["volume"]) for row in paper.fills(account)]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_whoever_is_not_the_supervisor_gets_no_fill_and_gives_none(paper: Paper) -> None:
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        with system.api() as api:
            epoch = max(fill.epoch for fill in api.list_fills())
        run = system.state_dir / "run"
        with grpc.insecure_channel(f"unix:{run}/master.sock") as channel:
            stream = account_pb2_grpc.AccountServiceStub(channel).StreamFills(
                pb.StreamFillsRequest(epoch=epoch)
            )
            assert stream.code() is grpc.StatusCode.UNAUTHENTICATED
        with grpc.insecure_channel(f"unix:{run}/anna.sock") as channel:
            start = pb.CopyStart(epoch=epoch, journal_id="any", head_seq=9, acked_seq=0)
            forged = types_pb2.Fill(seq=2, epoch=epoch, exec_id="T", order_id="O", pair="BTC/USD", volume="1")
            requests = iter([pb.CopyFillsRequest(start=start), pb.CopyFillsRequest(fills=[forged])])
            copying = account_pb2_grpc.AccountServiceStub(channel).CopyFills(requests)
            assert copying.code() is grpc.StatusCode.UNAUTHENTICATED
        # The conversation that is right was not disturbed.
        system.buy("BTC/USD", "0.001")
        system.settled(2)
        assert len(bought(paper, "anna")) == 2


@pytest.mark.parametrize("forkserver", ["alive", "killed"])
def test_a_user_that_was_frozen_through_a_change_of_supervisors_trades_nothing_any_more(
    paper: Paper, forkserver: str
) -> None:
    with System(paper, {"anna": "100"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
        system.start().wait_ready()
        old = system.pids()["anna"]
        spawner = parent_of(old)
        freeze(old)
        # It has not read this one yet: it lies in its socket.
        private(
            paper.rest_url, hand, "AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.001"
        )
        wait_for("the fill to be journalled", lambda: getattr(system.status(), "head_seq", 0) >= 1)
        if forkserver == "killed":
            os.kill(spawner, signal.SIGKILL)
        system.kill()
        # With its forkserver dead, only the next supervisor can wake it; until it has ended, nobody else
        # trades.
        system.start().wait_ready()
        assert not alive(old)
        assert system.settled(1).fills == 1
        assert len(bought(paper, "anna")) <= 1
        system.buy("BTC/USD", "0.001")
        system.settled(2)
        assert len({copy.cl_ord_id for copy in system.copies("anna") if copy.cl_ord_id}) == len(
            bought(paper, "anna")
        )
        assert bought(paper, "anna")[-1:] == [Decimal("0.0001")]


def put_in_place(system: System, account: str, listen: Callable[[Path], None]) -> bool:
    """Ends the account's process, and has somebody else listen at the socket of the next one before the
    supervisor comes to it; False where the supervisor was faster.
    """
    assert system.process is not None
    path, old = system.state_dir / "run" / f"{account}.sock", system.pids()[account]
    before = path.stat().st_ctime_ns  # numbers of files are used again
    spawner = parent_of(old)
    os.kill(old, signal.SIGKILL)

    def next_one() -> bool:
        return any(pid != old for pid in children(spawner, f"kc:{account}"))

    wait_for("the next process", next_one)
    freeze(system.process.pid)
    try:
        wait_for("its socket", lambda: path.exists() and path.stat().st_ctime_ns != before)
        path.unlink()
        listen(path)
    finally:
        os.kill(system.process.pid, signal.SIGCONT)

    def told() -> str:
        with system.api() as api:
            if any(event.code == "WRONG_PROCESS" for event in api.list_events()):
                return "told"
        return "missed" if system.accounts()[account].state == types_pb2.ACCOUNT_STATE_RUNNING else ""

    return wait_for("an end", told) == "told"


def test_another_process_that_listens_at_an_accounts_socket_is_told_nothing(paper: Paper) -> None:
    """It knows no secret, so the supervisor sends it no fill and believes it nothing; the account waits until
    somebody looks.
    """
    heard: list[bytes] = []
    stranger = socket.socket(socket.AF_UNIX)

    def answer_all() -> None:
        while True:
            try:
                connected, _ = stranger.accept()
            except OSError:
                return
            with connected, suppress(OSError):
                # As long as an answer is: zeros are no proof.
                connected.sendall(bytes(ANSWER_BYTES))
                while part := connected.recv(65_536):
                    heard.append(part)

    def listen(path: Path) -> None:
        nonlocal stranger
        stranger.close()
        stranger = socket.socket(socket.AF_UNIX)
        stranger.bind(str(path))
        stranger.listen()
        threading.Thread(target=answer_all, daemon=True).start()

    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        assert any(put_in_place(system, "anna", listen) for _ in range(5))
        system.buy("BTC/USD", "0.001")
        wait_for("the fill", lambda: system.status().head_seq == 1)
        assert heard
        assert b"BTC" not in b"".join(heard)
        assert bought(paper, "anna") == []
        stranger.close()
        assert system.accounts()["anna"].reason == "WRONG_PROCESS"
        # As `restart` does, which is what the catalogue says.
        system.command("start", "anna")
        system.settled(1)
        assert len(bought(paper, "anna")) == 1
