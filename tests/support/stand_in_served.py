"""An account's process that really serves, beats and drains, and trades nothing. SIGUSR1 lets its loop get
stuck for good.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from typing import Any

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials
from krakencopy.account_proc.runtime import liveness as pulse
from krakencopy.account_proc.service.account_process import AccountProcess
from krakencopy.v1 import account_pb2 as pb


class Servicer:
    """Every stream stays open and says as little as it may."""

    async def StreamFills(self, request: Any) -> AsyncIterator[pb.StreamFillsResponse]:
        yield pb.StreamFillsResponse(caught_up=pb.CaughtUp())
        await asyncio.Event().wait()

    async def CopyFills(self, requests: Any) -> AsyncIterator[pb.CopyFillsResponse]:
        yield pb.CopyFillsResponse(seen=pb.AccountSeen())
        yield pb.CopyFillsResponse(ready=pb.CopyReady())
        async for _ in requests:
            pass

    async def WatchSnapshot(self, request: Any) -> AsyncIterator[pb.WatchSnapshotResponse]:
        yield pb.WatchSnapshotResponse()
        await asyncio.Event().wait()

    async def PlaceOrder(self, request: Any) -> pb.AccountServicePlaceOrderResponse:
        raise NotImplementedError

    async def ListOrders(self, request: Any) -> pb.AccountServiceListOrdersResponse:
        raise NotImplementedError

    async def CancelOrder(self, request: Any) -> pb.AccountServiceCancelOrderResponse:
        raise NotImplementedError

    async def CancelOrders(self, request: Any) -> pb.AccountServiceCancelOrdersResponse:
        raise NotImplementedError

    async def InspectNonce(self, request: Any) -> pb.InspectNonceResponse:
        raise NotImplementedError

    async def ResetLimit(self, request: Any) -> pb.AccountServiceResetLimitResponse:
        raise NotImplementedError

    async def FindCoins(self, request: Any) -> pb.FindCoinsResponse:
        raise NotImplementedError

    async def CopyAskedFill(self, request: Any) -> pb.CopyAskedFillResponse:
        raise NotImplementedError

    async def PlanSync(self, request: Any) -> pb.PlanSyncResponse:
        raise NotImplementedError

    async def ReadTradingStates(self, request: Any) -> pb.ReadTradingStatesResponse:
        return pb.ReadTradingStatesResponse()

    async def Drain(self, request: Any) -> pb.DrainResponse:
        return pb.DrainResponse()


class StandIn(AccountProcess):
    """Ready as soon as it serves."""

    def readiness(self) -> tuple[str, str]:
        return "", ""

    def servicer(self) -> Servicer:
        return Servicer()

    async def work(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: time.sleep(3600))

    async def drain(self) -> int:
        return 0

    async def close(self) -> None:
        pass


def run(spec: AccountSpec, credentials: Credentials, ready_fd: int, lifeline_fd: int, pulse_fd: int) -> int:
    async def serve() -> int:
        return await StandIn(spec, credentials.link).run(ready_fd, lifeline_fd)

    return pulse.run_with(pulse_fd, serve)
