"""Judges of the master's side: the journal, what was frozen with its fills, the runs of the supervisor,
the logs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from tests.chaos.coin_book import MONEY
from tests.chaos.coins import Coins
from tests.chaos.records import Finding, Record
from tests.chaos.rows import Fill, ProcessSeen, Trade
from tests.chaos.terms import PAIRS, ZERO, coin_of, is_plain
from tests.chaos.worth import MARKS_AGE_S, Prices, State, legs, worth_in

#: Faults after which the exchange shows a fill later than ones behind it, or by a clock that was set back.
ORDER_FAULTS = ("visibility_lag", "reorder_events", "clock_skew", "ws_silence")


#: Faults after which the master's feed is away for a moment, or says less than it should.
FEED_FAULTS = (
    *ORDER_FAULTS,
    "ws_cut",
    "ws_refuse",
    "sequence_gap",
    "duplicate_event",
    "no_filled_marker",
    "expire_token",
)
#: What is done to processes.
BLOWS = frozenset(
    {
        "kill",
        "stop",
        "kill_supervisor",
        "stop_supervisor",
        "kill_forkserver",
        "disk_full",
        "disk_full_journal",
    }
)


#: Snapshots of a balance are rounded down to 4 decimals of a dollar, then executions count exactly.
CASH_DUST = Decimal("0.002")


#: Balances of coins have 8 to 10 decimals.
COIN_DUST = Decimal("0.00000002")
#: What comes in for a coin is kept to 12 decimals, each time again; the model counts in fractions.
COUNT_DUST, COST_ROUNDING = Fraction(1, 10**10), Fraction(5, 10**13)
#: Coins whose prices are those of their own dollar pairs.
DOLLAR_COINS = frozenset({"USD", "BTC", "ETH", "SOL", "DOT"})
CROSS_SHARE = Decimal("0.02")


#: A process may take so long from giving its locks back to its end.
LEAVING_S = 1.5


#: Account processes end by themselves so soon after their supervisor: what is in flight gets 5 s, the
#: forkserver's grace 5 s.
ORPHANS_S = 12.0


def journal_is_what_the_master_did(record: Record) -> Iterator[Finding]:
    """Each of the master's executions once, none invented, seqs without gaps, in the exchange's order."""
    name = "journal"
    truth = {trade.exec_id: trade for trade in record.trades_of("master")}
    fills = sorted(record.fills, key=lambda fill: fill.seq)
    for place, fill in enumerate(fills, start=1):
        if fill.seq != place:
            yield Finding(validator=name, text=f"seq {fill.seq} stands at place {place}")
            break
    for exec_id, times in Counter(fill.exec_id for fill in fills).items():
        if times > 1:
            yield Finding(validator=name, text=f"execution {exec_id} is there {times} times")
    known = {fill.exec_id for fill in fills}
    for exec_id, trade in truth.items():
        if exec_id not in known:
            yield Finding(validator=name, text=f"execution {exec_id} ({trade.side} {trade.pair}) is missing")
    for fill in fills:
        trade_of = truth.get(fill.exec_id)
        if trade_of is None:
            yield Finding(validator=name, text=f"fill {fill.seq} ({fill.exec_id}) never happened")
        elif _what(fill) != _what(trade_of):
            yield Finding(
                validator=name, text=f"fill {fill.seq} says {_what(fill)}, the exchange {_what(trade_of)}"
            )
    yield from _out_of_order(record, [fill for fill in fills if fill.exec_id in truth], truth)


def _what(row: Fill | Trade) -> tuple[object, ...]:
    return row.order_id, row.pair, row.side, row.price, row.volume


def _out_of_order(record: Record, fills: list[Fill], truth: dict[str, Trade]) -> Iterator[Finding]:
    for before, after in pairwise(fills):
        first, second = truth[before.exec_id], truth[after.exec_id]
        if first.n > second.n and not record.faults_near(
            "master", ORDER_FAULTS, second.at - 90.0, after.journalled_at
        ):
            text = f"fill {after.seq} happened before fill {before.seq} ({second.n} before {first.n})"
            yield Finding(validator="journal", text=text)


@dataclass(frozen=True)
class _Before:
    """What the master had before an order, in all forms and of that in forms, right before one execution
    of it, and how much of it was filled.
    """

    order: State
    now: State
    filled: Decimal


def _befores(record: Record, trades: Iterable[Trade]) -> dict[str, _Before]:
    """By execution id, when trades happened in this order; what came and went beside them, when it did."""
    moved = sorted(
        (deposit for deposit in record.deposits if deposit.account == "master"),
        key=lambda deposit: deposit.at,
    )
    total, in_forms = Counter[str](), Counter[str]()

    def change(asset: str, amount: Decimal) -> None:
        total[coin_of(asset)] += amount  # type: ignore[assignment]  # Decimal counts as well
        if not is_plain(asset):
            in_forms[coin_of(asset)] += amount  # type: ignore[assignment]

    for asset, amount in record.master.items():
        change(asset, amount)
    orders: dict[str, State] = {}
    filled: dict[str, Decimal] = defaultdict(Decimal)
    found = {}
    for trade in trades:
        while moved and moved[0].at <= trade.at:
            deposit = moved.pop(0)
            change(deposit.asset, deposit.amount)
        now = State(trade.at, dict(total), dict(in_forms))  # type: ignore[arg-type]
        found[trade.exec_id] = _Before(orders.setdefault(trade.order_id, now), now, filled[trade.order_id])
        filled[trade.order_id] += trade.volume
        for asset, amount in legs(trade):
            change(asset, amount)
    return found


def what_was_frozen_is_true(record: Record) -> Iterator[Finding]:
    """Position, cash and equity before each of the master's orders, by the exchange's own books."""
    if record.clock_stepped:
        return
    prices = Prices(record)
    trades = {trade.exec_id: trade for trade in record.trades_of("master")}
    truth = _befores(record, trades.values())
    # What was reported in another order was counted in that order.
    told = _befores(record, (trades[fill.exec_id] for fill in record.fills if fill.exec_id in trades))
    order_prices: dict[str, list[Decimal]] = defaultdict(list)
    for trade in trades.values():
        order_prices[trade.order_id].append(trade.price)
    moves = [deposit.at for deposit in record.deposits if deposit.account == "master"]
    # The fill itself is reported as far as it is known; what it moved is in balances that are read soon.
    unknown = [fill.executed_at for fill in record.fills if fill.pair_unknown]
    for fill in record.fills:
        if fill.exec_id not in trades or any(0 <= fill.journalled_at - at <= MARKS_AGE_S for at in unknown):
            continue
        trade, before = trades[fill.exec_id], truth[fill.exec_id]
        paid = order_prices[fill.order_id][:1]
        if record.faults_near("master", ORDER_FAULTS, trade.at - 90.0, fill.journalled_at):
            before, paid = told[fill.exec_id], order_prices[fill.order_id]
        # What came or went beside trades is known when the feed reports it; without a feed, at the next look.
        since = trade.at - MARKS_AGE_S
        if any(since <= at <= fill.journalled_at for at in moves) and _feed_was_hit(record, since, fill):
            continue
        # What was learnt late was valued by prices of then.
        until = max(trade.at, fill.journalled_at) + 1.0
        ranges = prices.in_dollars(trade.at - MARKS_AGE_S, until)
        pair = PAIRS[trade.pair]
        if pair.quote == "USD":
            ranges[pair.base] = (min(paid), max(paid))
        wrong = _wrong(fill, before, *worth_in(before.order.total, pair.quote, ranges))
        if wrong:
            text = f"fill {fill.seq} ({fill.pair} {fill.side}): {'; '.join(wrong)}"
            yield Finding(validator="frozen", text=text)


def _feed_was_hit(record: Record, since: float, fill: Fill) -> bool:
    """Whether the master's feed may have been away for a moment, or its process."""
    return record.faults_near("master", FEED_FAULTS, since, fill.journalled_at) or any(
        (
            since <= blow.at <= fill.journalled_at
            and (blow.account == "master" or "supervisor" in blow.kind or "forkserver" in blow.kind)
            and blow.kind in BLOWS
        )
        or (
            since <= blow.at <= fill.journalled_at and blow.kind == "disk_full_journal"
        )  # which ends the supervisor, and that the master's process
        for blow in record.injections
    )


def _wrong(fill: Fill, before: _Before, low: Decimal, high: Decimal) -> list[str]:
    wrong = []
    pair = PAIRS[fill.pair]
    position = before.order.total.get(pair.base, ZERO)
    held = before.now.total.get(pair.base, ZERO)
    cash = before.order.total.get(pair.quote, ZERO)
    dust = CASH_DUST if pair.quote in {"USD", "EUR"} else COIN_DUST
    # Balances show four decimals of money.
    coin_dust = CASH_DUST if pair.base in MONEY else COIN_DUST
    if abs(fill.master_position_before - position) > coin_dust:
        wrong.append(f"position {fill.master_position_before}, was {position}")
    if abs(fill.master_position - held) > coin_dust:
        wrong.append(f"position right before it {fill.master_position}, was {held}")
    if abs(fill.master_cash - cash) > dust:
        wrong.append(f"cash {fill.master_cash}, was {cash}")
    if fill.order_filled_before != before.filled:
        wrong.append(f"filled before {fill.order_filled_before}, was {before.filled}")
    # Prices of cross pairs are rounded to their own ticks.
    margin = dust if pair.quote == "USD" and set(before.order.total) <= DOLLAR_COINS else CROSS_SHARE * high
    if fill.master_equity and not low - margin <= fill.master_equity <= high + margin:
        wrong.append(f"equity {fill.master_equity}, was {low:.6f} to {high:.6f}")
    return wrong


def journal_counts_what_the_master_bought(record: Record) -> Iterator[Finding]:
    """The journal's own figures: what the master had bought of the coin before and after each fill, by
    decision 26.
    """
    coins = Coins()
    #: Fills that were paid in a coin, so far.
    paid_in: Counter[str] = Counter()
    trades = {trade.exec_id: trade for trade in record.trades_of("master")}
    for fill in sorted(record.fills, key=lambda fill: fill.seq):
        pair = PAIRS.get(fill.pair)
        if pair is None or fill.pair_unknown:  # a name that the exchange gave up while the master was away
            continue
        before = coins.held(pair.base)
        volume = Fraction(fill.volume)
        coins.count(
            fill.pair, fill.side, volume, volume * Fraction(fill.price), {fill.fee_coin: Fraction(fill.fee)}
        )
        after = coins.held(pair.base)
        paid_in[pair.quote] += 1
        dust = COUNT_DUST * (10**5 if pair.base in MONEY else 1) + COST_ROUNDING * paid_in[pair.base]
        if abs(Fraction(fill.journal_position) - before) > dust:
            text = (
                f"fill {fill.seq} ({fill.pair} {fill.side}): the journal counts {fill.journal_position} "
                f"before it, the rules {float(before):.12f}"
            )
            yield Finding(validator="count", text=text)
            return
        if abs(Fraction(fill.journal_position_after) - after) > dust:
            text = (
                f"fill {fill.seq} ({fill.pair} {fill.side}): the journal counts "
                f"{fill.journal_position_after} after it, the rules {float(after):.12f}"
            )
            yield Finding(validator="count", text=text)
            return
        trade = trades.get(fill.exec_id)
        # The trade history does not tell in which coin a fee was taken.
        if trade is not None and fill.source == "FEED" and coin_of(trade.fee_asset) != fill.fee_coin:
            text = (
                f"fill {fill.seq}: the fee was taken in {trade.fee_asset}, the journal says {fill.fee_coin}"
            )
            yield Finding(validator="count", text=text)


def earlier_runs_are_over(record: Record) -> Iterator[Finding]:
    """No fill of an earlier run after one of a later run, none outside its run, no process of an earlier
    run beside a later one.
    """
    name = "fencing"
    runs = {run.epoch: run for run in record.supervisors}
    last = 0
    for fill in sorted(record.fills, key=lambda fill: fill.seq):
        if fill.epoch < last:
            yield Finding(
                validator=name, text=f"fill {fill.seq} is of run {fill.epoch}, one before it of run {last}"
            )
        last = max(last, fill.epoch)
        run = runs.get(fill.epoch)
        if run is None and 0 in runs:
            continue  # killed before it told its number
        if (
            run is None
            or fill.journalled_at < run.started
            or (run.ended and fill.journalled_at > run.ended + 0.5)
        ):
            yield Finding(validator=name, text=f"fill {fill.seq} was journalled outside of run {fill.epoch}")
    by_account: dict[str, list[ProcessSeen]] = defaultdict(list)
    for process in sorted(record.processes, key=lambda process: process.first_seen):
        by_account[process.account].append(process)
    for account, processes in by_account.items():
        for earlier, later in pairwise(processes):
            if earlier.last_alive > later.first_seen + LEAVING_S:
                text = (
                    f"process {earlier.pid} (run {earlier.epoch}) lived beside {later.pid} (run "
                    f"{later.epoch})"
                )
                yield Finding(validator=name, account=account, text=text)
        for process in processes:
            run = runs.get(process.epoch)
            if run and run.ended and process.last_alive > run.ended + ORPHANS_S and not process.stopped:
                text = (
                    f"process {process.pid} outlived its supervisor by {process.last_alive - run.ended:.1f} s"
                )
                yield Finding(validator=name, account=account, text=text)


#: Ended well, killed, journal not to be written (EX_IOERR).
EXPECTED_EXITS = {0, -9, 74}
#: What the journal cannot be opened for ends the supervisor as a bad configuration.
EXIT_AT_START = 78


def supervisors_end_for_a_reason(record: Record) -> Iterator[Finding]:
    """By a blow, when asked to, or because the journal cannot be written; never by an error of its own."""
    for run in record.supervisors:
        full = any(
            blow.kind == "disk_full_journal" and run.started <= blow.at <= run.ended
            for blow in record.injections
        )
        if (
            run.ended
            and run.exit_code not in EXPECTED_EXITS
            and not (full and run.exit_code == EXIT_AT_START)
        ):
            text = f"run {run.epoch} of the supervisor ended with {run.exit_code}: {run.last_words}"
            yield Finding(validator="supervisor", text=text)


#: Errors that blows and faults lead to, by what their line begins with or holds.
EXPECTED_ERRORS = (
    "MASTER_LOST",
    "KRAKEN_USER_BLOCKED",
    "ACCOUNT_STATE_CHANGED",
    "MANY_FAILED",
    "LIMIT_HIT",
    # A process that is stopped or stuck when something is said.
    "TRADING_STATE_NOT_KEPT",
    "forkserver",
    "EXCHANGE_UNREACHABLE",
    "LEDGER_FAULT",
    "NONCE_FAULT",
    "LOCK_HELD",
    "KEY_REFUSED",
    # Conditions (account_proc/contract/conditions.py) that faults of the exchange end for a while.
    "NO_ANSWER",
    "HTTP_ERROR",
    "SERVICE_TROUBLE",
    "FRONT_REFUSES",
    "INVALID_NONCE",
    "EXIT_OWED",
    # A process that is stopped, or an order whose answer is lost.
    "TRADING_STATE_NOT_KEPT",
    "nothing is copied before it can be written",
    "nothing more is traded before it can be written",
    "database or disk is full",
    "disk I/O error",
)


def logs_hold_no_surprise(record: Record) -> Iterator[Finding]:
    """No error in any log that blows and faults do not explain."""
    seen: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], str] = {}
    for line in record.log_lines:
        text = f"{line.message} {line.exception}"
        if not any(word in text for word in EXPECTED_ERRORS):
            last = line.exception.strip().splitlines()[-1:] or [""]
            key = (line.message[:80], last[0][:120])
            seen[key] += 1
            example.setdefault(key, f"{line.account} at {line.at}")
    for key, times in seen.items():
        yield Finding(
            validator="logs", text=f"{times}x {' / '.join(filter(None, key))} (first: {example[key]})"
        )
