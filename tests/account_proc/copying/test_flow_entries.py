"""What came from outside is what the exchange's own ledger says, where its entries add up to the change."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.copying.flow_entries import ANY_MAX, from_outside
from krakencopy.account_proc.kraken.rest.messages import LedgerRow
from tests.support.copying import amounts

NOBODY: dict[str, Decimal] = {}


def rows(*given: tuple[str, str, str, str]) -> list[LedgerRow]:
    """Of (refid, kind, asset, change)."""
    return [
        LedgerRow(id=f"L{n}", refid=ref, time=Decimal(n), kind=kind, asset=asset, change=Decimal(change))
        for n, (ref, kind, asset, change) in enumerate(given)
    ]


CONVERSION = (("R1", "spend", "USD", "-40"), ("R1", "receive", "BTC", "0.001"))
TRADE = (("T1", "trade", "USD", "-10.04"), ("T1", "trade", "BTC", "0.0002"))
DEPOSIT = (("D1", "deposit", "USD", "30"),)
BEFORE = amounts(USD="100")


def test_a_conversion_is_nothing_from_outside_and_a_deposit_beside_it_is() -> None:
    assert from_outside(rows(*CONVERSION), BEFORE, amounts(USD="60", BTC="0.001")) == {}
    after = amounts(USD="90", BTC="0.001")
    assert from_outside(rows(*CONVERSION, *DEPOSIT), BEFORE, after) == amounts(USD="30")


def test_entries_that_were_counted_before_do_not_disturb() -> None:
    after = amounts(USD="60", BTC="0.001")
    assert from_outside(rows(*DEPOSIT, *TRADE, *CONVERSION), BEFORE, after) == {}


def test_what_entries_do_not_add_up_to_is_not_known() -> None:
    assert from_outside(rows(*CONVERSION), BEFORE, amounts(USD="61", BTC="0.001")) is None
    assert from_outside([], BEFORE, amounts(USD="61")) is None


def test_two_ways_that_disagree_are_no_answer() -> None:
    both = rows(("D1", "deposit", "USD", "30"), ("R1", "receive", "USD", "30"))
    assert from_outside(both, BEFORE, amounts(USD="130")) is None


def test_a_kind_that_nobody_knows_is_no_answer_where_it_is_part_of_it() -> None:
    odd = rows(("X1", "adjustment", "USD", "30"), *CONVERSION)
    assert from_outside(odd, BEFORE, amounts(USD="90", BTC="0.001")) is None
    assert from_outside(odd, BEFORE, amounts(USD="60", BTC="0.001")) == {}


def test_another_form_and_another_name_of_a_coin_are_the_same_coin() -> None:
    entries = rows(
        ("E1", "earn", "BTC", "-1"), ("E1", "earn", "BTC.F", "1"),
        ("N1", "transfer", "MATIC", "-5"), ("N2", "transfer", "POL", "5"), ("D1", "deposit", "POL", "2"),
    )  # fmt: skip

    def current(coin: str) -> str:
        return "POL" if coin == "MATIC" else coin

    before, now = amounts(BTC="1", MATIC="5"), amounts(BTC_F="1", POL="7")
    assert from_outside(entries, before, now, current) == amounts(POL="2")


def test_of_many_entries_those_that_follow_one_another_count() -> None:
    many = [(f"T{n}", "trade", asset, change) for n in range(40) for _, _, asset, change in TRADE]
    after = amounts(USD=str(100 - 40 * Decimal("10.04") + 30), BTC="0.008")
    assert from_outside(rows(*many, *DEPOSIT), BEFORE, after) == amounts(USD="30")
    # But for the middle.
    after = amounts(USD=str(100 - 39 * Decimal("10.04") + 30), BTC="0.0078")
    assert from_outside(rows(*DEPOSIT, *many), BEFORE, after) == amounts(USD="30")


def test_rounding_of_balances_is_no_difference() -> None:
    after = amounts(USD="60.00003", BTC="0.001")
    assert from_outside(rows(*CONVERSION), BEFORE, after) == {}


step = st.tuples(
    st.sampled_from(["trade", "deposit", "withdrawal", "spend"]), st.integers(-9, 9), st.integers(-9, 9)
)


@given(st.lists(step, max_size=6), st.data())
def test_the_answer_is_that_of_every_way_to_explain_it(
    steps: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    assert len(steps) <= ANY_MAX
    happened = [data.draw(st.booleans()) for _ in steps]
    entries = rows(*((f"R{n}", one[0], "USD", str(one[1])) for n, one in enumerate(steps)))
    entries += rows(*((f"R{n}", one[0], "BTC", str(one[2])) for n, one in enumerate(steps)))
    did = [one for one, is_done in zip(steps, happened, strict=True) if is_done]
    moved = [sum(one[1] for one in did), sum(one[2] for one in did)]
    now = {"USD": Decimal(1000 + moved[0]), "BTC": Decimal(1000 + moved[1])}
    answer = from_outside(entries, amounts(USD="1000", BTC="1000"), now)
    ways = set()
    for size in range(len(steps) + 1):
        for some in combinations(steps, size):
            if [sum(Fraction(one[1]) for one in some), sum(Fraction(one[2]) for one in some)] == moved:
                flows = [one for one in some if one[0] in {"deposit", "withdrawal"}]
                ways.add((sum(one[1] for one in flows), sum(one[2] for one in flows)))
    if len(ways) > 1:
        assert answer is None
    else:
        assert answer is not None
        assert {(answer.get("USD", 0), answer.get("BTC", 0))} == ways
