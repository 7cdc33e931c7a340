"""Judges of money: what a user was sized by, what it spent and sold, what it is left with."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from tests.chaos.coin_book import MONEY
from tests.chaos.coins import Coins
from tests.chaos.copied_by_trades import count_trades, trades_as_counted
from tests.chaos.judge_copies import STOPPED, booked, order_ids, writes_off
from tests.chaos.limits import cap_of_an_order
from tests.chaos.model_judging import COST_DUST
from tests.chaos.records import Finding, Record
from tests.chaos.rows import Copy, UserTerms
from tests.chaos.terms import PAIRS, ZERO, by_coin, coin_of
from tests.chaos.worth import MARKS_AGE_S, Prices, legs, states, worth_in

#: How the system words what cash did.
CASH = re.compile(r"cash of ([0-9.]+) ")


#: An execution may take so long to be known.
CASH_KNOWN_S = 1.0


#: Snapshots of a balance are rounded down to 4 decimals of a dollar, then executions count exactly.
CASH_DUST = Decimal("0.002")


#: What the books round while a coin is counted through many trades; below a lot.
OWN_DUST = Fraction(1, 10**9)
MONEY_DUST = Fraction(1, 1000)
#: Books round each trade's cost and fee to the digits that a balance has.
BALANCE_DUST = Decimal("0.01")


#: Balances are read again about every minute; until then a deposit is not known.
EQUITY_AGE_S = 80.0


def equity_is_true(record: Record) -> Iterator[Finding]:
    """The equity that a copy was sized by lies within what the user's balances were worth in the last
    minutes.
    """
    if record.clock_stepped:
        return
    prices = Prices(record)
    for user in record.users:
        known = states(record, user.account)
        times = [state.at for state in known]
        for copy in record.copies_of(user.account):
            if not copy.user_equity or not copy.seqs:
                continue
            since, until = copy.decided_at - MARKS_AGE_S, copy.decided_at + 1.0
            ranges = prices.in_dollars(since, until)
            quote = PAIRS[copy.pair].quote
            for coin in _perhaps_unpriced(record, copy.decided_at) - {quote}:
                ranges[coin] = (ZERO, ranges[coin][1])
            first = max(bisect_right(times, copy.decided_at - EQUITY_AGE_S) - 1, 0)
            worths = [
                worth_in(state.total, quote, ranges) for state in known[first : bisect_right(times, until)]
            ]
            least, most = min(low for low, _ in worths), max(high for _, high in worths)
            # A wallet may know of a part of an order only; a price moves on while it is traded.
            margin = Decimal("0.02") * most
            if not least - margin <= copy.user_equity <= most + margin:
                text = (
                    f"copy {copy.copy_id} was sized by {copy.user_equity} {quote}, it was {least:.6f} "
                    f"to {most:.6f}"
                )
                yield Finding(validator="equity", account=user.account, text=text)


def _perhaps_unpriced(record: Record, at: float) -> set[str]:
    """Coins whose price in dollars could not be had for some of the last time: who started then counts
    them for nothing for a while.
    """
    pricing = {terms.symbol: terms.base for terms in PAIRS.values() if terms.quote == "USD"}
    by_altname = {terms.altname: terms.symbol for terms in PAIRS.values()}
    off: set[str] = set()
    lately: set[str] = set()
    for blow in record.injections:
        pair = str(blow.detail.get("pair", ""))
        if not blow.done or blow.at > at:
            continue
        if blow.kind == "listed":
            off = off - {pair} if blow.detail["listed"] else off | {pair}
            if blow.at > at - EQUITY_AGE_S:
                lately.add(pair)
        elif blow.detail.get("method") == "Ticker" and pair and blow.at > at - EQUITY_AGE_S:
            lately.add(by_altname.get(pair, pair))
    return {pricing[pair] for pair in off | lately if pair in pricing}


def cash_is_true(record: Record) -> Iterator[Finding]:
    """Where cash cut or stopped an entry there was no more, less what orders on their way may take;
    nothing was bought without.
    """
    if record.clock_stepped:
        return
    for user in record.users:
        all_states = states(record, user.account)
        times = [state.at for state in all_states]
        moved = [deposit.at for deposit in record.deposits if deposit.account == user.account]
        moved += [order.at for order in record.hand_orders if order.account == user.account]
        moved += [order.cancelled_at for order in record.hand_orders if order.account == user.account]
        for copy in record.copies_of(user.account):
            at = copy.decided_at
            # What came or went beside trades is known after the next look at the balances.
            if copy.side != "buy" or any(at - MARKS_AGE_S <= when <= at + 1.0 for when in moved):
                continue
            quote = PAIRS[copy.pair].quote
            first = max(bisect_right(times, at - CASH_KNOWN_S) - 1, 0)
            known = [
                state.total.get(quote, ZERO) - _held_by_hand(record, user.account, quote, at)
                for state in all_states[first : bisect_right(times, at)]
            ]
            told = CASH.search(copy.detail)
            if told is not None:
                free = min(known) - _spoken_for(record, user, copy)
                if Decimal(told[1]) < free - _dust(quote):
                    text = f"copy {copy.copy_id} was cut by cash of {told[1]} {quote}, there was {free:.8f}"
                    yield Finding(validator="cash", account=user.account, text=text)
            elif copy.reason.startswith("EOrder:Insufficient funds"):
                cost = _worst_cost(record, user, replace(copy, planned=ZERO))
                if cost > max(known):
                    text = f"copy {copy.copy_id} was to cost {cost:.8f} {quote} where there was {max(known)}"
                    yield Finding(validator="cash", account=user.account, text=text)


def _held_by_hand(record: Record, account: str, coin: str, at: float) -> Decimal:
    """What the owner's own resting orders held of a coin at some time, without fees."""
    held = ZERO
    for order in record.hand_orders:
        if (
            order.account == account
            and order.at <= at
            and not (order.cancelled_at and order.cancelled_at < at)
        ):
            pair = PAIRS[order.pair]
            if order.side == "sell" and pair.base == coin:
                held += order.volume
            elif order.side == "buy" and pair.quote == coin:
                held += order.volume * order.price
    return held


def _dust(quote: str) -> Decimal:
    # Costs are rounded to five decimals in all of these.
    return CASH_DUST if quote in {"USD", "EUR", "USDT"} else Decimal("0.00000002")


def _spoken_for(record: Record, user: UserTerms, copy: Copy) -> Decimal:
    """What the user's other entries on their way may still take."""
    at = copy.decided_at
    return sum(
        (
            _worst_cost(record, user, other)
            for other in record.copies_of(user.account)
            if other.side == "buy" and other.attempts and other.copy_id != copy.copy_id
            and PAIRS[other.pair].quote == PAIRS[copy.pair].quote
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
    """At every moment no more of a coin was sold than copying held, in whatever pairs it was bought; so the
    user's own coins stay.

    Trades are counted copy by copy, as those came to their ends. Which part of a sale's proceeds is own money
    come back hangs on the order in which money went through pairs that trade beside each other: a thousandth
    of what came in may be called either, and all of it where the clock was set, so that nobody knows the
    order, or where coins were written off that were not there any more.
    """
    for user in record.users:
        untold = record.clock_stepped or writes_off(record, user.account)
        either = Fraction(1) if untold else Fraction(1, 1000)
        coins, came_in = Coins(), defaultdict[str, Fraction](Fraction)
        for trade in trades_as_counted(record, user.account):
            base, quote = PAIRS[trade.pair].base, PAIRS[trade.pair].quote
            own = Fraction(trade.volume) - coins.held(base) - came_in[base] * either
            # The exchange rounds each trade's cost to a digit that adds up in money.
            if trade.side == "sell" and own > (MONEY_DUST if base in MONEY else OWN_DUST):
                text = f"trade {trade.n} ({trade.pair}) sells {float(own):.10f} {base} of the user's own"
                yield Finding(validator="own coins", account=user.account, text=text)
                break
            count_trades(coins, [trade])
            if trade.side == "sell":
                came_in[quote] += Fraction(trade.cost)
                if not coins.held(base):
                    came_in[base] = Fraction(0)


def what_is_the_users_own_is_still_there(record: Record) -> Iterator[Finding]:
    """By balances alone: each coin is there at least as it was, with what its owner did, less what entries
    paid with it.
    """
    for user in record.users:
        own = by_coin(user.balances)
        changes: list[tuple[float, str, Decimal]] = [
            (deposit.at, coin_of(deposit.asset), deposit.amount)
            for deposit in record.deposits
            if deposit.account == user.account
        ]
        by_hand = record.orders_by_hand(user.account)
        for trade in record.trades_of(user.account):
            if trade.order_id in by_hand:
                changes += [(trade.at, coin_of(asset), amount) for asset, amount in legs(trade)]
            elif trade.side == "buy":
                quote = PAIRS[trade.pair].quote
                changes.append((trade.at, quote, -trade.cost))
                changes.append((trade.at, coin_of(trade.fee_asset), -trade.fee))
            # What a sale brings in is no entry's money, and mostly pays its own fee.
            elif coin_of(trade.fee_asset) != PAIRS[trade.pair].quote:
                changes.append((trade.at, coin_of(trade.fee_asset), -trade.fee))
        for rest in record.settled:
            there = by_coin(rest.balances[user.account])
            for coin in {*own, *there}:
                least = own.get(coin, ZERO) + sum(
                    (amount for at, changed, amount in changes if changed == coin and at <= rest.at), ZERO
                )
                if there.get(coin, ZERO) < least - BALANCE_DUST:
                    text = f"has {there.get(coin, ZERO)} {coin}, of its own there were to be {least}"
                    yield Finding(validator="own balance", account=user.account, text=text)


def entries_are_bound(record: Record) -> Iterator[Finding]:
    """No entry is bought further above the master's price than the user allows."""
    fills = {fill.seq: fill for fill in record.fills}
    for user in record.users:
        bound = 1 + Decimal(user.max_slippage_bps) / 10_000
        worst: dict[str, Decimal] = {}
        for copy in record.copies_of(user.account):
            prices = [fills[seq].price for seq in copy.seqs if seq in fills]
            if copy.side == "buy" and prices:
                worst |= dict.fromkeys(order_ids(record, copy), min(prices) * bound)
        for trade in record.trades_of(user.account):
            limit = worst.get(trade.cl_ord_id)
            if limit is not None and trade.price > limit:
                text = f"trade {trade.n} bought {trade.pair} at {trade.price}, the bound is {limit}"
                yield Finding(validator="bound", account=user.account, text=text)


def no_master_order_costs_more_than_its_cap(record: Record) -> Iterator[Finding]:
    """All copies of one master order together; orders that were copied by one order of the user are judged
    together.
    """
    fills = {fill.seq: fill for fill in record.fills}
    for user in record.users:
        groups = _Groups()
        caps: dict[str, Fraction] = {}
        costs: dict[str, Fraction] = defaultdict(Fraction)
        paid = booked(record, user)
        copies = {copy.copy_id: copy for copy in record.copies_of(user.account)}
        # An order's cap is of the equity at its first fill, whatever the clock said then.
        for copy in sorted(copies.values(), key=lambda copy: min(copy.seqs, default=0)):
            family = [copy, *(copies[other] for other in copy.carried_in if other in copies)]
            seqs = [seq for member in family for seq in member.seqs if seq in fills]
            if copy.side != "buy" or not copy.seqs or not seqs or copy.reason == "STALE_ENTRY":
                continue
            if copy.state == "SKIPPED" and copy.reason in STOPPED:
                continue
            orders = [fills[seq].order_id for seq in seqs]
            groups.join(orders)
            for seq in copy.seqs:
                if seq in fills:
                    cap = cap_of_an_order(user, Fraction(copy.user_equity))
                    caps.setdefault(fills[seq].order_id, cap)
            bought = paid.get(copy.copy_id)
            if bought is not None and bought.volume:
                costs[orders[0]] += bought.cost
        pairs = {fill.order_id: fill.pair for fill in record.fills}
        yield from _over(user, groups, caps, costs, pairs)


def _over(
    user: UserTerms,
    groups: _Groups,
    caps: dict[str, Fraction],
    costs: dict[str, Fraction],
    pairs: dict[str, str],
) -> Iterator[Finding]:
    allowed: dict[str, Fraction] = defaultdict(Fraction)
    spent: dict[str, Fraction] = defaultdict(Fraction)
    dust: dict[str, Fraction] = {}
    for order, cap in caps.items():
        allowed[groups.of(order)] += cap
        dust[groups.of(order)] = COST_DUST * Fraction(1, 10 ** PAIRS[pairs[order]].cost_decimals)
    for order, cost in costs.items():
        spent[groups.of(order)] += cost
    for group, cost in spent.items():
        if cost > allowed[group] + dust[group]:
            text = (
                f"the copies of order {group} cost {float(cost):.8f}, the cap is {float(allowed[group]):.8f}"
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
