"""Sustained load: the highest rate of the master's fills at which the users' orders keep up."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.bench.person import PATIENCE_S, Contestant
from tests.bench.rates import Prover, Search
from tests.bench.rows import Sustained, Who
from tests.bench.timing import NS_PER_MS, Spread
from tests.bench.venue import Record, answering
from tests.support.system import wait_for

#: Users are behind when the last quarter of a trial's fills comes so much later, in ms, in the median: more
#: than the last order takes at rest, and less than what a rate that is a tenth too high leaves after fifteen
#: seconds.
BEHIND_MS = 1000.0
#: The person, and with it the exchange, is behind when it has brought less than this of the rate.
RATE_KEPT = 0.95


@dataclass(frozen=True, slots=True)
class Trial:
    """A rate, fills a second, and what it came to."""

    rate: float
    seconds: float
    #: What the exchange really sent, in fills a second.
    brought: float
    #: From each fill to the last user's order for it, in ms; and the median of the last quarter of them.
    lag: Spread
    last_quarter_ms: float

    @classmethod
    def of(cls, rate: float, seconds: float, emitted_ns: Sequence[int], lags_ms: Sequence[float]) -> Trial:
        """At least two fills."""
        brought = (len(emitted_ns) - 1) / (emitted_ns[-1] - emitted_ns[0]) * 1e9
        quarter = lags_ms[-max(1, len(lags_ms) // 4) :]
        return cls(rate, seconds, brought, Spread.of(lags_ms), statistics.median(quarter))

    @property
    def is_bounded(self) -> bool:
        """Whether the users kept up, and the person as well."""
        return self.last_quarter_ms <= BEHIND_MS and self.brought >= RATE_KEPT * self.rate


def measure(who: Who, contestant: Contestant, search: Search, answer_ms: int) -> Sustained:
    """Of one contestant; it comes to rest between two trials."""
    with answering(contestant.paper, answer_ms, at_once="master"):
        prover = Prover(search, lambda rate, seconds: _trial(contestant, rate, seconds))
        proof = prover.highest()
    return Sustained(
        who, contestant.users, answer_ms, search.proof_s,
        None if proof is None else proof.brought, None if proof is None else proof.lag,
        [asdict(trial) for trial in prover.trials],
    )  # fmt: skip


def _trial(contestant: Contestant, rate: float, seconds: float) -> Trial:
    record = Record(contestant.paper)
    fills = max(2, round(rate * seconds))
    began = time.monotonic()
    # In and out alternately: no two fills go along with one order.
    for number in range(fills):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        contestant.person.trade()
    # Who keeps up is done by then, and looking is in the way.
    time.sleep(BEHIND_MS / 1000)
    contestant.rest()
    emitted_ns = [fill["emitted_ns"] for fill in record.master_fills()]
    arrivals: dict[str, list[int]] = defaultdict(list)

    def all_there() -> bool:
        for row in record.orders():
            arrivals[row["account"]].append(row["received_ns"])
        return sum(map(len, arrivals.values())) >= fills * contestant.users

    wait_for("every user's orders", all_there, PATIENCE_S)
    return Trial.of(rate, seconds, emitted_ns, lags_ms(emitted_ns, list(arrivals.values())))


def lags_ms(emitted_ns: Sequence[int], arrivals_ns: Sequence[Sequence[int]]) -> list[float]:
    """From each fill to the last user's order for it; a user's first order is for the first fill, and so on.
    Pure.
    """
    assert all(len(each) == len(emitted_ns) for each in arrivals_ns), "not an order for each fill"
    lasts = (max(arrived) for arrived in zip(*arrivals_ns, strict=True))
    return [(last - began) / NS_PER_MS for began, last in zip(emitted_ns, lasts, strict=True)]
