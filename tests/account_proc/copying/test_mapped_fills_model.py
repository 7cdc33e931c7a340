"""Mapped pairs against an independent model: a master that trades coins in several moneys, and maps that
change with each start of a user's process.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import CopyRules, Sizing
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import streamed_fill
from tests.support.mapped_user import Mapped, listed, mapped_user
from tests.support.scripted_kraken import run

MAPS: tuple[dict[str, str], ...] = (
    {},
    {"*/USD": "*/EUR"},
    {"*/USD": "*/EUR", "BTC/USD": "BTC/USD"},
    {"*/USD": "*/GBP", "ETH/*": "ETH/EUR"},
    {"*/*": "*/GBP"},
)
#: Where each of them leads, by hand.
GOES_TO: tuple[dict[str, str], ...] = (
    {},
    {"BTC/USD": "BTC/EUR", "ETH/USD": "ETH/EUR"},
    {"ETH/USD": "ETH/EUR"},
    {"BTC/USD": "BTC/GBP", "ETH/USD": "ETH/EUR", "ETH/GBP": "ETH/EUR"},
    {"BTC/USD": "BTC/GBP", "ETH/USD": "ETH/GBP", "BTC/EUR": "BTC/GBP", "ETH/EUR": "ETH/GBP"},
)
MONEY = ("USD", "EUR", "GBP")
#: What a unit of each is worth in dollars.
WORTH = {"USD": Fraction(1), "EUR": Fraction(5, 4), "GBP": Fraction(8, 5)}
PAIRS = listed("BTC/EUR", "ETH/EUR", "BTC/GBP", "ETH/GBP", "EUR/USD", "GBP/USD")
RULES = CopyRules(sizing=Sizing.FIXED_RATIO, ratio=Decimal("0.5"), max_user_risk=Decimal(1))
VOLUME, PRICE = Fraction(1, 100), Fraction(50_000)


class Model:
    """What is held of each coin, where it was bought last, and which orders of the master went where."""

    def __init__(self) -> None:
        self.held: dict[str, Fraction] = {"BTC": Fraction(0), "ETH": Fraction(0)}
        self.bought_in: dict[str, str] = {}
        self.elsewhere: set[str] = set()
        self.went: dict[str, str] = {}
        self.map = 0

    def trade(self, side: Side, pair: str, order_id: str) -> tuple[str, str, Fraction] | None:
        """The order that follows: its side, pair and volume."""
        coin = pair[:3]
        goes_to = GOES_TO[self.map].get(pair, pair)
        if side is Side.BUY:
            at = self.went.setdefault(order_id, goes_to)
            self.held[coin] += VOLUME / 2
            self.bought_in[coin] = at
            if at == pair:
                self.elsewhere.discard(coin)
            else:
                self.elsewhere.add(coin)
            return "buy", at, VOLUME / 2
        if not self.held[coin]:
            return None
        volume, self.held[coin] = self.held[coin], Fraction(0)
        is_mapped = goes_to != pair or coin in self.elsewhere
        return "sell", self.bought_in[coin] if is_mapped else pair, volume


def fill_of(seq: int, side: Side, pair: str, order_id: str, now: float) -> pb.Fill:
    """The master has traded; a sale is of all that it holds."""
    quote = pair[4:]
    fill = streamed_fill(seq, side, pair, now, order_id=order_id, master_position="0.01")
    price = PRICE / WORTH[quote]
    fill.price, fill.volume = str(Decimal(price.numerator) / price.denominator), "0.01"
    for money in MONEY:
        worth = WORTH[money] / WORTH[quote]
        fill.marks[money] = str(Decimal(worth.numerator) / Decimal(worth.denominator))
    return fill


def sent(user: Mapped) -> list[tuple[str, str, Fraction]]:
    """What has left since this was asked last, each entry within the bound of the master's price."""
    found = []
    for (side, pair, volume), order in zip(user.orders, user.kraken.sent, strict=True):
        found.append((side, pair, Fraction(volume)))
        bound = PRICE / WORTH[pair[4:]] * Fraction(1_005, 1_000)
        if side == "buy":
            assert bound - Fraction(1, 5) < Fraction(order["price"]) <= bound
    user.kraken.sent.clear()
    return found


TRADES = st.lists(
    st.tuples(
        st.sampled_from([Side.BUY, Side.BUY, Side.SELL]),
        st.sampled_from([f"{coin}/{money}" for coin in ("BTC", "ETH") for money in MONEY]),
        st.booleans(),
    ),
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(MAPS) - 1), TRADES), max_size=4))
def test_entries_go_where_the_map_says_and_exits_where_the_coin_was_bought(
    lives: list[tuple[int, list[tuple[Side, str, bool]]]],
) -> None:
    async def play(path: Path) -> None:
        model, seq, last = Model(), 0, dict[tuple[Side, str], str]()
        for model.map, trades in lives:
            with closing(Ledger(path, "anna")) as ledger:
                rules = replace(RULES, map=MAPS[model.map])
                money = {f"Z{each}": "100000" for each in MONEY}
                async with mapped_user(ledger, rules, PAIRS, XXBT="100", XETH="100", **money) as user:
                    for side, pair, is_same_order in trades:
                        seq += 1
                        order_id = last.get((side, pair), "") if is_same_order else ""
                        order_id = last[side, pair] = order_id or f"O{seq}"
                        user.copier.take_fills([fill_of(seq, side, pair, order_id, user.now)])
                        await user.done()
                        expected = model.trade(side, pair, order_id)
                        assert sent(user) == ([] if expected is None else [expected])
                        assert {coin: Fraction(user.held(coin)) for coin in model.held} == model.held

    with TemporaryDirectory() as folder:
        run(play(Path(folder) / "anna.db"))
