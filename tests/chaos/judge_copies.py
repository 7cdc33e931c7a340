"""Judges of copies as such: each fill answered once, each order meant and never doubled, volumes, ages,
nonces.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from tests.chaos.coin_book import Bought
from tests.chaos.model import check_volumes
from tests.chaos.model_owed import Checked
from tests.chaos.records import Finding, Record
from tests.chaos.rows import Copy, Request, Trade, UserTerms
from tests.chaos.terms import PAIRS, ZERO, coin_of

#: Nothing is decided about these copies but that nothing leaves.
STOPPED = frozenset({"TRADING_REDUCING", "TRADING_HALTED", "LIMIT_HIT"})
ENDS = {"FILLED", "PART_FILLED", "REJECTED", "SKIPPED", "CARRIED"}


#: The project's documented way from a copy to its order id: a UUID of journal, user, copy and attempt, with
#: six digits of journal and user.
CL_ORD_ID_SPACE = uuid.UUID("6b3a0e0e-54f4-4d0c-9a53-0f1b8a6f2d11")
CL_ORD_ID_MARK = "6b3a0e0e-"


#: Faults that let a nonce arrive twice or late, so that the exchange refuses it.
NONCE_FAULTS = ("duplicate_delivery", "swap")


#: A refused nonce may be repeated for a moment after the fault that caused it; times are of one machine.
NEAR_S = 15.0


#: Between the decision about an order's age and its arrival at the exchange: deadline and a slow machine.
ARRIVAL_S = 8.0


def each_fill_has_one_end_for_each_user(record: Record) -> Iterator[Finding]:
    """Exactly one copy names it, and that copy is over, for a reason."""
    name = "one end"
    for user in record.users:
        copies = record.copies_of(user.account)
        answers: dict[int, list[str]] = defaultdict(list)
        for copy in copies:
            for seq in copy.seqs:
                answers[seq].append(copy.copy_id)
            if copy.state not in ENDS:
                yield Finding(
                    validator=name, account=user.account, text=f"copy {copy.copy_id} is still {copy.state}"
                )
            if not copy.reason:
                yield Finding(
                    validator=name, account=user.account, text=f"copy {copy.copy_id} ended without a reason"
                )
        for fill in record.fills:
            named = answers.pop(fill.seq, [])
            if len(named) != 1:
                text = f"fill {fill.seq} is answered by {len(named)} copies: {', '.join(named) or 'nobody'}"
                yield Finding(validator=name, account=user.account, text=text)
        for seq in answers:
            yield Finding(
                validator=name,
                account=user.account,
                text=f"fill {seq} was answered and is not in the journal",
            )


def order_ids(record: Record, copy: Copy) -> list[str]:
    """The client order ids of a copy's attempts."""
    return [
        client_order_id(record.journal_id, copy.account, copy.copy_id, attempt)
        for attempt in range(1, copy.attempts + 1)
    ]


def client_order_id(journal_id: str, account: str, copy_id: str, attempt: int) -> str:
    """The id that an attempt must have: a UUID made of names, under the mark of krakencopy's orders."""
    made = str(uuid.uuid5(CL_ORD_ID_SPACE, f"{journal_id}/{account}/{copy_id}/{attempt}"))
    whose = uuid.uuid5(CL_ORD_ID_SPACE, f"copy/{journal_id}/{account}").hex
    return f"{CL_ORD_ID_MARK}{whose[:4]}-5{whose[4:6]}{made[17:]}"


def orders_and_intents_belong_together(record: Record) -> Iterator[Finding]:
    """No order without a copy that meant it, each with a deadline and of the copy's pair, side and size;
    no id without its copy.
    """
    name = "intents"
    for user in record.users:
        meant: dict[str, Copy] = {}
        by_hand = record.orders_by_hand(user.account)
        for copy in record.copies_of(user.account):
            ids = order_ids(record, copy)
            meant |= dict.fromkeys(ids, copy)
            if (ids[-1] if ids else "") != copy.cl_ord_id:
                text = (
                    f"copy {copy.copy_id} names order {copy.cl_ord_id or 'none'} after {copy.attempts} "
                    "attempts"
                )
                yield Finding(validator=name, account=user.account, text=text)
        for request in _orders(record, user.account):
            copy_of = meant.get(request.cl_ord_id)
            if copy_of is None:
                text = (
                    f"request {request.n} ({request.side} {request.volume} {request.pair}) was meant by "
                    "no copy"
                )
                yield Finding(validator=name, account=user.account, text=text)
            elif (request.pair, request.side) != (copy_of.pair, copy_of.side) or not request.deadline:
                text = f"request {request.n} is not what copy {copy_of.copy_id} meant, or has no deadline"
                yield Finding(validator=name, account=user.account, text=text)
            elif request.cl_ord_id == copy_of.cl_ord_id and request.volume != copy_of.ordered:
                text = (
                    f"request {request.n} asks for {request.volume}, copy {copy_of.copy_id} for "
                    f"{copy_of.ordered}"
                )
                # What less is there for cuts a copy after its first order was refused.
                if copy_of.reason not in {"NOT_THERE", "HOLDINGS_LIMITED"}:
                    yield Finding(validator=name, account=user.account, text=text)
        for trade in record.trades_of(user.account):
            if trade.cl_ord_id not in meant and trade.order_id not in by_hand:
                text = f"trade {trade.n} ({trade.side} {trade.volume} {trade.pair}) was meant by no copy"
                yield Finding(validator=name, account=user.account, text=text)


def _orders(record: Record, account: str) -> Iterator[Request]:
    return (
        request
        for request in record.requests_of(account)
        if request.method == "AddOrder" and request.outcome != "unseen" and not request.by_hand
    )


def nothing_is_doubled(record: Record) -> Iterator[Finding]:
    """At most one attempt of a copy has fills, and they are what the copy says."""
    name = "doubled"
    for user in record.users:
        fills: dict[str, list[Trade]] = defaultdict(list)
        for trade in record.trades_of(user.account):
            fills[trade.cl_ord_id].append(trade)
        for copy in record.copies_of(user.account):
            filled_ids = [order_id for order_id in order_ids(record, copy) if order_id in fills]
            if len(filled_ids) > 1:
                text = f"copy {copy.copy_id} was filled by {len(filled_ids)} of its orders"
                yield Finding(validator=name, account=user.account, text=text)
            trades = [trade for order_id in filled_ids for trade in fills[order_id]]
            if copy.state in ENDS:
                yield from _told_as_booked(copy, trades)


def _told_as_booked(copy: Copy, trades: list[Trade]) -> Iterator[Finding]:
    volume = sum((trade.volume for trade in trades), ZERO)
    if volume != copy.filled:
        text = f"copy {copy.copy_id} says {copy.filled} was filled, the exchange says {volume}"
        yield Finding(validator="doubled", account=copy.account, text=text)
        return
    exact = sum((trade.price * trade.volume for trade in trades), ZERO)
    # A row of the exchange rounds each trade's cost.
    cent = Decimal(1).scaleb(-PAIRS[copy.pair].cost_decimals)
    allowed = cent * (len(trades) + 1) + volume * Decimal("1e-9")
    if abs(copy.avg_price * volume - exact) > allowed:
        text = f"copy {copy.copy_id} says it paid {copy.avg_price}, the exchange says {exact / volume:.10f}"
        yield Finding(validator="doubled", account=copy.account, text=text)
    if (copy.state == "FILLED") != (volume == copy.ordered and bool(volume)):
        text = f"copy {copy.copy_id} is {copy.state} with {volume} of {copy.ordered}"
        yield Finding(validator="doubled", account=copy.account, text=text)


def booked(record: Record, user: UserTerms) -> dict[str, Bought]:
    """What the exchange booked for each copy."""
    owners = {
        order_id: copy.copy_id
        for copy in record.copies_of(user.account)
        for order_id in order_ids(record, copy)
    }
    found: dict[str, Bought] = defaultdict(Bought)
    for trade in record.trades_of(user.account):
        if trade.cl_ord_id in owners:
            row = found[owners[trade.cl_ord_id]]
            row.trades += 1
            row.volume += Fraction(trade.volume)
            row.cost += Fraction(trade.price) * Fraction(trade.volume)
            coin = coin_of(trade.fee_asset)
            row.fees[coin] = row.fees.get(coin, Fraction(0)) + Fraction(trade.fee)
    return found


def minima_moved(record: Record) -> frozenset[str]:
    """Pairs whose minima the exchange changed at some time."""
    named = {
        injection.detail.get("pair")
        for injection in record.injections
        if injection.detail.get("kind") == "ordermin"
    }
    return frozenset(pair.symbol for pair in PAIRS.values() if pair.altname in named)


def coins_gone(record: Record, account: str) -> frozenset[str]:
    """Coins that the account's owner has taken away for good at some time, by a withdrawal, a convert, or
    a trade by hand.
    """
    taken = {
        coin_of(deposit.asset)
        for deposit in record.deposits
        if deposit.account == account and deposit.amount < 0 and deposit.kind in {"deposit", "convert"}
    }
    by_hand = record.orders_by_hand(account)
    for trade in record.trades_of(account):
        if trade.order_id in by_hand:
            taken.add(PAIRS[trade.pair].base if trade.side == "sell" else PAIRS[trade.pair].quote)
    return frozenset(taken)


def writes_off(record: Record, account: str) -> bool:
    """Whether some of what copying held was not there any more: then how much of what it sold for was own
    money is not in the record.
    """
    return bool(coins_gone(record, account)) or any(
        copy.reason == "NOT_THERE" or "is not there any more" in copy.detail
        for copy in record.copies_of(account)
    )


def coins_promised(record: Record, account: str) -> frozenset[str]:
    """Coins that were there and could not be sold at some time: moved to another form, or held by the
    owner's own order.
    """
    moved = {
        coin_of(deposit.asset)
        for deposit in record.deposits
        if deposit.account == account and deposit.kind in {"move", "to .F"}
    }
    held = {
        PAIRS[order.pair].base
        for order in record.hand_orders
        if order.account == account and order.side == "sell"
    }
    return frozenset(moved | held)


def volumes(record: Record) -> Checked:
    """Every copy of every user against the independent model."""
    total = Checked()
    if record.clock_stepped:
        # In which order copies were decided is not known, and all hangs on that. What was sold and is left is
        # judged all the same.
        total.bounded = len(record.copies)
        return total
    fills = {fill.seq: fill for fill in record.fills}
    moved = minima_moved(record)
    for user in record.users:
        total.add(
            check_volumes(
                user,
                record.copies_of(user.account),
                fills,
                booked(record, user),
                coins_taken=coins_gone(record, user.account) | coins_promised(record, user.account),
                minima_moved=moved,
            )
        )
    return total


def volumes_are_those_of_the_model(record: Record) -> Iterator[Finding]:
    """Volumes exact, or within bounds where the record does not tell."""
    yield from volumes(record).findings


def age_decides_about_entries_only(record: Record) -> Iterator[Finding]:
    """An entry that is too old is skipped, a younger one is not; exits never are; no old entry is sent
    again.
    """
    if record.clock_stepped:
        return
    name = "age"
    fills = {fill.seq: fill for fill in record.fills}
    for user in record.users:
        limit = float(user.max_entry_age_s)
        decided: dict[str, float] = {}
        for copy in record.copies_of(user.account):
            if copy.reason in {"UNKNOWN_PAIR", "PAIR_EXCLUDED"} or copy.reason in STOPPED:
                continue  # nothing is sent, however old it is
            stale = copy.reason == "STALE_ENTRY"
            decided |= dict.fromkeys(
                order_ids(record, copy),
                min((fills[seq].executed_at for seq in copy.seqs if seq in fills), default=0.0),
            )
            for fill in (fills[seq] for seq in copy.seqs if seq in fills):
                too_old = fill.side == "buy" and copy.decided_at - fill.executed_at > limit
                # Times in the API have microseconds.
                on_edge = abs(copy.decided_at - fill.executed_at - limit) < 1e-4
                if stale != too_old and not on_edge:
                    age = copy.decided_at - fill.executed_at
                    text = (
                        f"fill {fill.seq} ({fill.side}) was {age:.3f} s old, the limit is {limit:g} s: "
                        f"{copy.reason}"
                    )
                    yield Finding(validator=name, account=user.account, text=text)
        for request in _orders(record, user.account):
            at = decided.get(request.cl_ord_id, 0.0)
            if (
                request.side == "buy"
                and at
                and request.outcome == "ok"
                and request.at - at > limit + ARRIVAL_S
            ):
                text = f"request {request.n} came {request.at - at:.1f} s after its entry"
                yield Finding(validator=name, account=user.account, text=text)


def nonces_grow(record: Record) -> Iterator[Finding]:
    """Per key, in order of arrival, among what the engine took; and none is refused unless a fault made it
    so.
    """
    last: dict[str, int] = {}
    # A request that hung in the exchange is written down when it was carried out, behind others that came
    # later.
    for request in sorted(record.requests, key=lambda request: request.at):
        if request.outcome == "unseen":
            continue
        if request.outcome.startswith("EAPI:Invalid nonce"):
            injected = any(fault in request.fault for fault in NONCE_FAULTS)
            if not injected and not record.faults_near(
                request.account, NONCE_FAULTS, request.at - NEAR_S, request.at + NEAR_S
            ):
                text = f"request {request.n} ({request.method}) had a nonce that the exchange refused"
                yield Finding(validator="nonces", account=request.account, text=text)
            continue
        if request.nonce <= last.get(request.key_id, 0):
            text = f"request {request.n} has nonce {request.nonce} after {last[request.key_id]}"
            yield Finding(validator="nonces", account=request.account, text=text)
        last[request.key_id] = max(request.nonce, last.get(request.key_id, 0))


def one_order_at_a_time(record: Record) -> Iterator[Finding]:
    """Of one coin a user decides about the next copy only when the one before is over, in whatever pair."""
    if record.clock_stepped:
        return
    for user in record.users:
        ordered = sorted(
            (copy for copy in record.copies_of(user.account) if copy.attempts),
            key=lambda copy: copy.decided_at,
        )
        busy: dict[str, Copy] = {}
        for after in ordered:
            pair = PAIRS[after.pair]
            # A cross pair waits for the coin that it is paid in as well.
            for coin in (pair.base, pair.quote):
                before = busy.get(coin)
                if before is not None and after.decided_at < before.finished_at - 1e-4:
                    text = (
                        f"copy {after.copy_id} ({after.pair}) was decided before copy {before.copy_id} "
                        f"was over ({before.pair})"
                    )
                    yield Finding(validator="one at a time", account=user.account, text=text)
            busy[pair.base] = after


def coins_are_taken_in_order(record: Record) -> Iterator[Finding]:
    """What is ordered for a fill counts on what the fills before it left of its coins, in whatever pairs
    those were.
    """
    if record.clock_stepped:
        return
    for user in record.users:
        ordered = [copy for copy in record.copies_of(user.account) if copy.seqs]
        ordered.sort(key=lambda copy: (copy.decided_at, min(copy.seqs)))
        bought: dict[str, Copy] = {}
        spent: dict[str, Copy] = {}
        for copy in ordered:
            pair = PAIRS[copy.pair]
            before = [bought.get(pair.base), spent.get(pair.base), bought.get(pair.quote)]
            for other in filter(None, before):
                if copy.filled and other.filled and max(other.seqs) > min(copy.seqs):
                    text = (
                        f"copy {copy.copy_id} ({copy.pair}) was decided after copy {other.copy_id} of "
                        f"fill {max(other.seqs)} ({other.pair})"
                    )
                    yield Finding(validator="order", account=user.account, text=text)
            if copy.filled:
                bought[pair.base] = spent[pair.quote] = copy
