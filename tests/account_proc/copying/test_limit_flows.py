"""What comes in and goes out without a trade, by changes of the wallet and by the wallet that was kept."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.copying.limit_flows import Baseline, Flow, added
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from tests.support.copying import amounts


@pytest.mark.parametrize(
    ("change", "moved", "mixed"),
    [
        (amounts(USD="5"), amounts(USD="5"), False),
        (amounts(USD="-5", BTC="-1"), amounts(USD="-5", BTC="-1"), False),
        (amounts(USD="-5", BTC="1"), amounts(USD="-5", BTC="1"), True),
        (amounts(BTC="-1", BTC_S="1"), {}, False),
        (amounts(BTC="-1", BTC_S="1.5"), amounts(BTC="0.5"), False),
    ],
)
def test_a_change_in_one_direction_came_from_outside(
    change: dict[str, Decimal], moved: dict[str, Decimal], *, mixed: bool
) -> None:
    flow = Flow.of_change(change)
    assert (flow.amounts, flow.is_mixed) == (moved, mixed)


def test_a_flow_in_words_and_two_together() -> None:
    assert Flow.of_change(amounts(USD="-5.50", BTC="1")).words == "-5.5 USD, +1 BTC"
    assert added(amounts(USD="1"), amounts(USD="2", BTC="3")) == amounts(USD="3", BTC="3")


def copy_of(side: Side, state: CopyState = CopyState.FILLED) -> CopyRecord:
    return CopyRecord(
        copy_id="c1", fill_seqs=(1,), pair="MATIC/USD", side=side, state=state, reason="", detail="",
        filled=Decimal(10), cost=Decimal(20), fee=Decimal("0.5"), fee_asset="USD", fee_base=Decimal("0.1"),
    )  # fmt: skip


def test_what_copies_explain_did_not_come_from_outside() -> None:
    kept = Baseline(wallet=amounts(USD="100", MATIC="5"), revision=7)
    assert Baseline.from_raw(json.loads(json.dumps(kept.to_raw(), default=str))) == kept
    now = amounts(USD="79.5", POL="14.9")
    copies = [copy_of(Side.BUY), copy_of(Side.BUY, CopyState.INTENT)]

    def current(coin: str) -> str:
        return "POL" if coin == "MATIC" else coin

    assert kept.change_to(now, copies, current) == {}
    assert kept.change_to(amounts(USD="79.5", POL="10"), copies, current) == amounts(POL="-4.9")
    assert kept.after(amounts(USD="-1")) == Baseline(wallet=amounts(USD="99", MATIC="5"), revision=7)


def test_a_fee_in_the_coin_alone_is_counted_once() -> None:
    copy = copy_of(Side.SELL)
    copy.fee, copy.fee_asset = copy.fee_base, "MATIC"
    kept = Baseline(wallet=amounts(MATIC="50"), revision=0)
    assert kept.change_to(amounts(MATIC="39.9", USD="20"), [copy], lambda coin: coin) == {}
