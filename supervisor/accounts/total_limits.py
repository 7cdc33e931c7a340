"""Limits to the losses of all users together: added up from what each user's process counts, and kept to by
what is said of trading for each user (accounts/trading_watch.py).

All users are taken for one account: its level is moved by what theirs are, and not by who joins or leaves,
pays in or out. A hit is in the journal before it is said; while it holds, no change of the trading states
takes it back. Where what a running user has lost is not known, nothing is judged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from krakencopy.account_proc.contract.loss_counting import Hit, LimitState, Seen, Verdict
from krakencopy.account_proc.contract.loss_limits import STATE_OF, Action, LossLimit, Metric
from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.contract.trading_states import (
    STRICTNESS,
    WORDS_MAX,
    StateSetting,
    StatesUnreadable,
    TradingState,
    TradingStates,
    account_scope,
)
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.trading_watch import Change, TradingWatch
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Between two judgements, in seconds: each user that holds coins has read prices anew by then.
JUDGE_S, JUDGE_PAPER_S = 10.0, 2.5
#: The same until each has been judged once, and while nothing is.
BEGIN_S = 0.5
#: Users that are named at most where they are why nothing is judged.
NAMED_MAX = 3
#: What is not judged for so long is said, in seconds.
UNTOLD_S = 60.0
NOTHING = Decimal(0)

#: By measure and currency.
Basis = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Level:
    """What one user had when it was added up last."""

    since: float
    level: Decimal
    equity: Decimal


class TotalLimits:
    """Of one supervisor. What it records raises JournalFault."""

    def __init__(
        self, limits: Iterable[LossLimit], accounts: Callable[[], Mapping[str, SupervisedAccount]],
        journal: Journal, events: EventLog, trading: TradingWatch, *, judge_s: float = JUDGE_S,
        changed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """``changed`` is called when processes are to look at the trading states."""
        self._limits = {limit.name: limit for limit in limits}
        self._accounts = accounts
        self._journal, self._events, self._trading = journal, events, trading
        self._judge_s = judge_s
        self._changed = changed
        self.states: dict[str, LimitState] = {}
        self._hits = 0
        self._last: dict[Basis, dict[str, Level]] = {}
        #: What all users have realised since it is added up, by currency.
        self._won: dict[str, Decimal] = {}
        self._judged_at = float("-inf")
        #: Why nothing was judged last, and since when; empty while it is.
        self.untold, self._untold_since, self._is_told = "", 0.0, False
        self._enforcing: asyncio.Task[None] | None = None
        self._read(journal.total_limits())
        trading.keep_limits = self.keep

    def _read(self, text: str | None) -> None:
        if text is not None:
            raw = json.loads(text)
            self.states = {name: LimitState.from_raw(state) for name, state in raw["states"].items()}
            self._hits = int(raw["hits"])
            self._won = {currency: Decimal(won) for currency, won in raw["won"].items()}
            self._last = {
                (metric, currency): {
                    user: Level(float(since), Decimal(level), Decimal(equity))
                    for user, (since, level, equity) in users.items()
                }
                for metric, currency, users in raw["last"]
            }
        self._written = text
        for name in [name for name, state in self.states.items() if state.hit is None]:
            if name not in self._limits:
                del self.states[name]
        for name, limit in self._limits.items():
            self.states.setdefault(name, LimitState(limit=limit)).follow(limit)

    def _write(self) -> None:
        body = {
            "states": {name: state.to_raw() for name, state in self.states.items()},
            "hits": self._hits,
            "won": self._won,
            "last": [
                [*basis, {user: [one.since, one.level, one.equity] for user, one in users.items()}]
                for basis, users in self._last.items()
            ],
        }
        text = json.dumps(body, default=str)
        if text != self._written:
            self._journal.put_total_limits(text)
            self._written = text

    # -- what is judged -------------------------------------------------------------------------------------

    def look(self, now_s: float) -> None:
        """In each turn of the loop; ``now_s``: Unix seconds. Judges when that is due."""
        if not self.states:
            return
        is_begun = not self.untold and all(state.since for state in self.states.values())
        pause_s = self._judge_s if is_begun else min(self._judge_s, BEGIN_S)
        if steady_time.now() - self._judged_at >= pause_s:
            self._judged_at = steady_time.now()
            self._judge(now_s)
        if self._enforcing is None and self._lacks(self._trading.states):
            self._enforcing = asyncio.get_running_loop().create_task(self._enforce())
            self._enforcing.add_done_callback(self._enforced)

    def _judge(self, now_s: float) -> None:
        bases = dict.fromkeys((str(s.limit.metric), s.limit.currency) for s in self.states.values())
        found = {basis: self._levels(basis) for basis in bases}
        lacking = sorted({user for levels in found.values() for user, one in levels.items() if one is None})
        self._tell(self._lack_words(lacking), now_s)
        if lacking or not any(found.values()):
            return
        for basis, levels in found.items():
            known = {user: one for user, one in levels.items() if one is not None}
            self._judge_those_of(basis, known, now_s)
        self._write()

    def _lack_words(self, lacking: Sequence[str]) -> str:
        """Why nothing can be judged without what these users have lost, for people; empty without any."""
        if not lacking:
            return ""
        named = []
        for user in lacking[:NAMED_MAX]:
            life = self._accounts()[user].life
            named.append(f"{user} ({life.state}{', ' if life.reason else ''}{life.reason})")
        more = f" and {len(lacking) - NAMED_MAX} more" if len(lacking) > NAMED_MAX else ""
        return (
            f"what was lost is not known of {', '.join(named)}{more}: see to it, or `krakencopy stop` it, "
            "then it counts as it was last known"
        )

    def _levels(self, basis: Basis) -> dict[str, Level | None]:
        """By user: None for one that runs and whose level is not known. One that is stopped has the last."""
        found: dict[str, Level | None] = {}
        for user, account in self._accounts().items():
            if not _counts(account):
                continue
            link, last = account.process.link, self._last.get(basis, {}).get(user)
            shown = [] if link is None else link.snapshot.levels
            now = next((each for each in shown if (each.metric, each.currency) == basis), None)
            if now is not None:
                since = now.since.ToMicroseconds() / 1e6
                found[user] = Level(since, Decimal(now.level), Decimal(now.equity))
            elif account.wanted:
                found[user] = None
            elif last is not None:
                found[user] = last
        return found

    def _judge_those_of(self, basis: Basis, levels: Mapping[str, Level], now_s: float) -> None:
        metric, currency = basis
        before = self._last.get(basis, {})
        self._last[basis] = dict(levels)
        same = [user for user in levels.keys() & before.keys() if levels[user].since == before[user].since]
        won = sum((levels[user].level - before[user].level for user in same), NOTHING)
        equity = sum((one.equity for one in levels.values()), NOTHING)
        if metric == Metric.REALISED:
            self._won[currency] = self._won.get(currency, NOTHING) + won
        came = equity - sum((one.equity for one in before.values()), NOTHING) - won
        seen = Seen(
            at=now_s, equity=equity, realised={currency: self._won.get(currency, NOTHING)},
            rate=lambda asset: Decimal(1) if asset == currency else None,
        )  # fmt: skip
        begun_anew = sorted((levels.keys() & before.keys()) - set(same))
        for name, state in self.states.items():
            if (str(state.limit.metric), state.limit.currency) != basis:
                continue
            if begun_anew:
                state.lose_track(f"what came in or went out at {', '.join(begun_anew)} is not known")
            if metric == Metric.EQUITY:
                state.take_flow(seen, equity - came)
            verdict = state.judge(seen, self._hits)
            if verdict is Verdict.HIT:
                self._hits += 1
                self._record(pb.SEVERITY_ERROR, "LIMIT_HIT", name, state.words)
            elif verdict is Verdict.WARNED:
                self._record(pb.SEVERITY_WARNING, "LIMIT_WARNED", name, state.warning)

    def _record(self, severity: pb.Severity.ValueType, code: str, name: str, words: str) -> None:
        self._events.record(severity, "", code, f"all users together: {words}", {"subject": name})

    def _tell(self, why: str, now_s: float) -> None:
        if why and not self.untold:
            self._untold_since = now_s
        self.untold = why
        lasts = bool(why) and now_s - self._untold_since >= UNTOLD_S
        if lasts and not self._is_told:
            words = f"all users together: no limit is judged: {why}"
            self._events.record(pb.SEVERITY_WARNING, "", "LIMIT_NOT_JUDGED", words)
        elif self._is_told and not why:
            words = "over: limits of all users together are judged again"
            self._events.record(pb.SEVERITY_INFO, "", "LIMIT_NOT_JUDGED_OVER", words)
        self._is_told = lasts or (self._is_told and bool(why))

    # -- what holds -----------------------------------------------------------------------------------------

    def keep(self) -> Change:
        """What was hit, and for whom, as a change of trading states that may be made in a thread."""
        holds = [
            Hold(name, state.limit.action, state.hit)
            for name, state in self.states.items()
            if state.hit is not None and state.limit.action is not Action.WARN
        ]
        users = [user for user, one in self._accounts().items() if _counts(one)] if holds else []
        return partial(with_holds, holds=holds, users=users, now=time.time())

    def _lacks(self, states: TradingStates) -> bool:
        return not self._trading.fault and self.keep()(states) is not states

    async def _enforce(self) -> None:
        if await self._trading.enforce("limit", ""):
            self._changed()

    def _enforced(self, task: asyncio.Task[None]) -> None:
        self._enforcing = None
        if not task.cancelled() and (error := task.exception()) is not None:
            if not isinstance(error, OSError | StatesUnreadable):
                raise error
            log.error("what a limit of all users has stopped could not be written: %s", error)

    # -- what operators ask ---------------------------------------------------------------------------------

    async def reset(self, name: str, by: str, reason: str) -> list[str]:
        """Lifts a limit that was hit, or all that were where no name is given, durably; their names. Each
        begins anew. Raises KeyError, and as TradingWatch.change.
        """
        hits = [each for each, state in self.states.items() if state.hit is not None]
        names = [name] if name else hits
        if not names or name not in {"", *self.states}:
            raise KeyError(name)
        lifted = {by_of(each) for each in names}
        for each in names:
            state = self.states[each]
            state.restart()
            if each in self._limits:
                state.follow(self._limits[each])
            else:
                del self.states[each]
        self._write()

        def lift(states: TradingStates) -> TradingStates:
            scopes = [scope for scope, said in states.states.items() if said.by.split(",")[0] in lifted]
            return states.without(scopes) if scopes else states

        await self._trading.change(lift, by, reason, renew=False)
        self._changed()
        return names

    def to_proto(self) -> Iterable[pb.LossLimit]:
        """All of them, as they are shown."""
        for name, state in self.states.items():
            message = state.to_proto()
            message.configured = name in self._limits
            if state.hit is None:
                self._show_what_is_not_known(message, state)
            yield message

    def _show_what_is_not_known(self, message: pb.LossLimit, state: LimitState) -> None:
        if self.untold:
            since = f"{utc(self._untold_since):%Y-%m-%d %H:%M:%S}"
            message.message = f"since {since} UTC {self.untold}"
        elif state.unknown or state.loss is None:
            message.message = state.unknown or "it was not judged yet"
        else:
            stopped = [user for user, one in self._accounts().items() if _counts(one) and not one.wanted]
            if stopped:
                message.message = f"as they were last known, as they are stopped: {', '.join(stopped)}"
            return
        message.state = pb.LIMIT_STATE_NOT_JUDGED


class Hold(NamedTuple):
    """A limit that was hit."""

    name: str
    action: Action
    hit: Hit


def with_holds(
    states: TradingStates, holds: Iterable[Hold], users: Sequence[str], now: float
) -> TradingStates:
    """These states with what was hit: each user at least as strict, and told once to sell where it is. The
    same object where nothing is lacking. Pure.
    """
    holds = sorted(holds, key=lambda hold: hold.hit.number)
    # The last one: those that were hit at once would each take the other's order for none.
    for name, _, hit in [hold for hold in holds if hold.action is Action.FLATTEN][-1:]:
        if to_sell := [user for user in users if not _is_told_to_sell(states, user, name, hit)]:
            # Of now: what was bought since the hit, while that could not be written, is to be sold as well.
            by = _sold_by(name, hit)
            states = states.with_flatten(to_sell, by, hit.words[:WORDS_MAX], max(now, hit.at))
    for name, action, hit in holds:
        setting = StateSetting(
            state=STATE_OF[action], by=by_of(name), reason=hit.words[:WORDS_MAX], at=hit.at
        )
        if lax := [scope for scope in map(account_scope, users) if _is_lax(states, scope, setting.state)]:
            states = states.with_limit(lax, setting)
    return states


def _counts(account: SupervisedAccount) -> bool:
    """Whether it is one of all users: what a shadow loses is nobody's money."""
    return account.config.copies and not account.config.is_shadow and not account.removed


def by_of(name: str) -> str:
    """Who says what a limit of all users stops."""
    return f"limit {name} of all users"


def _sold_by(name: str, hit: Hit) -> str:
    return f"{by_of(name)}, hit {hit.number}"


def _is_told_to_sell(states: TradingStates, user: str, name: str, hit: Hit) -> bool:
    """By this hit, or by others since."""
    order = states.flattens.get(user)
    if order is None or order.taken_back:
        return False
    is_earlier_hit = order.by.startswith(f"{by_of(name)}, ")
    return order.by == _sold_by(name, hit) or (order.at > hit.at and not is_earlier_hit)


def _is_lax(states: TradingStates, scope: str, state: TradingState) -> bool:
    said = states.states.get(scope)
    return STRICTNESS[TradingState.ACTIVE if said is None else said.state] < STRICTNESS[state]
