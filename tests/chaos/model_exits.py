"""What an exit should have been: a part of ``PairModel``."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tests.chaos.coin_book import LOT, NOTHING, ONE, Bought, floor_lots
from tests.chaos.model_judging import JudgesCopies, on_edge, show
from tests.chaos.model_owed import Exit
from tests.chaos.rows import Copy, Fill
from tests.chaos.terms import MOVED_BY, PAIRS

#: Exits are sums of quotients: what misses a lot by less than half a millionth is that lot, by rule.
EXIT_QUOTIENT = Fraction(1, 2 * 10**6)
#: A wallet as good as empty whose count keeps less than this share has left: so much can fees have taken that
#: nobody told.
LEFT_SHARE = Fraction(2, 100)

LESS_THERE = {"HOLDINGS_LIMITED", "NOT_THERE"}


class JudgesExits(JudgesCopies):
    """What of the master's sales the user had to sell, and what is owed."""

    def _exit(self, copy: Copy, fills: Sequence[Fill], booked: Bought) -> None:
        fresh, full, edge = NOTHING, False, NOTHING
        for fill in fills:
            volume, full, slack = self._fraction_of(fill, fresh)
            fresh += volume
            edge += slack
        book, symbol = self._book, self._pair.symbol
        book.left.pop(self._pair.quote, None)
        if full:
            book.left[self._pair.base] = symbol
        owed = self._position if full else min(book.owed[symbol] + fresh, self._position)
        volume = floor_lots(owed)
        if copy.state == "SKIPPED":
            self._judge_skipped_exit(copy, volume, fresh, fills[-1], full=full)
            return
        if copy.state == "CARRIED" and copy.reason in {"TRADING_HALTED", "LIMIT_HIT"}:
            self._judge_planned(copy, owed, edge + book.owed_edge[symbol])
            before = book.owed_of(self._pair.base) if full else book.owed[symbol]
            if full:
                book.forgive(self._pair.base)
            book.owed[symbol] = before + fresh
            book.owed_edge[symbol] += edge
            return
        if copy.state == "CARRIED" and not copy.attempts:
            self._judge_carry(copy, volume, fills[-1])
            book.owed[symbol] += fresh
            book.owed_edge[symbol] += edge
            return
        self._judge_exit(copy, volume, edge + book.owed_edge[symbol] + book.dust_of(self._pair.base))
        book.owed[symbol] = book.owed_edge[symbol] = NOTHING
        if full:
            book.forgive(self._pair.base)
        self._end_exit(copy, booked, sweep=full)

    def _flatten(self, copy: Copy) -> None:
        """All that is held and not owed yet is owed, and with it what was owed in other pairs."""
        book, symbol = self._book, self._pair.symbol
        left = self._position - book.owed_of(self._pair.base)
        edge = sum((book.owed_edge[pair.symbol] for pair in PAIRS.values()), NOTHING)
        self._judge_planned(copy, left, edge)
        book.forgive(self._pair.base)
        book.owed[symbol], book.owed_edge[symbol] = self._position, edge

    def _judge_planned(self, copy: Copy, owed: Fraction, slack: Fraction) -> None:
        """What is owed and not ordered; shown to some more digits than lots have."""
        off = abs(Fraction(copy.planned) - owed)
        right = off <= slack + self._book.dust_of(self._pair.base) + LOT / 100
        self._judge(copy, right, f"{show(Fraction(copy.planned))} is owed, the rules say {show(owed)}")

    def _fraction_of(self, fill: Fill, fresh: Fraction) -> tuple[Fraction, bool, Fraction]:
        """What a fill of the master sells of the copied position, whether the master has left the coin, and
        how exact that is.

        The fraction is of what both hold of the coin right before the fill, in all pairs: the master by the
        journal's count, the user by what copying bought, less what is to be sold already.
        """
        plan = self._exits.setdefault(fill.order_id, Exit())
        before, left = Fraction(fill.journal_position), Fraction(fill.journal_position_after)
        full = self._has_left(fill, before, left)
        share = ONE if full or before <= 0 else min((before - left) / before, ONE)
        held = max(
            self._position - self._book.owed_of(self._pair.base) - fresh - (plan.target - plan.allotted),
            NOTHING,
        )
        plan.target += held * share
        volume = floor_lots(plan.target + EXIT_QUOTIENT * LOT) - plan.allotted
        plan.allotted += volume
        was_on_edge, plan.on_edge = plan.on_edge, on_edge(plan.target, EXIT_QUOTIENT)
        for other in self._family():
            other.leave_waiting(ONE - share)
        return volume, full, LOT if was_on_edge or plan.on_edge else NOTHING

    def _has_left(self, fill: Fill, before: Fraction, left: Fraction) -> bool:
        """Less than an order's minimum of its count; or a wallet as good as empty, with a count that fees
        can explain.
        """
        least = Fraction(self._pair.ordermin)
        if self._minimum_moved and least <= left < least * MOVED_BY:
            self._forget()  # whether that counts as having left depends on when a process read the minima
        in_wallet = Fraction(fill.master_position) - Fraction(fill.volume)
        return left < least or (in_wallet < least and left < before * LEFT_SHARE)

    def _judge_skipped_exit(
        self, copy: Copy, volume: Fraction, fresh: Fraction, last: Fill, *, full: bool
    ) -> None:
        match copy.reason:
            case "NO_COPIED_POSITION":
                # Less than a lot is nothing.
                right = self._position < LOT + self._book.dust_of(self._pair.base)
            case "POSITION_BELOW_MINIMUM":
                right = full and (self._minimum_moved or self._is_short(volume, last.price))
            case "NOTHING_LEFT_OF_ORDER":
                right = not fresh
            case _:
                right = False
        self._judge(copy, right, f"skipped, the rules say {show(volume)} of {show(self._position)}")

    def _judge_exit(self, copy: Copy, volume: Fraction, slack: Fraction = NOTHING) -> None:
        ordered = Fraction(copy.ordered)
        if copy.reason in LESS_THERE and abs(ordered - volume) > slack:
            if self._coins_taken:
                self._judge(
                    copy, ordered <= volume, f"{show(ordered)} is more than {show(volume)}", exact=False
                )
                self._forget()
            else:
                self._find(
                    copy,
                    f"sold {show(ordered)} of {show(volume)} and nobody had taken any coins: {copy.detail}",
                )
            return
        self._judge(
            copy, abs(ordered - volume) <= slack, f"ordered {show(ordered)}, the rules say {show(volume)}"
        )

    def _end_exit(self, copy: Copy, booked: Bought, *, sweep: bool) -> None:
        ordered, symbol = Fraction(copy.ordered), self._pair.symbol

        def end() -> None:
            self._book.book(self._pair, "sell", booked)
            if sweep and booked.volume and copy.state != "CARRIED" and copy.reason not in LESS_THERE:
                # What is finer than a lot, and was to be swept, is nothing.
                rest = max(ordered - booked.volume, NOTHING)
                self._book.coins.lose(self._pair.base, max(self._position - rest, NOTHING))
            self._book.owed[symbol] += ordered - booked.volume

        self._book.at(copy.finished_at, self._pair.base, end)

    def _sell_owed(self, copy: Copy, booked: Bought) -> None:
        book, symbol = self._book, self._pair.symbol
        volume = floor_lots(min(book.owed[symbol], self._position))
        slack = book.owed_edge[symbol]
        book.owed[symbol] = book.owed_edge[symbol] = NOTHING
        sweep = volume == self._position
        self._judge_exit(copy, volume, slack + book.dust_of(self._pair.base))
        self._end_exit(copy, booked, sweep=sweep)
