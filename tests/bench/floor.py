"""(c) The floor: what processes, signatures, sockets and the exchange cost by themselves, with nothing of
ours between (``bare``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from urllib.parse import urlsplit

from tests.bench.timing import RoundRobin
from tests.bench.venue import USER_VOLUME, Record, accounts, answering, exchange
from tests.support.system import ROOT, Key, Paper


def measure(users: int, fills: int, answers_ms: list[int]) -> dict[int, list[RoundRobin]]:
    """Rounds by how late the exchange answers."""
    found = {}
    with exchange() as paper:
        keys = accounts(paper, users)
        for answer_ms in answers_ms:
            with answering(paper, answer_ms):
                found[answer_ms] = _rounds(paper, keys, fills)
    return found


def _rounds(paper: Paper, keys: list[Key], fills: int) -> list[RoundRobin]:
    record = Record(paper)
    url = urlsplit(paper.rest_url)
    asked = {"host": url.hostname, "port": url.port, "rounds": fills, "volume": USER_VOLUME}
    # A process that has never seen gRPC or a thread may be forked.
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bare"], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True,
        input=json.dumps(asked | {"keys": [[key.key, key.secret] for key in keys]}),
    )  # fmt: skip
    arrivals = [row["received_ns"] for row in record.orders()]
    assert len(arrivals) == fills * len(keys)
    began = json.loads(done.stdout)
    return [
        # A round begins when all orders of the one before are answered.
        RoundRobin.of(began_ns, arrivals[number * len(keys) : (number + 1) * len(keys)])
        for number, began_ns in enumerate(began)
    ]
