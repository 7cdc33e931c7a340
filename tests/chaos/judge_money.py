"""Judges of money: what a user was sized by, what it spent and sold, what it is left with."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from tests.chaos.judge_copies import booked, minima_moved
from tests.chaos.model import MOVED_BY
from tests.chaos.records import (
    PAIRS,
    ZERO,
    Copy,
    Finding,
    Record,
    Settled,
    UserTerms,
)
from tests.chaos.worth import MARKS_AGE_S, Prices, user_states, worth_of

#: How the system words what cash did.
CASH = re.compile(r"cash of ([0-9.]+) ")


#: An execution may take so long to be heard of.
CASH_KNOWN_S = 1.0


#: Snapshots of a balance are rounded down to 4 decimals of a dollar, then executions count exactly.
CASH_DUST = Decimal("0.002")


#: Balances are read again about every minute; until then a deposit is not known.
EQUITY_AGE_S = 80.0


def equity_is_true(record: Record) -> Iterator[Finding]:
    """The equity that a copy was sized by lies within what the user's balances were worth in the last minutes."""
    prices = Prices(record)
    for user in record.users:
        states = user_states(record, user)
        times = [at for at, _, _ in states]
        for copy in record.copies_of(user.account):
            if not copy.user_equity or not copy.seqs:
                continue
            since, until = copy.decided_at - MARKS_AGE_S, copy.decided_at + 1.0
            ranges = {pair: prices.about(pair, since, until) for pair in PAIRS}
            first = max(bisect_right(times, copy.decided_at - EQUITY_AGE_S) - 1, 0)
            worths = [
                worth_of(cash, coins, ranges) for _, cash, coins in states[first : bisect_right(times, until)]
            ]
            least, most = min(low for low, _ in worths), max(high for _, high in worths)
            # A wallet may have heard of a part of an order only; a price moves on while it is traded.
            margin = Decimal("0.02") * most
            if not least - margin <= copy.user_equity <= most + margin:
                text = (
                    f"copy {copy.copy_id} was sized by {copy.user_equity}, it was {least:.2f} to {most:.2f}"
                )
                yield Finding(validator="equity", account=user.account, text=text)


def cash_is_true(record: Record) -> Iterator[Finding]:
    """Where cash cut or stopped an entry there was no more, less what orders on their way may take; nothing was bought without."""
    for user in record.users:
        states = user_states(record, user)
        times = [at for at, _, _ in states]
        moved = [deposit.at for deposit in record.deposits if deposit.account == user.account]
        for copy in record.copies_of(user.account):
            at = copy.decided_at
            # What came or went beside trades is known after the next look at the balances.
            if copy.side != "buy" or any(at - MARKS_AGE_S <= when <= at + 1.0 for when in moved):
                continue
            first = max(bisect_right(times, at - CASH_KNOWN_S) - 1, 0)
            known = [cash for _, cash, _ in states[first : bisect_right(times, at)]]
            told = CASH.search(copy.detail)
            if told is not None:
                free = min(known) - _spoken_for(record, user, copy)
                if Decimal(told[1]) < free - CASH_DUST:
                    text = f"copy {copy.copy_id} was cut by cash of {told[1]}, there was {free:.5f}"
                    yield Finding(validator="cash", account=user.account, text=text)
            elif copy.reason.startswith("EOrder:Insufficient funds"):
                cost = _worst_cost(record, user, replace(copy, planned=ZERO))
                if cost > max(known):
                    text = f"copy {copy.copy_id} was to cost {cost:.5f} where there was {max(known)}"
                    yield Finding(validator="cash", account=user.account, text=text)


def _spoken_for(record: Record, user: UserTerms, copy: Copy) -> Decimal:
    """What the user's other entries on their way may still take."""
    at = copy.decided_at
    return sum(
        (
            _worst_cost(record, user, other)
            for other in record.copies_of(user.account)
            if other.side == "buy" and other.attempts and other.copy_id != copy.copy_id
            and other.decided_at <= at <= other.finished_at + 0.5
        ),
        ZERO,
    )  # fmt: skip


def _worst_cost(record: Record, user: UserTerms, copy: Copy) -> Decimal:
    """What an order may have been taken to cost at most, while it was on its way."""
    prices = [fill.price for fill in record.fills if fill.seq in copy.seqs]
    bound = 1 + Decimal(user.max_slippage_bps) / 10_000
    # Cost is set aside for what was meant, which cash may then have cut.
    return max(copy.ordered, copy.planned) * max(prices, default=ZERO) * bound


def nobody_sells_what_copying_did_not_buy(record: Record) -> Iterator[Finding]:
    """At every moment no more was sold than had been bought, so that the user's own coins stay."""
    for user in record.users:
        position: dict[str, Decimal] = defaultdict(Decimal)
        for trade in record.trades_of(user.account):
            position[trade.pair] += trade.volume if trade.side == "buy" else -trade.volume
            if position[trade.pair] < 0:
                text = f"trade {trade.n} sells {-position[trade.pair]} {trade.pair} of the user's own"
                yield Finding(validator="own coins", account=user.account, text=text)
                break


def no_master_order_costs_more_than_its_cap(record: Record) -> Iterator[Finding]:
    """All copies of one master order together; orders that were copied by one order of the user are judged together."""
    fills = {fill.seq: fill for fill in record.fills}
    for user in record.users:
        groups = _Groups()
        caps: dict[str, Fraction] = {}
        costs: dict[str, Fraction] = defaultdict(Fraction)
        paid = booked(record, user)
        copies = {copy.copy_id: copy for copy in record.copies_of(user.account)}
        for copy in sorted(copies.values(), key=lambda copy: copy.decided_at):
            family = [copy, *(copies[other] for other in copy.carried_in if other in copies)]
            seqs = [seq for member in family for seq in member.seqs if seq in fills]
            if copy.side != "buy" or not copy.seqs or not seqs or copy.reason == "STALE_ENTRY":
                continue
            orders = [fills[seq].order_id for seq in seqs]
            groups.join(orders)
            for seq in copy.seqs:
                if seq in fills:
                    equity = Fraction(copy.user_equity) * Fraction(user.max_user_risk)
                    caps.setdefault(fills[seq].order_id, equity)
            bought = paid.get(copy.copy_id)
            if bought is not None and bought.volume:
                slip = 1 + Fraction(user.max_slippage_bps, 10_000)
                worst = Fraction(fills[max(seq for seq in copy.seqs if seq in fills)].price) * slip
                # README: a market that jumps further than the slippage can cost more.
                costs[orders[0]] += bought.volume * min(bought.cost / bought.volume, worst)
        yield from _over(user, groups, caps, costs)


def _over(
    user: UserTerms, groups: _Groups, caps: dict[str, Fraction], costs: dict[str, Fraction]
) -> Iterator[Finding]:
    allowed: dict[str, Fraction] = defaultdict(Fraction)
    spent: dict[str, Fraction] = defaultdict(Fraction)
    for order, cap in caps.items():
        allowed[groups.of(order)] += cap
    for order, cost in costs.items():
        spent[groups.of(order)] += cost
    for group, cost in spent.items():
        if cost > allowed[group] + Fraction(1, 10**4):
            text = (
                f"the copies of order {group} cost {float(cost):.4f}, the cap is {float(allowed[group]):.4f}"
            )
            yield Finding(validator="cap", account=user.account, text=text)


class _Groups:
    """Sets of orders that are joined by common copies."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, order: str) -> str:
        while (parent := self._parent.setdefault(order, order)) != order:
            order = parent
        return order

    def join(self, orders: Iterable[str]) -> None:
        first, *others = orders
        for other in others:
            self._parent[self.of(other)] = self.of(first)


def exits_converge(record: Record) -> Iterator[Finding]:
    """Whenever the master was out of a pair and all had come to rest, nobody held more than dust of it by copying."""
    taken = {(deposit.account, deposit.asset) for deposit in record.deposits if deposit.amount < 0}
    prices = Prices(record)
    moved = minima_moved(record)
    for rest in record.settled:
        for pair in PAIRS.values():
            if rest.balances["master"].get(pair.asset, ZERO) >= pair.ordermin:
                continue
            _, price = prices.about(pair.symbol, rest.at - 60.0, rest.at)
            for user in record.users:
                held = _copied(record, user.account, pair.symbol, rest)
                # A process that read the larger minima still goes by them.
                least = pair.ordermin * (MOVED_BY if pair.symbol in moved else 1)
                is_dust = held < least or held * price < pair.costmin
                if not is_dust and (user.account, pair.asset) not in taken:
                    text = f"holds {held} {pair.symbol} by copying, {rest.trades} trades on, and the master has left"
                    yield Finding(validator="convergence", account=user.account, text=text)


def _copied(record: Record, account: str, pair: str, rest: Settled) -> Decimal:
    return sum(
        (
            trade.volume if trade.side == "buy" else -trade.volume
            for trade in record.trades_of(account)
            if trade.pair == pair and trade.n <= rest.trades
        ),
        ZERO,
    )


def nothing_rests(record: Record) -> Iterator[Finding]:
    """A user's orders are market or immediate: when all is over, none is open."""
    for rest in record.settled:
        for user in record.users:
            if rest.open_orders.get(user.account):
                text = f"{rest.open_orders[user.account]} orders are open at rest"
                yield Finding(validator="open orders", account=user.account, text=text)
