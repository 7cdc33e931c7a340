"""The command line is read into values, and what is bad about it is one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from krakencopy.paper_exchange.options import LIVE_SILENCE_S, LIVE_URL, parse
from krakencopy.paper_exchange.values.errors import ConfigurationError


@pytest.fixture
def pipe() -> Iterator[int]:
    read_end, write_end = os.pipe()
    yield read_end
    os.close(read_end)
    os.close(write_end)


def test_a_port_is_enough() -> None:
    options = parse(["--port", "0"])
    assert (options.port, options.host, options.market) == (0, "127.0.0.1", "synthetic")
    assert (options.live_url, options.live_silence_s) == (LIVE_URL, LIVE_SILENCE_S)
    assert (options.replay, options.lifeline_fd, options.verbose) == (None, None, False)


def test_everything_can_be_said(pipe: int) -> None:
    line = (
        "--port 80 --host ::1 --market replay --replay x.csv --speed 2.5 --seed 7 --latency-ms 5 --tick-ms 1 "
    )
    options = parse([*line.split(), "--lifeline-fd", str(pipe), "--verbose"])
    assert (options.replay, options.speed, options.lifeline_fd) == (Path("x.csv"), 2.5, pipe)
    assert (options.seed, options.latency_ms, options.tick_ms, options.verbose) == (7, 5, 1, True)
    live = parse(
        ["--port", "0", "--market", "live", "--live-url", "ws://[::1]:80/v2", "--live-silence-s", "0.5"]
    )
    assert (live.live_url, live.live_silence_s) == ("ws://[::1]:80/v2", 0.5)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "the following arguments are required: --port"),
        ("--port 65536", "argument --port: expected a number from 0 to 65535, got '65536'"),
        ("--port 8o", "expected a number from 0 to 65535"),
        ("--port 0 --tick-ms 0", "expected a number from 1 to 3600000"),
        ("--port 0 --market real", "invalid choice: 'real'"),
        ("--port 0 --market replay", "--market replay and --replay FILE go together"),
        ("--port 0 --replay x.csv", "--market replay and --replay FILE go together"),
        ("--port 0 --live-url ws://x", "--live-url goes with --market live"),
        ("--port 0 --live-silence-s 5", "--live-silence-s goes with --market live"),
        ("--port 0 --market live --live-url https://x", "expected a ws:// or wss:// URL, got 'https://x'"),
        ("--port 0 --market live --live-url ws://", "expected a ws:// or wss:// URL"),
        ("--port 0 --market live --live-url ws://x:99999", "expected a ws:// or wss:// URL"),
        ("--port 0 --market live --live-silence-s 0", "expected seconds from 0.1 to 3600, got '0'"),
        ("--port 0 --market live --live-silence-s nan", "expected seconds from 0.1 to 3600"),
        ("--port 0 --market live --live-silence-s soon", "expected seconds from 0.1 to 3600"),
        ("--port 0 --speed 0", "expected a number above 0, at most 1000000, got '0'"),
        ("--port 0 --speed fast", "expected a number above 0"),
        ("--port 0 --lifeline-fd 99999", "expected an inherited pipe, got '99999'"),
        ("--port 0 --lifeline-fd x", "expected a number from 0 to 1048576"),
        ("--port 0 --colour", "unrecognized arguments: --colour"),
    ],
)
def test_what_is_bad_is_one_sentence(line: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(line.split())
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_is_no_pipe() -> None:
    with (
        Path("/dev/null").open() as null,
        pytest.raises(ConfigurationError, match="expected an inherited pipe"),
    ):
        parse(["--port", "0", "--lifeline-fd", str(null.fileno())])


def test_help_prints_and_exits(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    assert ended.value.code == 0
    assert "speaks Kraken's REST and WebSocket v2" in capsys.readouterr().out
