"""What each copy should have been: the rules of the README ("How a copy is sized") once more, in fractions, from records alone.

It shares no code with the system. For each user and pair it goes through the copies in the order in which they were decided,
with the master's fills as the journal froze them, the user's equity as the copy recorded it, and what the *exchange* booked
for the copy's orders. Where a record does not tell what a decision depended on (free cash, coins withdrawn by hand), it says
so: the volume is then checked against bounds and counted as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from tests.chaos.records import PAIRS, Copy, Fill, Finding, PairTerms, UserTerms

NAME = "volumes"
LOT = Fraction(1, 10**8)
#: Decimal has 28 digits: a quotient that should be a whole lot may come out this much below it, in lots.
QUOTIENT = Fraction(1, 10**9)
#: Exits are sums of quotients: what misses a lot by less than half a millionth is that lot, by rule.
EXIT_QUOTIENT = Fraction(1, 2 * 10**6)
#: What was paid may be known to the system as the exchange prints it, rounded to its cost decimals, in quote.
COST_DUST = Fraction(1, 10**4)
#: A campaign makes minima at most this much larger.
MOVED_BY = 3
ONE, NOTHING = Fraction(1), Fraction(0)

ENDED_WITHOUT_PLAN = {"STALE_ENTRY", "MARGIN_TRADE", "NO_EQUITY", "MASTER_EQUITY_UNKNOWN", "UNKNOWN_PAIR"}
SHORT = {"BELOW_ORDERMIN", "BELOW_COSTMIN", "CARRY_EXITED", "EOrder:Order minimum not met", "EOrder:Cost minimum not met"}  # fmt: skip
NOTHING_FRESH = {"CAP_EXHAUSTED", "NOTHING_LEFT_OF_ORDER"}
LESS_THERE = {"HOLDINGS_LIMITED", "NOT_THERE"}


def floor_lots(volume: Fraction) -> Fraction:
    """Rounded down to the exchange's volume precision."""
    return (volume / LOT).__floor__() * LOT


@dataclass(kw_only=True)
class Bought:
    """What the exchange booked for a copy's orders."""

    volume: Fraction = NOTHING
    cost: Fraction = NOTHING


@dataclass(kw_only=True)
class _Entry:
    """What a user owes one buying order of the master."""

    ratio: Fraction | None
    cap: Fraction
    target: Fraction = NOTHING
    allotted: Fraction = NOTHING
    cost: Fraction = NOTHING
    #: Set once the cap has bitten: what was paid then decides about the rest.
    was_cut: bool = False
    #: Whether the target was so near to a whole lot that a quotient of 28 digits may lie on its other side.
    on_edge: bool = False


@dataclass(kw_only=True)
class _Exit:
    """What a user owes one selling order of the master: exactly, and in whole lots."""

    target: Fraction = NOTHING
    allotted: Fraction = NOTHING
    on_edge: bool = False


@dataclass(kw_only=True)
class _Piece:
    order_id: str
    volume: Fraction
    cost: Fraction


@dataclass(kw_only=True)
class Checked:
    """How the volumes of a user's copies were checked."""

    exact: int = 0
    bounded: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Checked) -> None:
        """Takes in another count."""
        self.exact += other.exact
        self.bounded += other.bounded
        self.findings += other.findings


class PairModel:
    """One user in one pair."""

    def __init__(
        self, user: UserTerms, pair: PairTerms, *, coins_taken: bool = False, minimum_moved: bool = False
    ) -> None:
        """``coins_taken``: someone withdrew base coins. ``minimum_moved``: the exchange changed its minima meanwhile."""
        self._user = user
        self._pair = pair
        self._coins_taken = coins_taken
        self._minimum_moved = minimum_moved
        self._entries: dict[str, _Entry] = {}
        self._exits: dict[str, _Exit] = {}
        self._waiting: list[_Piece] = []
        self._owed = NOTHING
        #: How far what is owed may be off by the rounding of quotients.
        self._owed_edge = NOTHING
        self.position = NOTHING
        #: False once the record no longer tells what the next decision depends on.
        self._known = True
        self.checked = Checked()

    def take(self, copy: Copy, fills: Sequence[Fill], booked: Bought) -> None:
        """The next copy that was decided, with what came of it."""
        if copy.state == "SKIPPED" and copy.reason in ENDED_WITHOUT_PLAN:
            return
        if copy.side == "buy":
            self._enter(copy, fills, booked)
        elif fills:
            self._exit(copy, fills, booked)
        else:
            self._sell_owed(copy, booked)

    # -- entries ----------------------------------------------------------------------------------------------------

    def _enter(self, copy: Copy, fills: Sequence[Fill], booked: Bought) -> None:
        last = fills[-1]
        worst = Fraction(last.price) * (1 + Fraction(self._user.max_slippage_bps, 10_000))
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
        dust += cut * (COST_DUST / worst + LOT)
        pieces = [*self._waiting, *fresh]
        volume = sum((piece.volume for piece in pieces), NOTHING)
        entry = self._entries[last.order_id]
        if entry.ratio is None:
            self._known = False
        if copy.state == "SKIPPED" and copy.reason in NOTHING_FRESH:
            self._judge(copy, not fresh or bool(dust), f"nothing was bought, the rules say {_show(volume)}")
            self._follow_skip(fresh)
        elif copy.state == "SKIPPED":
            self._expect(copy, {"CASH_LIMITED"})
            self.checked.bounded += 1
            self._follow_skip(fresh)
        elif copy.state == "CARRIED" and not copy.attempts:
            self._judge_carry(copy, volume, last)
            self._waiting = pieces
        else:
            self._judge_entry(copy, volume, dust, capped=capped)
            self._end_entry(copy, pieces, booked)

    def _follow_skip(self, fresh: Sequence[_Piece]) -> None:
        """What was not bought takes no room of its order's cap."""
        for piece in fresh:
            self._entries[piece.order_id].cost -= piece.cost

    def _share_of(self, fill: Fill, worst: Fraction, copy: Copy) -> tuple[_Piece, bool, Fraction]:
        """The part of a fill, whether the cap cut it, and how far dust in earlier costs may move the result."""
        entry = self._entries.get(fill.order_id)
        if entry is None:
            entry = self._entries[fill.order_id] = _Entry(
                ratio=self._ratio(fill, copy),
                cap=Fraction(copy.user_equity) * Fraction(self._user.max_user_risk),
            )
        asked = Fraction(fill.volume) * (entry.ratio or NOTHING)
        room = max(entry.cap - entry.cost, NOTHING) / worst
        cut = room < asked
        entry.was_cut |= cut
        entry.target = min(entry.target + min(asked, room), entry.allotted + room)
        volume = max(floor_lots(entry.target + QUOTIENT * LOT) - entry.allotted, NOTHING)
        entry.allotted += volume
        cost = volume * worst
        entry.cost += cost
        was_on_edge, entry.on_edge = entry.on_edge, _on_edge(entry.target)
        slack = LOT if was_on_edge or entry.on_edge else NOTHING
        if entry.was_cut:
            slack += COST_DUST / worst + LOT
        return _Piece(order_id=fill.order_id, volume=volume, cost=cost), cut, slack

    def _ratio(self, fill: Fill, copy: Copy) -> Fraction | None:
        if self._user.sizing == "fixed_ratio":
            return Fraction(self._user.ratio)
        if self._user.balance == "cash":
            return None  # a copy does not record the cash that it was scaled by
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
        if copy.reason == "CASH_LIMITED" or "by the cash of" in copy.detail:
            if self._known:
                self._judge(
                    copy,
                    ordered <= volume + dust,
                    f"{_show(ordered)} is more than {_show(volume)}",
                    exact=False,
                )
            else:
                self.checked.bounded += 1
            return
        self._judge(
            copy, abs(ordered - volume) <= dust, f"ordered {_show(ordered)}, the rules say {_show(volume)}"
        )
        if self._known and not dust and copy.reason in {"SCALED", "CAPPED"}:
            wanted = "CAPPED" if capped else "SCALED"
            if copy.reason != wanted:
                self._find(copy, f"says {copy.reason}, the rules say {wanted}")

    def _end_entry(self, copy: Copy, pieces: list[_Piece], booked: Bought) -> None:
        self._waiting = []
        if copy.state == "CARRIED":
            # The exchange's minimum had grown: all of it waits again.
            self._waiting = pieces
            return
        whole = sum((piece.volume for piece in pieces), NOTHING)
        for piece in pieces:
            paid = booked.cost * piece.volume / whole if whole else NOTHING
            self._entries[piece.order_id].cost += paid - piece.cost
        self.position += booked.volume

    # -- exits ------------------------------------------------------------------------------------------------------

    def _exit(self, copy: Copy, fills: Sequence[Fill], booked: Bought) -> None:
        fresh, full, edge = NOTHING, False, NOTHING
        for fill in fills:
            volume, full, slack = self._fraction_of(fill, fresh)
            fresh += volume
            edge += slack
        owed = self.position if full else min(self._owed + fresh, self.position)
        volume = floor_lots(owed)
        if copy.state == "SKIPPED":
            self._judge_skipped_exit(copy, volume, fresh, fills[-1], full=full)
            return
        if copy.state == "CARRIED" and not copy.attempts:
            self._judge_carry(copy, volume, fills[-1])
            self._owed += fresh
            self._owed_edge += edge
            return
        self._judge_exit(copy, volume, edge + self._owed_edge)
        self._owed = self._owed_edge = NOTHING
        self._end_exit(copy, booked, sweep=full)

    def _fraction_of(self, fill: Fill, fresh: Fraction) -> tuple[Fraction, bool, Fraction]:
        """What a fill of the master sells of the copied position, whether the master has left it, and how exact that is.

        The fraction is of what both held right before the fill: the master by its record, the user by what it bought, less
        what is to be sold already.
        """
        plan = self._exits.setdefault(fill.order_id, _Exit())
        before, sold = Fraction(fill.master_position), Fraction(fill.volume)
        left, least = before - sold, Fraction(self._pair.ordermin)
        full = left < least
        if self._minimum_moved and least <= left < least * MOVED_BY:
            self._known = (
                False  # whether that counts as having left depends on when a process read the minima
            )
        share = ONE if full or before <= 0 else min(sold / before, ONE)
        held = max(self.position - self._owed - fresh - (plan.target - plan.allotted), NOTHING)
        plan.target += held * share
        volume = floor_lots(plan.target + EXIT_QUOTIENT * LOT) - plan.allotted
        plan.allotted += volume
        was_on_edge, plan.on_edge = plan.on_edge, _on_edge(plan.target, EXIT_QUOTIENT)
        self._leave_waiting(ONE - share)
        return volume, full, LOT if was_on_edge or plan.on_edge else NOTHING

    def _leave_waiting(self, keep: Fraction) -> None:
        """Entries that wait are part of what the master leaves."""
        kept = []
        for piece in self._waiting:
            volume = floor_lots(piece.volume * keep + QUOTIENT * LOT)
            cost = piece.cost * keep if volume else NOTHING
            self._entries[piece.order_id].cost += cost - piece.cost
            if volume:
                kept.append(_Piece(order_id=piece.order_id, volume=volume, cost=cost))
        self._waiting = kept

    def _judge_skipped_exit(
        self, copy: Copy, volume: Fraction, fresh: Fraction, last: Fill, *, full: bool
    ) -> None:
        match copy.reason:
            case "NO_COPIED_POSITION":
                right = not self.position
            case "POSITION_BELOW_MINIMUM":
                right = full and (self._minimum_moved or self._is_short(volume, last.price))
            case "NOTHING_LEFT_OF_ORDER":
                right = not fresh
            case _:
                right = False
        self._judge(copy, right, f"skipped, the rules say {_show(volume)} of {_show(self.position)}")

    def _judge_exit(self, copy: Copy, volume: Fraction, slack: Fraction = NOTHING) -> None:
        ordered = Fraction(copy.ordered)
        if copy.reason in LESS_THERE:
            if self._coins_taken:
                self._judge(
                    copy, ordered <= volume, f"{_show(ordered)} is more than {_show(volume)}", exact=False
                )
                self._known = False
            else:
                self._find(
                    copy,
                    f"sold {_show(ordered)} of {_show(volume)} and nobody had taken any coins: {copy.detail}",
                )
            return
        self._judge(
            copy, abs(ordered - volume) <= slack, f"ordered {_show(ordered)}, the rules say {_show(volume)}"
        )

    def _end_exit(self, copy: Copy, booked: Bought, *, sweep: bool) -> None:
        ordered = Fraction(copy.ordered)
        left = max(self.position - booked.volume, NOTHING)
        if copy.state == "CARRIED":
            self._owed += ordered
            return
        if sweep and booked.volume:
            left = min(left, max(ordered - booked.volume, NOTHING))
        self.position = left
        self._owed += ordered - booked.volume

    def _sell_owed(self, copy: Copy, booked: Bought) -> None:
        volume = floor_lots(min(self._owed, self.position))
        slack = self._owed_edge
        self._owed = self._owed_edge = NOTHING
        sweep = volume == self.position
        self._judge_exit(copy, volume, slack)
        self._end_exit(copy, booked, sweep=sweep)

    # -- judging ----------------------------------------------------------------------------------------------------

    def _is_short(self, volume: Fraction, price: Decimal) -> bool:
        return (
            volume < Fraction(self._pair.ordermin)
            or volume * Fraction(price) < Fraction(self._pair.costmin)
            or not volume
        )

    def _judge_carry(self, copy: Copy, volume: Fraction, last: Fill) -> None:
        self._expect(copy, SHORT)
        if self._minimum_moved:
            self.checked.bounded += 1
            return
        self._judge(
            copy, self._is_short(volume, last.price), f"carried, but {_show(volume)} is enough to be ordered"
        )

    def _expect(self, copy: Copy, reasons: set[str]) -> None:
        if copy.reason not in reasons:
            self._find(copy, f"{copy.state} for {copy.reason}, which is no reason for that")

    def _judge(self, copy: Copy, right: bool, words: str, *, exact: bool = True) -> None:
        if not self._known or not exact:
            self.checked.bounded += 1
        else:
            self.checked.exact += 1
        if self._known and not right:
            self._find(copy, words)
            # What follows from a wrong copy would be found wrong again and again.
            self._known = False

    def _find(self, copy: Copy, words: str) -> None:
        text = f"copy {copy.copy_id} of fills {list(copy.seqs)} ({copy.pair} {copy.side}, {copy.state} {copy.reason}): {words}"
        self.checked.findings.append(Finding(validator=NAME, account=copy.account, text=text))


def check_volumes(
    user: UserTerms,
    copies: Sequence[Copy],
    fills: Mapping[int, Fill],
    booked: Mapping[str, Bought],
    *,
    coins_taken: frozenset[str] = frozenset(),
    minima_moved: frozenset[str] = frozenset(),
) -> Checked:
    """All copies of one user. ``booked`` by copy id; ``coins_taken`` and ``minima_moved`` name pairs."""
    total = Checked()
    for pair in PAIRS.values():
        model = PairModel(
            user, pair, coins_taken=pair.symbol in coins_taken, minimum_moved=pair.symbol in minima_moved
        )
        mine = [copy for copy in copies if copy.pair == pair.symbol]
        for copy in sorted(mine, key=lambda copy: (copy.decided_at, min(copy.seqs, default=0))):
            if all(seq in fills for seq in copy.seqs):
                model.take(copy, [fills[seq] for seq in copy.seqs], booked.get(copy.copy_id, Bought()))
        total.add(model.checked)
    return total


def _on_edge(volume: Fraction, near: Fraction = QUOTIENT) -> bool:
    part = (volume / LOT) % 1
    return bool(volume) and (part < 2 * near or part > 1 - 2 * near)


def _show(volume: Fraction) -> str:
    return f"{Decimal(volume.numerator) / Decimal(volume.denominator):.10f}".rstrip("0").rstrip(".")
