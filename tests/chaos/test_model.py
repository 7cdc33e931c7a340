"""The independent model knows the examples of the README, and finds a volume that is wrong by one lot."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.coin_book import LOT, Bought
from tests.chaos.forged import NOW, PRICES, copy, fill, trade
from tests.chaos.model import check_volumes
from tests.chaos.model_owed import Checked
from tests.chaos.rows import Copy, Fill, UserTerms

D = Decimal
ANNA = UserTerms(account="anna", usd=D(100))


def entry(
    seq: int,
    volume: str,
    *,
    order: str = "O1",
    equity: str = "1000",
    pair: str = "BTC/USD",
    **counted: Decimal,
) -> Fill:
    money = D(equity)
    return fill(
        seq,
        trade(seq, "master", "buy", volume, order=order, pair=pair),
        master_equity=money,
        master_cash=money,
        master_position_before=D(0),
        master_position=D(0),
        **counted,
    )


def leave(
    seq: int, volume: str, held: str, *, order: str = "O2", pair: str = "BTC/USD", **counted: Decimal
) -> Fill:
    return fill(
        seq,
        trade(seq, "master", "sell", volume, order=order, pair=pair),
        master_equity=D(1000),
        master_cash=D(1000),
        master_position_before=D(held),
        master_position=D(held),
        **counted,
    )


def answer(seqs: tuple[int, ...], side: str, volume: str, reason: str, **more: object) -> Copy:
    made = copy("c1", (1,), side, volume, reason, **more)
    return replace(made, copy_id=f"c{seqs[0]}", seqs=seqs, decided_at=NOW + seqs[0])


def check(fills: list[Fill], copies: list[Copy], user: UserTerms = ANNA) -> Checked:
    """As if the exchange had filled every order at the one price there is."""
    booked = {
        one.copy_id: Bought(
            volume=Fraction(one.filled), cost=Fraction(one.filled) * Fraction(PRICES[one.pair])
        )
        for one in copies
    }
    return check_volumes(user, copies, {one.seq: one for one in fills}, booked)


@pytest.mark.parametrize(
    ("fills", "copies"),
    [
        # A tenth of the money buys a tenth.
        ([entry(1, "0.001")], [answer((1,), "buy", "0.0001", "SCALED")]),
        # However the master's order was filled.
        ([entry(1, "0.0007"), entry(2, "0.0003")], [answer((1, 2), "buy", "0.0001", "SCALED")]),
        # The cap: 10 % of 100 dollars, counted at a price 0.5 % worse: 10 / 50250.
        ([entry(1, "0.004")], [answer((1,), "buy", "0.00019900", "CAPPED")]),
        # Half of the master's position is half of the copied one; all of it is all.
        (
            [entry(1, "0.0015"), leave(2, "0.00075", "0.0015"), leave(3, "0.00075", "0.00075", order="O3")],
            [
                answer((1,), "buy", "0.00015", "SCALED"),
                answer((2,), "sell", "0.000075", "EXIT_FRACTION"),
                answer((3,), "sell", "0.000075", "EXIT_FULL"),
            ],
        ),
        # Too small alone: it waits and joins the next.
        (
            [entry(1, "0.0003"), entry(2, "0.0003", order="O2")],
            [
                answer((1,), "buy", "0", "BELOW_ORDERMIN", state="CARRIED", attempts=0, filled=D(0)),
                answer((2,), "buy", "0.00006", "SCALED"),
            ],
        ),
        # Two orders of the master that are answered together: half, and half of the rest.
        (
            [entry(1, "0.0015"), leave(2, "0.00075", "0.0015"), leave(3, "0.000375", "0.00075", order="O3")],
            [answer((1,), "buy", "0.00015", "SCALED"), answer((2, 3), "sell", "0.0001125", "EXIT_FRACTION")],
        ),
        # An old stock of the master's does not count: all that it bought is all that was copied.
        (
            [
                entry(1, "0.0015"),
                leave(2, "0.0015", "3", journal_position=D("0.0015"), journal_position_after=D(0)),
            ],
            [answer((1,), "buy", "0.00015", "SCALED"), answer((2,), "sell", "0.00015", "EXIT_FULL")],
        ),
        # What the master sells beyond what it bought makes nobody sell more than all.
        (
            [
                entry(1, "0.0015"),
                leave(2, "2", "3", journal_position=D("0.0015"), journal_position_after=D(0)),
            ],
            [answer((1,), "buy", "0.00015", "SCALED"), answer((2,), "sell", "0.00015", "EXIT_FULL")],
        ),
        # A coin is one position in whatever pairs it was bought: half of it is sold in one of them.
        (
            [
                entry(1, "0.0015"),
                entry(2, "0.0015", order="O2", pair="BTC/EUR"),
                leave(3, "0.0015", "0.003", order="O3"),
            ],
            [
                answer((1,), "buy", "0.00015", "SCALED"),
                answer((2,), "buy", "0.00015", "SCALED", pair="BTC/EUR"),
                answer((3,), "sell", "0.00015", "EXIT_FRACTION"),
            ],
        ),
        # Copied bitcoin that pays for ether is no copied bitcoin any more: 0.00015 less 0.002 x 0.05 are
        # left.
        (
            [
                entry(1, "0.0015"),
                entry(2, "0.02", order="O2", pair="ETH/BTC"),
                leave(3, "0.0005", "0.0005", order="O3"),
            ],
            [
                answer((1,), "buy", "0.00015", "SCALED"),
                answer((2,), "buy", "0.002", "SCALED", pair="ETH/BTC"),
                answer((3,), "sell", "0.00005", "EXIT_FULL"),
            ],
        ),
        # Ether that is sold for bitcoin is copied bitcoin then, as what it was paid with was not bitcoin:
        # 0.004 x 0.05.
        (
            [
                entry(1, "0.03", pair="ETH/USD"),
                leave(2, "0.03", "0.03", pair="ETH/BTC"),
                leave(3, "0.001", "0.0015", order="O3"),
            ],
            [
                answer((1,), "buy", "0.003", "SCALED", pair="ETH/USD"),
                answer((2,), "sell", "0.003", "EXIT_FULL", pair="ETH/BTC"),
                answer((3,), "sell", "0.0001", "EXIT_FRACTION"),
            ],
        ),
        # Bitcoin of its own that paid for ether and came back is its own: nothing is there to be sold, only
        # what was bought.
        (
            [
                entry(1, "0.04", pair="ETH/BTC"),
                leave(2, "0.04", "0.04", pair="ETH/BTC"),
                entry(3, "0.001", order="O3"),
                leave(4, "0.001", "0.001", order="O4"),
            ],
            [
                answer((1,), "buy", "0.004", "SCALED", pair="ETH/BTC"),
                answer((2,), "sell", "0.004", "EXIT_FULL", pair="ETH/BTC"),
                answer((3,), "buy", "0.0001", "SCALED"),
                answer((4,), "sell", "0.0001", "EXIT_FULL"),
            ],
        ),
        # What is owed in one pair is swept by a full exit in another one.
        (
            [
                entry(1, "0.0015"),
                leave(2, "0.0003", "0.0015"),
                leave(3, "0.0012", "0.0012", order="O3", pair="BTC/EUR"),
            ],
            [
                answer((1,), "buy", "0.00015", "SCALED"),
                answer((2,), "sell", "0", "BELOW_ORDERMIN", state="CARRIED", attempts=0, filled=D(0)),
                answer((3,), "sell", "0.00015", "EXIT_FULL", pair="BTC/EUR"),
            ],
        ),
        # What is owed and was spent is owed no more: of 0.00015, 0.00003 are owed, all is spent; a half of
        # what comes new is a half.
        (
            [
                entry(1, "0.0015"),
                leave(2, "0.0003", "0.0015"),
                entry(3, "0.03", order="O3", pair="ETH/BTC"),
                entry(4, "0.0012", order="O4"),
                leave(5, "0.0006", "0.0012", order="O5"),
            ],
            [
                answer((1,), "buy", "0.00015", "SCALED"),
                answer((2,), "sell", "0", "BELOW_ORDERMIN", state="CARRIED", attempts=0, filled=D(0)),
                answer((3,), "buy", "0.003", "SCALED", pair="ETH/BTC"),
                answer((4,), "buy", "0.00012", "SCALED"),
                answer((5,), "sell", "0.00006", "EXIT_FRACTION"),
            ],
        ),
        # A wallet as good as empty has left, where fees that nobody told explain what is still counted.
        (
            [
                entry(1, "0.0015"),
                leave(
                    2, "0.00148", "0.00148", journal_position=D("0.0015"), journal_position_after=D("0.00002")
                ),
            ],
            [answer((1,), "buy", "0.00015", "SCALED"), answer((2,), "sell", "0.00015", "EXIT_FULL")],
        ),
    ],
)
def test_what_the_readme_says_is_right_and_one_lot_more_or_less_is_wrong(
    fills: list[Fill], copies: list[Copy]
) -> None:
    right = check(fills, copies)
    assert right.findings == []
    assert (right.exact, right.bounded) == (len(copies), 0)
    last = copies[-1]
    for lots in (-3, 3):
        wrong = last.ordered + lots * D("1e-8")
        assert check(fills, [*copies[:-1], replace(last, ordered=wrong, filled=wrong)]).findings


@given(st.integers(1, 10**6), st.integers(10**3, 10**7), st.integers(1, 10**5))
def test_an_uncapped_entry_is_the_exact_product_rounded_down(lots: int, cents: int, equity: int) -> None:
    user = UserTerms(account="anna", usd=D(equity), max_user_risk=D(1))
    volume, money = D(lots) * D("1e-8") * 10, D(cents) / 100
    exact = Fraction(volume) * Fraction(equity) / Fraction(money)
    cost_at_worst = exact * 50_250
    whole = (exact / LOT).__floor__()
    if cost_at_worst >= equity or whole < 5_000:
        return
    copies = [answer((1,), "buy", f"{whole * D('1e-8'):f}", "SCALED", user_equity=D(equity))]
    assert check([entry(1, f"{volume:f}", equity=f"{money:f}")], copies, user).findings == []


def test_what_the_record_does_not_tell_is_counted_as_bounded() -> None:
    user = UserTerms(account="anna", usd=D(100), balance="cash")
    checked = check([entry(1, "0.001")], [answer((1,), "buy", "0.00009", "SCALED")], user)
    assert (checked.exact, checked.bounded, checked.findings) == (0, 1, [])


def test_less_sold_than_is_there_is_found_unless_someone_took_coins() -> None:
    fills = [entry(1, "0.001"), leave(2, "0.001", "0.001")]
    copies = [answer((1,), "buy", "0.0001", "SCALED"), answer((2,), "sell", "0.00006", "HOLDINGS_LIMITED")]
    assert check(fills, copies).findings
    booked = {
        one.copy_id: Bought(volume=Fraction(one.filled), cost=Fraction(one.filled) * 50_000) for one in copies
    }
    taken = check_volumes(
        ANNA, copies, {one.seq: one for one in fills}, booked, coins_taken=frozenset({"BTC"})
    )
    assert taken.findings == []


@pytest.mark.parametrize(
    ("volume", "attempts", "is_right"),
    [
        ("0.00006", 2, True),
        ("0.00006", 1, False),
        ("0.0002", 2, False),
    ],
)
def test_an_entry_that_was_cut_after_a_refusal_for_funds_is_bound_by_the_rules_whatever_its_end(
    volume: str, attempts: int, is_right: bool
) -> None:
    ended = answer(
        (1,),
        "buy",
        volume,
        "SLIPPAGE_BOUND",
        state="REJECTED",
        attempts=attempts,
        filled=D(0),
        detail=f"EOrder:Insufficient funds: 3 USD is free; cut to {volume}",
    )
    assert (check([entry(1, "0.001")], [ended]).findings == []) is is_right
