"""Judges of exits: what the master has left nobody holds, and nothing rests in the books."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from tests.chaos.copied_by_trades import copied
from tests.chaos.judge_copies import coins_gone, minima_moved, writes_off
from tests.chaos.records import Finding, Record
from tests.chaos.terms import MOVED_BY, PAIRS, TRADED_COINS
from tests.chaos.worth import Prices

#: No order sells less.
DUST_DOLLARS = Fraction(6, 10)


def exits_converge(record: Record) -> Iterator[Finding]:
    """Whenever the master had sold all that it bought of a coin and all had come to rest, nobody held more
    than dust of it by copying.
    """
    for rest in record.settled:
        for account, coin, held in still_held(record, rest.trades, rest.at):
            text = (
                f"holds {float(held):.8f} {coin} by copying, {rest.trades} trades on, and the master has left"
            )
            yield Finding(validator="convergence", account=account, text=text)


def still_held(record: Record, trades: int, at: float) -> Iterator[tuple[str, str, Fraction]]:
    """Users that hold what they should have sold, so many trades of the exchange on: account, coin, how much.

    A coin that came in since the master's last sale of all of it (an entry paid in it was skipped) waits for
    the next one; a user that took coins away by hand may be left with some.
    """
    prices = Prices(record)
    moved = minima_moved(record)
    left = {coin: seq for coin in TRADED_COINS if (seq := _left_at(record, coin, trades))}
    if not left:
        return
    worth = prices.in_dollars(at - 60.0, at)
    for user in record.users:
        held = copied(record, user.account, trades)
        gone = coins_gone(record, user.account)
        if record.clock_stepped or writes_off(record, user.account):
            gone |= {pair.quote for pair in PAIRS.values()}
        for coin in left:
            if coin in gone or coin not in worth:
                continue
            # A process that read the larger minima still goes by them.
            least = max(
                pair.ordermin * (MOVED_BY if pair.symbol in moved else 1)
                for pair in PAIRS.values()
                if pair.base == coin
            )
            is_dust = held.held(coin) < least or held.held(coin) * Fraction(worth[coin][1]) < DUST_DOLLARS
            if not is_dust:
                yield user.account, coin, held.held(coin)


def _left_at(record: Record, coin: str, trades: int) -> int:
    """The fill with which the master sold all of a coin that it had bought, if it has bought none since;
    or 0.
    """
    names = {trade.exec_id for trade in record.trades_of("master") if trade.n <= trades}
    left = 0
    for fill in record.fills:
        pair = PAIRS.get(fill.pair)
        if pair is None or fill.exec_id not in names:
            continue
        if pair.base == coin:
            is_out = fill.side == "sell" and fill.journal_position_after < pair.ordermin
            left = fill.seq if is_out else 0
        elif pair.quote == coin and fill.side == "sell":
            left = 0
    return left


def nothing_rests(record: Record) -> Iterator[Finding]:
    """A user's orders are market or immediate: when all is over, none is open."""
    for rest in record.settled:
        for user in record.users:
            # The owner's own orders are cancelled before.
            if rest.open_orders.get(user.account):
                text = f"{rest.open_orders[user.account]} orders are open at rest"
                yield Finding(validator="open orders", account=user.account, text=text)
