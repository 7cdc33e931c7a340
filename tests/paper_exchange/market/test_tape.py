"""The statistics of a pair are the sum of its trades."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.market.tape import Tape
from krakencopy.paper_exchange.values.sides import OrderType, Side

MINUTE_US = 60_000_000


moves = st.lists(
    st.tuples(st.integers(0, 3 * MINUTE_US), st.integers(1, 100), st.integers(1, 100)), min_size=1
)


@given(moves)
def test_the_last_24_hours_are_the_sum_of_their_trades(rows: list[tuple[int, int, int]]) -> None:
    tape, now_us = Tape(), 10**15
    for pause_us, price, volume in rows:
        now_us += pause_us
        tape.add_trade(Decimal(price), Decimal(volume), Side.BUY, OrderType.MARKET, now_us)
        day = tape.last_24_hours(now_us)
        assert day.count == len(tape.trades)
        assert day.volume == sum(trade.volume for trade in tape.trades)
        assert day.low == min(trade.price for trade in tape.trades)
        assert day.high == max(trade.price for trade in tape.trades)
    assert [trade.trade_id for trade in tape.trades] == list(range(1, len(rows) + 1))
    bars = tape.bars(5)
    assert sum(bar.count for bar in bars) == len(rows)
    assert all(bar.minute % 5 == 0 and bar.low <= bar.vwap <= bar.high for bar in bars)


def test_yesterday_is_not_part_of_today() -> None:
    tape = Tape()
    midnight = 20_000 * 24 * 60 * MINUTE_US
    for at_us, price in ((midnight - 1, 10), (midnight, 20)):
        tape.add_trade(Decimal(price), Decimal(1), Side.BUY, OrderType.MARKET, at_us)
    assert (tape.today(midnight).count, tape.last_24_hours(midnight).count) == (1, 2)
    assert tape.today(midnight).open == 20
    quiet = tape.today(midnight + 2 * 24 * 60 * MINUTE_US)
    assert (quiet.count, quiet.open, quiet.vwap) == (0, Decimal(20), Decimal(20))
