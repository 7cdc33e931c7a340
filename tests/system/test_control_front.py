"""Copying does not need the process that serves the control API: whatever becomes of it, and whatever clients
do to it, fills are copied, and it comes back, on its socket and by TLS.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from krakencopy.client import Access, KrakenCopy
from tests.bench.flooder import KINDS
from tests.support.footprint import children, rss_mib
from tests.support.system import ROOT, Key, Paper, System, alive, freeze, wait_for

USERS = ("anna", "bert")
#: What a front has at most (front.py), and what the supervisor may grow by, in MiB.
FRONT_MIB_MAX, GROWTH_MIB_MAX = 256, 40


@pytest.fixture
def system(paper: Paper) -> Iterator[System]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f'[control]\nlisten = "127.0.0.1:{taken.getsockname()[1]}"'
    with System(paper, dict.fromkeys(USERS, "100000"), "10000000", listen) as system:
        system.start().wait_ready()
        yield system


def supervisor_pid(system: System) -> int:
    assert system.process is not None
    return system.process.pid


def front_pid(system: System) -> int:
    return wait_for("the front", lambda: next(iter(children(supervisor_pid(system), "kc-control")), 0))


@contextmanager
def remote(system: System, role: str = "viewer") -> Iterator[KrakenCopy]:
    """A client by TLS, with a token of this role."""
    with system.api() as api:
        token = api.create_token("vera", role, timedelta(hours=1)).token
    port = system.config_tail.rpartition(":")[2].rstrip('"')
    access = Access(ca=system.state_dir / "tls" / "ca.pem", token=token)
    with KrakenCopy(f"https://127.0.0.1:{port}", access=access) as client:
        yield client


def trade(paper: Paper, key: Key, fills: int) -> None:
    """One fill more of the master, without the control API, until both users have bought ``fills`` times."""
    paper.by_hand(key, "buy", "XBTUSD", "0.5")

    def copied() -> bool:
        return len({row["txid"] for row in paper.rows("fills") if row["account"] in USERS}) == 2 * fills

    wait_for(f"{fills} fills at both users", copied)


def restarts(system: System) -> list[str]:
    with system.api() as api:
        return [event.message for event in api.list_events() if event.code == "CONTROL_RESTARTED"]


def test_fills_are_copied_while_the_front_is_dead_or_stopped_and_it_comes_back(
    paper: Paper, system: System
) -> None:
    key = paper.another_key("master")
    with remote(system) as client, client.watch_fills(0) as watch:
        os.kill(front_pid(system), signal.SIGKILL)
        trade(paper, key, 1)
        assert next(watch).seq == 1, "a watch by TLS goes on with the next front"
    assert system.status().ready
    assert "Killed" in restarts(system)[0]
    stopped = front_pid(system)
    freeze(stopped)
    trade(paper, key, 2)
    wait_for("the next one", system.status)
    assert not alive(stopped)
    assert any("it was stopped for" in words for words in restarts(system))
    trade(paper, key, 3)
    assert system.status().head_seq == 3


@contextmanager
def flooded(system: System) -> Iterator[None]:
    """All that a client can do to the socket, at once."""
    path = str(system.state_dir / "run" / "control.sock")
    with ExitStack() as stack:
        for kind in KINDS:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.bench.flooder", path, kind],
                    cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                )
            )  # fmt: skip
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield


def test_fills_are_copied_and_operators_are_answered_beside_clients_that_flood(
    paper: Paper, system: System
) -> None:
    key = paper.another_key("master")
    before_mib = rss_mib(supervisor_pid(system))
    with flooded(system):
        for fills in range(1, 4):
            trade(paper, key, fills)
            assert system.status().ready
        assert rss_mib(supervisor_pid(system)) < before_mib + GROWTH_MIB_MAX
        assert rss_mib(front_pid(system)) < FRONT_MIB_MAX
        system.command("pause", "anna")
    assert restarts(system) == []
    assert "paused by an operator" in system.command("events")
    assert system.status().head_seq == 3


def test_a_supervisor_that_is_killed_leaves_no_front_and_the_next_one_serves(system: System) -> None:
    front = front_pid(system)
    with remote(system, "operator") as client:
        assert client.who_am_i().name == "vera"
        freeze(front)
        system.kill()
        wait_for("the front's end", lambda: not alive(front))
        system.start().wait_ready()
        assert front_pid(system) != front
        # The same CA, and who was known is known.
        client.set_trading_state("HALTED", account_ids=["anna"], reason="seen from afar", by="somebody else")
    assert "HALTED by vera (seen from afar)" in system.command("events")


def test_a_socket_of_a_front_that_is_stopped_still_keeps_a_second_supervisor_out(system: System) -> None:
    freeze(front_pid(system))
    (system.state_dir / "run" / "supervisor.lock").unlink()
    second = subprocess.run(
        [
            sys.executable, "-m", "krakencopy.supervisor.daemon", "--config", str(system.write_config()),
            "--state-dir", str(system.state_dir), "--quiet",
        ],
        env=system.environment(), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 76, second.stderr
    assert str(supervisor_pid(system)) in second.stderr
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(system.state_dir / "run" / "control.sock"))
