"""What the exchange says to everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.kraken.api import KrakenExchange
from tests.support.kraken_steps import on
from tests.support.odd_exchange import (
    answer,
    odd_exchange,
)


def test_an_exchange_without_pairs_is_no_exchange(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(OutcomeUnknown, match="unexpected form"):
            await exchange.market.asset_pairs()

    with odd_exchange(*[answer({})] * 4) as exchange:
        on(exchange.url, "odd", tmp_path, steps)
