"""What entries have cost and how many they were: on the way the most that they may cost, then what was paid,
by the day on which they were decided.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import CoinNames
from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.entries_made import DAY_S, EntriesMade, day_of
from krakencopy.account_proc.domain.quantities import Side

TODAY = 20_000
D = Decimal


def entry(
    number: int,
    *,
    day: int = TODAY,
    pair: str = "BTC/USD",
    ordered: str = "2",
    limit: str = "10",
    state: CopyState = CopyState.INTENT,
) -> CopyRecord:
    return CopyRecord(
        copy_id=f"c{number}", fill_seqs=(number,), pair=pair, side=Side.BUY, state=state, reason="SCALED",
        detail="", ordered=D(ordered), limit_price=D(limit), cl_ord_id=f"id{number}",
        decided_at=day * DAY_S + 1.0,
    )  # fmt: skip


def ended(copy: CopyRecord, cost: str) -> CopyRecord:
    return replace(copy, state=CopyState.FILLED, cost=D(cost))


def made(*copies: CopyRecord, names: CoinNames | None = None) -> EntriesMade:
    counted = EntriesMade(names or CoinNames())
    for copy in copies:
        counted.take(copy)
    return counted


def test_an_entry_costs_the_most_that_it_may_while_it_is_on_its_way_and_then_what_was_paid() -> None:
    counted = made(entry(1))
    assert (list(counted.on_way()), counted.spent(TODAY)) == ([("BTC/USD", D(20))], [("BTC/USD", D(20))])
    counted.take(ended(entry(1), "19.5"))
    assert (list(counted.on_way()), counted.spent(TODAY)) == ([], [("BTC/USD", D("19.5"))])
    assert counted.orders(TODAY) == 1


def test_an_entry_that_bought_nothing_was_an_order_and_has_cost_nothing() -> None:
    counted = made(replace(entry(1), state=CopyState.REJECTED))
    assert (counted.spent(TODAY), counted.orders(TODAY)) == ([("BTC/USD", D(0))], 1)


def test_exits_and_what_was_never_ordered_do_not_count() -> None:
    sold, skipped = replace(entry(1), side=Side.SELL), replace(entry(2), cl_ord_id="")
    counted = made(sold, skipped)
    assert (list(counted.on_way()), counted.spent(TODAY), counted.orders(TODAY)) == ([], [], 0)


def test_an_entry_is_of_the_day_when_it_was_decided_also_where_it_ends_later() -> None:
    late = entry(1, day=TODAY - 1)
    counted = made(late, entry(2), ended(late, "15"))
    assert (counted.orders(TODAY), counted.spent(TODAY)) == (1, [("BTC/USD", D(20))])
    assert day_of(TODAY * DAY_S - 0.001) == TODAY - 1


def test_a_new_day_begins_with_nothing_but_what_is_still_on_its_way() -> None:
    counted = made(ended(entry(1), "20"), entry(2))
    assert (counted.orders(TODAY + 1), counted.spent(TODAY + 1)) == (0, [])
    assert list(counted.on_way()) == [("BTC/USD", D(20))]


def test_a_pair_is_counted_under_the_name_that_it_has_now() -> None:
    names = CoinNames()
    counted = made(ended(entry(1, pair="MATIC/USD"), "20"), entry(2, pair="MATIC/USD"), names=names)
    names.rename("MATIC", "POL")
    assert counted.orders(TODAY, "POL/USD") == 2
    assert counted.orders(TODAY, "MATIC/USD") == 0
    assert list(counted.on_way()) == [("POL/USD", D(20))]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 8), st.sampled_from(["BTC/USD", "ETH/USD"]), st.integers(-1, 1),
            st.none() | st.integers(0, 20),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_the_sums_are_those_of_the_copies_as_they_stand_however_often_each_was_taken(
    steps: list[tuple[int, str, int, int | None]],
) -> None:
    counted, last = EntriesMade(CoinNames()), dict[int, CopyRecord]()
    for number, pair, day, cost in steps:
        before = last.get(number)
        copy = entry(number, pair=pair, day=TODAY + day) if before is None else before
        if cost is not None:
            copy = ended(copy, str(cost))
        elif copy.state is CopyState.FILLED:
            continue
        last[number] = copy
        counted.take(copy)
    latest = max((day_of(copy.decided_at) for copy in last.values()), default=TODAY)
    for pair in ("", "BTC/USD", "ETH/USD"):
        of_day = [
            copy for copy in last.values() if day_of(copy.decided_at) == latest and pair in {"", copy.pair}
        ]
        paid = sum(
            Fraction(copy.cost if copy.cost or copy.state is CopyState.FILLED else 20) for copy in of_day
        )
        assert counted.orders(latest, pair) == len(of_day)
        assert sum(Fraction(spent) for _, spent in counted.spent(latest, pair)) == paid
    assert sorted(counted.on_way()) == sorted(
        (copy.pair, D(20)) for copy in last.values() if copy.state is CopyState.INTENT
    )


def test_an_order_that_was_given_up_and_found_late_is_one_order_and_costs_what_it_did() -> None:
    given_up = replace(entry(1), state=CopyState.REJECTED, reason="NEVER_ARRIVED")
    late = replace(entry(2), copy_id="l7", reason="FOUND_LATE")
    counted = made(given_up, late)
    assert (counted.orders(TODAY), counted.spent(TODAY)) == (1, [("BTC/USD", D(20))])
    # Whatever is said of its end.
    counted.take(replace(ended(late, "19"), reason="SELF_TRADE"))
    assert (counted.orders(TODAY), counted.spent(TODAY)) == (1, [("BTC/USD", D(19))])


def test_a_copy_that_is_decided_about_anew_counts_for_nothing_meanwhile() -> None:
    counted = made(entry(1), entry(2))
    counted.forget("c1")
    assert (counted.orders(TODAY), len(list(counted.on_way()))) == (1, 1)
    counted.forget("c1")
    counted.take(entry(1))
    assert (counted.orders(TODAY), counted.spent(TODAY)) == (2, [("BTC/USD", D(40))])
