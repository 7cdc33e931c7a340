"""The process: its one line of output, its exit codes, and that it never outlives who started it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paper_server import PATIENCE_S, ROOT, SECRET, Client, Server, until


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A start that must fail."""
    return subprocess.run(
        [sys.executable, "-m", "krakencopy.paper_exchange", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_exit_0_though_clients_are_connected(number: signal.Signals) -> None:
    running = Server(stderr=subprocess.PIPE)
    assert running.public("Time")["error"] == []
    running.process.send_signal(number)
    assert running.wait() == 0
    running.http.close()
    assert running.process.stderr is not None
    with running.process.stderr as stderr:
        assert stderr.read() == ""


def test_it_stops_when_the_other_end_of_its_lifeline_is_closed() -> None:
    read_end, write_end = os.pipe()
    running = Server("--lifeline-fd", str(read_end), pass_fds=(read_end,))
    os.close(read_end)
    assert running.public("Time")["error"] == []
    os.close(write_end)
    assert running.wait() == 0
    running.http.close()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "--port"),
        (("--port", "x"), "--port"),
        (("--port", "0", "--market", "real"), "--market"),
        (("--port", "0", "--market", "replay"), "--replay"),
        (("--port", "0", "--replay", "XBTUSD.csv"), "--replay"),
        (
            ("--port", "0", "--market", "replay", "--replay", "missing/XBTUSD.csv"),
            "missing/XBTUSD.csv: No such file",
        ),
        (("--port", "0", "--speed", "0"), "--speed"),
        (("--port", "0", "--tick-ms", "0"), "--tick-ms"),
        (("--port", "0", "--lifeline-fd", "1000"), "--lifeline-fd"),
        (("--port", "0", "--colour"), "--colour"),
    ],
)
def test_a_bad_command_line_is_one_line_and_exit_78(arguments: tuple[str, ...], reason: str) -> None:
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (78, "")
    assert ended.stderr.count("\n") == 1
    assert reason in ended.stderr


def test_a_malformed_replay_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "XBTUSD.csv"
    path.write_text("1561939203.172,10749.4,0.004\nbroken\n")
    ended = run("--port", "0", "--market", "replay", "--replay", str(path))
    assert ended.returncode == 78
    assert f"{path}:2: " in ended.stderr


def test_a_taken_port_is_one_line_and_exit_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run("--port", str(taken.getsockname()[1]))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1


def test_a_replay_moves_its_pair_at_the_speed_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "XBTUSD.csv"
    path.write_text("".join(f"{1561939203 + n}.5,{10000 + n},0.01\n" for n in range(1000)))
    running = Server("--market", "replay", "--replay", str(path), "--speed", "100", "--tick-ms", "3600000")

    def last() -> float:
        return float(running.public("Ticker", pair="XBTUSD")["result"]["XXBTZUSD"]["c"][0])

    until(lambda: last() > 10_010, "the replay went on")
    ethusd = running.public("Ticker", pair="ETHUSD")["result"]["XETHZUSD"]
    assert ethusd["t"] == [1, 1], "the other pairs stay synthetic, and their tick is an hour here"
    assert running.stop() == 0


def test_the_answer_leaves_after_the_latency_and_the_engine_acts_before_it() -> None:
    running = Server("--latency-ms", "300", "--tick-ms", "3600000")
    body = {"id": "a", "balances": {"ZUSD": "1000"}, "keys": [{"key": "k", "secret": SECRET}]}
    assert running.control("POST", "/accounts", body).status_code == 200
    client = Client(running.rest_url, "k")
    response = client.post("Balance", b"nonce=1", "1", "application/x-www-form-urlencoded")
    assert response.elapsed.total_seconds() >= 0.3
    assert json.loads(response.content)["error"] == []
    # A client that hangs up before its answer has had its order done all the same.
    path, order = "/0/private/AddOrder", b"nonce=2&pair=XBTUSD&type=buy&ordertype=market&volume=0.001"
    host, port = running.rest_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as hasty:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAPI-Key: k\r\nAPI-Sign: {client.sign(path, '2', order)}\r\n"
        )
        kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(order)}\r\n\r\n"
        hasty.sendall((head + kind).encode() + order)
    until(lambda: running.control("GET", "/fills").json()["fills"], "the order was filled")
    client.http.close()
    assert running.stop() == 0
