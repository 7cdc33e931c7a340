"""Each validator catches its defect in a small forged record, and finds nothing in one where all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.chaos import validators
from tests.chaos.coins import Coins
from tests.chaos.copied_by_trades import count_trades
from tests.chaos.forged import NOW, copy, fill, order_id, record, request, spoil, trade
from tests.chaos.judge_copies import nonces_grow, volumes
from tests.chaos.judge_exits import exits_converge
from tests.chaos.records import Record
from tests.chaos.rows import (
    Deposit,
    FiredFault,
    HandOrder,
    LimitSeen,
    LogLine,
    PriceSet,
    ProcessSeen,
    StateKept,
    StatesSaid,
    SupervisorSeen,
    Trade,
)

D = Decimal
Spoil = Callable[[Record], object]


def test_a_world_in_which_all_is_well_has_no_findings() -> None:
    well = record()
    assert validators.judge(well) == []
    assert volumes(well).exact == 2


def repeated_fill(it: Record) -> None:
    it.fills.append(it.fills[1])
    spoil(it.fills, 2, seq=3)


def invented_fill(it: Record) -> None:
    ghost = trade(9, "master", "buy", "0.001", order="O9")
    it.fills.append(
        fill(
            3, ghost, master_equity=D(1), master_cash=D(1), master_position_before=D(0), master_position=D(0)
        )
    )


def swapped_fills(it: Record) -> None:
    it.fills.reverse()
    spoil(it.fills, 0, seq=1)
    spoil(it.fills, 1, seq=2)


def doubled_order(it: Record) -> None:
    spoil(it.copies, 0, attempts=2, cl_ord_id=order_id("c1", 2), filled=D("0.0002"))
    it.trades.insert(2, trade(2, "anna", "buy", "0.0001", order="A9", cl_ord_id=order_id("c1", 2)))


def cap_broken(it: Record) -> None:
    # 5 dollars were bought; one hundredth of 100 dollars is one.
    it.users[0] = it.users[0].__class__(account="anna", usd=D(100), max_user_risk=D("0.01"))


def too_much_cash_missing(it: Record) -> None:
    spoil(it.copies, 0, reason="CASH_LIMITED", detail="cut to 0.0001 by the cash of 7 USD")


def more_meant_than_there_was(it: Record) -> None:
    spoil(it.copies, 0, state="REJECTED", reason="EOrder:Insufficient funds", ordered=D("0.003"))


def exits_left(it: Record) -> None:
    del it.trades[3], it.requests[1]
    spoil(it.copies, 1, state="REJECTED", reason="ENDED_UNFILLED", filled=D(0), avg_price=D(0))


def said(it: Record, state: str, at: float, *, lifted: float = 6.0) -> None:
    """Of all, so many seconds after the beginning, kept to 0.1 s later, until it was lifted."""
    for version, when, states in ((1, at, {"all": state}), (2, lifted, dict[str, str]())):
        before = NOW + when
        it.said.append(
            StatesSaid(before=before, at=before + 0.05, version=version, states=states, flattens={})
        )
        it.kept.append(StateKept(at=before + 0.1, account="anna", version=version, pid=7))


def flattened_and_kept(it: Record) -> None:
    exits_left(it)
    states = {"account:anna": "REDUCING"}
    it.said.append(StatesSaid(before=NOW + 2.4, at=NOW + 2.5, version=1, states=states, flattens={"anna": 1}))


def bought_after_a_hit(it: Record) -> None:
    order = next(one for one in it.requests_of("anna") if one.method == "AddOrder" and one.side == "buy")
    at = order.at - 0.2
    it.limits_seen.append(LimitSeen(at=at, account="anna", name="l0", hit_at=at, action="reducing"))


def kept_back(it: Record) -> None:
    spoil(it.copies, 0, reason="LIMIT_HIT")


def coins_sold(it: Record) -> None:
    spoil(it.trades, 3, volume=D("0.0002"))


def beside_each_other(it: Record) -> None:
    it.processes.append(ProcessSeen(account="anna", pid=8, epoch=2, first_seen=NOW + 1, last_alive=NOW + 9))


def crashed_supervisor(it: Record) -> None:
    it.supervisors.append(
        SupervisorSeen(pid=2, epoch=2, started=NOW + 9, ended=NOW + 10, exit_code=1, last_words="oops")
    )


def orphan(it: Record) -> None:
    it.supervisors[0] = SupervisorSeen(pid=1, epoch=1, started=NOW - 5, ended=NOW + 5)
    spoil(it.processes, 0, last_alive=NOW + 60)


def sold_in_another_pair(it: Record) -> None:
    # Twice what was copied, half of it where nobody looks for it.
    it.trades.append(trade(5, "anna", "sell", "0.0001", order="A3", cl_ord_id=order_id("c2"), pair="BTC/EUR"))


def spent_and_sold(it: Record) -> None:
    # The copied bitcoin paid for ether, and bitcoin is sold all the same.
    it.trades.insert(
        2, trade(3, "anna", "buy", "0.002", order="A5", cl_ord_id=order_id("c1"), pair="ETH/BTC")
    )


def out_of_turn(it: Record) -> None:
    # The sale of fill 2 was decided before a purchase of fill 1 in another pair.
    spoil(it.copies, 0, pair="BTC/EUR", decided_at=NOW + 5)
    it.prices.append(PriceSet(at=NOW - 10, pair="EUR/USD", bid=D("1.25"), ask=D("1.25")))


def own_order(it: Record) -> None:
    it.trades.append(trade(6, "anna", "sell", "0.5", order="MINE"))
    it.settled[0].balances["anna"].update(XXBT=D("-0.5"), ZUSD=D("24899.92"))
    it.hand_orders.append(
        HandOrder(
            at=NOW,
            account="anna",
            order_id="MINE",
            pair="BTC/USD",
            side="sell",
            volume=D("0.5"),
            price=D(50_000),
        )
    )


def busy_coin(it: Record) -> None:
    spoil(it.copies, 0, finished_at=NOW + 9)
    spoil(it.copies, 1, pair="BTC/EUR")
    it.prices.append(PriceSet(at=NOW - 10, pair="EUR/USD", bid=D("1.25"), ask=D("1.25")))


CASES: list[tuple[str, Spoil, str]] = [
    ("journal", lambda it: it.fills.pop(), "T3 (sell BTC/USD) is missing"),
    ("journal", repeated_fill, "T3 is there 2 times"),
    ("journal", invented_fill, "never happened"),
    ("journal", swapped_fills, "happened before fill 1"),
    ("journal", lambda it: spoil(it.fills, 1, seq=5), "stands at place 2"),
    ("journal", lambda it: spoil(it.fills, 0, price=D(49_999)), "the exchange"),
    ("frozen", lambda it: spoil(it.fills, 1, master_position_before=D("0.002")), "position 0.002, was 0.001"),
    ("frozen", lambda it: spoil(it.fills, 1, master_position=D("0.002")), "right before it 0.002"),
    ("frozen", lambda it: spoil(it.fills, 0, master_cash=D(999)), "cash 999, was 1000"),
    ("frozen", lambda it: spoil(it.fills, 0, master_equity=D(1010)), "equity 1010"),
    ("frozen", lambda it: spoil(it.fills, 0, order_filled_before=D(1)), "filled before 1"),
    ("one end", lambda it: it.copies.pop(0), "fill 1 is answered by 0 copies"),
    ("one end", lambda it: it.copies.append(copy("c1b", (1,), "buy", "0", "SCALED")), "answered by 2 copies"),
    ("one end", lambda it: spoil(it.copies, 0, state="UNKNOWN"), "still UNKNOWN"),
    ("one end", lambda it: spoil(it.copies, 0, reason=""), "without a reason"),
    ("one end", lambda it: spoil(it.copies, 0, seqs=(1, 7)), "fill 7 was answered and is not in the journal"),
    ("intents", lambda it: it.requests.append(request(3, "c9", "buy", "0.1", 12)), "was meant by no copy"),
    ("intents", lambda it: spoil(it.requests, 0, deadline=""), "no deadline"),
    ("intents", lambda it: spoil(it.requests, 0, side="sell"), "is not what copy c1 meant"),
    ("intents", lambda it: spoil(it.requests, 0, volume=D(1)), "asks for 1"),
    ("intents", lambda it: spoil(it.copies, 0, cl_ord_id="else"), "names order else"),
    ("intents", lambda it: spoil(it.trades, 1, cl_ord_id=""), "trade 2"),
    ("doubled", doubled_order, "filled by 2 of its orders"),
    ("doubled", lambda it: spoil(it.copies, 0, filled=D("0.0003")), "says 0.0003 was filled"),
    ("doubled", lambda it: spoil(it.copies, 0, avg_price=D(51_000)), "says it paid 51000"),
    ("doubled", lambda it: spoil(it.copies, 0, state="PART_FILLED"), "is PART_FILLED with"),
    ("volumes", lambda it: spoil(it.copies, 0, ordered=D("0.00010002")), "the rules say 0.0001"),
    ("equity", lambda it: spoil(it.copies, 0, user_equity=D(150)), "was sized by 150"),
    ("cash", too_much_cash_missing, "was cut by cash of 7"),
    ("cash", more_meant_than_there_was, "was to cost 150.75"),
    ("own coins", coins_sold, "of the user's own"),
    ("own coins", sold_in_another_pair, "trade 5 (BTC/EUR) sells 0.0001"),
    ("own coins", spent_and_sold, "trade 4 (BTC/USD) sells 0.0001"),
    (
        "own balance",
        lambda it: it.settled[0].balances["anna"].update(ZUSD=D(90)),
        "has 90 USD, of its own there were to be 94.9",
    ),
    ("own balance", lambda it: it.settled[0].balances["anna"].update(XXBT=D("-0.02")), "has -0.02 BTC"),
    (
        "count",
        lambda it: spoil(it.fills, 1, journal_position=D("0.0011")),
        "counts 0.0011 before it, the rules 0.001",
    ),
    (
        "count",
        lambda it: spoil(it.fills, 1, journal_position_after=D("0.0001")),
        "counts 0.0001 after it, the rules 0.0",
    ),
    ("count", lambda it: spoil(it.fills, 1, fee_coin="BTC"), "was taken in ZUSD, the journal says BTC"),
    ("bound", lambda it: spoil(it.trades, 1, price=D(50_251)), "bought BTC/USD at 50251, the bound is 50250"),
    ("cap", cap_broken, "the cap is 1.0000"),
    (
        "caps",
        lambda it: spoil(it.users, 0, caps={"max_daily_notional": D(4)}),
        "cost 5.0000 USD, the cap is 4",
    ),
    (
        "caps",
        lambda it: spoil(it.users, 0, caps={"max_orders_per_day": D(0)}),
        "1 entries were ordered in one day",
    ),
    ("filters", lambda it: spoil(it.users, 0, exclude=("XBT/USD",)), "bought in BTC/USD, which is left out"),
    ("filters", lambda it: spoil(it.copies, 1, reason="PAIR_EXCLUDED"), "should not have been"),
    ("age", lambda it: spoil(it.copies, 0, decided_at=NOW + 40), "39.000 s old, the limit is 30 s: SCALED"),
    ("age", lambda it: spoil(it.copies, 0, reason="STALE_ENTRY"), "0.100 s old"),
    ("age", lambda it: spoil(it.copies, 1, reason="STALE_ENTRY"), "(sell)"),
    ("age", lambda it: spoil(it.requests, 0, at=NOW + 60), "came 59.0 s after its entry"),
    ("convergence", exits_left, "holds 0.00010000 BTC by copying"),
    ("open orders", lambda it: it.settled[0].open_orders.update(anna=1), "1 orders are open"),
    ("nonces", lambda it: spoil(it.requests, 1, nonce=10), "nonce 10 after 10"),
    ("nonces", lambda it: spoil(it.requests, 1, outcome="EAPI:Invalid nonce"), "the exchange refused"),
    ("fencing", lambda it: spoil(it.fills, 0, epoch=2), "is of run 1, one before it of run 2"),
    ("fencing", lambda it: spoil(it.fills, 1, epoch=3), "outside of run 3"),
    ("fencing", beside_each_other, "lived beside 8"),
    ("fencing", orphan, "outlived its supervisor"),
    ("supervisor", crashed_supervisor, "ended with 1: oops"),
    ("one at a time", lambda it: spoil(it.copies, 0, finished_at=NOW + 9), "before copy c1 was over"),
    ("order", out_of_turn, "copy c1 (BTC/EUR) was decided after copy c2 of fill 2"),
    ("one at a time", busy_coin, "(BTC/EUR) was decided before copy c1 was over (BTC/USD)"),
    ("trading states", lambda it: said(it, "HALTED", 1.5), "to sell BTC/USD came 0.400 s after version 1"),
    ("trading states", lambda it: said(it, "REDUCING", 0.5), "to buy BTC/USD came 0.400 s after version 1"),
    ("flatten", flattened_and_kept, "holds 0.00010000 BTC after flatten 1"),
    ("loss limits", bought_after_a_hit, "to buy BTC/USD came 0.200 s after the hit of limit l0 was seen"),
    ("loss limits", kept_back, "copy c1 was kept back for a limit, and none was hit"),
    ("logs", lambda it: it.log_lines.append(LogLine(account="anna", at="", message="oops")), "1x oops"),
]


@pytest.mark.parametrize(
    ("name", "spoiling", "words"), CASES, ids=[f"{case[0]}: {case[2]}" for case in CASES]
)
def test_each_defect_is_caught_by_the_validator_that_is_for_it(
    name: str, spoiling: Spoil, words: str
) -> None:
    spoilt = record()
    spoiling(spoilt)
    found = [finding for finding in validators.judge(spoilt) if finding.validator == name]
    assert any(words in finding.text for finding in found), found


def test_every_validator_has_a_defect_that_it_caught() -> None:
    caught = set()
    for validator in validators.VALIDATORS:
        for _, spoiling, _ in CASES:
            spoilt = record()
            spoiling(spoilt)
            if list(validator(spoilt)):
                caught.add(validator)
    assert caught == set(validators.VALIDATORS)


@pytest.mark.parametrize(
    ("state", "at", "lifted"),
    [
        ("HALTED", 0.95, 1.9),  # the first order arrives before it is kept to, the second after it is lifted
        ("REDUCING", 1.5, 6.0),  # only a sale is later
        ("HALTED", 2.5, 6.0),
    ],
)
def test_what_arrives_before_a_state_is_kept_to_or_after_it_is_lifted_is_no_finding(
    state: str, at: float, lifted: float
) -> None:
    it = record()
    said(it, state, at, lifted=lifted)
    assert [found for found in validators.judge(it) if found.validator == "trading states"] == []


def test_a_nonce_that_a_fault_spoilt_is_no_finding() -> None:
    excused = record()
    spoil(excused.requests, 1, outcome="EAPI:Invalid nonce")
    excused.faults.append(
        FiredFault(
            kind="duplicate_delivery", account="anna", method="", set_at=NOW, cleared_at=NOW + 5, fired=1
        )
    )
    assert list(nonces_grow(excused)) == []
    spoil(excused.faults, 0, fired=0)
    assert len(list(nonces_grow(excused))) == 1


def test_whoever_took_coins_away_may_be_left_with_some() -> None:
    excused = record()
    exits_left(excused)
    assert len(list(exits_converge(excused))) == 1
    excused.deposits.append(Deposit(at=NOW, account="anna", asset="XXBT", amount=D("-0.0001")))
    assert list(exits_converge(excused)) == []


def test_the_trades_of_one_order_count_together() -> None:
    def made(pair: str, side: str, volume: str, cost: int) -> Trade:
        return replace(trade(1, "anna", side, volume, order="O1"), pair=pair, cost=D(cost), fee=D(0))

    coins = Coins()
    for pair, side, cost in (("ETH/BTC", "buy", 1), ("ETH/USD", "sell", 60)):
        count_trades(coins, [made(pair, side, "0.001", cost)])
    # Of 100 USD 40 are the user's own, whichever of the two trades they paid.
    count_trades(coins, [made("BTC/USD", "buy", "0.001", cost) for cost in (60, 40)])
    count_trades(coins, [made("BTC/USD", "sell", "0.002", 100)])
    assert coins.held("USD") == 60


def test_what_a_user_sells_by_hand_is_nobodys_but_its_own() -> None:
    it = record()
    own_order(it)
    names = {finding.validator for finding in validators.judge(it)}
    assert not names & {"own coins", "intents"}
    # That its own coins are gone is no wonder, as long as nothing else is.
    assert "own balance" not in names


def test_a_record_that_is_kept_reads_as_it_was(tmp_path: Path) -> None:
    kept = record()
    kept.keep(tmp_path)
    assert Record.read(tmp_path) == kept
