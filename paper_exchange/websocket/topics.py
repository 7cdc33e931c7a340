"""What WebSocket clients can subscribe to, and what each of them is sent. Names only."""

from enum import StrEnum
from typing import NamedTuple

from krakencopy.paper_exchange.values.pairs import Pair


class Channel(StrEnum):
    """The channels whose subscribers are sent changes; ticker has two, by what triggers a message."""

    TICKER_TRADES = "ticker/trades"
    TICKER_BBO = "ticker/bbo"
    TRADE = "trade"
    BOOK = "book"
    OHLC = "ohlc"
    INSTRUMENT = "instrument"
    EXECUTIONS = "executions"
    BALANCES = "balances"


class Topic(NamedTuple):
    """A channel of a pair, or of an account (its id); `instrument` is about everything. `size` is a book's
    depth in levels, or a bar's length in minutes.
    """

    channel: Channel
    about: Pair | str | None = None
    size: int = 0


INSTRUMENT = Topic(Channel.INSTRUMENT)
# With the tokenised stocks.
INSTRUMENT_OF_ALL = Topic(Channel.INSTRUMENT, "all")


def executions_of(account_id: str) -> Topic:
    """The executions of an account."""
    return Topic(Channel.EXECUTIONS, account_id)


def balances_of(account_id: str) -> Topic:
    """The balances of an account."""
    return Topic(Channel.BALANCES, account_id)
