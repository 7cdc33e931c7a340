"""How the model judges what caps make of a user's entries: the part of ``PairModel`` that is about limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from tests.chaos.coin_book import LOT, NOTHING
from tests.chaos.limits import position_left
from tests.chaos.model_judging import JudgesCopies
from tests.chaos.model_owed import Entry, Piece
from tests.chaos.rows import Copy, Fill

#: How a copy says what a cap has left of it.
CUT = re.compile(r"cut to ([0-9.]+) \S+ by max_")


class JudgesLimits(JudgesCopies):
    """What caps have left of an entry."""

    def _new_entry(self, fill: Fill, copy: Copy) -> Entry:
        raise NotImplementedError

    def _judge_least(self, copy: Copy, fills: Sequence[Fill], worst: Fraction) -> bool:
        """Whether the order's copy is too small to be made, which its first fills decide."""
        least = self._user.caps.get("min_copy_notional")
        skipped = copy.reason == "BELOW_MIN_COPY"
        if least is None and not skipped:
            return False
        for order_id in dict.fromkeys(fill.order_id for fill in fills):
            entry = self._entries.get(order_id)
            if entry is not None:
                self._judge(copy, entry.too_small is skipped, "the order's first fills decided otherwise")
                continue
            whole = sum((Fraction(fill.volume) for fill in fills if fill.order_id == order_id), NOTHING)
            entry = self._new_entry(next(fill for fill in fills if fill.order_id == order_id), copy)
            entry.too_small = skipped
            self._entries[order_id] = entry
            if entry.ratio is None or least is None:
                continue
            # Fills of other orders that were answered with them may have set another price.
            cost, near = whole * entry.ratio * worst, Fraction(self._user.max_slippage_bps + 1, 10_000)
            is_right = cost * (1 - near) < least if skipped else cost * (1 + near) >= least
            self._judge(copy, is_right, f"comes to {float(cost):.4f} USD, the least is {least}")
        return skipped

    def _judge_cut(self, copy: Copy, pieces: list[Piece], volume: Fraction, worst: Fraction) -> None:
        """Follows the cut of a cap that is not one of the order: what waited goes first."""
        told = CUT.search(copy.detail)
        self._judge(copy, told is not None, f"was cut by {copy.cap} and does not say to what")
        left = Fraction(told[1]) if told is not None else NOTHING
        self._judge(copy, left < volume, f"was cut to {float(left)} of {float(volume)}", exact=False)
        if copy.state == "SKIPPED":
            return
        for piece in pieces:
            part = min(piece.volume, left)
            left -= part
            self._entries[piece.order_id].cost += part * worst - piece.cost
            piece.volume, piece.cost = part, part * worst

    def _judge_position(self, copy: Copy, worst: Fraction) -> None:
        """No entry takes the position in its coin past its caps."""
        room = position_left(
            self._user, self._book.coins.held(self._pair.base), worst, Fraction(copy.user_equity)
        )
        if room is not None and self._book.knows(self._pair.base) and copy.attempts == 1:
            over = Fraction(copy.ordered) * worst - room
            slack = (self._book.dust_of(self._pair.base) + LOT) * worst + self._cost_dust
            self._judge(
                copy, over <= slack, f"is past the cap of its position by {float(over):.6f}", exact=False
            )
