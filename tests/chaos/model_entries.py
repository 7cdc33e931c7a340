"""What an entry should have been: a part of ``PairModel``."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tests.chaos.coin_book import LOT, NOTHING, Bought, floor_lots
from tests.chaos.limits import OF_AN_ORDER, cap_of_an_order
from tests.chaos.model_judging import QUOTIENT, on_edge, show
from tests.chaos.model_limits import JudgesLimits
from tests.chaos.model_owed import Entry, Piece
from tests.chaos.rows import Copy, Fill

NOTHING_FRESH = {"CAP_EXHAUSTED", "NOTHING_LEFT_OF_ORDER"}


class JudgesEntries(JudgesLimits):
    """What of the master's buys the user had to buy, what waits, what that has cost."""

    def _enter(self, copy: Copy, fills: Sequence[Fill], booked: Bought) -> None:
        self._book.left.pop(self._pair.base, None)
        last = fills[-1]
        lowest = min(Fraction(fill.price) for fill in fills)
        worst = lowest * (1 + Fraction(self._user.max_slippage_bps, 10_000))
        if self._judge_least(copy, fills, worst):
            return
        self._count_waiting_at(worst)
        fresh, capped, dust = [], False, NOTHING
        for fill in fills:
            piece, was_cut, slack = self._share_of(fill, worst, copy)
            capped |= was_cut
            dust += slack
            if piece.volume:
                fresh.append(piece)
        # What waited was cut by what its own order had cost so far.
        cut = sum(self._entries[piece.order_id].was_cut for piece in self._waiting)
        dust += cut * (self._cost_dust / worst + LOT)
        pieces = [*self._waiting, *fresh]
        volume = sum((piece.volume for piece in pieces), NOTHING)
        entry = self._entries[last.order_id]
        if entry.ratio is None:
            self._forget()
        if copy.cap not in OF_AN_ORDER:
            self._judge_cut(copy, pieces, volume, worst)
            volume = sum((piece.volume for piece in pieces), NOTHING)
        if copy.state == "SKIPPED" and copy.reason == "CAP_EXHAUSTED" and copy.cap not in OF_AN_ORDER:
            self.checked.bounded += 1
            self._follow_skip(fresh)
        elif copy.state == "SKIPPED" and copy.reason in NOTHING_FRESH:
            self._judge(copy, not fresh or bool(dust), f"nothing was bought, the rules say {show(volume)}")
            self._follow_skip(fresh)
        elif copy.state == "SKIPPED":
            self._expect(copy, {"CASH_LIMITED"})
            self.checked.bounded += 1
            self._follow_skip(fresh)
        elif copy.state == "CARRIED" and not copy.attempts:
            self._judge_carry(copy, volume, last)
            self._waiting = pieces
        else:
            self._judge_entry(copy, volume, dust, capped=capped or copy.cap not in OF_AN_ORDER)
            self._judge_position(copy, worst)
            self._end_entry(copy, pieces, booked)

    def _follow_skip(self, fresh: Sequence[Piece]) -> None:
        """What was not bought takes no room of its order's cap."""
        for piece in fresh:
            self._entries[piece.order_id].cost -= piece.cost

    def _share_of(self, fill: Fill, worst: Fraction, copy: Copy) -> tuple[Piece, bool, Fraction]:
        """The part of a fill, whether the cap cut it, and how far dust in earlier costs may move the
        result.
        """
        entry = self._entries.get(fill.order_id)
        if entry is None:
            entry = self._entries[fill.order_id] = self._new_entry(fill, copy)
        asked = Fraction(fill.volume) * (entry.ratio or NOTHING)
        room = max(entry.cap - entry.cost, NOTHING) / worst
        cut = room < asked
        entry.was_cut |= cut
        entry.target = min(entry.target + min(asked, room), entry.allotted + room)
        volume = max(floor_lots(entry.target + QUOTIENT * LOT) - entry.allotted, NOTHING)
        entry.allotted += volume
        cost = volume * worst
        entry.cost += cost
        was_on_edge, entry.on_edge = entry.on_edge, on_edge(entry.target)
        slack = LOT if was_on_edge or entry.on_edge else NOTHING
        if entry.was_cut:
            slack += self._cost_dust / worst + LOT
        return Piece(order_id=fill.order_id, volume=volume, cost=cost), cut, slack

    def _new_entry(self, fill: Fill, copy: Copy) -> Entry:
        ratio = self._ratio(fill, copy)
        times = Fraction(self._user.multiplier)
        return Entry(
            ratio=None if ratio is None else ratio * times,
            cap=cap_of_an_order(self._user, Fraction(copy.user_equity)),
        )

    def _ratio(self, fill: Fill, copy: Copy) -> Fraction | None:
        if self._user.sizing == "fixed_ratio":
            return Fraction(self._user.ratio)
        if self._user.balance == "cash":
            return None  # a copy does not record the cash that it was scaled by
        if not fill.master_equity:
            self._find(copy, f"was sized by fill {fill.seq}, before which the master's equity was not known")
            return None
        return Fraction(copy.user_equity) / Fraction(fill.master_equity)

    def _count_waiting_at(self, worst: Fraction) -> None:
        """What waits is counted at what it may cost now, and cut to what the cap of its own order leaves."""
        for piece in self._waiting:
            self._entries[piece.order_id].cost -= piece.cost
        for piece in self._waiting:
            entry = self._entries[piece.order_id]
            room = floor_lots(max(entry.cap - entry.cost, NOTHING) / worst)
            if room < piece.volume:
                entry.was_cut = True
            piece.volume = min(piece.volume, room)
            piece.cost = piece.volume * worst
            entry.cost += piece.cost

    def _judge_entry(self, copy: Copy, volume: Fraction, dust: Fraction, *, capped: bool) -> None:
        ordered = Fraction(copy.ordered)
        if _is_cut_to_money(copy):
            if self._known:
                self._judge(
                    copy,
                    ordered <= volume + dust,
                    f"{show(ordered)} is more than {show(volume)}",
                    exact=False,
                )
            else:
                self.checked.bounded += 1
            return
        self._judge(
            copy, abs(ordered - volume) <= dust, f"ordered {show(ordered)}, the rules say {show(volume)}"
        )
        if self._known and not dust and copy.reason in {"SCALED", "CAPPED"}:
            wanted = "CAPPED" if capped else "SCALED"
            if copy.reason != wanted:
                self._find(copy, f"says {copy.reason}, the rules say {wanted}")

    def _end_entry(self, copy: Copy, pieces: list[Piece], booked: Bought) -> None:
        self._waiting = []
        if copy.state == "CARRIED":
            # The exchange's minimum had grown: all of it waits again.
            self._waiting = pieces
            return
        whole = sum((piece.volume for piece in pieces), NOTHING)
        for piece in pieces:
            paid = booked.cost * piece.volume / whole if whole else NOTHING
            self._entries[piece.order_id].cost += paid - piece.cost
        self._book.at(copy.finished_at, self._pair.base, lambda: self._book.book(self._pair, "buy", booked))

    def leave_waiting(self, keep: Fraction) -> None:
        """Entries that wait are part of what the master leaves."""
        kept = []
        for piece in self._waiting:
            volume = floor_lots(piece.volume * keep + QUOTIENT * LOT)
            cost = piece.cost * keep if volume else NOTHING
            self._entries[piece.order_id].cost += cost - piece.cost
            if volume:
                kept.append(Piece(order_id=piece.order_id, volume=volume, cost=cost))
        self._waiting = kept


def _is_cut_to_money(copy: Copy) -> bool:
    """Whether an entry is smaller because money lacked: before it was sent, or after the exchange said so,
    however the smaller order ended then.
    """
    was_refused = copy.attempts > 1 and "Insufficient funds" in copy.detail
    return copy.reason == "CASH_LIMITED" or "by the cash of" in copy.detail or was_refused
