"""A ledger of an earlier schema is brought up to date and keeps everything; one of an unknown schema is
refused.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.contract.ledger_file import ledger_view
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.requested_order import RequestedOrder
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.ledger_samples import copy, opened

#: Of an own order, before there were strategies.
EARLY_FIELDS = {
    "request_id",
    "cl_ord_id",
    "pair",
    "side",
    "volume",
    "limit_price",
    "state",
    "deadline",
    "order_id",
    "description",
    "error",
}


#: What each schema added to the one before.
ADDED = {
    4: (
        "DROP TABLE positions",
        "DROP TABLE carried",
        "CREATE TABLE pairs (pair TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
        """INSERT INTO pairs
           VALUES ('BTC/EUR', '{"volume": "0.25", "cost": "10000", "buy": [], "sell": []}')""",
        """INSERT INTO pairs VALUES ('BTC/USD', '{"volume": "0.5", "cost": "25000", "buy": [], "sell": [
           {"order_id": "", "volume": "0.1", "cost": "0", "copy_id": "c1"}]}')""",
    ),
    3: ("DROP TABLE own_positions", "DROP INDEX own_orders_live", "ALTER TABLE own_orders DROP COLUMN live"),
    2: ("DROP TABLE order_ids", "DROP TABLE drifts"),
}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_ledger_of_an_earlier_schema_is_brought_up_to_date_and_keeps_everything(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "tania.db"
    asked = RequestedOrder(
        request_id="r1", cl_ord_id="id", pair="BTC/USD", side=Side.BUY, volume=Decimal(1), limit_price=None,
        state=CopyState.ACKNOWLEDGED, deadline=5.0,
    )  # fmt: skip
    with opened(path) as ledger:
        ledger.join("journal", 4)
        ledger.commit(copies=[copy("c1")], cursor=(5, "T5"))
        ledger.put_requested_order(asked)
        for newer in (4, 3, 2):
            for undo in ADDED[newer] if newer > version else ():
                ledger._db.execute(undo)
        early = {name: value for name, value in json.loads(asked.to_json()).items() if name in EARLY_FIELDS}
        ledger._db.execute("UPDATE own_orders SET body = ?", (json.dumps(early),))
        ledger._db.execute(f"PRAGMA user_version={version}")
    shown_before = ledger_view(path)
    with opened(path) as ledger:
        assert (ledger.cursor, ledger.revision, ledger.owner("any")) == (5, 1, None)
        assert (ledger.requested_order("r1"), ledger.live_requested_orders()) == (asked, [])
        ledger.put_reconciled(7.0, [])
        assert ledger.reconciled_at == 7.0
        book = ledger.load_book()
        held = book.coins.position("BTC")
        assert (held.volume, held.costs) == (
            Decimal("0.75"),
            {"EUR": Decimal(10_000), "USD": Decimal(25_000)},
        )
        assert book.owed("BTC").amount == Decimal("0.1")
    shown = ledger_view(path)
    assert shown_before is not None
    assert shown is not None
    assert shown_before.positions == shown.positions != {}, "who looks before it is taken over sees the same"
    assert shown_before.carried == shown.carried == {("BTC/USD", "sell"): Decimal("0.1")}


def test_a_ledger_of_another_schema_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger._db.execute("PRAGMA user_version=7")
    with pytest.raises(
        LedgerFault, match=r"written by a newer version of krakencopy .schema 7; this one knows 4."
    ):
        Ledger(tmp_path / "tania.db", "tania")
