"""Whether a fill is copied at all, whether a volume can be ordered, and whether the master has left. Pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.amounts import needs_currency
from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, Sizing
from krakencopy.account_proc.domain.copy_plan import (
    MasterFill,
    Skip,
    UserBalances,
)
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import (
    BaseVolume,
    Price,
    QuoteAmount,
    Ratio,
    Side,
)

#: Where the master's wallet is empty, what remains of a position below this share of it has left as fees that
#: nothing says in which coin they were taken (the trade history does not; Kraken's highest spot fee is
#: 0.80 %, once in and once out).
FEE_RESIDUE = Ratio(Decimal("0.02"))


def notional_of(rules: CopyRules, holdings: UserBalances) -> QuoteAmount | None:
    """A fixed notional in the pair's quote; None where its price is not known."""
    return holdings.notional if rules.notional_asset else QuoteAmount(rules.notional or Decimal(0))


def capital_of(rules: CopyRules, holdings: UserBalances) -> QuoteAmount | None:
    """What is sized on, in the pair's quote: the equity, or as much of it as is allocated. None where that is
    not known.
    """
    equity, allocated = holdings.equity, rules.allocated_capital
    if rules.balance is not BalanceBasis.ALLOCATED or equity is None or allocated is None:
        return equity
    if isinstance(allocated, Decimal):
        return equity * Ratio(allocated)
    worth = holdings.worth(allocated)
    return None if worth is None else min(worth, equity)


def why_refused(
    fill: MasterFill, rules: CopyRules, holdings: UserBalances, now: float, excluded: str = ""
) -> Skip | None:
    """Why this fill is not copied at all, if it is not. ``excluded``: why no entry in its pair is."""
    if fill.margin:
        return Skip(
            fills=(fill,), reason=Reason.MARGIN_TRADE, detail="margin trades are not copied (spot only)"
        )
    if fill.side is Side.SELL:
        return None
    if excluded:
        return Skip(fills=(fill,), reason=Reason.PAIR_EXCLUDED, detail=excluded)
    if fill.rate_unknown:
        masters, mine = (pair.partition("/")[2] for pair in (fill.master_pair, fill.pair))
        words = f"what a {masters} is worth in {mine} is not known"
        return Skip(fills=(fill,), reason=Reason.NO_MARK, detail=words)
    age = now - fill.executed_at
    if age > rules.max_entry_age_s:
        detail = f"the entry is {age:.1f} s old, more than max_entry_age_s = {rules.max_entry_age_s:g}"
        return Skip(fills=(fill,), reason=Reason.STALE_ENTRY, detail=detail)
    if holdings.equity is None or holdings.equity.amount <= 0:
        detail = (
            "the account holds nothing of value"
            if holdings.equity
            else "the account's balances are not known"
        )
        return Skip(fills=(fill,), reason=Reason.NO_EQUITY, detail=detail)
    basis = fill.master_cash if rules.balance is BalanceBasis.CASH else fill.master_equity
    if rules.sizing is Sizing.BALANCE_RATIO and basis.amount <= 0:
        detail = "the master's balance before its order is not known, so there is nothing to scale by"
        return Skip(fills=(fill,), reason=Reason.MASTER_EQUITY_UNKNOWN, detail=detail)
    if rules.sizing is Sizing.FIXED_NOTIONAL and (refusal := _notional_refusal(fill, rules, holdings)):
        return refusal
    if rules.balance is BalanceBasis.ALLOCATED and capital_of(rules, holdings) is None:
        return _not_known(fill, "allocated_capital", rules.allocated_capital)
    if rules.max_order_notional is not None or rules.min_copy_notional is not None:
        return _cap_refusal(fill, rules, holdings)
    return None


def _cap_refusal(fill: MasterFill, rules: CopyRules, holdings: UserBalances) -> Skip | None:
    """A limit of each order of the master that is not known in the quote now."""
    for key, limit in (
        ("max_order_notional", rules.max_order_notional), ("min_copy_notional", rules.min_copy_notional),
    ):  # fmt: skip
        if limit is not None and holdings.worth(limit) is None:
            return replace(_not_known(fill, key, limit), cap=key)
    return None


def _not_known(fill: MasterFill, key: str, amount: object) -> Skip:
    """An amount whose price is not known buys nothing."""
    detail = f"what {key} = {amount} is in {fill.pair.partition('/')[2]} is not known"
    return Skip(fills=(fill,), reason=Reason.NO_MARK, detail=detail)


def _notional_refusal(fill: MasterFill, rules: CopyRules, holdings: UserBalances) -> Skip | None:
    """An amount that may mean something else than was meant buys nothing. It is not carried: a later fill
    would buy it late.
    """
    quote = fill.pair.partition("/")[2]
    if not rules.notional_asset and needs_currency(fill.pair):
        detail = (
            f'notional = "{rules.notional}" names no currency, and {quote} is no money; write '
            'notional = "50 USD"'
        )
        return Skip(fills=(fill,), reason=Reason.NOTIONAL_NEEDS_CURRENCY, detail=detail)
    if rules.notional_asset and holdings.notional is None:
        detail = f"what {rules.notional} {rules.notional_asset} are in {quote} is not known"
        return Skip(fills=(fill,), reason=Reason.NO_MARK, detail=detail)
    return None


def below_minimum(volume: BaseVolume, price: Price, pair: PairRules) -> Reason | None:
    """Which of the exchange's two minima the volume misses (Kraken: ordermin in base, costmin in quote),
    if any.
    """
    if volume < BaseVolume(pair.ordermin) or not volume:
        return Reason.BELOW_ORDERMIN
    if volume * price < QuoteAmount(pair.costmin):
        return Reason.BELOW_COSTMIN
    return None


def is_full_exit(fill: MasterFill, pair: PairRules) -> bool:
    """Whether the master has left the coin: what remains of what it bought cannot be sold, or is no more than
    unseen fees.

    Selling from nothing counted counts as leaving, too: an exit is never blocked.
    """
    left, least = fill.position_after, fill.master_ordermin or BaseVolume(pair.ordermin)
    has_sold_all = fill.master_position - fill.volume < least
    return left < least or not left or (has_sold_all and left < fill.position_before * FEE_RESIDUE)
