"""Limits to losses of users: drawn for some of them, watched and reset while a world runs, and judged:
nothing is bought once a hit was seen, and a reset lets the user trade again. Shares no code with the system.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import types_pb2 as pb
from tests.chaos.records import Finding, Record
from tests.chaos.rows import LimitReset, LimitSeen
from tests.chaos.tally import Tally

#: Between two looks at all limits, in seconds.
LOOK_S = 0.1
#: From when a hit is seen to its reset, in seconds, at most.
RESET_MAX_S = 2.0
#: What is shown may be so old, in seconds: a hit that is first seen after its reset proves nothing.
STALE_S = 5.0
#: How far times of processes and of this one may be apart, in seconds.
CLOCKS_S = 1.0
CALL_S = 3.0


def drawn(index: int, usd: Decimal, names: frozenset[str]) -> tuple[str, ...]:
    """A user's limits as the configuration has them, by itself: what else a campaign draws stays the same.
    They are so small that fees and prices hit them.
    """
    dice = random.Random(f"loss limits {index} {usd}")  # noqa: S311 - to be repeated, not to be secret
    if "loss_limits" not in names or dice.random() < 0.3:
        return ()
    limits = []
    for number in range(dice.choice([1, 1, 2])):
        share = Decimal(dice.choice(["0.00002", "0.0001", "0.0005"]))
        money = max((usd * share).quantize(Decimal("0.01")), Decimal("0.01"))
        most = dice.choice([f"{share * 100:f}%", f"{money} USD"])
        metric = dice.choice(["equity", "equity", "realised"])
        window = dice.choice(["day", "lifetime", "trailing"])
        action = dice.choice(["reducing", "reducing", "halted", "flatten"])
        limits.append(
            f'{{ name = "l{number}", metric = "{metric}", window = "{window}", max_loss = "{most}", '
            f'action = "{action}" }}'
        )
    return tuple(limits)


class LossWatch:
    """Of one world: writes down each hit that is seen, and resets it a while later."""

    def __init__(self, endpoint: str, record: Record, tally: Tally, seed: int) -> None:
        self._endpoint = endpoint
        self._record = record
        self._tally = tally
        self._dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loss limits", daemon=True)
        #: When each hit is to be reset, by account, name and when it was hit.
        self._due: dict[tuple[str, str, float], float] = {}

    def start(self) -> None:
        """Looks from now on, where a user has a limit."""
        if any(user.loss_limits for user in self._record.users):
            self._thread.start()

    def close(self) -> None:
        """Looks no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            with suppress(KrakenCopyError), MessageClient(self._endpoint, timeout_s=CALL_S) as api:
                while not self._over.wait(LOOK_S):
                    self._look(api)

    def _look(self, api: MessageClient) -> None:
        for limit in api.list_limits():
            if limit.state != pb.LIMIT_STATE_HIT:
                continue
            key = (limit.account_id, limit.name, limit.hit_at.ToMicroseconds() / 1e6)
            if key not in self._due:
                self._saw(key, limit)
            elif time.time() >= self._due[key]:
                self._reset(api, limit.account_id, limit.name)

    def _saw(self, key: tuple[str, str, float], limit: Any) -> None:
        account, name, hit_at = key
        now = time.time()
        self._record.limits_seen.append(
            LimitSeen(at=now, account=account, name=name, hit_at=hit_at, action=limit.action)
        )
        self._tally.blows[f"limit hit {limit.action}"] += 1
        self._due[key] = now + self._dice.uniform(0.0, RESET_MAX_S)

    def _reset(self, api: MessageClient, account: str, name: str) -> None:
        before, done = time.time(), False
        try:
            api.reset_limit(account, name, reason="chaos")
            done = True
        except KrakenCopyError as error:
            self._tally.not_done[f"reset_limit: {type(error).__name__}"] += 1
        self._record.limit_resets.append(
            LimitReset(before=before, at=time.time(), account=account, name=name, done=done)
        )


# -- judging -----------------------------------------------------------------------------------------------


def nothing_is_bought_after_a_hit(record: Record) -> Iterator[Finding]:
    """No order of copying that buys arrives between when a hit was seen and when somebody began to reset it;
    none at all where it has halted.
    """
    for seen in record.limits_seen:
        resets = [one for one in record.limit_resets if (one.account, one.name) == (seen.account, seen.name)]
        if seen.action == "warn" or any(one.before <= seen.at <= one.before + STALE_S for one in resets):
            continue
        end = min((one.before for one in resets if one.before > seen.at), default=float("inf"))
        for request in record.requests_of(seen.account):
            is_order = request.method == "AddOrder" and request.outcome != "unseen" and not request.by_hand
            is_stopped = seen.action == "halted" or request.side == "buy"
            if is_order and is_stopped and seen.at < request.at < end:
                text = (
                    f"request {request.n} to {request.side} {request.pair} came {request.at - seen.at:.3f} s "
                    f"after the hit of limit {seen.name} was seen ({seen.action})"
                )
                yield Finding(validator="loss limits", account=seen.account, text=text)


def a_reset_lets_it_trade_again(record: Record) -> Iterator[Finding]:
    """Nothing is kept back for a limit but from a hit to its reset."""
    if record.clock_stepped:
        return
    for copy in record.copies:
        if copy.reason != "LIMIT_HIT" or copy.side != "buy":
            continue
        hits = [
            seen
            for seen in record.limits_seen
            if seen.account == copy.account and seen.hit_at <= copy.decided_at + CLOCKS_S
        ]
        if all(_is_lifted(record, seen, copy.decided_at - CLOCKS_S) for seen in hits):
            text = f"copy {copy.copy_id} was kept back for a limit, and none was hit"
            yield Finding(validator="loss limits", account=copy.account, text=text)


def _is_lifted(record: Record, seen: LimitSeen, at: float) -> bool:
    """Whether it was certainly reset by then."""
    return any(
        (one.account, one.name) == (seen.account, seen.name)
        and one.done
        and one.before > seen.hit_at
        and one.at < at
        for one in record.limit_resets
    )
