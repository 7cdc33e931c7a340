"""An order's answer is taken for what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.order import OrderAck
from krakencopy.account_proc.kraken.api import KrakenExchange
from tests.support.kraken_steps import market, odd
from tests.support.odd_exchange import (
    answer,
)


@pytest.mark.parametrize(
    "result",
    [{}, {"descr": {"order": "buy"}}, {"descr": {"order": "buy"}, "txid": []}, [], "O", 7],
)
def test_an_ack_without_an_order_id_is_no_ack(tmp_path: Path, result: object) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(OutcomeUnknown):
            await exchange.orders.add_order(market("1"))

    odd(tmp_path, steps, answer(result))


def test_an_ack_is_one_without_a_description(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        assert await exchange.orders.add_order(market("1")) == OrderAck("O", "")

    odd(tmp_path, steps, answer({"txid": ["O"], "descr": {}}))
