"""From what the exchange, the public API and the logs say to rows of a record. Asks; changes nothing."""

from __future__ import annotations

import json
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import types_pb2 as pb
from tests.chaos.records import Record
from tests.chaos.rows import Copy, Fill, LogLine, Request, Trade
from tests.chaos.terms import coin_of, first_name, symbol_of
from tests.support.system import Paper

SIDES = {pb.SIDE_BUY: "buy", pb.SIDE_SELL: "sell"}
STATES = {number: name.removeprefix("COPY_STATE_") for name, number in pb.CopyState.items()}
SOURCES = {number: name.removeprefix("FILL_SOURCE_") for name, number in pb.FillSource.items()}
ENDS = {"FILLED", "PART_FILLED", "REJECTED", "SKIPPED", "CARRIED"}


class Reader:
    """Fills a record, each row once."""

    def __init__(self, paper: Paper, record: Record, hands: frozenset[str] = frozenset()) -> None:
        """``hands``: the ids of keys with which people trade beside the system."""
        self._paper = paper
        self._record = record
        self._hands = hands
        self._requests = 0
        self._trades = 0
        self._offsets: dict[Path, int] = {}
        # The exchange's monotonic clock is this machine's.
        self._epoch_s = time.time() - time.monotonic()
        self._copies: dict[tuple[str, str], Copy] = {}
        self._change = 0

    def read_exchange(self) -> None:
        """What the exchange saw and booked since the last time: of each request that is read, what it led to
        at once is read as well.
        """
        while rows := self._paper.call("GET", f"/requests?after={self._requests}")["requests"]:
            self._requests = rows[-1]["n"]
            self._record.requests += [self._request(row) for row in rows]
        while rows := self._paper.call("GET", f"/fills?after={self._trades}")["fills"]:
            self._trades = rows[-1]["n"]
            self._record.trades += [self._trade(row) for row in rows]

    def _trade(self, row: dict[str, Any]) -> Trade:
        return Trade(
            n=row["n"],
            at=self._epoch_s + row["emitted_ns"] / 1e9,
            account=row["account"],
            order_id=row["txid"],
            exec_id=row["exec_id"],
            cl_ord_id=row["cl_ord_id"] or "",
            pair=symbol_of(row["pair"]),
            side=row["side"],
            price=Decimal(row["price"]),
            volume=Decimal(row["volume"]),
            cost=Decimal(row["cost"]),
            fee=Decimal(row["fee"]),
            fee_asset=row["fee_asset"],
        )

    def _request(self, row: dict[str, Any]) -> Request:
        params = row["params"]
        return Request(
            n=row["n"],
            at=self._epoch_s + row["received_ns"] / 1e9,
            account=row["account"] or "",
            key_id=row["key_id"] or "",
            method=row["method"],
            nonce=int(row["nonce"] or 0),
            cl_ord_id=params.get("cl_ord_id", ""),
            pair=symbol_of(params.get("pair", "")),
            side=params.get("type", ""),
            volume=Decimal(params.get("volume", "0")),
            deadline=params.get("deadline", ""),
            outcome=row["outcome"],
            fault=row.get("fault") or "",
            by_hand=row["key_id"] in self._hands,
        )

    def read_system(self, api: MessageClient, head_change: int) -> None:
        """The journal's fills, and the copies that changed, since the last time. Raises KrakenCopyError."""
        last = self._record.fills[-1].seq if self._record.fills else 0
        self._record.fills += [_fill(row) for row in api.list_fills(after_seq=last)]
        if head_change <= self._change:
            return
        changes = api.watch_copies(self._change)
        try:
            for response in changes:
                copy = _copy(response.copy)
                self._copies[copy.account, copy.copy_id] = copy
                self._change = response.change
                if self._change >= head_change:
                    break
        finally:
            changes.close()
        self._record.copies = list(self._copies.values())

    def unanswered(self) -> list[str]:
        """Users whose reports have not all come, by what was read."""
        answered: Counter[str] = Counter()
        still_open: set[str] = set()
        for copy in self._record.copies:
            answered[copy.account] += len(copy.seqs)
            if copy.state not in ENDS:
                still_open.add(copy.account)
        fills = len(self._record.fills)
        users = [user.account for user in self._record.users]
        return [user for user in users if answered[user] < fills or user in still_open]

    def read_logs(self, folder: Path) -> None:
        """Errors in the logs since the last time, and what processes left on standard error."""
        for path in sorted(folder.glob("*.jsonl")):
            for line in self._news(path).splitlines():
                try:
                    row = json.loads(line)
                except ValueError:  # cut off by a full disk
                    continue
                if row["level"] in {"ERROR", "CRITICAL"} or row.get("exception"):
                    self._record.log_lines.append(
                        LogLine(
                            account=path.stem,
                            at=row["at"],
                            message=row["message"],
                            exception=row.get("exception", ""),
                        )
                    )
        for path in sorted(folder.glob("*.crash")):
            news = self._news(path)
            if "Traceback" in news:
                self._record.log_lines.append(
                    LogLine(account=path.stem, at="", message="crash", exception=news)
                )

    def _news(self, path: Path) -> str:
        offset = self._offsets.get(path, 0)
        if path.stat().st_size < offset:  # rotated
            offset = 0
        with path.open("rb") as file:
            file.seek(offset)
            news = file.read()
        whole = news[: news.rfind(b"\n") + 1]
        self._offsets[path] = offset + len(whole)
        return whole.decode(errors="replace")


def _fill(row: pb.Fill) -> Fill:
    return Fill(
        seq=row.seq,
        epoch=row.epoch,
        exec_id=row.exec_id,
        order_id=row.order_id,
        pair=first_name(row.pair),
        side=SIDES[row.side],
        price=Decimal(row.price),
        volume=Decimal(row.volume),
        master_equity=Decimal(row.master_equity or 0),
        master_cash=Decimal(row.master_cash or 0),
        master_position_before=Decimal(row.master_position_before or 0),
        master_position=Decimal(row.master_position or 0),
        order_filled_before=Decimal(row.order_filled_before),
        journal_position=Decimal(row.journal_position or 0),
        journal_position_after=Decimal(row.journal_position_after or 0),
        fee=Decimal(row.fee.amount or 0),
        fee_coin=coin_of(row.fee.asset),
        source=SOURCES[row.source],
        pair_unknown=row.pair_unknown,
        executed_at=row.executed_at.ToMicroseconds() / 1e6,
        journalled_at=row.journalled_at.ToMicroseconds() / 1e6,
    )


def _copy(row: pb.Copy) -> Copy:
    return Copy(
        account=row.account_id,
        copy_id=row.copy_id,
        seqs=tuple(row.fill_seqs),
        pair=first_name(row.pair),
        side=SIDES[row.side],
        state=STATES[row.state],
        reason=row.reason,
        detail=row.detail,
        planned=Decimal(row.planned_volume or 0),
        ordered=Decimal(row.ordered_volume or 0),
        filled=Decimal(row.filled_volume or 0),
        avg_price=Decimal(row.avg_price or 0),
        cl_ord_id=row.cl_ord_id,
        attempts=row.attempts,
        joined=row.joined_copy_id,
        carried_in=tuple(row.carried_in),
        user_equity=Decimal(row.user_equity or 0),
        cap=row.cap,
        decided_at=row.decided_at.ToMicroseconds() / 1e6,
        finished_at=row.finished_at.ToMicroseconds() / 1e6,
    )
