"""What each copy should have been: the rules of the README ("How a copy is sized") once more, in fractions,
from records alone.

It shares no code with the system. For each user it goes through the copies in the order in which they were
decided, and counts what copying holds of each coin across pairs (decision 26, ``coins.py``), with the
master's fills as the journal froze them, the user's equity as the copy recorded it, and what the *exchange*
booked for the copy's orders. Where a record does not tell what a decision depended on (free cash, coins
withdrawn by hand), it says so: the volume is then checked against bounds and counted as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from tests.chaos.coin_book import LOT, NOTHING, ONE, Bought, CoinBook, floor_lots
from tests.chaos.limits import OF_AN_ORDER, cap_of_an_order
from tests.chaos.model_limits import JudgesLimits
from tests.chaos.model_owed import Checked, Entry, Exit, Piece
from tests.chaos.records import Copy, Fill, Finding, UserTerms
from tests.chaos.terms import PAIRS, PairTerms

NAME = "volumes"
#: Decimal has 28 digits: a quotient that should be a whole lot may come out this much below it, in lots.
QUOTIENT = Fraction(1, 10**9)
#: Exits are sums of quotients: what misses a lot by less than half a millionth is that lot, by rule.
EXIT_QUOTIENT = Fraction(1, 2 * 10**6)
#: What was paid may be known to the system as the exchange prints it, rounded to its cost decimals: so many
#: of the last digit.
COST_DUST = 10
#: A wallet as good as empty whose count keeps less than this share has left: so much can fees have taken that
#: nobody told.
LEFT_SHARE = Fraction(2, 100)
#: A campaign makes minima at most this much larger.
MOVED_BY = 3

ENDED_WITHOUT_PLAN = {
    "STALE_ENTRY", "MARGIN_TRADE", "NO_EQUITY", "MASTER_EQUITY_UNKNOWN", "UNKNOWN_PAIR", "PAIR_EXCLUDED",
    "NO_MARK", "TRADING_REDUCING", "TRADING_HALTED",
}  # fmt: skip
SHORT = {
    "BELOW_ORDERMIN",
    "BELOW_COSTMIN",
    "CARRY_EXITED",
    "EOrder:Order minimum not met",
    "EOrder:Cost minimum not met",
}
NOTHING_FRESH = {"CAP_EXHAUSTED", "NOTHING_LEFT_OF_ORDER"}
LESS_THERE = {"HOLDINGS_LIMITED", "NOT_THERE"}


class PairModel(JudgesLimits):
    """One user in one pair. ``others`` are its models of all pairs, to be reached by their symbols."""

    def __init__(
        self,
        user: UserTerms,
        pair: PairTerms,
        book: CoinBook,
        others: Mapping[str, PairModel],
        *,
        coins_taken: bool = False,
        minimum_moved: bool = False,
    ) -> None:
        """``coins_taken``: someone took base coins or holds them. ``minimum_moved``: the exchange changed
        its minima meanwhile.
        """
        self._user = user
        self._pair = pair
        self._book = book
        self._others = others
        self._coins_taken = coins_taken
        self._minimum_moved = minimum_moved
        self._entries: dict[str, Entry] = {}
        self._exits: dict[str, Exit] = {}
        self._waiting: list[Piece] = []
        self._cost_dust = COST_DUST * Fraction(1, 10**pair.cost_decimals)
        self.checked = Checked()

    @property
    def _position(self) -> Fraction:
        return self._book.coins.held(self._pair.base)

    @property
    def _known(self) -> bool:
        return self._book.knows(self._pair.base)

    def _forget(self) -> None:
        self._book.forget(self._pair.base)

    def _family(self) -> Iterator[PairModel]:
        """The models of all pairs of the coin."""
        return (other for other in self._others.values() if other._pair.base == self._pair.base)

    def take(self, copy: Copy, fills: Sequence[Fill], booked: Bought) -> None:
        """The next copy that was decided, with what came of it."""
        self._book.go_on_to(copy.decided_at, {self._pair.base, self._pair.quote})
        if copy.state == "SKIPPED" and copy.reason in ENDED_WITHOUT_PLAN:
            if (
                copy.side == "sell"
                and copy.reason != "MARGIN_TRADE"
                and self._known
                and self._position >= LOT
            ):
                self._find(copy, f"an exit of {_show(self._position)} was not made")
            return
        if copy.side == "buy":
            if copy.reason == "FLATTEN":
                # It was carried, and given up when somebody had the account flattened: nobody says when.
                self._forget()
            self._enter(copy, fills, booked)
        elif copy.reason == "FLATTEN":
            self._flatten(copy)
        elif fills:
            self._exit(copy, fills, booked)
        else:
            self._sell_owed(copy, booked)

    # -- entries --------------------------------------------------------------------------------------------

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
        was_on_edge, entry.on_edge = entry.on_edge, _on_edge(entry.target)
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

    # -- exits ----------------------------------------------------------------------------------------------

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
        if copy.state == "CARRIED" and copy.reason == "TRADING_HALTED":
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
        self._judge(copy, right, f"{_show(Fraction(copy.planned))} is owed, the rules say {_show(owed)}")

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
        was_on_edge, plan.on_edge = plan.on_edge, _on_edge(plan.target, EXIT_QUOTIENT)
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

    def _judge_skipped_exit(
        self, copy: Copy, volume: Fraction, fresh: Fraction, last: Fill, *, full: bool
    ) -> None:
        match copy.reason:
            case "NO_COPIED_POSITION":
                right = self._position <= self._book.dust_of(self._pair.base)
            case "POSITION_BELOW_MINIMUM":
                right = full and (self._minimum_moved or self._is_short(volume, last.price))
            case "NOTHING_LEFT_OF_ORDER":
                right = not fresh
            case _:
                right = False
        self._judge(copy, right, f"skipped, the rules say {_show(volume)} of {_show(self._position)}")

    def _judge_exit(self, copy: Copy, volume: Fraction, slack: Fraction = NOTHING) -> None:
        ordered = Fraction(copy.ordered)
        if copy.reason in LESS_THERE and abs(ordered - volume) > slack:
            if self._coins_taken:
                self._judge(
                    copy, ordered <= volume, f"{_show(ordered)} is more than {_show(volume)}", exact=False
                )
                self._forget()
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

    # -- judging --------------------------------------------------------------------------------------------

    def _is_short(self, volume: Fraction, price: Decimal) -> bool:
        return (
            volume < Fraction(self._pair.ordermin)
            or volume * Fraction(price) < Fraction(self._pair.costmin)
            or not volume
        )

    def _judge_carry(self, copy: Copy, volume: Fraction, last: Fill) -> None:
        if copy.side == "sell" and copy.reason == "UNKNOWN_PAIR":
            # Whether it left the coin was decided without knowing the exchange's minimum.
            self.checked.bounded += 1
            self._forget()
            return
        self._expect(copy, SHORT | ({"FLATTEN"} if copy.side == "buy" else set()))
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
            self._forget()

    def _find(self, copy: Copy, words: str) -> None:
        text = (
            f"copy {copy.copy_id} of fills {list(copy.seqs)} ({copy.pair} {copy.side}, {copy.state} "
            f"{copy.reason}): {words}"
        )
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
    """All copies of one user. ``booked`` by copy id; ``coins_taken`` names coins, ``minima_moved`` pairs."""
    book = CoinBook()
    models: dict[str, PairModel] = {}
    for pair in PAIRS.values():
        models[pair.symbol] = PairModel(
            user, pair, book, models,
            coins_taken=pair.base in coins_taken, minimum_moved=pair.symbol in minima_moved,
        )  # fmt: skip
    for copy in sorted(copies, key=lambda copy: (copy.decided_at, min(copy.seqs, default=0))):
        if copy.pair in models and all(seq in fills for seq in copy.seqs):
            models[copy.pair].take(
                copy, [fills[seq] for seq in copy.seqs], booked.get(copy.copy_id, Bought())
            )
    total = Checked()
    for model in models.values():
        total.add(model.checked)
    return total


def _is_cut_to_money(copy: Copy) -> bool:
    """Whether an entry is smaller because money lacked: before it was sent, or after the exchange said so,
    however the smaller order ended then.
    """
    was_refused = copy.attempts > 1 and "Insufficient funds" in copy.detail
    return copy.reason == "CASH_LIMITED" or "by the cash of" in copy.detail or was_refused


def _on_edge(volume: Fraction, near: Fraction = QUOTIENT) -> bool:
    part = (volume / LOT) % 1
    return bool(volume) and (part < 2 * near or part > 1 - 2 * near)


def _show(volume: Fraction) -> str:
    return f"{Decimal(volume.numerator) / Decimal(volume.denominator):.10f}".rstrip("0").rstrip(".")
