"""One copy as the user's process remembers it, and its form in the public API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import ENDS, CopyState, advance
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.proto_time import seconds, timestamp
from krakencopy.account_proc.domain.copy_plan import MasterFill, Slice
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, QuoteAmount, Side
from krakencopy.v1 import types_pb2 as pb

PB_SIDE = {Side.BUY: pb.SIDE_BUY, Side.SELL: pb.SIDE_SELL}
SIDE_OF_PB = {number: side for side, number in PB_SIDE.items()}
PB_COPY_STATE = {state: pb.CopyState.Value(f"COPY_STATE_{state}") for state in CopyState}


#: What the rules asked for is shown a little finer than any lot.
PLANNED_DECIMALS = 12


@dataclass(slots=True, kw_only=True)
class CopyRecord:
    """One copy. Volumes in base, ``cost`` in quote, times in Unix seconds (0 while it has not happened)."""

    copy_id: str
    fill_seqs: tuple[int, ...]
    pair: str
    side: Side
    state: CopyState
    reason: str
    detail: str
    #: The key of the cap that has cut it, or left nothing for it.
    cap: str = ""
    #: The pair that the master traded, where it is another one.
    master_pair: str = ""
    planned: Decimal = Decimal(0)
    ordered: Decimal = Decimal(0)
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    fee_asset: str = ""
    #: The part of the fee that was taken in base.
    fee_base: Decimal = Decimal(0)
    limit_price: Decimal | None = None
    #: Orders of the account's own that it meets give way.
    cancels_own: bool = False
    #: The master's price when it was decided, in quote: what slippage is measured from.
    master_price: Decimal = Decimal(0)
    order_id: str = ""
    cl_ord_id: str = ""
    attempts: int = 0
    joined_copy_id: str = ""
    carried_in: tuple[str, ...] = ()
    slices: tuple[Slice, ...] = ()
    sweep: bool = False
    user_equity: Decimal = Decimal(0)
    #: What the decision was made with, in quote: the whole equity, and the money that was free. None where
    #: that was not known, or not asked for.
    account_equity: Decimal | None = None
    free_cash: Decimal | None = None
    revision: int = 0
    #: The exchange must not act on the order after this (Unix seconds).
    deadline: float = 0.0
    #: When the master's first fill was executed (Unix seconds, exchange clock).
    executed_at: float = 0.0
    received_at: float = 0.0
    decided_at: float = 0.0
    sent_at: float = 0.0
    acknowledged_at: float = 0.0
    finished_at: float = 0.0
    #: What it follows from where that is no fill: which sync, who asked for it, when and why.
    source: str = ""
    #: Of a sync: the last fill of the master that is counted by it.
    as_of_seq: int = 0

    def move(self, state: CopyState, now: float, *, reason: str = "", detail: str = "") -> None:
        """Goes to another state, by the table. An end stamps ``finished_at``."""
        self.state = advance(self.state, state)
        if reason:
            self.reason = reason
        if detail:
            self.detail = f"{self.detail}; {detail}" if self.detail else detail
        if state in ENDS:
            self.finished_at = now

    @property
    def filtered_by(self) -> str:
        """The pair that is included or excluded: the master's."""
        return self.master_pair or self.pair

    @property
    def fees(self) -> dict[str, Decimal]:
        """What was paid for it, by the coin that it was taken in."""
        base = self.pair.partition("/")[0]
        fees = {base: self.fee_base} if self.fee_base else {}
        if self.fee_asset and self.fee_asset != base:
            fees[self.fee_asset] = self.fee
        return fees

    def exchanged(self, current: Callable[[str], str] = str) -> Exchanged:
        """Its trades together. ``current``: the name that a coin has now."""
        base, _, quote = self.pair.partition("/")
        fees = {current(asset): fee for asset, fee in self.fees.items()}
        return Exchanged(
            base=current(base), quote=current(quote), volume=self.filled, cost=self.cost, fees=fees
        )

    def to_proto(self, account_id: str, *, is_shadow: bool = False) -> pb.Copy:
        """The copy in the public API. ``is_shadow``: it is a shadow's."""
        copy = pb.Copy(
            account_id=account_id, copy_id=self.copy_id, fill_seqs=self.fill_seqs, pair=self.pair,
            side=PB_SIDE[self.side], state=PB_COPY_STATE[self.state], reason=self.reason, detail=self.detail,
            planned_volume=plain(round(self.planned, PLANNED_DECIMALS)), ordered_volume=plain(self.ordered),
            filled_volume=plain(self.filled), order_id=self.order_id, cl_ord_id=self.cl_ord_id,
            attempts=self.attempts, joined_copy_id=self.joined_copy_id, carried_in=self.carried_in,
            user_equity=plain(self.user_equity), revision=self.revision, cap=self.cap,
            master_pair=self.master_pair, source=self.source,
        )  # fmt: skip
        copy.shadow = is_shadow
        if self.filled:
            copy.avg_price = plain((self.cost / self.filled).quantize(Decimal("1e-10")))
        if self.fee_asset:
            copy.fee.amount, copy.fee.asset = plain(self.fee), self.fee_asset
        for name in ("received_at", "decided_at", "sent_at", "acknowledged_at", "finished_at"):
            seconds = getattr(self, name)
            if seconds:
                getattr(copy, name).CopyFrom(timestamp(seconds))
        return copy


def master_fill(fill: pb.Fill) -> MasterFill:
    """The journal's fill as the rules see it. Raises KeyError or decimal.InvalidOperation when it is
    malformed.

    Fills that an earlier version journalled do not tell the counted position: the wallet's stands for it.
    """
    wallet, volume = _finite(fill.master_position or 0), _finite(fill.volume)
    before = _finite(fill.journal_position) if fill.journal_position else wallet
    after = (
        _finite(fill.journal_position_after)
        if fill.journal_position_after
        else max(before - volume, Decimal(0))
    )
    return MasterFill(
        seq=fill.seq,
        order_id=fill.order_id,
        pair=fill.pair,
        side=SIDE_OF_PB[fill.side],
        price=Price(_finite(fill.price)),
        volume=BaseVolume(volume),
        position_before=BaseVolume(before),
        position_after=BaseVolume(after),
        master_equity=QuoteAmount(_finite(fill.master_equity or 0)),
        master_cash=QuoteAmount(_finite(fill.master_cash or 0)),
        master_position=BaseVolume(wallet),
        margin=fill.margin,
        executed_at=seconds(fill.executed_at),
        pair_unknown=fill.pair_unknown,
        not_copied=fill.not_copied,
    )


def _finite(text: str | int) -> Decimal:
    """A number; Decimal itself reads NaN and Infinity as well. Raises decimal.InvalidOperation."""
    number = Decimal(text)
    if not number.is_finite():
        raise InvalidOperation(text)
    return number
