"""How a user is brought to the master's positions, coin by coin: its share of what the master holds, what of
it is to be bought, or sold. Pure.

A share is the master's volume times the ratio of the two balances, as an entry's is (domain/entry_sizing.py),
and what is bought goes through ``decide`` as an entry does: within all caps, filters and the slippage bound.
What is too small for the exchange is not carried, and what copying holds beyond its share is sold only where
the sync says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import ROUND_DOWN, Decimal
from typing import Any

from krakencopy.account_proc.contract.copy_ids import sync_id
from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, Sizing
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import Carry, MasterFill, Order, Skip, UserBalances
from krakencopy.account_proc.domain.eligibility import capital_of, notional_of
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import (
    BPS,
    NO_AMOUNT,
    NO_VOLUME,
    BaseVolume,
    Price,
    QuoteAmount,
    Ratio,
    Side,
)
from krakencopy.account_proc.domain.sent_values import WIDE
from krakencopy.account_proc.domain.sizing import decide

#: Less than this share of the target is no reason to trade: each sync would pay fees for what prices and
#: equities have moved since the one before.
NEAR = Ratio(Decimal("0.05"))
#: Decimals of a volume that is a quotient or a product of one.
_VOLUME_DECIMALS = Decimal("1e-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncItem:
    """One coin of a sync, until it is answered. Amounts are the master's, by the journal's count."""

    number: int
    #: Behind the fills up to this one, and before all later ones; ``index`` from 1 among its sync's coins.
    as_of_seq: int
    index: int
    coin: str
    #: The pair that it is bought in.
    pair: str
    #: The master's pair, where it is bought in another one for it (``map``).
    master_pair: str = ""
    volume: Decimal = Decimal(0)
    #: What the volume cost, by the asset that it was paid in.
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    #: The master's equity and the asset that it is in; nothing where it is not known.
    equity: Decimal = Decimal(0)
    equity_asset: str = ""
    #: What the master had in cash before it bought what it holds, by currency.
    cash: Mapping[str, Decimal] = field(default_factory=dict)
    source: str = ""
    not_worse: bool = False
    sells: bool = False
    #: Unix seconds.
    taken_at: float = 0.0

    @property
    def order_id(self) -> str:
        """What its plan is kept under, beside those of the master's orders."""
        return f"sync {self.number}.{self.index}"

    @property
    def copy_id(self) -> str:
        """The same after a crash, so that no order is sent twice."""
        return sync_id(self.number, self.index)

    def renamed(self, current_pair: Callable[[str], str]) -> SyncItem:
        """The same, by the names that its coins have now."""
        pair = current_pair(self.pair)
        return replace(
            self, coin=pair.partition("/")[0], pair=pair, master_pair=current_pair(self.master_pair)
        )

    def to_raw(self) -> dict[str, Any]:
        """What JSON is made of (``default=str``)."""
        return asdict(self)

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> SyncItem:
        """Of what JSON makes of ``to_raw``. Raises TypeError or ArithmeticError on anything else."""
        amounts = {key: Decimal(raw[key]) for key in ("volume", "equity")}
        parts = {
            key: {asset: Decimal(amount) for asset, amount in raw[key].items()} for key in ("costs", "cash")
        }
        return cls(**{**raw, **amounts, **parts})


def items_text(items: Iterable[SyncItem]) -> str:
    """As they are kept."""
    return json.dumps([item.to_raw() for item in items], default=str)


def items_from(text: str) -> list[SyncItem]:
    """The inverse."""
    return [SyncItem.from_raw(raw) for raw in json.loads(text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAnswer:
    """What is done about one coin: an order or a skip, or a volume to be sold."""

    words: str
    target: BaseVolume | None
    held: BaseVolume
    decision: Order | Skip | None = None
    sell: BaseVolume = NO_VOLUME
    #: What the decision was made on, in quote.
    user_equity: QuoteAmount | None = None


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Why there is no share."""

    reason: Reason
    detail: str


def answer_item(
    book: CopyBook, item: SyncItem, pair: PairRules, rules: CopyRules, holdings: UserBalances, ask: Price,
    now: float, *, refused: tuple[Reason, str] | None = None, master_ordermin: Decimal | None = None,
) -> SyncAnswer:  # fmt: skip
    """What is done about a coin now, ``ask`` being what it costs; ``refused``: why nothing is bought, if so.
    ``master_ordermin``: the least that the master can sell, where that is not its own pair's. Only where
    something is bought does the book change.
    """
    held, owed = book.held(item.coin), book.owed(item.coin)
    least = pair.ordermin if master_ordermin is None else master_ordermin
    target: BaseVolume | _Unknown = NO_VOLUME  # the master has left: what remains cannot be sold
    if item.volume and item.volume >= least:
        target = _target(book, item, pair, rules, holdings, ask)
    share = "" if isinstance(target, _Unknown) else f", so the share is {target}"
    words = (
        f"the master held {plain(item.volume)} {item.coin} with an equity of {plain(item.equity)} "
        f"{item.equity_asset} as of fill {item.as_of_seq}{share}; copying held {held}"
    )
    if isinstance(target, _Unknown):
        return _skipped(words, None, held, target.reason, f"{words}; {target.detail}")
    kept = max(held - owed, NO_VOLUME)
    if kept > target:
        return _answer_more(item, words, target, held, kept)
    carried = (book.carried_volume(name, Side.BUY) for name in book.pairs_of(item.coin, Side.BUY))
    wanted = target - kept - sum(carried, NO_VOLUME)
    if wanted <= target * NEAR:
        detail = f"{words}; that is near enough" if target else f"{words}; there is nothing to do"
        return _skipped(words, target, held, Reason.SYNC_NOT_NEEDED, detail)
    if refused is not None:
        return _skipped(words, target, held, *refused)
    if item.not_worse and (worse := _worse(item, pair, holdings, ask)):
        return _skipped(words, target, held, Reason.SYNC_WORSE, f"{words}; {worse}")
    return _buy(book, item, pair, rules, holdings, ask, now, words, target, held, wanted)


def _answer_more(
    item: SyncItem, words: str, target: BaseVolume, held: BaseVolume, kept: BaseVolume
) -> SyncAnswer:
    """The answer where copying holds more than its share."""
    if not item.sells:
        detail = f"{words}; nothing is sold by it"
        return _skipped(words, target, held, Reason.SYNC_NOT_NEEDED, detail)
    more = kept - target
    if target and more <= target * NEAR:
        return _skipped(words, target, held, Reason.SYNC_NOT_NEEDED, f"{words}; that is near enough")
    return SyncAnswer(words=words, target=target, held=held, sell=more)


def _buy(
    book: CopyBook, item: SyncItem, pair: PairRules, rules: CopyRules, holdings: UserBalances, ask: Price,
    now: float, words: str, target: BaseVolume, held: BaseVolume, wanted: BaseVolume,
) -> SyncAnswer:  # fmt: skip
    """As an entry of so much: one that is not copied, or too small, leaves nothing behind."""
    fill = MasterFill(
        seq=item.as_of_seq, order_id=item.order_id, pair=pair.name, side=Side.BUY, price=ask, volume=wanted,
        master_equity=QuoteAmount(item.equity), master_cash=NO_AMOUNT, position_before=NO_VOLUME,
        position_after=NO_VOLUME, master_position=NO_VOLUME, margin=False, executed_at=now,
    )  # fmt: skip
    rules = replace(
        rules, sizing=Sizing.FIXED_RATIO, ratio=Decimal(1), multiplier=Decimal(1),
        max_slippage_bps=_slippage(item, rules, holdings, ask),
    )  # fmt: skip
    verdict = decide(book, [fill], pair, rules, holdings, now)
    (decision,) = verdict.decisions
    rest = (
        decision.detail.partition("; ")[2] if decision.detail.startswith("master bought") else decision.detail
    )
    detail = f"{words}; {rest}"
    answer = SyncAnswer(words=words, target=target, held=held, user_equity=verdict.user_equity)
    if isinstance(decision, Carry):
        for piece in decision.slices:
            book.recount(piece.order_id, -piece.cost)
        skip = Skip(
            fills=decision.fills, reason=decision.reason, cap=decision.cap,
            detail=f"{detail}; less than the exchange takes, and a sync carries nothing",
        )  # fmt: skip
        return replace(answer, decision=skip)
    return replace(answer, decision=replace(decision, detail=detail))


def _skipped(
    words: str, target: BaseVolume | None, held: BaseVolume, reason: Reason, detail: str
) -> SyncAnswer:
    return SyncAnswer(
        words=words, target=target, held=held, decision=Skip(fills=(), reason=reason, detail=detail)
    )


def _target(
    book: CopyBook, item: SyncItem, pair: PairRules, rules: CopyRules, holdings: UserBalances, ask: Price
) -> BaseVolume | _Unknown:
    """The user's share of what the master holds."""
    if rules.sizing is Sizing.FIXED_NOTIONAL:
        held = book.held(item.coin)
        if held >= BaseVolume(pair.ordermin):
            return held  # an amount for each order of the master says nothing of how large a position is
        notional = notional_of(rules, holdings)
        if notional is None:
            return _Unknown(Reason.NO_MARK, f"what the notional is in {pair.quote} is not known")
        return _rounded((notional * Ratio(rules.multiplier)) / ask)
    ratio = _ratio(book, item, pair, rules, holdings)
    if isinstance(ratio, _Unknown):
        return ratio
    return _rounded(BaseVolume(item.volume) * Ratio(ratio.amount * rules.multiplier))


def _ratio(
    book: CopyBook, item: SyncItem, pair: PairRules, rules: CopyRules, holdings: UserBalances
) -> Ratio | _Unknown:
    if rules.sizing is Sizing.FIXED_RATIO:
        return Ratio(rules.ratio or Decimal(0))
    if holdings.equity is None or holdings.equity.amount <= 0:
        return _Unknown(Reason.NO_EQUITY, "what the account is worth is not known, or nothing")
    if rules.balance is BalanceBasis.CASH:
        # Of both what was there before the copied coins were bought.
        paid = sum((held.costs.get(pair.quote, Decimal(0)) for _, held in book.coins), Decimal(0))
        theirs = _master_cash(item, pair, holdings)
        if isinstance(theirs, _Unknown):
            return theirs
        return (holdings.cash + QuoteAmount(paid)) / QuoteAmount(theirs)
    rate = holdings.rate(item.equity_asset) if item.equity_asset else None
    if item.equity <= 0 or rate is None:
        return _Unknown(Reason.MASTER_EQUITY_UNKNOWN, "the master's equity is not known in its quote")
    capital = capital_of(rules, holdings)
    if capital is None:
        return _Unknown(Reason.NO_MARK, f"what is allocated is not known in {pair.quote}")
    return capital / QuoteAmount(item.equity * rate)


def _master_cash(item: SyncItem, pair: PairRules, holdings: UserBalances) -> Decimal | _Unknown:
    """What the master had of the currency that it buys the coin with, in the pair's quote."""
    quote = item.master_pair.partition("/")[2] or pair.quote
    theirs, rate = item.cash.get(quote, Decimal(0)), Decimal(1)
    if theirs <= 0:
        return _Unknown(Reason.MASTER_EQUITY_UNKNOWN, f"the master has no {quote} to scale by")
    if quote != pair.quote:
        known = holdings.rate(quote)
        if known is None:
            return _Unknown(Reason.NO_MARK, f"what a {quote} is worth in {pair.quote} is not known")
        rate = known
    return theirs * rate


def _average(item: SyncItem, holdings: UserBalances) -> Decimal | None:
    """What the master has paid for one, in quote; None where that is not known."""
    paid = Decimal(0)
    for asset, cost in item.costs.items():
        rate = holdings.rate(asset)
        if rate is None:
            return None
        paid += cost * rate
    return paid / item.volume if paid > 0 else None


def _worse(item: SyncItem, pair: PairRules, holdings: UserBalances, ask: Price) -> str:
    """Why it would be worse than what the master has; empty where it is not."""
    average = _average(item, holdings)
    if average is None:
        return "what the master has paid for it is not known, so that nobody knows whether it would be worse"
    if ask.amount > average:
        return f"it costs {ask} {pair.quote}, above the {plain(round(average, 8))} that the master has paid"
    return ""


def _slippage(item: SyncItem, rules: CopyRules, holdings: UserBalances, ask: Price) -> int:
    """How far the price may go, in basis points: where it must not be worse, no farther than what the master
    has paid.
    """
    average = _average(item, holdings) if item.not_worse else None
    if average is None:
        return rules.max_slippage_bps
    room = ((average / ask.amount - 1) * BPS).to_integral_value(ROUND_DOWN)
    return min(rules.max_slippage_bps, max(int(room), 0))


def _rounded(volume: BaseVolume) -> BaseVolume:
    return BaseVolume(volume.amount.quantize(_VOLUME_DECIMALS, ROUND_DOWN, context=WIDE))
