"""How much a user sells when the master sells. Pure.

The fraction of the copied coins that the master sold of its own, both as contract/copied_coins.py counts
them; never capped, never more than copying bought of that coin, in whatever pair. An exit shrinks carried
entries by the same fraction, because the master has left that much of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.domain.copy_book import CopyBook, total_volume
from krakencopy.account_proc.domain.copy_plan import (
    Carry,
    MasterFill,
    Order,
    OrderPlan,
    Skip,
    Slice,
    UserBalances,
    Verdict,
)
from krakencopy.account_proc.domain.eligibility import below_minimum, is_full_exit
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import (
    NO_AMOUNT,
    NO_VOLUME,
    BaseVolume,
    Price,
    Ratio,
    Side,
)
from krakencopy.account_proc.domain.sizing_text import exit_detail

ONE = Ratio(Decimal(1))


def size_exit(
    book: CopyBook, fills: Sequence[MasterFill], pair: PairRules, holdings: UserBalances, verdict: Verdict
) -> None:
    """Answers fills of one pair that the master sold in, in order: adds to the verdict."""
    position = book.held(pair.base)
    fresh: list[Slice] = []
    full = False
    exited: list[str] = []
    for fill in fills:
        piece, keep, full = _exit_slice(book, fill, pair, total_volume(fresh))
        exited += _shrink_carried_entries(book, pair.base, keep, pair.lot_decimals)
        if piece.volume:
            fresh.append(piece)
    # What came in for it is the master's again, until it leaves that, too.
    book.left.pop(pair.quote, None)
    if full:
        book.left[pair.base] = pair.name
    verdict.exited_copies = tuple(dict.fromkeys(exited))
    last = fills[-1]
    # A full exit sells what earlier ones owe in other pairs of the coin as well.
    joined = book.pairs_of(pair.base, Side.SELL) if full else [pair.name]
    carried = [piece for name in joined for piece in book.carried.get((name, Side.SELL), ())]
    owed = position if full else min(total_volume(carried) + total_volume(fresh), position)
    volume = owed.to_lot(pair.lot_decimals)
    detail = exit_detail(fills, volume, position, full=full)
    answer = _small_exit(book, fills, pair, owed, fresh, detail, full=full)
    if answer is not None:
        verdict.decisions.append(answer)
        return
    reason = Reason.EXIT_FULL if full else Reason.EXIT_FRACTION
    there = holdings.base.to_lot(pair.lot_decimals)
    ordered = min(volume, there)
    if ordered < volume and below_minimum(ordered, last.price, pair) is None:
        reason = Reason.HOLDINGS_LIMITED
        detail += f"; only {there} {pair.base} is there"
    else:
        # Too little there to be sold, or the balance is older than the position: the exchange has the
        # last word.
        ordered = volume
    for name in joined:
        book.put_carried(name, Side.SELL, ())
    verdict.decisions.append(
        Order(
            fills=tuple(fills), reason=reason, detail=detail, planned=owed, volume=ordered,
            slices=(*carried, *fresh), limit_price=None, sweep=full,
        )
    )  # fmt: skip


def _small_exit(
    book: CopyBook,
    fills: Sequence[MasterFill],
    pair: PairRules,
    owed: BaseVolume,
    fresh: Sequence[Slice],
    detail: str,
    *,
    full: bool,
) -> Skip | Carry | None:
    """The answer to an exit that is too small to be ordered; None when it is large enough."""
    if not book.held(pair.base):
        words = f"nothing of {pair.base} was bought by copying"
        return Skip(fills=tuple(fills), reason=Reason.NO_COPIED_POSITION, detail=words)
    volume = owed.to_lot(pair.lot_decimals)
    short = below_minimum(volume, fills[-1].price, pair)
    if short is None:
        return None
    if full:
        detail += f"; {volume} is below the exchange's minimum and stays, the next full exit takes it along"
        return Skip(fills=tuple(fills), reason=Reason.POSITION_BELOW_MINIMUM, detail=detail)
    if not fresh:
        return Skip(fills=tuple(fills), reason=Reason.NOTHING_LEFT_OF_ORDER, detail=detail)
    return Carry(fills=tuple(fills), reason=short, detail=detail, planned=owed, slices=tuple(fresh))


def _exit_slice(
    book: CopyBook, fill: MasterFill, pair: PairRules, asked: BaseVolume
) -> tuple[Slice, Ratio, bool]:
    """The fill's part of the exit, the share that it leaves, and whether it is a full exit.

    The fraction is of what both held right before this fill: what either bought since the order began
    counts as well. ``asked`` is what earlier fills of the same run take already.
    """
    plan = book.plans.get_plan(fill.order_id) or OrderPlan(
        order_id=fill.order_id, ratio=Ratio(Decimal(0)), cap=NO_AMOUNT, user_equity=NO_AMOUNT
    )
    full = is_full_exit(fill, pair)
    share = ONE if full else _clamped(fill.position_before - fill.position_after, fill.position_before)
    spoken_for = book.owed(pair.base) + asked + (plan.target - plan.allotted)
    held = max(book.held(pair.base) - spoken_for, NO_VOLUME)
    book.owe_by_exit(pair.base, share)
    plan.master_volume += fill.volume
    plan.target += held * share
    volume = plan.target.whole_lots(pair.lot_decimals) - plan.allotted
    plan.allotted += volume
    book.plans.put_plan(plan)
    return Slice(order_id=fill.order_id, volume=volume, cost=NO_AMOUNT), ONE - share, full


def _shrink_carried_entries(book: CopyBook, coin: str, keep: Ratio, lot_decimals: int) -> list[str]:
    """Carried entries are part of what the master has just (partly) left. Returns the copies that are
    given up whole.
    """
    exited: list[str] = []
    for pair in book.pairs_of(coin, Side.BUY):
        kept: list[Slice] = []
        gone: list[str] = []
        for piece in book.carried[pair, Side.BUY]:
            volume = (piece.volume * keep).to_lot(lot_decimals)
            cost = piece.cost * keep if volume else NO_AMOUNT
            book.recount(piece.order_id, cost - piece.cost)
            if volume:
                kept.append(replace(piece, volume=volume, cost=cost))
            else:
                gone.append(piece.copy_id)
        book.put_carried(pair, Side.BUY, kept)
        still = {piece.copy_id for piece in kept}
        exited += [copy_id for copy_id in gone if copy_id not in still]
    return exited


def owed_exit(book: CopyBook, pair: PairRules, price: Price) -> Order | None:
    """What earlier exits could not sell, as an order of its own, once it is large enough; None otherwise.

    Exits always converge: an order that was refused or ended early does not leave the user in a trade
    that the master has left. Entries are never chased.
    """
    carried = book.carried.get((pair.name, Side.SELL), [])
    position = book.held(pair.base)
    owed = min(total_volume(carried), position)
    volume = owed.to_lot(pair.lot_decimals)
    if below_minimum(volume, price, pair) is not None:
        return None
    book.put_carried(pair.name, Side.SELL, ())
    return Order(
        fills=(),
        reason=Reason.EXIT_OWED,
        detail=f"earlier exits owe {volume} of the {position} that copying holds",
        planned=owed,
        volume=volume,
        slices=tuple(carried),
        limit_price=None,
        sweep=volume == position.to_lot(pair.lot_decimals),
    )


def _clamped(part: BaseVolume, whole: BaseVolume) -> Ratio:
    """part / whole within 0..1. Selling from nothing known counts as leaving: an exit is never blocked."""
    if whole.amount <= 0:
        return ONE
    return min(part / whole, ONE)
