"""AccountService resets a user's limits, and says where there is nothing to reset."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.service.limit_calls import LimitCalls
from krakencopy.v1 import account_pb2 as pb
from tests.support.limited_user import limit_of, limited, usd
from tests.support.scripted_kraken import run


def calls_of(limits: Any, role: Role = Role.USER) -> LimitCalls:
    process: Any = SimpleNamespace(spec=SimpleNamespace(role=role), limits=limits)
    return LimitCalls(process)


def reset(name: str = "", request_id: str = "r1") -> pb.AccountServiceResetLimitRequest:
    return pb.AccountServiceResetLimitRequest(request_id=request_id, name=name)


def test_what_was_hit_is_reset_once(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path, limit_of(usd("10"))) as anna:
            await anna.buy()
            await anna.judge(50_000, 39_000, 39_000)
            calls = calls_of(anna.watch)
            for _ in range(2):
                assert list((await calls.ResetLimit(reset())).names) == ["day"]
                assert anna.user.guard.state is TradingState.ACTIVE

    run(steps())


def test_where_nothing_can_be_reset_it_is_refused(tmp_path: Path) -> None:
    async def refused(calls: LimitCalls, name: str = "") -> tuple[Status, str]:
        with pytest.raises(GRPCError) as raised:
            await calls.ResetLimit(reset(name))
        return raised.value.status, raised.value.message or ""

    async def steps() -> None:
        async with limited(tmp_path, limit_of(usd("10"))) as anna:
            calls = calls_of(anna.watch)
            assert await refused(calls) == (
                Status.NOT_FOUND, "no limit was hit; `krakencopy limits` shows all there are",
            )  # fmt: skip
            status, words = await refused(calls, "other")
            assert (status, "'other'" in words) == (Status.NOT_FOUND, True)
        assert (await refused(calls_of(None)))[0] is Status.FAILED_PRECONDITION
        assert (await refused(calls_of(None, Role.MASTER)))[1] == "this account copies nobody"

    run(steps())
