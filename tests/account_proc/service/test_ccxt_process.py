"""What an account at another broker is not asked for is refused with a reason. The process itself:
system/test_other_brokers.py.
"""

from __future__ import annotations

import asyncio
import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.service.ccxt_process import BrokerServicer


@pytest.mark.parametrize(
    "method",
    [
        *("StreamFills", "CopyFills", "PlaceOrder", "ListOrders", "CancelOrder", "CancelOrders"),
        *("CopyAskedFill", "InspectNonce", "ResetLimit", "FindCoins", "PlanSync"),
    ],
)
def test_what_only_kraken_has_is_refused_elsewhere(method: str) -> None:
    process: Any = SimpleNamespace(spec=SimpleNamespace(id="bob", broker="ccxt:other"))
    ask = getattr(BrokerServicer(process), method)

    async def steps() -> None:
        answer = ask(None)
        if inspect.isawaitable(answer):
            await answer

    with pytest.raises(GRPCError, match="bob is at ccxt:other, by ccxt: ") as refused:
        asyncio.run(steps())
    assert "NOT_AT_KRAKEN" in str(refused.value.details)
