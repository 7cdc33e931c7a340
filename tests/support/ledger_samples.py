"""Ledgers, copies and plans as tests of the ledger need them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.domain.copy_plan import OrderPlan
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import QuoteAmount, Ratio, Side
from krakencopy.account_proc.state.ledger import Ledger


@contextmanager
def opened(path: Path, account_id: str = "tania") -> Iterator[Ledger]:
    with closing(Ledger(path, account_id)) as ledger:
        yield ledger


def ledger_with_position(path: Path, coin: str, volume: str, pair: str) -> None:
    """One whose copying has bought a coin, and whose process has ended."""
    quote = pair.partition("/")[2]
    with opened(path) as ledger:
        book = ledger.load_book()
        book.coins.bought(Exchanged(base=coin, quote=quote, volume=Decimal(volume), cost=Decimal(100)))
        ledger.commit(book=book)


def copy(copy_id: str, state: CopyState = CopyState.SKIPPED) -> CopyRecord:
    return CopyRecord(
        copy_id=copy_id, fill_seqs=(1,), pair="BTC/USD", side=Side.BUY, state=state, reason="", detail=""
    )


def plan(order_id: str) -> OrderPlan:
    none = QuoteAmount(Decimal(0))
    return OrderPlan(
        order_id=order_id, ratio=Ratio(Decimal(1)), cap=none, user_equity=none,
    )  # fmt: skip
