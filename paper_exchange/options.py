"""The command line of the exchange, read into values. What is bad about it is one sentence, not a page of
usage.
"""

import argparse
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

from krakencopy.paper_exchange.values.errors import ConfigurationError

# Kraken: the public feed of WebSocket v2.
LIVE_URL: Final = "wss://ws.kraken.com/v2"
# Kraken: a connection with subscriptions is never silent for longer than about a second.
LIVE_SILENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the exchange is to be."""

    port: int
    host: str
    market: str
    replay: Path | None
    live_url: str
    live_silence_s: float
    speed: float
    seed: int
    latency_ms: int
    tick_ms: int
    lifeline_fd: int | None
    verbose: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(message)


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line. Raises ConfigurationError; `--help` prints and exits."""
    parser = _Parser(
        prog="python -m krakencopy.paper_exchange",
        description="A local exchange that speaks Kraken's REST and WebSocket v2 protocol.",
    )
    add = parser.add_argument
    add("--port", type=_bounded(0, 65535), required=True, help="port to listen on; 0 picks a free one")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add(
        "--market", choices=("synthetic", "replay", "live"), default="synthetic", help="what moves the prices"
    )
    add("--replay", type=Path, metavar="FILE", help="trades to replay; the file's name is the pair")
    add("--live-url", type=_feed, metavar="URL", help=f"public feed of the live market (default: {LIVE_URL})")
    add("--live-silence-s", type=_silence, metavar="S",
        help=f"live: after so long a silence no order is taken (default: {LIVE_SILENCE_S:g})")  # fmt: skip
    add("--speed", type=_speed, default=1.0, help="how much faster than real time the replay runs")
    add("--seed", type=int, default=1, help="seed of the synthetic market (default: %(default)s)")
    add("--latency-ms", type=_bounded(0, 60_000), default=0, help="delay of the answer to a private call")
    add("--tick-ms", type=_bounded(1, 3_600_000), default=250, help="pace of the synthetic market")
    add("--lifeline-fd", type=_pipe, help="stop when this inherited pipe ends")
    add("--verbose", action="store_true", help="more on standard error")
    found = parser.parse_args(arguments)
    if (found.market == "replay") != (found.replay is not None):
        raise ConfigurationError("--market replay and --replay FILE go together")
    for name, value in (("--live-url", found.live_url), ("--live-silence-s", found.live_silence_s)):
        if value is not None and found.market != "live":
            raise ConfigurationError(f"{name} goes with --market live")
    return Options(
        port=found.port,
        host=found.host,
        market=found.market,
        replay=found.replay,
        live_url=found.live_url or LIVE_URL,
        live_silence_s=found.live_silence_s or LIVE_SILENCE_S,
        speed=found.speed,
        seed=found.seed,
        latency_ms=found.latency_ms,
        tick_ms=found.tick_ms,
        lifeline_fd=found.lifeline_fd,
        verbose=found.verbose,
    )


class _bounded:  # noqa: N801 - reads as a type at its uses; argparse prints the name of the type
    """A whole number between two bounds."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    def __call__(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and self._least <= int(text) <= self._most):
            raise argparse.ArgumentTypeError(
                f"expected a number from {self._least} to {self._most}, got {text!r}"
            )
        return int(text)


def _pipe(text: str) -> int:
    descriptor = _bounded(0, 2**20)(text)
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        is_pipe = False
    if not is_pipe:
        raise argparse.ArgumentTypeError(f"expected an inherited pipe, got {text!r}")
    return descriptor


def _feed(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"ws", "wss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(f"expected a ws:// or wss:// URL, got {text!r}")
    return text


def _silence(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"expected seconds from 0.1 to 3600, got {text!r}")
    return seconds


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1e6:
        raise argparse.ArgumentTypeError(f"expected a number above 0, at most 1000000, got {text!r}")
    return speed
