"""A master's loop has the periods of its exchange, and is ready when nothing is missing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from krakencopy.account_proc.master.audit import AUDIT_PAPER_S, AUDIT_S
from krakencopy.account_proc.master.master import Master
from krakencopy.account_proc.master.master_wallet import WALLET_CHECK_PAPER_S, WALLET_CHECK_S
from krakencopy.account_proc.notices.announcements import Announcements
from krakencopy.account_proc.service.kraken_account import KrakenAccount
from krakencopy.account_proc.service.master_side import make_master, why_not_ready
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.master_parts import MasterParts


def account_of(ledger: Ledger, *, paper: bool) -> KrakenAccount:
    parts = MasterParts(ledger)
    made: Any = SimpleNamespace(
        spec=SimpleNamespace(id="master", paper=paper), exchange=parts.kraken.exchange,
        portfolio=parts.portfolio, ledger=ledger, clock=SimpleNamespace(now=lambda: parts.now),
        gateway=SimpleNamespace(count_executions=lambda _: None), announcements=Announcements(lambda: None),
        keep_identity=lambda: None,
    )  # fmt: skip
    return cast("KrakenAccount", made)


@pytest.mark.parametrize(
    ("paper", "periods"), [(True, (AUDIT_PAPER_S, WALLET_CHECK_PAPER_S)), (False, (AUDIT_S, WALLET_CHECK_S))]
)
def test_a_paper_exchange_is_looked_at_more_often(
    tmp_path: Path, paper: bool, periods: tuple[float, float]
) -> None:
    with closing(Ledger(tmp_path / "master.db", "master")) as ledger:
        master = make_master(account_of(ledger, paper=paper), lambda: None, lambda _: None)
        assert (master._audit._period_s, master._wallet._refresh_s) == periods


@pytest.mark.parametrize(
    ("complete", "is_feed_fresh", "reason"),
    [(True, True, ""), (False, True, "CATCHING_UP"), (True, False, "FEED_DOWN"), (False, False, "FEED_DOWN")],
)
def test_a_master_is_ready_with_a_fresh_feed_and_a_complete_past(
    complete: bool, is_feed_fresh: bool, reason: str
) -> None:
    master = cast("Master", SimpleNamespace(complete=complete))
    assert why_not_ready(master, is_feed_fresh=is_feed_fresh)[0] == reason
