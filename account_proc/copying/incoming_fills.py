"""Fills as they come from the journal: whether they follow what was taken, and what the rules see of them.
Keeps nothing durably, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.fill_faults import FillGap, FillInvalid
from krakencopy.account_proc.copying.last_fills import LastFills
from krakencopy.account_proc.copying.mapped_fills import MappedFills
from krakencopy.account_proc.copying.turns import coin_of, quote_of
from krakencopy.account_proc.domain.copy_plan import MasterFill
from krakencopy.account_proc.domain.copy_record import master_fill
from krakencopy.v1 import types_pb2 as pb


class IncomingFills:
    """Those of one user."""

    def __init__(self, context: CopyContext) -> None:
        self._ledger = context.ledger
        self._prices = context.portfolio.prices
        self._names = context.book.names
        self._last_fills = LastFills()
        self._mapped_fills = MappedFills(context)

    def not_taken_yet(self, messages: Iterable[pb.Fill]) -> list[pb.Fill]:
        """The fills that follow the last one that was taken. Raises FillGap and FillDiffers."""
        cursor = self._ledger.cursor
        assert cursor is not None, "fills before the ledger joined a journal"
        messages = list(messages)
        new = [message for message in messages if message.seq > cursor]
        if len(new) < len(messages):
            self._last_fills.check_repeated((cursor, self._ledger.cursor_exec_id), messages)
        for number, message in enumerate(new, start=cursor + 1):
            if message.seq != number:
                raise FillGap(f"fill {message.seq} does not follow {number - 1}")
        return new

    def taken(self, message: pb.Fill) -> None:
        """It was taken, durably: what comes under its number again is held against it."""
        self._last_fills.add_fill(message)

    def read_fill(self, message: pb.Fill) -> MasterFill:
        """A new fill as the rules see it; takes over the prices that it brings. Raises FillInvalid."""
        try:
            fill = self._in_current_names(master_fill(message))
            quote = quote_of(fill.pair)
            if quote:  # else it is in no list, and has the name that the exchange has for it
                self._prices.set_marks(quote, message.marks)
                self._prices.marks.set(coin_of(fill.pair), quote, fill.price.amount)
            fill = self._mapped_fills.mapped(fill, message.marks)
        except (KeyError, ValueError, ArithmeticError) as error:
            raise FillInvalid(
                f"fill {message.seq} ({message.exec_id}) cannot be read: it is not the journal's. Look at it "
                "there before this user copies on"
            ) from error
        return fill

    def kept_fill(self, message: pb.Fill) -> MasterFill:
        """A fill that an earlier process has taken: its prices are not those of now."""
        return self._mapped_fills.mapped(self._in_current_names(master_fill(message)), message.marks)

    def _in_current_names(self, fill: MasterFill) -> MasterFill:
        """The fill in the names that its coins have now: under those they are counted, also where the old
        pair is still known.
        """
        current = self._names.current_pair(fill.pair)
        return fill if current == fill.pair else replace(fill, pair=current)
