"""The front's process itself: what it is started with, and that it ends with the supervisor."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from krakencopy.supervisor.control import front
from krakencopy.supervisor.control.call_answerer import CallAnswerer
from krakencopy.supervisor.control.front import serve
from krakencopy.supervisor.control.loop_share import LoopShare
from krakencopy.supervisor.processes.python_command import process_environment, python_command
from krakencopy.v1 import control_pb2 as pb
from tests.supervisor.control.test_front_connection import Servicer
from tests.support.front import listening, run, streams_of, stub_of
from tests.support.system import alive, freeze, wait_for

MODULE = "krakencopy.supervisor.control.front"


def test_it_serves_on_the_sockets_that_it_is_sent_until_the_supervisor_is_gone(tmp_path: Path) -> None:
    async def play() -> None:
        channel, its_channel = socket.socketpair()
        listeners, its_listeners = socket.socketpair(type=socket.SOCK_SEQPACKET)
        for end in (its_channel, its_listeners):
            end.setblocking(False)
        serving = asyncio.create_task(serve(its_channel, its_listeners))
        reader, writer = await streams_of(channel)
        answering = asyncio.create_task(CallAnswerer(Servicer(), LoopShare()).run(reader, writer))
        with listening(tmp_path / "s") as listener:
            socket.send_fds(listeners, [b"l"], [listener.fileno()])
        async with stub_of(tmp_path / "s") as stub:
            assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7
            listeners.close()
            assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7
            writer.close()
            await serving
            await answering
        its_listeners.close()

    run(play())


def started(*more: str) -> tuple[subprocess.Popen[bytes], socket.socket, socket.socket]:
    channel, its_channel = socket.socketpair()
    listeners, its_listeners = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with its_channel, its_listeners:
        process = subprocess.Popen(
            [
                *python_command(MODULE), "--channel-fd", str(its_channel.fileno()),
                "--listeners-fd", str(its_listeners.fileno()), *more,
            ],
            pass_fds=(its_channel.fileno(), its_listeners.fileno()), env=process_environment(os.environ),
        )  # fmt: skip
    return process, channel, listeners


def test_the_process_is_hardened_and_ends_when_its_channel_does() -> None:
    process, channel, listeners = started()
    with channel, listeners:
        comm = Path(f"/proc/{process.pid}/comm")
        wait_for("its name", lambda: comm.read_text() == "kc-control\n")
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        (cores,) = [line for line in limits.splitlines() if line.startswith("Max core")]
        assert cores.split()[4:6] == ["0", "0"]
        (memory,) = [line for line in limits.splitlines() if line.startswith("Max data")]
        assert memory.split()[3:5] == [str(front.MEMORY_BYTES_MAX)] * 2
        # Not dumpable: what is in /proc of it belongs to root.
        assert Path(f"/proc/{process.pid}/environ").stat().st_uid == 0
    assert process.wait(30) == 0


def test_it_dies_with_its_parent_even_where_it_is_stopped() -> None:
    program = (
        "import sys, time; from tests.supervisor.control.test_front import started; "
        "process, *ends = started(); print(process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        comm = Path(f"/proc/{pid}/comm")
        wait_for("its name", lambda: comm.read_text() == "kc-control\n")
        freeze(pid)
        parent.kill()
    wait_for("its end", lambda: not alive(pid))


def test_what_it_is_started_with_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["front"])
    with pytest.raises(SystemExit):
        front.main()
    assert "--channel-fd" in capsys.readouterr().err
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] != front.MEMORY_BYTES_MAX
