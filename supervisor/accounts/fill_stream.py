"""The stream of the master's fills, from its process to the journal."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from decimal import Decimal

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.supervisor.accounts.conversation import Owner, Shared
from krakencopy.supervisor.accounts.fill_check import bad_fill, other_content
from krakencopy.supervisor.accounts.grpc_client import RpcClient
from krakencopy.supervisor.journal.fill_batcher import FillBatcher
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: What the journal already has is sent to the master from this long before its last fill, in seconds.
FILLS_OVERLAP_S = 120.0


class FillStream:
    """What a master's process sends; opened again from where the journal ends."""

    def __init__(self, account_id: str, rpc: RpcClient, shared: Shared, owner: Owner) -> None:
        self._account_id = account_id
        self._rpc = rpc
        self._shared = shared
        self._journal = shared.journal
        self._owner = owner
        self._reading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until the process or the connection ends. Raises CallFailed, BadFill or JournalFault."""
        self._reading = asyncio.current_task()
        arrivals = FillBatcher(self._append, self._shared.queue.put_failure)
        try:
            async for item in self._rpc.watch("StreamFills", self._journal_end()):
                if item.HasField("seen"):
                    self._shared.admit_account(self._account_id, item.seen)
                elif item.HasField("caught_up"):
                    log.info(
                        "%s: caught up, %d fills from history", self._account_id, item.caught_up.from_history
                    )
                elif item.HasField("renamed"):
                    arrivals.flush()
                    renamed = item.renamed
                    self._shared.names.rename_by_exchange(
                        self._account_id, renamed.old_name, renamed.new_name
                    )
                else:
                    self._take_fills(arrivals, item.fills)
        finally:
            arrivals.flush()

    @staticmethod
    def _take_fills(arrivals: FillBatcher, fills: Sequence[types_pb2.Fill]) -> None:
        """Raises BadFill; what came before that fill is taken."""
        for number, fill in enumerate(fills):
            if bad := bad_fill(fill):
                arrivals.take_fills(fills[:number])
                raise bad
        arrivals.take_fills(fills)

    def _append(self, fills: list[types_pb2.Fill]) -> None:
        self._shared.identities.set_fills_apart(fills)
        added = self._shared.fills.append(fills, self._shared.epoch)
        if len(added) == len(fills):
            return
        known = {id(fill) for fill in added}
        if bad := other_content(self._journal, [fill for fill in fills if id(fill) not in known]):
            self._owner.link_refused(bad.reason, str(bad))
            if self._reading is not None:  # it may be waiting for the next fills
                self._reading.cancel()

    def _journal_end(self) -> pb.StreamFillsRequest:
        last = self._journal.last_executed_at()
        since = self._journal.created_at if last is None else last - FILLS_OVERLAP_S
        since = max(since, self._journal.created_at)
        request = pb.StreamFillsRequest(
            epoch=self._shared.epoch, since=timestamp(since), held_coins=self._journal.coins.traded(),
            journal_began=timestamp(self._journal.created_at),
        )  # fmt: skip
        frozen: OrderedDict[str, pb.FrozenOrder] = OrderedDict()
        for fill in self._journal.known_since(since):
            request.known_exec_ids.append(fill.exec_id)
            order = frozen.setdefault(
                fill.order_id,
                pb.FrozenOrder(
                    order_id=fill.order_id, master_equity=fill.master_equity, master_cash=fill.master_cash,
                    master_position_before=fill.master_position_before, filled_volume="0",
                ),
            )  # fmt: skip
            order.filled_volume = format(Decimal(order.filled_volume) + Decimal(fill.volume), "f")
        request.frozen_orders.extend(frozen.values())
        return request
