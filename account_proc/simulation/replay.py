"""A replay of one user: what really happened in an interval, and what would have happened by other rules. The
same inputs give the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal

from krakencopy.account_proc.contract.amounts import MONEY
from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.decimal_text import cents, plain
from krakencopy.account_proc.contract.proto_time import seconds
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.copy_plan import Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Side
from krakencopy.account_proc.simulation.estimated_limits import EstimatedLimits
from krakencopy.account_proc.simulation.history import MasterHistory, Rename, UserHistory
from krakencopy.account_proc.simulation.moments import (
    Beside,
    Flattened,
    GivenUp,
    Look,
    Moment,
    OwedExit,
    RealEnd,
    Run,
    given_up_at,
    is_as_it_was,
    moments_of,
)
from krakencopy.account_proc.simulation.performance import Performance
from krakencopy.account_proc.simulation.replayed_market import TakerFees, was_ordered
from krakencopy.account_proc.simulation.replayed_user import ReplayedUser
from krakencopy.v1 import types_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose fills are replayed, and by which rules."""

    account_id: str
    rules: CopyRules
    #: What it really did; None where it never was there.
    history: UserHistory | None
    #: What of an asset is left out of its cash and equity.
    reserve: Mapping[str, Decimal] = field(default_factory=dict)
    #: What it begins with, by asset; None where what it really had counts.
    wallet: Mapping[str, Decimal] | None = None
    #: Whether that pays for everything, in whichever currency it is.
    any_money: bool = False
    #: What share of a cost its fees were, by pair, where its history does not say so.
    paid: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From when (inclusive) until when (Unix seconds)."""

    since: float
    until: float

    def has(self, at: float) -> bool:
        """Whether a time is in it."""
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What replays of all users go by."""

    master: MasterHistory
    table: PairTable
    interval: Interval
    #: The fee's share of a cost, in pairs in which a user never paid one.
    taker: Decimal

    @property
    def fills(self) -> list[pb.Fill]:
        """The master's, of the interval."""
        return [fill for fill in self.master.fills if self.interval.has(seconds(fill.executed_at))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of it."""

    account_id: str
    #: Whether there is a real side.
    was_there: bool
    #: Whether that is a shadow's, and so none of it real.
    is_shadow: bool
    real_copies: tuple[CopyRecord, ...]
    copies: tuple[CopyRecord, ...]
    real: Performance
    replayed: Performance
    #: When its limits would have been hit: an estimate.
    limits: EstimatedLimits
    #: What had to be assumed, for people.
    assumptions: tuple[str, ...]


def replay(account: Account, past: Past) -> Replayed:
    """Of one user."""
    master, interval = past.master, past.interval
    history = _as_of(account.history or UserHistory(), master)
    fees = TakerFees(by_pair={**account.paid, **paid_shares(history.copies)}, others=past.taker)
    user = ReplayedUser(
        account.account_id, account.rules, past.table, master.journal_id,
        reserve=account.reserve, wallet=account.wallet, fees=fees, any_money=account.any_money,
    )  # fmt: skip
    joined_seq = 0 if account.history is None else master.joined.get(account.account_id, 0)
    with closing(user.ledger):
        moments = moments_of(master.fills, joined_seq, history.copies)
        _Play(user, history, master.renames, interval).play(moments)
        copies = tuple(user.copies)
    in_it = tuple(copy for copy in history.copies if interval.has(copy.decided_at))
    return Replayed(
        account_id=account.account_id, was_there=account.history is not None,
        is_shadow=history.is_shadow, real_copies=in_it,
        copies=copies, real=user.real, replayed=user.replayed, limits=user.limits,
        assumptions=tuple(_assumptions(user, copies, account, fees)),
    )  # fmt: skip


def _as_of(history: UserHistory, master: MasterHistory) -> UserHistory:
    """Without copies of fills that came while a folder was read, behind the journal's last."""
    last = max((fill.seq for fill in master.fills), default=0)
    known = (copy for copy in history.copies if max(copy.fill_seqs, default=0) <= last)
    return replace(history, copies=tuple(known))


class _Play:
    """Goes through the moments of one user."""

    def __init__(
        self, user: ReplayedUser, history: UserHistory, renames: Iterable[Rename], interval: Interval
    ) -> None:
        self._user = user
        self._history = history
        self._renames = list(renames)
        self._interval = interval
        self._has_begun = False

    def play(self, moments: Iterable[Moment]) -> None:
        for moment in moments:
            if moment.at >= self._interval.until and not isinstance(moment.what, RealEnd):
                continue
            if moment.at >= self._interval.since and not self._has_begun:
                self._begin()
            self._user.now = moment.at
            self._step(moment)
        if not self._has_begun:
            self._begin()
        self._user.end_all()
        self._user.points()

    def _begin(self) -> None:
        """The replay starts with what was really held and carried at this moment."""
        self._has_begun = True
        since = self._interval.since
        before = [copy for copy in self._history.copies if copy.decided_at < since]
        for order_id in {piece.order_id for copy in before for piece in copy.slices if piece.order_id}:
            if (plan := self._history.plan(order_id)) is not None:
                self._user.ledger.put_plan(plan)
        over = [copy for copy in before if copy.finished_at and copy.finished_at < since]
        self._user.begin(
            sorted(before, key=lambda copy: copy.decided_at),
            sorted(over, key=lambda copy: copy.finished_at),
            _carried(before, since, given_up_at(self._history.copies)),
        )  # fmt: skip

    def _step(self, moment: Moment) -> None:
        user, what = self._user, moment.what
        match what:
            case Look():
                while self._renames and what.fill.seq > self._renames[0].after_seq:
                    user.rename(self._renames.pop(0))
                user.look(what)
                if self._has_begun:
                    user.points()
            case RealEnd() if not self._has_begun:
                user.ended_before(what)
            case RealEnd():
                if what.real.decided_at < self._interval.until:
                    is_from_before = what.real.decided_at < self._interval.since
                    user.really_ended(what, as_it_was=is_from_before or is_as_it_was(what.real))
            case _ if not self._has_begun:
                return
            case Run():
                user.answer(what)
            case OwedExit():
                user.sell_owed(what)
            case Flattened():
                user.owing.flatten(what.real)
            case GivenUp():
                user.owing.give_up(what.real.copy_id)
            case Beside():
                user.begin_beside(what)


def _carried(
    copies: Iterable[CopyRecord], at: float, given_up: Mapping[str, float]
) -> dict[tuple[str, Side], list[Slice]]:
    """What waited at a moment, by pair and side: what was carried, and what orders to sell had left over,
    and no later copy had taken along yet. ``given_up``: when what a copy carried was given up.
    """
    taken = {copy_id for copy in copies for copy_id in copy.carried_in}
    waiting: dict[tuple[str, Side], list[Slice]] = {}
    for copy in copies:
        if copy.copy_id in taken or given_up.get(copy.copy_id, at) < at or not copy.finished_at < at:
            continue
        pieces: list[Slice] = []
        if copy.state is CopyState.CARRIED:
            pieces = [
                Slice(order_id=each.order_id, volume=each.volume, cost=each.cost, copy_id=copy.copy_id)
                for each in copy.slices
            ]
        elif copy.side is Side.SELL and was_ordered(copy) and copy.filled < copy.ordered:
            left = BaseVolume(copy.ordered - copy.filled)
            pieces = [Slice(order_id="", volume=left, cost=NO_AMOUNT, copy_id=copy.copy_id)]
        if pieces:
            waiting.setdefault((copy.pair, copy.side), []).extend(pieces)
    return waiting


def paid_shares(copies: Iterable[CopyRecord]) -> dict[str, Decimal]:
    """What share of the cost the last fee was, by pair."""
    shares: dict[str, Decimal] = {}
    for copy in copies:
        base, _, quote = copy.pair.partition("/")
        if copy.filled and copy.cost:
            fees = copy.fees
            paid = fees.get(quote, Decimal(0)) + fees.get(base, Decimal(0)) * copy.cost / copy.filled
            shares[copy.pair] = paid / copy.cost
    return shares


def amount_text(amount: Decimal, asset: str) -> str:
    """What there is of an asset, for people: money to cents, coins as they are."""
    return cents(amount) if asset in MONEY else plain(amount)


def _assumptions(
    user: ReplayedUser, copies: Iterable[CopyRecord], account: Account, fees: TakerFees
) -> Iterable[str]:
    if account.wallet is not None:
        begun = ", ".join(f"{amount_text(amount, asset)} {asset}" for asset, amount in account.wallet.items())
        yield f"it begins with {begun}; what it really had at each moment is not looked at"
    if user.guessed_funds:
        yield (
            f"what it had at {user.guessed_funds} decisions is not written down: what it had at the decision "
            "before is taken; before the first, nothing"
        )
    if user.guessed_cash:
        yield (
            f"what of it was free money at {user.guessed_cash} decisions is not written down: all of its "
            "equity is taken"
        )
    if user.fills.guessed_rates:
        yield (
            f"the rate of {user.fills.guessed_rates} fills in mapped pairs did not come with them: the last "
            "known one is taken"
        )
    for pair, of in sorted(user.fills.guessed_rules.items()):
        yield f"nobody here ever read the rules of {pair}: those of {of} are taken, as if it were listed"
    if user.beside:
        yield (
            f"{user.beside} copies that follow no fill (coins of syncs, orders that were found) are as they "
            "really were, whatever these rules would have made of them"
        )
    if user.stopped_by_limits:
        yield f"at {user.stopped_by_limits} decisions a limit had really been hit: what it stopped is stopped"
    if account.rules.limits:
        yield (
            "limits to losses stop and sell nothing here; when they would have been hit is an estimate, by "
            "the prices of the master's fills"
        )
    pairs = {copy.pair for copy in copies if was_ordered(copy)} - fees.by_pair.keys()
    if pairs:
        share, named = fees.others * 100, ", ".join(sorted(pairs))
        yield f"a taker's fee of {share.normalize():f} % in {named}, where it never paid one"
    for unpriced in sorted(user.real.unpriced | user.replayed.unpriced):
        yield f"nobody knows what {unpriced} was worth: it counts for nothing in profits"
