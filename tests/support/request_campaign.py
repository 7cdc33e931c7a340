"""What campaigns of generated requests against real processes share (control_campaign.py,
account_campaign.py). What must not be is a finding: a call without an answer, a refusal whose reason is not
published, an order that nobody asked for, a process that ends.
"""

from __future__ import annotations

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

from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2
from hypothesis import HealthCheck, Phase, given, seed, settings

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.account_proc.contract.refusals import INTERNAL_FAULT
from krakencopy.v1 import account_pb2, control_pb2, types_pb2
from tests.support.generated_requests import Generated, Plausible, Requests
from tests.support.system import Paper

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


class Campaign:
    """Calls of one service, and what is judged of each answer."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        #: Client order ids that were answered.
        self.placed: set[str] = set()

    def _take_order(self, call: Generated, kind: type[Message], cl_ord_id: str) -> None:
        """An order that was placed for a call."""
        self.placed.add(cl_ord_id)
        if not is_order(parsed(kind, call.requests[0])):
            self._findings.add_fault("an order was placed that nobody asked for", call)

    def _take_refusal(self, call: Generated, refused: Refused) -> None:
        self._findings.reasons[reason_of(refused)] += 1
        if wrong := judge_refusal(refused):
            self._findings.add_fault(wrong, call)


def check_orders(paper: Paper, findings: Findings, asked: set[str], copied: set[str]) -> None:
    """Every order that reached the exchange was asked for, or is a copy that is known."""
    for row in paper.rows("requests"):
        # The exchange places nothing of what it is only to check.
        if row["method"] == "AddOrder" and row["params"].get("validate") != "true":
            findings.orders += 1
            if row["params"].get("cl_ord_id") not in asked | copied and row["outcome"] == "ok":
                findings.add_fault(f"{row['account']} placed an order that nobody asked for: {row['params']}")


@contextmanager
def watched_exchange() -> Iterator[tuple[Paper, Path]]:
    """An exchange with prices to trade at, and the folder where processes say how long their loops stood
    still.
    """
    with Paper() as paper, watched_folder() as watched:
        paper.price("XBTUSD", "40000")
        paper.price("ETHUSD", "2500")
        yield paper, watched


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


def forget_watched(folder: Path) -> None:
    """What was said so far: how long it took to start is no part of what is measured."""
    for file in folder.iterdir():
        file.unlink(missing_ok=True)


def read_watched(folder: Path, pids: dict[str, int], findings: Findings) -> None:
    """How long the loops of these processes stood still."""
    for name, pid in pids.items():
        with suppress(FileNotFoundError, ValueError):
            took, own = (folder / str(pid)).read_text().split()
            findings.still_ms[name] = float(took), float(own)


PLAUSIBLE: Plausible = {
    "account_id": ["master", "anna", "ben", "supervisor", "nobody"],
    "account_ids": ["master", "anna", "ben", "nobody"],
    "groups": ["eu"],
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
