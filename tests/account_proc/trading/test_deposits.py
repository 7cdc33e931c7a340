"""What leaves an account richer without a trade is counted as a deposit, once, and kept; what is little or of
unknown worth is none.
"""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.deposits import Deposits

RATES = {"USD": Decimal(1), "BTC": Decimal(50_000)}


def change(**amounts: str) -> dict[str, Decimal]:
    return {asset: Decimal(amount) for asset, amount in amounts.items()}


def test_a_deposit_is_counted_and_stays_counted(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
        deposits = Deposits(ledger, RATES.get, lambda: Decimal(1000))
        deposits.note_change(change(USD="100"), "deposit")
        deposits.note_change(change(BTC="0.001"), "")
        assert deposits.noticed == 2
        for no_deposit in (
            change(USD="9.99"),  # a reward
            change(USD="-100"),  # a withdrawal
            change(USD="-100", BTC="0.002"),  # converted
            change(XYZ="5"),
            change(USD="100", XYZ="-5"),
        ):
            deposits.note_change(no_deposit, "")
        assert deposits.noticed == 2
    with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
        assert Deposits(ledger, RATES.get, lambda: None).noticed == 2


def test_nothing_is_counted_while_the_equity_is_not_known(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
        deposits = Deposits(ledger, RATES.get, lambda: None)
        deposits.note_change(change(USD="100"), "deposit")
        assert deposits.noticed == 0
