"""Conversations with account processes that keep to trading states, or do not, without processes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from grpclib.const import Status

from krakencopy.account_proc.contract.trading_status import trading_status
from krakencopy.account_proc.runtime.trading_state_file import TradingStateFile
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.processes.child import Child
from krakencopy.v1 import account_pb2
from tests.support.idle_supervisor import Link, set_running


class TradingLink(Link):
    """Reads the file when it is asked, as a process does; unless it is stuck."""

    def __init__(self, path: Path, account_id: str, group: str = "") -> None:
        super().__init__()
        self._file = TradingStateFile(path)
        self._account_id, self._group = account_id, group
        self.is_stuck = False
        #: Raised instead of an answer, as often as there are some.
        self.failures: list[CallFailed] = []
        self.asked = 0
        self.say()

    def say(self) -> None:
        """Its snapshot shows what it keeps to now."""
        self.snapshot.trading.CopyFrom(self._status())
        self.snapshot.positions_known = True

    def _status(self) -> Any:
        states = self._file.read()
        return trading_status(
            states, self._account_id, self._group, version=states.version, fault=self._file.fault
        )

    async def ask(self, method: str, request: Any, timeout_s: float) -> Any:
        assert (method, timeout_s > 0) == ("ReadTradingStates", True)
        assert request == account_pb2.ReadTradingStatesRequest()
        self.asked += 1
        if self.failures:
            raise self.failures.pop()
        if self.is_stuck:
            await asyncio.sleep(timeout_s)
            raise CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time")
        return account_pb2.ReadTradingStatesResponse(trading=self._status())


def set_living(account: SupervisedAccount, path: Path, pid: int = 4711) -> TradingLink:
    """As if a process of it were there."""
    link = TradingLink(path, account.config.id, account.config.group or "")
    set_running(account, link)
    account.process.child = cast("Child", SimpleNamespace(pid=pid, last_beat=0, stopped=False))
    return link
