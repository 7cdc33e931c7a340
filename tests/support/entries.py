"""Entries of one order as the sizing decides them, and what they come to in whole lots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import Side
from tests.support.copying import (
    BTC,
    ETH,
    LOTS,
    Follower,
    TradingMaster,
    only_order,
)

NO_MINIMUM = replace(BTC, ordermin=Decimal("1e-8"), costmin=Decimal(0))
UNCAPPED = CopyRules(max_user_risk=Decimal(1))

pairs = st.sampled_from([NO_MINIMUM, LOTS, BTC, ETH])
cents = st.integers(1, 10**9).map(lambda number: Decimal(number).scaleb(-2))
prices = st.integers(1, 10**6).map(lambda number: Decimal(number).scaleb(-1))
volumes = st.integers(1, 10**10).map(lambda number: Decimal(number).scaleb(-8))
#: Fills of one order; each inner list is decided about at once.
batches_of_fills = st.lists(st.lists(volumes, min_size=1, max_size=3), min_size=1, max_size=5)
risks = st.integers(1, 100).map(lambda number: Decimal(number).scaleb(-2))
slippages = st.integers(0, 500)


def in_lots(exact: Fraction, pair: PairRules) -> Decimal:
    lots = exact * 10**pair.lot_decimals // 1
    return Decimal(lots).scaleb(-pair.lot_decimals)


def assert_is_share(volume: Decimal, exact: Fraction, pair: PairRules) -> None:
    """The share cut to the lot; a ratio that has no end in decimals may miss the lot that it should just
    reach.
    """
    assert in_lots(exact * (1 - Fraction(1, 10**24)), pair) <= volume <= in_lots(exact, pair)


def bound(price: Decimal, bps: int) -> Fraction:
    return Fraction(price) * (1 + Fraction(bps, 10_000))


def bought(
    user: Follower, master: TradingMaster, batches: Sequence[Sequence[Decimal]], price: Decimal
) -> Decimal:
    """What was ordered and carried for one order of the master whose fills were decided about batch by
    batch.
    """
    total = Decimal(0)
    for batch in batches:
        order = only_order(user.decide(*(master.buy("O1", volume, price, user.pair) for volume in batch)))
        if order is not None:
            total += order.volume.amount
            user.settle(order, price=price * (1 + Decimal(user.rules.max_slippage_bps) / 10_000))
    return total + user.carried(Side.BUY)


# -- in proportion -----------------------------------------------------------------------------------------
