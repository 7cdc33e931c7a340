"""What would be copied, and the smallest balance that follows faithfully, against counts of their own."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import CopyRules, Sizing
from krakencopy.account_proc.domain.copy_record import PB_SIDE
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.forecast import (
    EXACT,
    LEAST,
    MOST,
    Forecaster,
    Kind,
    shares_of,
    smallest,
    worth_of,
)
from krakencopy.account_proc.simulation.history import MasterHistory
from krakencopy.account_proc.simulation.outcome import forecast_of
from krakencopy.account_proc.simulation.replay import Account, Interval
from krakencopy.client.views.simulation_page import forecast_page
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import BTC, NOW
from tests.support.replayed_lives import past_of

D = Decimal
PRICE = 50_000


def bought(*volumes: str) -> list[pb.Fill]:
    """Entries of a master with 100,000 USD, each by an order of its own."""
    return [
        pb.Fill(
            seq=number, exec_id=f"M{number}", order_id=f"MO{number}", pair="BTC/USD", side=PB_SIDE[Side.BUY],
            price=str(PRICE), volume=volume, master_equity="100000", master_cash="100000",
            master_position="0", executed_at=timestamp(NOW + number),
        )
        for number, volume in enumerate(volumes, start=1)
    ]  # fmt: skip


def forecaster(fills: Sequence[pb.Fill], rules: CopyRules, balance: str = "1000") -> Forecaster:
    account = Account(account_id="anna", rules=rules, history=None, wallet={"USD": D(balance)})
    master = MasterHistory(journal_id="a journal", fills=tuple(fills))
    interval = Interval(since=0.0, until=NOW + 1e6)
    return Forecaster(account, past_of(master, [BTC], interval))


def test_fills_are_copied_capped_carried_and_skipped_by_count_and_worth() -> None:
    fills = bought("0.01", "0.004", "0.1")
    rules = CopyRules(max_user_risk=D("0.02"))
    found = forecaster(fills, rules).forecast()
    shares = {share.kind: share for share in shares_of(found.copies, worth_of(fills))}
    assert {kind: share.fills for kind, share in shares.items()} == {
        Kind.COPIED: 1, Kind.CAPPED: 1, Kind.CARRIED: 1, Kind.SKIPPED: 0,
    }  # fmt: skip
    assert shares[Kind.COPIED].notional == D(500)
    assert shares[Kind.CAPPED].notional == D(5000)
    assert shares[Kind.CARRIED].reasons == {Reason.BELOW_ORDERMIN: 1}
    assert sum(share.notional for share in shares.values()) == sum(worth_of(fills).values())


@settings(max_examples=15)  # each is some thirty replays
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6))
def test_the_smallest_balance_makes_the_smallest_entry_reach_the_minimum(lots: list[int]) -> None:
    """An independent count: the first entry is scaled by balance / 100000, and each later one by what fees
    have left of it.
    """
    fills = bought(*[str(D(each) / 1000) for each in lots])
    found = forecaster(fills, CopyRules(max_user_risk=D(1))).smallest_balance()
    least = Fraction(5, 100_000)
    spent, needed, left = Fraction(0), Fraction(0), Fraction(1)
    for each in lots:
        volume = Fraction(each, 1000)
        scaled = left * volume * PRICE / 100_000  # of a balance of 1
        needed = max(needed, least * 100_000 / (left * volume))
        spent += scaled
        left -= scaled * Fraction(4, 1000)
        if spent > Fraction(9, 10):  # what money lets it buy is another rule
            return
    assert found is not None
    assert needed * (1 - Fraction(1, 10**6)) <= Fraction(found)
    assert Fraction(found) <= max(needed, Fraction(LEAST)) * (1 + 2 * Fraction(EXACT)) + Fraction(1, 100)


def test_settings_by_which_everything_is_too_small_have_no_such_balance() -> None:
    rules = CopyRules(sizing=Sizing.FIXED_RATIO, ratio=D("0.001"))
    assert forecaster(bought("0.01"), rules).smallest_balance() is None


@pytest.mark.parametrize("least", ["0.2", "1", "1.5", "37", "123456.78"])
def test_the_search_finds_the_least_to_a_hundredth(least: str) -> None:
    found = smallest(lambda balance: balance >= D(least))
    assert found is not None
    assert D(least) <= found <= max(D(least) * (1 + 2 * EXACT), LEAST)
    assert smallest(lambda balance: balance > MOST * 10) is None


def test_where_any_balance_is_enough_it_is_the_least_that_is_looked_at() -> None:
    assert smallest(lambda _: True) == LEAST
    sale = bought("0.01")
    sale[0].side = PB_SIDE[Side.SELL]
    assert forecaster(sale, CopyRules()).smallest_balance() == LEAST


def test_a_cap_in_money_cuts_whatever_the_balance_and_that_is_said() -> None:
    fills = bought("0.01", "0.001")
    rules = CopyRules(max_user_risk=D(1), max_order_notional=Money(D(3), "USD"))
    made = forecaster(fills, rules)
    balance = made.smallest_balance()
    assert balance is not None
    assert made.still_capped(balance) == {"max_order_notional": [1]}
    assert made.still_capped(balance * 100)["max_order_notional"] == [1, 2]
    worth = worth_of(fills)
    found = forecast_of(
        made.forecast(), fills, {"USD": D(1000)}, [], balance, made.still_capped(balance), worth
    )
    (share,) = found.still_capped
    assert (share.kind, share.fills, share.share_of_fills) == ("max_order_notional", 1, "0.5")
    shares = shares_of(made.forecast().copies, worth)
    whole = forecast_of(
        made.forecast(), fills, {"USD": D(1000)}, shares, balance, made.still_capped(balance), worth
    )
    assert whole.still_capped[0].share_of_notional == "0.9091"
    assert any(
        "but max_order_notional cuts 1 fills, 90.91 % of what they are worth" in line
        for line in forecast_page(whole)
    )
