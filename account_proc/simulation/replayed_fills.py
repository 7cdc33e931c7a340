"""Fills of the master as one user of a replay reads them: by the same code as in an account's process
(copying/incoming_fills.py), in the pairs that its map leads to now.

What a process knew beside the fill, and nobody has written, is taken from the real copy of it, else assumed:
the rate of a fill that did not bring one, and the rules of a pair that no account here ever asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.incoming_fills import IncomingFills
from krakencopy.account_proc.copying.turns import quote_of
from krakencopy.account_proc.domain.copy_plan import MasterFill
from krakencopy.account_proc.domain.copy_record import CopyRecord, master_fill
from krakencopy.account_proc.domain.entry_sizing import copied_at
from krakencopy.account_proc.simulation.history import pair_table
from krakencopy.account_proc.simulation.moments import Run
from krakencopy.v1 import types_pb2 as pb


@dataclass(slots=True)
class ReplayedFills:
    """Those of one user."""

    context: CopyContext
    #: Fills whose rate came neither with them nor from a real copy.
    guessed_rates: int = 0
    #: Pairs whose rules nobody here ever read, and those whose rules stand for them.
    guessed_rules: dict[str, str] = field(default_factory=dict)
    _incoming: IncomingFills = field(init=False)

    def __post_init__(self) -> None:
        self._incoming = IncomingFills(self.context)

    def read(self, run: Run, now: float) -> Iterator[tuple[Sequence[MasterFill], Sequence[pb.Fill]]]:
        """Fills that were answered together, in groups that still can be: of one pair, one after the other.
        Each is read when those before it are answered.
        """
        rate = self._real_rate(run)
        together = groupby(run.fills, key=lambda message: self._kind(self._read(message, run, rate, now)))
        for _, messages in together:
            group = list(messages)
            yield [self._read(message, run, rate, now, count=True) for message in group], group

    @staticmethod
    def _kind(fill: MasterFill) -> tuple[object, ...]:
        return fill.pair, fill.side, fill.pair_unknown, fill.master_pair, fill.rate_unknown

    def _read(
        self, message: pb.Fill, run: Run, rate: tuple[str, Decimal] | None, now: float, *,
        count: bool = False,
    ) -> MasterFill:  # fmt: skip
        """``rate``: what a unit of a real copy's quote was worth in the master's."""
        comes_with_it = message.marks
        if rate is not None and rate[0] not in comes_with_it:
            message = pb.Fill.FromString(message.SerializeToString())
            message.marks[rate[0]] = str(rate[1])
            self._show(message, rate[0])
        # Nobody has written when an account read prices: the last known ones count as its own, but where it
        # is known that it had none.
        portfolio = self.context.portfolio
        portfolio.read_at = 0.0 if any(copy.reason == Reason.NO_MARK for copy in run.real) else now
        fill = self._incoming.kept_fill(message)
        if not fill.master_pair:
            return fill
        if count and not fill.rate_unknown and quote_of(fill.pair) not in message.marks:
            self.guessed_rates += 1
        if self._guess_rules(fill, run):
            fill = self._incoming.kept_fill(message)
        return fill

    def _show(self, message: pb.Fill, asset: str) -> None:
        """A rate that the account knew then caps may count with, too, where no fill has shown a later one."""
        prices = self.context.portfolio.prices
        quote = quote_of(self.context.book.names.current_pair(message.pair))
        if quote and prices.marks.rate(asset, quote) is None:
            prices.set_marks(quote, {asset: message.marks[asset]})

    def _real_rate(self, run: Run) -> tuple[str, Decimal] | None:
        """What a unit of the real copy's quote was worth in the master's; None where it says nothing."""
        real = next((copy for copy in run.real if self._tells_rate(copy)), None)
        if real is None:
            return None
        price = copied_at([master_fill(fill) for fill in run.fills]).amount
        return quote_of(self.context.book.names.current_pair(real.pair)), price / real.master_price

    @staticmethod
    def _tells_rate(copy: CopyRecord) -> bool:
        return bool(copy.master_pair and copy.master_price) and copy.reason != Reason.NO_MARK

    @contextmanager
    def listed_as_then(self, pair: str, real: Iterable[CopyRecord]) -> Iterator[None]:
        """A pair that nobody listed when this was really decided about is not listed meanwhile."""
        pairs, current = self.context.portfolio.pairs, self.context.book.names.current_pair
        known = pairs.table
        if any(copy.reason == Reason.UNKNOWN_PAIR and current(copy.pair) == pair for copy in real):
            pairs.latest = pair_table(known.pair(name) for name in known.names() if name != pair)
        try:
            yield
        finally:
            pairs.latest = known

    def _guess_rules(self, fill: MasterFill, run: Run) -> bool:
        """Whether the rules of the master's pair have been taken for those of a pair that nobody knows."""
        pairs = self.context.portfolio.pairs
        rules = pairs.table.find(fill.master_pair)
        was_unknown = any(copy.reason == Reason.UNKNOWN_PAIR for copy in run.real)
        if rules is None or was_unknown or pairs.table.find(fill.pair) is not None:
            return False
        base, _, quote = fill.pair.partition("/")
        assumed = replace(
            rules, canonical=fill.pair, altname=f"{base}{quote}", wsname=fill.pair, name=fill.pair,
            base=base, quote=quote,
        )  # fmt: skip
        known = (pairs.table.pair(name) for name in pairs.table.names())
        pairs.latest = pair_table([*known, assumed])
        self.guessed_rules[fill.pair] = fill.master_pair
        return True
